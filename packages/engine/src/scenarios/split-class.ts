/** One traffic class under a scenario: which of its groups change and how, by what the class is promised. */
import { assert, unreachable, type Guarantee } from "@sluice/model";
import { carryTouched, type CarryOptions } from "./carry-touched.js";
import type { Failure } from "./failure.js";
import { addPlacement, atRate, carriedBps, plannedPlacement, survivingPlacement, type Placement } from "./placement.js";
import { addPlanned, loadOfClass, type PlanIndex } from "./plan-index.js";
import { reduceRates } from "./reduce-rates.js";
import { releaseCrowded } from "./release.js";
import { roomOf } from "./room.js";
import { hasIngress, leaveOrStop } from "./stop-sending.js";

/** What is left of a load after all of it was taken off, relative: rounding. */
const dustShare = 1e-12;

export interface ClassUnderFailure {
  readonly index: PlanIndex;
  readonly failure: Failure;
  /** Position in `trafficClasses`. */
  readonly trafficClass: number;
  readonly guarantee: Guarantee;
  /** Per link, bps: what the classes above send under this scenario. */
  readonly aboveBps: Float64Array;
  /** Per link, bps: what guaranteed classes below have set aside for this scenario; nobody else's room. */
  readonly heldBps: Float64Array;
}

export interface ClassSplit {
  /** Of groups that may be other than in the plan, in rising order. */
  readonly placements: readonly Placement[];
  /** Per link, bps: all of the class. */
  readonly loadBps: Float64Array;
  readonly lostBps: number;
  readonly lostBpsMin: number;
}

export async function splitClass(question: ClassUnderFailure, options: CarryOptions): Promise<ClassSplit> {
  const { kind } = question.guarantee;
  switch (kind) {
    case "none":
      return keepSplits(question);
    case "protected":
      return splitAnew(question, options);
    case "guaranteed":
    case "availability":
      return restrictSplits(question, options);
    default:
      return unreachable(kind);
  }
}

/** What the class's groups that lose no tunnel send, bps. */
export function untouchedLoad({
  index,
  failure,
  trafficClass,
}: Pick<ClassUnderFailure, "index" | "failure" | "trafficClass">): Float64Array {
  const planned = loadOfClass(index, trafficClass);
  const load = planned.slice();
  for (const group of affectedOf(failure, trafficClass)) addPlanned(index, group, -1, load);
  return load.map((bps, e) => (bps > dustShare * (planned[e] as number) ? bps : 0));
}

/** Per link, bps: what the class puts there where its weights on the tunnels that survive carry the whole rates. */
export function restrictedLoad(question: Pick<ClassUnderFailure, "index" | "failure" | "trafficClass">): Float64Array {
  const { index, failure, trafficClass } = question;
  const load = untouchedLoad(question);
  for (const group of affectedOf(failure, trafficClass)) {
    const placement = survivingPlacement(index, failure, group);
    if (placement !== undefined) addPlacement(index, failure, placement, 1, load);
  }
  return load;
}

/**
 * Guarantee none: traffic into tunnels that are gone is lost, groups that only have such stop, and rates fall where links would hold too much. What
 * local repair brings over a bypass comes to stay here, for these ingresses never move: it keeps off the room of guaranteed classes, too.
 */
function keepSplits(question: ClassUnderFailure): ClassSplit {
  const { index, failure, trafficClass } = question;
  const affected = affectedOf(failure, trafficClass);
  const loadBps = untouchedLoad({ index, failure, trafficClass });
  let brokenBps = 0;
  const stops = new Map<number, Placement>();
  for (const group of affected) {
    const placement = plannedPlacement(index, group);
    const arrivesBps = carriedBps(index, failure, placement);
    brokenBps += placement.rateBps - arrivesBps;
    if (arrivesBps > 0) addPlacement(index, failure, placement, 1, loadBps);
    else if (hasIngress(index, failure, group)) stops.set(group, atRate(placement, 0));
  }
  const planned = (group: number): Placement => plannedPlacement(index, group);
  const placementOf = (group: number): Placement => stops.get(group) ?? planned(group);
  const reduced = reduceRates({ index, failure, trafficClass, aboveBps: takenOf(question), loadBps, placementOf });
  const reducedBps = reduced.reduce(
    (sum, less) => sum + carriedBps(index, failure, planned(less.group)) - carriedBps(index, failure, less),
    0,
  );
  const placements = [...stops.values(), ...reduced].sort((a, b) => a.group - b.group);
  return { placements, loadBps, lostBps: brokenBps + reducedBps, lostBpsMin: brokenBps };
}

