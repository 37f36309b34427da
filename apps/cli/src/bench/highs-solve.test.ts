import { beforeAll, describe, expect, it } from "vitest";
import { highsBackend, type LpBackend } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";
import { highsMethods } from "./bench-message.js";
import { solveByHighs } from "./highs-solve.js";
import { judge } from "./judge.js";
import { warmUpProblem } from "./warm-up.js";

let lp: LpBackend;
beforeAll(async () => {
  lp = await highsBackend();
});

const problem = warmUpProblem(4);

async function throughput(of: Problem, method: (typeof highsMethods)[number], accuracy: number) {
  const answer = await solveByHighs({ problem: of, limit: "capacity" }, { lp, method, accuracy, timeLimitSeconds: 20 });
  if (!("flowBps" in answer)) throw new Error(answer.message);
  return judge(of, "max-throughput", answer);
}

describe("HiGHS on a flow program", () => {
  it("gives the same optimum by every method", async () => {
    const judged = await Promise.all(highsMethods.map((method) => throughput(problem, method, 1e-7)));
    for (const each of judged) {
      expect(each.violations).toEqual([]);
      expect(each.gap).toBeLessThan(1e-5);
      expect(each.value / (judged[2]?.value ?? Number.NaN)).toBeCloseTo(1, 5);
    }
  });

  it.each(highsMethods)("%s: what is right to a tolerance only is repaired until it fits", async (method) => {
    for (const accuracy of [1e-1, 1e-2, 1e-3]) {
      const { violations, value, bound } = await throughput(problem, method, accuracy);
      expect(violations).toEqual([]);
      expect(value).toBeGreaterThan(0.8 * bound);
    }
  });

  it("leaves links without capacity, and demands that cannot be carried, alone", async () => {
    const cut = { ...problem, capacityBps: problem.capacityBps.map((capacity, e) => (e % 5 === 0 ? 0 : capacity)) };
    const { violations, gap } = await throughput(cut, "simplex", 1e-7);
    expect(violations).toEqual([]);
    expect(gap).toBeLessThan(1e-6);
  });

  it("carries all that can be carried at the least utilization, over links with capacity", async () => {
    const cut = { ...problem, capacityBps: problem.capacityBps.map((capacity, e) => (e % 5 === 0 ? 0 : capacity)) };
    for (const method of highsMethods) {
      const answer = await solveByHighs({ problem: cut, limit: "utilization" }, { lp, method, accuracy: 1e-4, timeLimitSeconds: 20 });
      if (!("flowBps" in answer)) throw new Error(answer.message);
      const load = new Float64Array(cut.linkCount);
      answer.flowBps.forEach((bps, p) => {
        for (const e of cut.pathLinks.subarray(cut.linkStart[p], cut.linkStart[p + 1])) load[e] = (load[e] ?? 0) + bps;
      });
      const utilization = Math.max(...load.map((bps, e) => (bps > 0 ? bps / (cut.capacityBps[e] ?? 0) : 0)));
      const { violations, gap } = judge(cut, "max-concurrent", {
        ...answer,
        flowBps: answer.flowBps.map((bps) => bps / Math.max(1, utilization)),
      });
      expect(violations).toEqual([]);
      expect(gap).toBeLessThan(1e-2);
    }
  });

  it("says why there is no answer", async () => {
    const answer = await solveByHighs({ problem, limit: "capacity" }, { lp, method: "simplex", accuracy: 1e-7, timeLimitSeconds: 0 });
    expect("flowBps" in answer || answer.status).toBe("time-limit");
  });
});
