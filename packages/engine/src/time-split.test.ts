import { describe, expect, it } from "vitest";
import { javascriptLpSolverBackend } from "@sluice/lp";
import { splitTime } from "./time-split.js";

const lp = javascriptLpSolverBackend();

describe("splitTime", () => {
  it("gives the second program what the first left on the clock, never less than nothing", () => {
    let now = 1000;
    const time = splitTime({ lp, timeLimitSeconds: 10, nowMs: () => now });
    expect(time.firstSeconds).toBeCloseTo(7, 12);
    now += 2500;
    expect(time.secondSeconds()).toBeCloseTo(7.5, 12);
    now += 10_000;
    expect(time.secondSeconds()).toBe(0);
  });

  it("without a clock gives the second program what the first may not take", () => {
    expect(splitTime({ lp, timeLimitSeconds: 10 }).secondSeconds()).toBeCloseTo(3, 12);
  });
});
