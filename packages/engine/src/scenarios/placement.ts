/** What a group does under a scenario: its rate, and the tunnels among which its ingress divides it. */
import type { Failure } from "./failure.js";
import { addAlongTunnel, type PlanIndex } from "./plan-index.js";
import { wayTaken } from "./way-taken.js";

export interface Placement {
  readonly group: number;
  /** What the meter lets in, bps. */
  readonly rateBps: number;
  readonly tunnels: readonly number[];
  /** Per tunnel, > 0, and what the solver allotted to it, bps. */
  readonly weights: readonly number[];
  readonly allottedBps: readonly number[];
}

/** The plan's own, whatever became of its tunnels. */
export function plannedPlacement(index: PlanIndex, group: number): Placement {
  const from = index.members.start[group] as number;
  const end = index.members.start[group + 1] as number;
  return {
    group,
    rateBps: index.admittedBps[group] as number,
    tunnels: Array.from(index.members.items.subarray(from, end)),
    weights: Array.from(index.weight.subarray(from, end)),
    allottedBps: index.plan.groups[group]?.members.map(({ allottedBps }) => allottedBps) ?? [],
  };
}

/** The plan's rate by the plan's weights on what survives of its tunnels; undefined where nothing does. */
export function survivingPlacement(index: PlanIndex, { deadTunnel }: Failure, group: number): Placement | undefined {
  const rateBps = index.admittedBps[group] as number;
  const tunnels: number[] = [];
  const weights: number[] = [];
  let sum = 0;
  for (let k = index.members.start[group] as number; k < (index.members.start[group + 1] as number); k++) {
    const tunnel = index.members.items[k] as number;
    if (deadTunnel[tunnel] === 1) continue;
    tunnels.push(tunnel);
    weights.push(index.weight[k] as number);
    sum += index.weight[k] as number;
  }
  return sum === 0 ? undefined : { group, rateBps, tunnels, weights, allottedBps: weights.map((weight) => (rateBps * weight) / sum) };
}

/** The same weights at another rate. */
export function atRate(placement: Placement, rateBps: number): Placement {
  const { weights } = placement;
  const sum = weightSumOf(placement);
  return { ...placement, rateBps, allottedBps: weights.map((weight) => (rateBps * weight) / sum) };
}

/** Adds what a group sends, `sign` times, to loads of links: into tunnels that are gone as far as it gets, bypasses counted. */
export function addPlacement(index: PlanIndex, failure: Failure, placement: Placement, sign: 1 | -1, loadBps: Float64Array): void {
  const sum = weightSumOf(placement);
  placement.tunnels.forEach((tunnel, i) => {
    const bps = (sign * placement.rateBps * (placement.weights[i] ?? 0)) / sum;
    if (failure.deadTunnel[tunnel] === 0) addAlongTunnel(index, tunnel, bps, loadBps);
    else for (const e of wayTaken(index, failure, tunnel).links) loadBps[e] = (loadBps[e] as number) + bps;
  });
}

/** What arrives, bps. */
export function carriedBps(index: PlanIndex, failure: Failure, placement: Placement): number {
  const arrives = (tunnel: number): boolean => failure.deadTunnel[tunnel] === 0 || wayTaken(index, failure, tunnel).arrives;
  const weight = placement.tunnels.reduce((sum, tunnel, i) => (arrives(tunnel) ? sum + (placement.weights[i] ?? 0) : sum), 0);
  return placement.rateBps * (weight / weightSumOf(placement));
}

export function weightSumOf({ weights }: Placement): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}
