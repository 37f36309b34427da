import { describe, expect, it } from "vitest";
import { fault, ok, refuse } from "@sluice/model";
import { repeatedRuns } from "./repeated-runs.js";

/** Runs that take as long as said, one after the other, and then as long as the last; their value is their number, from 1. */
function timed(seconds: readonly number[]) {
  let ms = 0;
  let count = 0;
  return {
    nowMs: () => ms,
    run: () => {
      ms += 1000 * (seconds[count] ?? seconds.at(-1) ?? 0);
      count += 1;
      return Promise.resolve(ok(count));
    },
  };
}

const numbersOf = async (seconds: readonly number[], settleSeconds: number, repeat: number): Promise<readonly number[] | undefined> => {
  const { run, nowMs } = timed(seconds);
  const runs = await repeatedRuns(run, { nowMs, settleSeconds, repeat });
  return runs.ok ? runs.value : undefined;
};

describe("repeated runs", () => {
  it("do not count while the process settles", async () => {
    expect(await numbersOf([0.3], 1, 3)).toEqual([5, 6, 7]);
  });

  it("count from the first where it takes longer than settling", async () => {
    expect(await numbersOf([2], 1, 3)).toEqual([1, 2, 3]);
    expect(await numbersOf([0.3, 2], 1, 1)).toEqual([2]);
  });

  it("count at once where nothing is to settle", async () => {
    expect(await numbersOf([0.3], 0, 2)).toEqual([1, 2]);
  });

  it("end after a minute, with one at least", async () => {
    expect(await numbersOf([25], 0, 9)).toEqual([1, 2, 3]);
    expect(await numbersOf([100], 1, 9)).toEqual([1]);
    expect(await numbersOf([100], 0, 9)).toEqual([1]);
  });

  it("end with a run's fault, settling or not", async () => {
    for (const settleSeconds of [0, 1]) {
      const runs = await repeatedRuns(() => Promise.resolve(refuse(fault("solver-failed", "It failed."))), {
        nowMs: () => 0,
        settleSeconds,
        repeat: 1,
      });
      expect(runs.ok).toBe(false);
    }
  });
});
