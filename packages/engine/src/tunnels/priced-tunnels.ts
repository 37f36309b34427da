/**
 * Tunnels that matter to one class: found by column generation (packages/mcf, column-generation) for its demands and what the classes
 * above it leave, at most k a demand. Each round solves on the tunnels there are and lets the prices of links name the paths that would do
 * better; when none would, no other tunnels carry more. What is proven on the way holds over all paths, and so do the certificates.
 */
import {
  generateTunnels,
  purify,
  purifySecondsOf,
  solveFlow,
  type FlowEngine,
  type Problem,
  type SolveLimits,
  type TunnelRequest,
} from "@sluice/mcf";
import { unreachable, type ObjectiveName } from "@sluice/model";
import { nearestOnPaths, unservedCostMs } from "../certificate.js";
import { detourCost, sumAlong } from "../detour-cost.js";

/** Objectives that are one linear program over paths, whose prices tell which paths would do better. */
export type PricedObjective = Exclude<ObjectiveName, "max-min-fair" | "shortest-path">;

export function isPricedObjective(objective: ObjectiveName): objective is PricedObjective {
  return objective !== "max-min-fair" && objective !== "shortest-path";
}

export interface PricedSearch {
  /** Tunnels a demand, at most. */
  readonly k: number;
  /** Relative, in the objective's own terms: as in the class's certificate. */
  readonly gapMax: number;
  readonly timeLimitSeconds: number;
  /** The search's share of the deadline, whatever is left of it: the same snapshot gets the same engine. */
  readonly budgetSeconds: number;
  readonly nowMs: () => number;
  /** Value and bound of the search's program, over all paths. */
  readonly onProgress?: SolveLimits["onProgress"];
}

export interface PricedTunnels {
  /** The problem asked about, on the tunnels found; a demand that no links with capacity lead to has none. */
  readonly problem: Problem;
  /** Per link, >= 0, in the objective's unit per bps: with them `edgeCertify` proves the search's bound. */
  readonly linkPrice: Float64Array;
  /** Solves on some tunnels. */
  readonly rounds: number;
}

/** The walk to a vertex is the engine where this many of them are expected to fit into the time. */
const walksExpected = 16;
/** Share of the gap that the search aims at: what the class's own solve leaves has to fit, too. */
const gapShare = 0.5;

/**
 * The problem's own paths are what the search starts from: the first k of each demand. Anytime; the same problem gives the same tunnels
 * unless the time ends it. Cost as `generateTunnels`.
 */
export function pricedTunnels(problem: Problem, objective: PricedObjective, search: PricedSearch): PricedTunnels {
  const { k, timeLimitSeconds, budgetSeconds, nowMs, onProgress } = search;
  const engine = walksExpected * purifySecondsOf(problem) <= budgetSeconds ? vertexFirst : solveFlow;
  const request: TunnelRequest = { problem, k, ...programOf(problem, objective) };
  const limits = { gap: gapShare * programGap(problem, objective, search.gapMax), timeLimitSeconds, nowMs, onProgress };
  const found = generateTunnels(request, limits, engine);
  const { linkPrice, value, bound } = found.solution;
  return {
    problem: found.problem,
    linkPrice: scaled(problem, linkPrice, scaleOf(problem, objective, { value, bound })),
    rounds: found.rounds,
  };
}

/** The problem with, for each demand none of whose paths is open, the paths that `found` has for it: as many demands can be carried as there. */
export function withOpenPaths(problem: Problem, found: Problem): Problem {
  const near = nearestOnPaths(problem, problem.latencyMs);
  const chosen = Array.from(near, (least, d) => pathsOf(least === Infinity ? found : problem, d));
  const paths = chosen.flat();
  return {
    ...problem,
    pathCount: paths.length,
    pathStart: runningSums(chosen.map((list) => list.length)),
    linkStart: runningSums(paths.map((links) => links.length)),
    pathLinks: Int32Array.from(paths.flatMap((links) => [...links])),
  };
}

function pathsOf({ pathStart, linkStart, pathLinks }: Problem, demand: number): readonly Int32Array[] {
  const first = pathStart[demand] as number;
  const count = (pathStart[demand + 1] as number) - first;
  return Array.from({ length: count }, (_, i) => pathLinks.subarray(linkStart[first + i], linkStart[first + i + 1]));
}

function runningSums(lengths: readonly number[]): Int32Array {
  const sums = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => (sums[i + 1] = (sums[i] as number) + length));
  return sums;
}

function programOf(problem: Problem, objective: PricedObjective): Pick<TunnelRequest, "limit" | "linkCost"> {
  switch (objective) {
    case "max-throughput":
      return { limit: "capacity" };
    case "min-cost": {
      const refusedMs = unservedCostMs(problem);
      return { limit: "capacity", linkCost: problem.latencyMs.map((ms) => ms / refusedMs) };
    }
    case "min-max-utilization":
    case "max-concurrent":
      return { limit: "utilization" };
    default:
      return unreachable(objective);
  }
}

/** Min-cost's gap is one of cost, which is less than what refusing everything would cost: the program's must be as much smaller. */
function programGap(problem: Problem, objective: PricedObjective, gapMax: number): number {
  if (objective !== "min-cost") return gapMax;
  const near = nearestOnPaths(problem, problem.latencyMs);
  let leastMs = 0;
  let refusedMs = 0;
  problem.demandBps.forEach((bps, d) => {
    const ms = near[d] as number;
    if (ms === Infinity) return;
    leastMs += bps * ms;
    refusedMs += bps * unservedCostMs(problem);
  });
  return leastMs > 0 ? gapMax * (leastMs / refusedMs) : gapMax;
}

/** From the program's prices to the certificate's: ms for each bps refused; the fall of u, the rise of f (certificate.ts). */
function scaleOf(
  problem: Problem,
  objective: PricedObjective,
  { value, bound }: { readonly value: number; readonly bound: number },
): number {
  switch (objective) {
    case "max-throughput":
      return 1;
    case "min-cost":
      return unservedCostMs(problem);
    case "min-max-utilization":
      return value;
    case "max-concurrent":
      return value > 1 && bound > 0 ? 1 / bound : 0;
    default:
      return unreachable(objective);
  }
}

function scaled({ capacityBps }: Problem, linkPrice: Float64Array, factor: number): Float64Array {
  return linkPrice.map((price, e) => ((capacityBps[e] as number) > 0 ? price * factor : 0));
}

/**
 * Flow at a vertex is on few tunnels, the others make room for new ones; and its prices are exact, so that no search goes astray. Where the
 * walk is stopped, and for the least utilization, which is no vertex of a program of this form, the usual engines go on.
 */
const vertexFirst: FlowEngine = (program, limits, start) => {
  const { problem, limit, pathCost } = program;
  if (limit === "utilization" || start === undefined) return solveFlow(program, limits, start);
  const worth = sumAlong(problem, () => 0).map((_, p) => 1 - (pathCost?.[p] ?? 0));
  const goals = { worth, cost: detourCost(problem), keepsRate: new Uint8Array(problem.demandCount) };
  const walked = purify(program, start.flowBps, goals, limits);
  if (walked.status !== "best") return solveFlow(program, limits, start);
  const value = walked.flowBps.reduce((sum, bps, p) => sum + bps * (worth[p] as number), 0);
  const { flowBps, linkPrice, steps } = walked;
  return { status: "optimal", flowBps, linkPrice, value, bound: value, gap: 0, iterations: steps };
};
