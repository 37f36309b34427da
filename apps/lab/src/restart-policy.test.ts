import { expect, test } from "vitest";
import { restartsMax, restartWaitMs, restartWindowMs } from "./restart-policy.js";

test("waits double, then there are too many; old restarts are forgotten", () => {
  const restarts: number[] = [];
  const waits: number[] = [];
  for (let wait = restartWaitMs(restarts, 0); wait !== undefined; wait = restartWaitMs(restarts, restarts.length)) {
    waits.push(wait);
    restarts.push(restarts.length);
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000]);
  expect(waits).toHaveLength(restartsMax);
  expect(restartWaitMs(restarts, restartWindowMs + restartsMax)).toBe(500);
});