/** Guarantee protected: groups that lose a tunnel, and those whose room went to classes above, are split anew to carry the most. */
async function splitAnew(question: ClassUnderFailure, options: CarryOptions): Promise<ClassSplit> {
  const { index, failure, trafficClass, aboveBps, heldBps } = question;
  const affected = affectedOf(failure, trafficClass);
  const loadBps = untouchedLoad(question);
  const released = releaseCrowded({ index, failure, trafficClass, aboveBps: takenOf(question), untouchedBps: loadBps });
  const groups = [...affected, ...released].sort((a, b) => a - b);
  const roomBps = roomOf(index.capacityBps, failure.deadLink, [aboveBps, loadBps, heldBps]);
  options.lap("release");
  return { ...(await carryGroups(question, { groups, loadBps, roomBps }, options)), loadBps };
}

interface ToCarry {
  readonly groups: readonly number[];
  /** What the rest of the class sends; what these groups send is added. */
  readonly loadBps: Float64Array;
  readonly roomBps: Float64Array;
}

/** On tunnels that survive; then, where room is left, by local repair; the others stop. */
async function carryGroups(
  { index, failure }: ClassUnderFailure,
  { groups, loadBps, roomBps }: ToCarry,
  options: CarryOptions,
): Promise<Omit<ClassSplit, "loadBps">> {
  const { placements, stranded, boundBps } = await carryTouched({ index, failure, groups, roomBps }, options);
  const leftBps = roomBps.slice();
  for (const placement of placements) {
    addPlacement(index, failure, placement, 1, loadBps);
    addPlacement(index, failure, placement, -1, leftBps);
  }
  const { stops, repaired } = leaveOrStop({ index, failure, groups: stranded, roomBps: leftBps });
  for (const placement of repaired) addPlacement(index, failure, placement, 1, loadBps);
  const wantedBps = admittedOf(index, groups) - rateOf(repaired);
  const lostBps = Math.max(0, wantedBps - rateOf(placements));
  return {
    placements: [...placements, ...stops].sort((a, b) => a.group - b.group),
    lostBps,
    lostBpsMin: Math.min(lostBps, Math.max(0, wantedBps - boundBps)),
  };
}

function rateOf(placements: readonly Placement[]): number {
  return placements.reduce((sum, { rateBps }) => sum + rateBps, 0);
}

/**
 * Guaranteed by design: the plan's weights on what survives carry the whole rates. Where more fails than the guarantee covers, rates fall to what
 * fits, and groups that lost all their tunnels get what room is left on others.
 */
async function restrictSplits(question: ClassUnderFailure, options: CarryOptions): Promise<ClassSplit> {
  const { index, failure, trafficClass, aboveBps, heldBps } = question;
  const affected = affectedOf(failure, trafficClass);
  const surviving = new Map(
    affected.flatMap((group) => {
      const placement = survivingPlacement(index, failure, group);
      return placement === undefined ? [] : [[group, placement] as const];
    }),
  );
  const loadBps = restrictedLoad(question);
  const lostAll = new Set(affected.filter((group) => !surviving.has(group)));
  const placementOf = (group: number): Placement | undefined =>
    lostAll.has(group) ? undefined : (surviving.get(group) ?? plannedPlacement(index, group));
  const reduced = reduceRates({ index, failure, trafficClass, aboveBps, loadBps, placementOf });
  let reducedBps = 0;
  for (const less of reduced) {
    reducedBps += (index.admittedBps[less.group] as number) - less.rateBps;
    surviving.set(less.group, less);
  }
  const groups = [...lostAll];
  const roomBps = roomOf(index.capacityBps, failure.deadLink, [aboveBps, loadBps, heldBps]);
  const { placements, lostBps, lostBpsMin } = await carryGroups(question, { groups, loadBps, roomBps }, options);
  return {
    placements: [...surviving.values(), ...placements].sort((a, b) => a.group - b.group),
    loadBps,
    lostBps: lostBps + reducedBps,
    lostBpsMin,
  };
}

/** Per link, bps: what others send or have set aside. */
function takenOf({ aboveBps, heldBps }: Pick<ClassUnderFailure, "aboveBps" | "heldBps">): Float64Array {
  return aboveBps.map((bps, e) => bps + (heldBps[e] as number));
}

function affectedOf(failure: Failure, trafficClass: number): readonly number[] {
  const affected = failure.affected[trafficClass];
  assert(affected !== undefined, "there are groups of every class");
  return affected;
}

function admittedOf(index: PlanIndex, groups: readonly number[]): number {
  return groups.reduce((sum, group) => sum + (index.admittedBps[group] as number), 0);
}
