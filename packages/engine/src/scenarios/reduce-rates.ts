/** Groups that keep their weights and send less, where links would hold too much: what is left to a class that is not split anew. */
import type { Failure } from "./failure.js";
import { addPlacement, atRate, weightSumOf, type Placement } from "./placement.js";
import type { PlanIndex } from "./plan-index.js";
import { flowsOver } from "./release.js";
import { overfullLinks } from "./room.js";
import { wayTaken } from "./way-taken.js";

export interface Overload {
  readonly index: PlanIndex;
  readonly failure: Failure;
  readonly trafficClass: number;
  readonly aboveBps: Float64Array;
  /** Per link, bps: the class's own, as the placements say. Brought down in place. */
  readonly loadBps: Float64Array;
  /** What a group does now; undefined where it sends nothing. */
  readonly placementOf: (group: number) => Placement | undefined;
}

/**
 * Each group by the worst of its links to what fits there; then, in the order of groups, as much more as there is room for. Returns the groups that
 * send less. O(links and groups of overfull links).
 */
export function reduceRates({ index, failure, trafficClass, aboveBps, loadBps, placementOf }: Overload): readonly Placement[] {
  const links = overfullLinks(index.capacityBps, failure.deadLink, [aboveBps, loadBps]);
  if (links.length === 0) return [];
  const share = new Float64Array(loadBps.length).fill(1);
  // Those that bypasses bring over other links than their own are looked at, too.
  const crowded = new Set<number>(failure.affected[trafficClass]);
  for (const e of links) {
    const ownBps = loadBps[e] as number;
    if (ownBps > 0) share[e] = Math.max(0, (index.capacityBps[e] as number) - (aboveBps[e] as number)) / ownBps;
    for (const group of flowsOver(index, e, trafficClass).keys()) crowded.add(group);
  }
  const reduced: Placement[] = [];
  for (const group of [...crowded].sort((a, b) => a - b)) {
    const placement = placementOf(group);
    const keep = placement === undefined ? 1 : leastShare({ index, failure }, placement, share);
    if (placement === undefined || placement.rateBps === 0 || keep === 1) continue;
    const less = atRate(placement, placement.rateBps * keep);
    addPlacement(index, failure, placement, -1, loadBps);
    addPlacement(index, failure, less, 1, loadBps);
    reduced.push(less);
  }
  return reduced.map((less) => {
    const wantedBps = (index.admittedBps[less.group] as number) - less.rateBps;
    const moreBps = Math.min(wantedBps, mostOnTop({ index, failure, aboveBps, loadBps }, less));
    if (!(moreBps > 0)) return less;
    addPlacement(index, failure, atRate(less, moreBps), 1, loadBps);
    return atRate(less, less.rateBps + moreBps);
  });
}

function leastShare({ index, failure }: Pick<Overload, "index" | "failure">, { tunnels }: Placement, share: Float64Array): number {
  let least = 1;
  for (const tunnel of tunnels) {
    for (const e of wayTaken(index, failure, tunnel).links) least = Math.min(least, share[e] as number);
  }
  return least;
}

/** How much more a group could send by its weights, bps. */
function mostOnTop(
  { index, failure, aboveBps, loadBps }: Pick<Overload, "index" | "failure" | "aboveBps" | "loadBps">,
  placement: Placement,
): number {
  const share = new Map<number, number>();
  const sum = weightSumOf(placement);
  placement.tunnels.forEach((tunnel, i) => {
    for (const e of wayTaken(index, failure, tunnel).links) {
      share.set(e, (share.get(e) ?? 0) + (placement.weights[i] ?? 0) / sum);
    }
  });
  let most = Infinity;
  for (const [e, part] of share) {
    const leftBps = (index.capacityBps[e] as number) - (aboveBps[e] as number) - (loadBps[e] as number);
    most = Math.min(most, Math.max(0, leftBps) / part);
  }
  return most;
}
