/**
 * All traffic classes, one after the other, each on what those above it leave; and how that is done where elements are soft-drained:
 *
 * 1. Around them, as if they were drained. Where every class gets what it would get without regard to them, that is the plan.
 * 2. Else without regard to them, and then each class's flow moved off them (move-off.ts), as far as there is room when no demand gives up
 *    anything. What a class moves to is lost to the classes below it: so classes are moved from the highest on, or only from a lower one on,
 *    as many as cost no class anything that it would have had.
 */
import {
  hasSoftDrains,
  isSoftDrained,
  topologyDocument,
  trafficClasses,
  withoutSoftDrained,
  type Snapshot,
  type Topology,
} from "@sluice/model";
import { planClass, type ClassOptions, type PlannedClass } from "./plan-class.js";
import { rateText } from "./rate-text.js";
import type { Stopwatch } from "./stopwatch.js";
import type { CandidateTunnels } from "./tunnels/candidate-tunnels.js";
import { usableCandidates } from "./usable-candidates.js";

export interface ClassesQuestion {
  readonly topology: Topology;
  readonly snapshot: Snapshot;
  readonly candidates: CandidateTunnels;
  readonly options: ClassOptions;
  readonly clock: Stopwatch;
  readonly onClass: (index: number) => void;
}

export interface PlannedClasses {
  readonly planned: readonly PlannedClass[];
  /** What they were planned on, and what the checker is to judge by. */
  readonly topology: Topology;
  readonly candidates: CandidateTunnels;
  /** Absent where nothing is soft-drained. */
  readonly softDrained?: "avoided" | "used";
}

/** Share of the deadline that planning around soft-drained elements may take before it is done without regard to them. */
const aroundShare = 0.5;
/** Relative: a class that is allotted less by no more than this, and the wanted gap, has lost nothing. Weights round by more. */
export const allottedTolerance = 1e-6;

export async function planClasses(question: ClassesQuestion): Promise<PlannedClasses> {
  const { topology, snapshot, candidates } = question;
  if (!hasSoftDrains(topology)) return { planned: await planEach(question, []), topology, candidates };

  const around = withoutSoftDrained(topology);
  const aroundCandidates = usableCandidates(around, candidates);
  const hurried = { ...snapshot.settings, deadlineSeconds: aroundShare * snapshot.settings.deadlineSeconds };
  const avoiding = await planEach(
    {
      ...question,
      topology: around,
      candidates: aroundCandidates,
      snapshot: { ...snapshot, topology: topologyDocument(around), settings: hurried },
    },
    [],
  );
  const avoided: PlannedClasses = { planned: avoiding, topology: around, candidates: aroundCandidates, softDrained: "avoided" };
  if (avoiding.every(({ plan }) => plan.allottedBps >= plan.demandBps * (1 - allottedTolerance))) return avoided;
  const regardless = await planEach(question, []);
  if (losesNothing(avoiding, regardless, snapshot)) return avoided;

  const soft = Uint8Array.from(topology.links, (link) => (isSoftDrained(topology, link) ? 1 : 0));
  for (let first = 0; first < trafficClasses.length; first += 1) {
    const planned = await planEach(question, regardless.slice(0, first), soft);
    if (losesNothing(planned, regardless, snapshot)) return { planned: noted(planned, soft), topology, candidates, softDrained: "used" };
  }
  return { planned: noted(regardless, soft), topology, candidates, softDrained: "used" };
}

/** Each class says what it leaves on soft-drained links. */
function noted(planned: readonly PlannedClass[], soft: Uint8Array): readonly PlannedClass[] {
  return planned.map((each) => {
    const most = each.loadBps.reduce((largest, bps, link) => (soft[link] === 1 ? Math.max(largest, bps) : largest), 0);
    if (most === 0) return each;
    const note = `Soft-drained links carry up to ${rateText(most)} each of this class: with them drained it would be admitted less, or classes below it would.`;
    return { ...each, plan: { ...each.plan, notes: [...each.plan.notes, note] } };
  });
}

/** Whether each class is allotted what it is there. */
function losesNothing(planned: readonly PlannedClass[], there: readonly PlannedClass[], { settings }: Snapshot): boolean {
  const least = 1 - allottedTolerance - 2 * settings.gapMax;
  return planned.every(({ plan }, i) => plan.allottedBps >= least * (there[i]?.plan.allottedBps ?? 0));
}

/** The classes below those `given`; `movesOff`: links that each of them moves off. */
async function planEach(
  question: ClassesQuestion,
  given: readonly PlannedClass[],
  movesOff?: Uint8Array,
): Promise<readonly PlannedClass[]> {
  const { topology, snapshot, candidates, options, clock, onClass } = question;
  const planned = [...given];
  for (const [i, trafficClass] of trafficClasses.entries()) {
    if (i < given.length) continue;
    onClass(i);
    const residualCapacityBps = residualCapacity(topology, planned, "used");
    const reservedResidualBps = residualCapacity(topology, planned, "reserved");
    const input = { topology, snapshot, candidates, trafficClass, residualCapacityBps, reservedResidualBps, higher: [...planned] };
    planned.push(await planClass(movesOff === undefined ? input : { ...input, movesOff }, options, clock));
  }
  return planned;
}

/** Remainders of less than this share of a link's capacity are rounding, not room. The checker rounds alike. */
const residualShareMin = 1e-9;

/** What the planned classes leave of each link, bps: of what they use, or of what those with a guarantee may need in a failure. */
function residualCapacity(topology: Topology, planned: readonly PlannedClass[], of: "used" | "reserved"): Float64Array {
  return Float64Array.from(topology.links, ({ capacityBps }, link) => {
    const taken = ({ loadBps, reservedBps = loadBps }: PlannedClass): number => (of === "used" ? loadBps : reservedBps)[link] ?? 0;
    const left = planned.reduce((bps, each) => bps - taken(each), capacityBps);
    return left > residualShareMin * capacityBps ? left : 0;
  });
}
