import { fault, ok, refuse, type Result } from "@sluice/model";
import { describe, expect, it } from "vitest";
import type { BenchAnswer, BenchTask, HighsMethod } from "./bench-message.js";
import { raceHighs } from "./highs-race.js";
import { tinyInstance } from "../testing/tiny-bench.js";

const task: BenchTask = {
  folder: "",
  instance: { ...tinyInstance, dtype: "f32" },
  objective: "max-throughput",
  tunnels: "given",
  solver: { kind: "engine", engine: "auto" },
  gap: 1e-2,
  timeLimitSeconds: 1,
  repeat: 1,
  warmUpSeconds: 0,
};

/** By method and tolerance: seconds and value of an optimum of 100, or a fault. */
type Script = Readonly<Partial<Record<HighsMethod, (accuracy: number, limit: number) => Result<BenchAnswer>>>>;

const answer = (total: number, value: number, more: Partial<BenchAnswer> = {}): Result<BenchAnswer> =>
  ok({
    size: { nodes: 4, links: 4, demands: 2, paths: 3, unroutable: 0 },
    solver: "",
    status: "optimal",
    iterations: 0,
    value,
    bound: Infinity,
    gap: 1,
    verdict: "pass",
    violations: [],
    seconds: { read: 0, tunnels: 0, solve: total, check: 0, total },
    totalSeconds: [total],
    cpuSeconds: total,
    memoryBytes: 0,
    ...more,
  });
const failed = refuse(fault("solver-failed", "no"));

async function race(script: Script) {
  const limits: number[] = [];
  const result = await raceHighs(task, {
    timeLimitSeconds: 60,
    bound: 100,
    run: async ({ solver, timeLimitSeconds }) => {
      if (solver.kind !== "highs") throw new Error("not HiGHS");
      limits.push(timeLimitSeconds);
      return (script[solver.method] ?? (() => failed))(solver.accuracy, timeLimitSeconds);
    },
  });
  if (!result.ok) return { result, limits };
  return { result, limits, race: result.value };
}

describe("the race of HiGHS's methods", () => {
  it("is won by the fastest that comes within the gap; each later one has no more time than that took", async () => {
    const { race: won, limits } = await race({
      "first-order": () => answer(5, 99.5),
      "interior-point": () => answer(3, 99.1),
      simplex: (_, limit) => refuse(fault("deadline-exceeded", `more than ${limit}`)),
    });
    expect(won?.fastest).toMatchObject({ method: "interior-point", totalSeconds: 3 });
    expect(limits).toEqual([60, 5, 3]);
    expect(won?.attempts.map(({ outcome }) => outcome)).toEqual(["reached", "reached", "out of time"]);
    expect(won?.atLeastSeconds).toBeNull();
  });

  it("tightens the tolerance where the gap is missed, and counts only the run that comes within it", async () => {
    const { race: won } = await race({ "first-order": (accuracy) => answer(accuracy > 5e-3 ? 1 : 2, accuracy > 5e-3 ? 98 : 99.9) });
    expect(won?.attempts.slice(0, 2)).toMatchObject([
      { outcome: "missed", accuracy: 1e-2, distance: expect.closeTo(0.02, 9) },
      { outcome: "reached", accuracy: expect.closeTo(3e-3, 12) },
    ]);
    expect(won?.fastest).toMatchObject({ method: "first-order", totalSeconds: 2 });
  });

  it("gives a method up that misses the gap at the tightest tolerance", async () => {
    const { race: won } = await race({ simplex: () => answer(1, 90) });
    expect(won?.attempts.filter(({ method }) => method === "simplex")).toHaveLength(4);
    expect(won).toMatchObject({ fastest: null, atLeastSeconds: null });
  });

  it("does not count an answer that does not fit", async () => {
    const { race: won } = await race({ simplex: () => answer(1, 100, { verdict: "fail", violations: ["Link 0 is over."] }) });
    expect(won?.fastest).toBeNull();
    expect(won?.attempts.at(-1)).toMatchObject({ outcome: "failed", message: "Link 0 is over." });
  });

  it("says what it takes at least where all ran out of time", async () => {
    const { race: won } = await race({
      "first-order": () => refuse(fault("deadline-exceeded", "late")),
      "interior-point": () => answer(61, 20, { status: "time-limit" }),
    });
    expect(won).toMatchObject({ fastest: null, atLeastSeconds: 60 });
  });

  it("ends when it is cancelled", async () => {
    const { result, limits } = await race({ "first-order": () => refuse(fault("cancelled", "stop")) });
    expect(result).toMatchObject({ ok: false, faults: [{ code: "cancelled" }] });
    expect(limits).toHaveLength(1);
  });
});
