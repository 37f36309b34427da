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

const problem = warmUpProblem(5);

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

  it("says why there is no answer", async () => {
    const answer = await solveByHighs({ problem, limit: "capacity" }, { lp, method: "simplex", accuracy: 1e-7, timeLimitSeconds: 0 });
    expect("flowBps" in answer || answer.status).toBe("time-limit");
  });
});
