/** New splits for the groups that have to change: where the plan's own weights on the tunnels that survive fit, they are the best there is. */
import type { LpBackend } from "@sluice/lp";
import { assert, type BandwidthFunction, type ObjectiveName } from "@sluice/model";
import { quantize } from "../quantize.js";
import type { Failure } from "./failure.js";
import { addPlacement, atRate, survivingPlacement, type Placement } from "./placement.js";
import type { PlanIndex } from "./plan-index.js";
import { installedTunnels, linksOf, reduceProblem, type Choice, type Core, type Touched } from "./reduced-problem.js";
import { fits } from "./room.js";
import { solveReduced } from "./solve-reduced.js";

export interface CarryOptions {
  readonly lp: LpBackend;
  readonly nowMs: () => number;
  /** For one reduced program, at most. */
  readonly timeLimitSeconds: number;
  readonly objective: ObjectiveName;
  readonly gapMax: number;
  readonly weightSumMax: number;
  /** Whether to start from the plan's flow and prices. */
  readonly warm: boolean;
  /** Per link: those of the plan's certificate, 0 where it has none. */
  readonly planPrice: Float64Array;
  readonly bandwidthFunctionOf: (group: number) => BandwidthFunction | undefined;
  readonly lap: (stage: string) => void;
}

export interface Carried {
  /** Of every group with a tunnel that survives, in rising order; rate 0 where none of them has room. */
  readonly placements: readonly Placement[];
  /** Groups whose every tunnel is gone. */
  readonly stranded: readonly number[];
  /** These groups cannot carry more together, bps. */
  readonly boundBps: number;
}

export async function carryTouched(touched: Touched, options: CarryOptions): Promise<Carried> {
  const kept = options.warm ? keptWeights(touched) : undefined;
  options.lap("keep weights");
  if (kept !== undefined) return kept;
  const { index } = touched;
  const { settled, closedOut, stranded, core } = reduceProblem(touched, options.bandwidthFunctionOf);
  options.lap("reduce");
  const solved = await solveCore(touched, core, options);
  const placements = [
    ...settled.map((choice) => settledPlacement(touched, choice)),
    ...closedOut.map((group) => refused(touched, group)),
    ...solved.placements,
  ];
  const settledBps = settled.reduce((sum, { group }) => sum + (index.admittedBps[group] as number), 0);
  return { placements: placements.sort((a, b) => a.group - b.group), stranded, boundBps: settledBps + solved.boundBps };
}

/**
 * The plan's rates by its weights on what survives, or, where that is nothing, on the shortest tunnel that is installed. Where all of it fits
 * nothing carries more.
 */
function keptWeights({ index, failure, groups, roomBps }: Touched): Carried | undefined {
  const placements: Placement[] = [];
  const loadBps = new Float64Array(roomBps.length);
  const stranded: number[] = [];
  let boundBps = 0;
  for (const group of groups) {
    const placement = survivingPlacement(index, failure, group) ?? standIn(index, failure, group);
    if (placement === undefined) {
      stranded.push(group);
      continue;
    }
    placements.push(placement);
    boundBps += placement.rateBps;
    addPlacement(index, failure, placement, 1, loadBps);
  }
  for (let e = 0; e < loadBps.length; e++) {
    const load = loadBps[e] as number;
    if (load > 0 && !fits(load, roomBps[e] as number, index.capacityBps[e] as number)) return undefined;
  }
  return { placements, stranded, boundBps };
}

function standIn(index: PlanIndex, { deadTunnel }: Failure, group: number): Placement | undefined {
  const tunnel = installedTunnels(index, group).find((each) => deadTunnel[each] === 0);
  const rateBps = index.admittedBps[group] as number;
  return tunnel === undefined ? undefined : { group, rateBps, tunnels: [tunnel], weights: [1], allottedBps: [rateBps] };
}

/** The plan's weights where all of its tunnels that survive are free; or else the shortest tunnel that is. */
function settledPlacement({ index, failure }: Touched, { group, tunnels }: Choice): Placement {
  const kept = survivingPlacement(index, failure, group);
  if (kept?.tunnels.every((tunnel) => tunnels.includes(tunnel)) === true) return kept;
  const rateBps = index.admittedBps[group] as number;
  return { group, rateBps, tunnels: tunnels.slice(0, 1), weights: [1], allottedBps: [rateBps] };
}

/** A group that has to stop sending, on a tunnel that survives. */
function refused({ index, failure }: Touched, group: number): Placement {
  const placement = survivingPlacement(index, failure, group) ?? standIn(index, failure, group);
  assert(placement !== undefined, "a tunnel of the group survives");
  return atRate(placement, 0);
}

async function solveCore(touched: Touched, core: Core, options: CarryOptions): Promise<Omit<Carried, "stranded">> {
  const { problem, groups, tunnels } = core;
  if (groups.length === 0) return { placements: [], boundBps: 0 };
  const { flowBps, boundBps } = await solveReduced(problem, {
    ...options,
    cost: Float64Array.from(tunnels, (tunnel) => linksOf(touched.index, tunnel).length),
    start: options.warm
      ? { flowBps: plannedFlow(touched, core), linkPrice: Float64Array.from(core.links, (e) => options.planPrice[e] as number) }
      : undefined,
  });
  options.lap("solve");
  const { weight, admittedBps } = quantize(problem, flowBps, {
    weightSumMax: options.weightSumMax,
    ceiling: options.objective === "max-min-fair" ? "allotted" : "demand",
  });
  options.lap("quantize");
  const placements = groups.map((group, d): Placement => {
    const rateBps = admittedBps[d] as number;
    const used: number[] = [];
    for (let p = problem.pathStart[d] as number; p < (problem.pathStart[d + 1] as number); p++) if ((weight[p] as number) > 0) used.push(p);
    if (rateBps <= 0 || used.length === 0) return refused(touched, group);
    return {
      group,
      rateBps,
      tunnels: used.map((p) => tunnels[p] as number),
      weights: used.map((p) => weight[p] as number),
      allottedBps: used.map((p) => flowBps[p] as number),
    };
  });
  return { placements, boundBps };
}

/** Per path of the core: what the plan sends by its weights over what survives of each group's tunnels. */
function plannedFlow({ index, failure }: Touched, { problem, groups, tunnels }: Core): Float64Array {
  const flowBps = new Float64Array(problem.pathCount);
  groups.forEach((group, d) => {
    const kept = survivingPlacement(index, failure, group);
    for (let p = problem.pathStart[d] as number; p < (problem.pathStart[d + 1] as number); p++) {
      const at = kept?.tunnels.indexOf(tunnels[p] as number) ?? -1;
      flowBps[p] = kept?.allottedBps[at] ?? 0;
    }
  });
  return flowBps;
}
