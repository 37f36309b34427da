/** Agreement with figures that others published or that were computed exactly elsewhere, on the shared data. */
import { beforeAll, describe, expect, it } from "vitest";
import { highsBackend, javascriptLpSolverBackend, type LpBackend } from "@sluice/lp";
import { certify, edgeCertify } from "./certificate.js";
import { edgeBased } from "./edge-lp.js";
import type { Problem } from "@sluice/mcf";
import { maxConcurrent } from "./schemes/max-concurrent.js";
import { maxThroughput } from "./schemes/max-throughput.js";
import { abileneProblem, geantProblem, hasMeasuredWeeks } from "./testing/measured-weeks.js";
import { hasPeerBench, peerInstances, readPeerProblem, type PeerInstance } from "@sluice/mcf/peer-bench";

const absent = "(skipped: set SLUICE_DATA to the folder of shared data)";
const timeLimitSeconds = 120;

let highs: LpBackend;
beforeAll(async () => {
  highs = await highsBackend();
});

function instancesOf(...topologies: readonly string[]): readonly PeerInstance[] {
  return hasPeerBench ? peerInstances().filter(({ topology }) => topologies.includes(topology)) : [];
}

describe.skipIf(!hasPeerBench)(`published optima of the maximum throughput on given paths ${hasPeerBench ? "" : absent}`, () => {
  it("has the seven instances", () => {
    expect(instancesOf("Uninett2010", "Deltacom", "UsCarrier")).toHaveLength(7);
  });

  it.each(instancesOf("Uninett2010", "Deltacom", "UsCarrier"))("$id", { timeout: 120_000 }, async (instance) => {
    const problem = readPeerProblem(instance);
    const outcome = await maxThroughput.solve(problem, { lp: highs, timeLimitSeconds });
    expect(outcome).toMatchObject({ status: "optimal" });
    const published = instance.maxFlow.gurobi_lp?.obj ?? Number.NaN;
    expect(Math.abs(outcome.objective / published - 1)).toBeLessThan(1e-6);
    expect(throughputWithin(problem, outcome.flowBps) / published).toBeCloseTo(1, 6);
    const { bound = Number.NaN, gap } = certify(problem, "max-throughput", outcome.flowBps, outcome.linkPrice);
    expect(gap).toBeLessThan(1e-6);
    // Over all paths more may fit: the same prices bound that too, from above.
    expect(edgeCertify(problem, "max-throughput", outcome.flowBps, outcome.linkPrice).bound).toBeGreaterThanOrEqual(bound * (1 - 1e-9));
  });
});

describe.skipIf(!hasPeerBench)(`javascript-lp-solver against the published optima ${hasPeerBench ? "" : absent}`, () => {
  // The only one of the seven whose dense tableau is within the limit: 3,011 rows, 5,649 columns.
  const id = "Uninett2010_poisson-high-intra_613698079_x16";
  const solve = (instance: PeerInstance) =>
    maxThroughput.solve(readPeerProblem(instance), { lp: javascriptLpSolverBackend(), timeLimitSeconds });

  it.each(instancesOf("Uninett2010").filter((instance) => instance.id === id))("solves $id", async (instance) => {
    const { status, objective } = await solve(instance);
    expect(status).toBe("optimal");
    expect(Math.abs(objective / (instance.maxFlow.gurobi_lp?.obj ?? Number.NaN) - 1)).toBeLessThan(1e-6);
  });

  it.each(instancesOf("Uninett2010", "Deltacom").filter((instance) => instance.id !== id))(
    "says that $id is too large for it",
    async (instance) => {
      expect(await solve(instance)).toMatchObject({ status: "failed", message: expect.stringMatching(/dense tableau/) });
    },
  );
});

