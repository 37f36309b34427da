import { describe, expect, it } from "vitest";
import type { FlowProgram, SolveLimits } from "../flow-program.js";
import { judgeSolution } from "../judge-solution.js";
import { ringProgram } from "../testing/ring-program.js";
import { tickingClock } from "../testing/ticking-clock.js";
import { firstOrder } from "./first-order.js";
import { sweepFailures } from "./sweep-failures.js";

const gap = 1e-3;
const limits: SolveLimits = { gap, timeLimitSeconds: 1000, nowMs: tickingClock() };
const nodes = 24;

function withoutLinks(program: FlowProgram, failed: readonly number[]): FlowProgram {
  const capacityBps = program.problem.capacityBps.map((capacity, e) => (failed.includes(e) ? 0 : capacity));
  return { ...program, problem: { ...program.problem, capacityBps } };
}

describe("sweepFailures", () => {
  it.each(["capacity", "utilization"] as const)("answers every failure of a cable as a solve from nothing does, limit %s", (limit) => {
    const program = ringProgram(nodes, limit);
    const failures = Array.from({ length: nodes }, (_, v) => [v, nodes + v]);
    const answers = [...sweepFailures(program, failures, limits)];
    expect(answers.map(({ failed }) => failed)).toEqual([[], ...failures]);
    for (const { failed, solution } of answers) {
      const cut = withoutLinks(program, failed);
      expect(judgeSolution(cut, solution, gap).defects).toEqual([]);
      const cold = firstOrder(cut, limits);
      expect(Math.abs(solution.value / cold.value - 1)).toBeLessThan(2 * gap);
    }
  });

  it("leaves demands out that a failure cuts off, and has them again at the next", () => {
    const program = ringProgram(6, "utilization");
    const isolated = [0, 5, 6, 11];
    const [whole, cut, again] = [...sweepFailures(program, [isolated, []], limits)];
    expect(judgeSolution(withoutLinks(program, isolated), cut?.solution ?? never(), gap).defects).toEqual([]);
    expect(judgeSolution(program, again?.solution ?? never(), gap).defects).toEqual([]);
    expect(again?.solution.value).toBeCloseTo(whole?.solution.value ?? 0, 2);
  });
});

function never(): never {
  throw new Error("the sweep gave too few answers");
}
