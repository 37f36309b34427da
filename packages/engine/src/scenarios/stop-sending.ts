/**
 * Groups of which no installed tunnel survives. Local repair may bring their traffic through, and where there is room for that they are left to it.
 * Else it would take room on the way to where it is lost, and their ingresses are told to stop, if they are there to be told.
 */
import type { Failure } from "./failure.js";
import { addPlacement, atRate, carriedBps, plannedPlacement, type Placement } from "./placement.js";
import type { PlanIndex } from "./plan-index.js";
import { fits } from "./room.js";

export interface Stranded {
  readonly index: PlanIndex;
  readonly failure: Failure;
  /** In rising order. */
  readonly groups: readonly number[];
  /** Per link, bps: what is left of it. Taken from in place. */
  readonly roomBps: Float64Array;
}

export interface LeftOrStopped {
  /** The plan's weights at rate 0. */
  readonly stops: readonly Placement[];
  /** Left to local repair: as planned. */
  readonly repaired: readonly Placement[];
}

/** In the order of groups. O(links of their tunnels and bypasses). */
export function leaveOrStop({ index, failure, groups, roomBps }: Stranded): LeftOrStopped {
  const stops: Placement[] = [];
  const repaired: Placement[] = [];
  for (const group of groups) {
    const placement = plannedPlacement(index, group);
    if (isCarriedWhole(failure, index, placement) && takesRoom({ index, failure, roomBps }, placement)) repaired.push(placement);
    else if (hasIngress(index, failure, group)) stops.push(atRate(placement, 0));
  }
  return { stops, repaired };
}

/** Whether the group's own node is there. */
export function hasIngress({ plan }: PlanIndex, { scenario }: Failure, group: number): boolean {
  const src = plan.groups[group]?.src;
  return src !== undefined && !scenario.nodeIds.includes(src);
}

function isCarriedWhole(failure: Failure, index: PlanIndex, placement: Placement): boolean {
  return carriedBps(index, failure, placement) >= placement.rateBps;
}

function takesRoom({ index, failure, roomBps }: Omit<Stranded, "groups">, placement: Placement): boolean {
  const load = new Float64Array(roomBps.length);
  addPlacement(index, failure, placement, 1, load);
  const fitsAll = load.every((bps, e) => bps === 0 || fits(bps, roomBps[e] as number, index.capacityBps[e] as number));
  if (fitsAll) for (let e = 0; e < load.length; e++) roomBps[e] = Math.max(0, (roomBps[e] as number) - (load[e] as number));
  return fitsAll;
}