describe.skipIf(!hasPeerBench)(`published optima of the maximum concurrent flow ${hasPeerBench ? "" : absent}`, () => {
  const id = "Deltacom_poisson-high-intra_1054314477_x16";
  it.each(instancesOf("Deltacom").filter((instance) => instance.id === id))("$id", async (instance) => {
    const outcome = await maxConcurrent.solve(readPeerProblem(instance), { lp: highs, timeLimitSeconds });
    expect(outcome).toMatchObject({ status: "optimal" });
    expect(Math.abs(outcome.objective / (instance.maxConcurrent?.gurobi_lp?.obj ?? Number.NaN) - 1)).toBeLessThan(1e-6);
  });
});

const exactUtilization = [
  { network: "Abilene", line: 0, utilization: "0.041506", read: abileneProblem },
  { network: "Abilene", line: 84, utilization: "0.044256", read: abileneProblem },
  { network: "Abilene", line: 252, utilization: "0.056477", read: abileneProblem },
  { network: "GEANT", line: 0, utilization: "1.951513", read: geantProblem },
  { network: "GEANT", line: 28, utilization: "2.353138", read: geantProblem },
  { network: "GEANT", line: 84, utilization: "1.053533", read: geantProblem },
  { network: "GEANT", line: 112, utilization: "2.541108", read: geantProblem },
];

describe.skipIf(!hasMeasuredWeeks)(`exact minimum of the largest utilization over all paths ${hasMeasuredWeeks ? "" : absent}`, () => {
  const backends = [
    { backend: "HiGHS", lp: () => highs },
    { backend: "javascript-lp-solver", lp: () => javascriptLpSolverBackend() },
  ];
  const cases = backends.flatMap((backend) => exactUtilization.map((figure) => ({ ...backend, ...figure })));

  it.each(cases)("$network line $line with $backend: $utilization", async ({ lp, read, line, utilization }) => {
    const problem = read(line);
    const outcome = await edgeBased(problem, "min-max-utilization", { lp: lp(), timeLimitSeconds });
    expect(outcome).toMatchObject({ status: "optimal" });
    expect(outcome.objective.toFixed(6)).toBe(utilization);
    expect(utilizationCarryingAll({ ...problem, ...outcome.paths }, outcome.flowBps).toFixed(6)).toBe(utilization);
  });
});

/** Sum of the flow, after making sure that it fits: by plain loops, apart from the schemes' own arithmetic. */
function throughputWithin(problem: Problem, flowBps: Float64Array): number {
  const { load, admitted } = tally(problem, flowBps);
  load.forEach((bps, e) => expect(bps).toBeLessThanOrEqual((problem.capacityBps[e] ?? 0) * (1 + 1e-9)));
  admitted.forEach((bps, d) => expect(bps).toBeLessThanOrEqual((problem.demandBps[d] ?? 0) * (1 + 1e-9)));
  return admitted.reduce((sum, bps) => sum + bps, 0);
}

function utilizationCarryingAll(problem: Problem, flowBps: Float64Array): number {
  const { load, admitted } = tally(problem, flowBps);
  admitted.forEach((bps, d) => expect(bps / (problem.demandBps[d] ?? 0)).toBeCloseTo(1, 9));
  return Math.max(...load.map((bps, e) => bps / (problem.capacityBps[e] ?? 0)));
}

function tally(problem: Problem, flowBps: Float64Array) {
  const load = new Float64Array(problem.linkCount);
  const admitted = new Float64Array(problem.demandCount);
  for (let d = 0; d < problem.demandCount; d++) {
    for (let p = problem.pathStart[d] ?? 0; p < (problem.pathStart[d + 1] ?? 0); p++) {
      const links = problem.pathLinks.subarray(problem.linkStart[p] ?? 0, problem.linkStart[p + 1] ?? 0);
      const nodes = [problem.demandSrc[d], ...links.map((e) => problem.linkTo[e] ?? -1)];
      expect(nodes.at(-1)).toBe(problem.demandDst[d]);
      admitted[d] = (admitted[d] ?? 0) + (flowBps[p] ?? 0);
      for (const e of links) load[e] = (load[e] ?? 0) + (flowBps[p] ?? 0);
    }
  }
  return { load, admitted };
}
