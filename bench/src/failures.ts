/**
 * Every single cable cut: solved again from the answer without failure, against two solves from nothing: on the tunnels there are, and
 * with the candidate tunnels sought anew on what is left of the network, as a controller without warm start would.
 */
import { buildProblem, candidateTunnels } from "@sluice/engine";
import { solveFirstOrder, sweepDefaults, sweepFailures, type FlowProgram, type Problem } from "@sluice/mcf";
import { peerInstances, readPeerProblem } from "@sluice/mcf/peer-bench";
import { buildTopology, topologyDocument, type Demand, type Topology } from "@sluice/model";
import { loadNetwork, valueOf } from "./network.js";
import type { BenchReport } from "./report.js";
import { milliseconds, spreadOf } from "./sample.js";

/** Networks with their tunnels; `anew` makes the problem from the topology without the links that are cut. */
interface FailureNetwork {
  readonly name: string;
  readonly problem: Problem;
  readonly anew?: (failed: readonly number[]) => Problem;
}

const tunnels = { kind: "k-shortest", k: 4 } as const;
const usCarrier = "UsCarrier_gravity_265430709_x32";
const limits = { gap: 1e-3, timeLimitSeconds: 60, nowMs: () => performance.now() };

export function benchFailures(runs: number): BenchReport {
  const rows: string[][] = [];
  const numbers: Record<string, unknown> = {};
  for (const network of [fromExamples("geant"), fromExamples("germany50"), fromPeers()]) {
    for (const limit of ["capacity", "utilization"] as const) {
      const figures = measure({ problem: network.problem, limit }, network.anew, runs);
      const objective = limit === "capacity" ? "max-throughput" : "min-max-utilization";
      numbers[`${network.name} ${objective}`] = figures;
      const { warm, cold, fromTopology } = figures;
      const ratio = (of: typeof cold | undefined): string => (of === undefined ? "-" : (of.median / warm.median).toFixed(1));
      rows.push([
        network.name,
        objective,
        String(figures.failures),
        milliseconds(warm),
        milliseconds(cold),
        ratio(cold),
        fromTopology === undefined ? "-" : milliseconds(fromTopology),
        ratio(fromTopology),
        (figures.sweepMs / 1000).toFixed(2),
      ]);
    }
  }
  return {
    bench: "failures",
    head: ["network", "objective", "cables", "warm ms", "cold ms", "x", "from topology ms", "x", "whole sweep s"],
    rows,
    legend: [
      `Median (smallest-largest) over all cable cuts, each the fastest of ${runs} runs, first-order method to a proven gap of ${limits.gap}.`,
      "warm: from the answer without failure, on the tunnels that survive; cold: from nothing on the same tunnels; from topology: candidate tunnels sought anew, then cold.",
    ],
    numbers,
  };
}

function measure(program: FlowProgram, anew: FailureNetwork["anew"], runs: number) {
  const failures = cablesOf(program.problem);
  const warm: number[] = failures.map(() => Infinity);
  const cold: number[] = failures.map(() => Infinity);
  const fromTopology: number[] = failures.map(() => Infinity);
  let sweepMs = Infinity;
  for (let run = 0; run < runs; run++) {
    const began = performance.now();
    let last = Number.NaN;
    let i = -1;
    for (const { solution } of sweepFailures(program, failures, limits, { ...sweepDefaults(), startPrecision: 10 })) {
      if (solution.status !== "gap") throw new Error(`failure ${i} ended ${solution.status}`);
      const now = performance.now();
      if (i >= 0) warm[i] = Math.min(warm[i] ?? Infinity, now - last);
      last = now;
      i++;
    }
    sweepMs = Math.min(sweepMs, performance.now() - began);
    failures.forEach((failed, f) => {
      const capacityBps = program.problem.capacityBps.map((capacity, e) => (failed.includes(e) ? 0 : capacity));
      cold[f] = Math.min(cold[f] ?? Infinity, timeOf({ ...program, problem: { ...program.problem, capacityBps } }));
      if (anew === undefined) return;
      const start = performance.now();
      const problem = anew(failed);
      const sought = performance.now() - start;
      fromTopology[f] = Math.min(fromTopology[f] ?? Infinity, sought + timeOf({ ...program, problem }));
    });
  }
  return {
    failures: failures.length,
    warm: spreadOf(warm),
    cold: spreadOf(cold),
    ...(anew === undefined ? {} : { fromTopology: spreadOf(fromTopology) }),
    sweepMs,
  };
}

function timeOf(program: FlowProgram): number {
  const start = performance.now();
  const { status } = solveFirstOrder(program, limits, undefined, sweepDefaults());
  if (status !== "gap") throw new Error(`a solve from nothing ended ${status}`);
  return performance.now() - start;
}

/** Both directions fail together. */
function cablesOf({ linkCount, linkFrom, linkTo }: Problem): readonly (readonly number[])[] {
  const cables: number[][] = [];
  const taken = new Set<number>();
  for (let e = 0; e < linkCount; e++) {
    if (taken.has(e)) continue;
    let back = e + 1;
    while (back < linkCount && (taken.has(back) || linkFrom[back] !== linkTo[e] || linkTo[back] !== linkFrom[e])) back++;
    taken.add(e).add(back);
    cables.push(back < linkCount ? [e, back] : [e]);
  }
  return cables;
}

/** All classes of a pair together. */
function fromExamples(name: "geant" | "germany50"): FailureNetwork {
  const { topology, demands } = loadNetwork(name);
  const byPair = new Map<string, Demand>();
  for (const demand of demands.demands) {
    const key = `${demand.src}>${demand.dst}`;
    byPair.set(key, { ...demand, trafficClass: "elastic", rateBps: demand.rateBps + (byPair.get(key)?.rateBps ?? 0) });
  }
  const pairs = [...byPair.values()];
  return {
    name,
    problem: problemOf(topology, pairs),
    anew(failed) {
      const document = topologyDocument(topology);
      const cut = new Set(failed.map((e) => topology.links[e]?.id));
      const left = {
        ...document,
        links: document.links.map((link) => (cut.has(link.id) ? { ...link, operational: "down" as const } : link)),
      };
      return problemOf(valueOf(buildTopology(left)), pairs);
    },
  };
}

function problemOf(topology: Topology, demands: readonly Demand[]): Problem {
  const capacityBps = Float64Array.from(topology.links, (link) => link.capacityBps);
  return buildProblem(topology, demands, candidateTunnels(topology, demands, tunnels), capacityBps).problem;
}

function fromPeers(): FailureNetwork {
  const instance = peerInstances().find(({ id }) => id === usCarrier);
  if (instance === undefined) throw new Error(`the peers' benchmark has no ${usCarrier}`);
  return { name: "UsCarrier", problem: readPeerProblem(instance) };
}
