/**
 * No meter lets in nothing: the least is 1 kb/s (OpenFlow 1.3.5, section A.3.4.5). What groups that are refused or stopped send all the same is little, but a
 * full link holds nothing more; so others on it give up as much.
 */
import type { Failure } from "./failure.js";
import { addPlacement, atRate, type Placement } from "./placement.js";
import { classOf, type PlanIndex } from "./plan-index.js";
import { wayTaken } from "./way-taken.js";

/** The least rate of a meter, bps. */
const meterRateBpsMin = 1_000;
/** Relative: links that are fuller than full by less are left as they are. A tenth of what the packet walk takes for rounding. */
const overloadMin = 1e-7;

export interface Trickling {
  readonly index: PlanIndex;
  readonly failure: Failure;
  /** Of all classes. */
  readonly placements: readonly Placement[];
  /** Per link, bps: all classes. Brought down in place. */
  readonly loadBps: Float64Array;
  /** By class: whether its rates may fall. */
  readonly mayGive: readonly boolean[];
}

/** The placements with some rates lower by a few kb/s: of the lowest class first, on each link the largest first. O(links of the placements). */
export function makeRoomForTrickle({ index, failure, placements, loadBps, mayGive }: Trickling): readonly Placement[] {
  const trickleBps = new Float64Array(loadBps.length);
  for (const placement of placements) {
    const moreBps = meterRateBpsMin - placement.rateBps;
    if (moreBps > 0) addPlacement(index, failure, atRate(placement, moreBps), 1, trickleBps);
  }
  const given = new Map<number, Placement>();
  for (let e = 0; e < loadBps.length; e++) {
    const trickle = trickleBps[e] as number;
    const capacity = index.capacityBps[e] as number;
    if (trickle === 0 || (loadBps[e] as number) + trickle <= capacity * (1 + overloadMin)) continue;
    const givers = placements
      .filter(({ group }) => mayGive[classOf(index, group)] === true)
      .map((placement) => given.get(placement.group) ?? placement)
      .map((placement) => ({ placement, share: shareOver({ index, failure }, placement, e) }))
      .filter(({ placement, share }) => share > 0 && placement.rateBps > meterRateBpsMin)
      .sort(
        (a, b) =>
          classOf(index, b.placement.group) - classOf(index, a.placement.group) ||
          b.share * b.placement.rateBps - a.share * a.placement.rateBps ||
          a.placement.group - b.placement.group,
      );
    for (const { placement, share } of givers) {
      const excessBps = (loadBps[e] as number) + trickle - capacity;
      if (excessBps <= 0) break;
      const lessBps = Math.min(placement.rateBps - meterRateBpsMin, excessBps / share);
      addPlacement(index, failure, atRate(placement, lessBps), -1, loadBps);
      given.set(placement.group, { ...placement, rateBps: placement.rateBps - lessBps });
    }
  }
  return given.size === 0 ? placements : placements.map((placement) => given.get(placement.group) ?? placement);
}

/** The part of a group's traffic that passes a link. */
function shareOver({ index, failure }: Pick<Trickling, "index" | "failure">, { tunnels, weights }: Placement, link: number): number {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return tunnels.reduce(
    (share, tunnel, i) => (wayTaken(index, failure, tunnel).links.includes(link) ? share + (weights[i] ?? 0) / sum : share),
    0,
  );
}
