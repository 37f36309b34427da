import { describe, expect, it } from "vitest";
import { describeEngine } from "../contract.js";
import type { FlowProgram, SolveLimits } from "../flow-program.js";
import { judgeSolution } from "../judge-solution.js";
import { hasPeerBench, peerInstances, readPeerProblem, type PeerInstance } from "../peer-bench/peer-bench.js";
import { ringProgram } from "../testing/ring-program.js";
import { tickingClock } from "../testing/ticking-clock.js";
import { interiorPoint, solveByInteriorPoint } from "./interior-point.js";

const exactGap = 1e-7;
const limits = (): SolveLimits => ({ gap: exactGap, timeLimitSeconds: 1000, nowMs: tickingClock() });

describeEngine("interior-point", interiorPoint, { gap: exactGap, hostile: "sound" });

describeEngine(
  "interior-point, in plain TypeScript",
  (program, given, start) => solveByInteriorPoint(program, given, start, { kernel: "reference" }),
  {
    gap: exactGap,
    numRuns: 20,
    hostile: "sound",
  },
);

describe("interior-point while it sets up", () => {
  const program = ringProgram(24, "capacity");

  it("stops at the next look when it is told to, with a flow that fits and a bound that holds", () => {
    for (let looks = 1; looks <= 30; looks++) {
      let asked = 0;
      const solution = interiorPoint(program, { ...limits(), cancelled: () => ++asked > looks });
      expect({ looks, status: solution.status, more: asked - looks <= 2 }).toEqual({ looks, status: "cancelled", more: true });
      expect(judgeSolution(program, solution, 1).defects).toEqual([]);
    }
  });

  it("looks at its clock once a group of the tries at least before the first iteration ends", () => {
    let asked = 0;
    const { iterations } = interiorPoint(program, { ...limits(), cancelled: () => ++asked > 24 });
    expect(iterations).toBe(0);
  });
});

const absent = "(skipped: set SLUICE_DATA to the folder of shared data)";

describe.skipIf(!hasPeerBench)(`interior-point against published optima ${hasPeerBench ? "" : absent}`, () => {
  const instances = hasPeerBench ? peerInstances().filter(({ topology }) => topology === "Uninett2010" || topology === "Deltacom") : [];
  const cases = instances.flatMap((instance): readonly PublishedOptimum[] => {
    const concurrent = instance.maxConcurrent?.gurobi_lp?.obj;
    const throughput = { instance, limit: "capacity", published: instance.maxFlow.gurobi_lp?.obj ?? Number.NaN } as const;
    return concurrent === undefined ? [throughput] : [throughput, { instance, limit: "utilization", published: 1 / concurrent }];
  });

  it.each(cases)("$instance.id with limit $limit", ({ instance, limit, published }) => {
    const program: FlowProgram = { problem: readPeerProblem(instance), limit };
    const solution = interiorPoint(program, limits());
    expect(judgeSolution(program, solution, exactGap).defects).toEqual([]);
    expect(Math.abs(solution.value / published - 1)).toBeLessThan(1e-6);
    // Few, whatever the size: this guards the starting point and the correctors.
    expect(solution.iterations).toBeLessThan(25);
  });

  it.each(instances.filter(({ id }) => id.startsWith("Deltacom_gravity")))(
    "from an answer to fewer demands takes fewer iterations: $id",
    (instance) => {
      const problem = readPeerProblem(instance);
      const fewer = { ...problem, demandBps: problem.demandBps.map((rate, d) => rate * (d % 2 === 0 ? 0.95 : 1)) };
      const program: FlowProgram = { problem, limit: "capacity" };
      const cold = interiorPoint(program, limits());
      const warm = interiorPoint(program, limits(), interiorPoint({ ...program, problem: fewer }, limits()));
      expect(judgeSolution(program, warm, exactGap).defects).toEqual([]);
      expect(warm.iterations).toBeLessThan(cold.iterations);
    },
  );
});

interface PublishedOptimum {
  readonly instance: PeerInstance;
  readonly limit: FlowProgram["limit"];
  readonly published: number;
}
