/** One traffic class of a plan: its problem, its answer from the ladder, its integer weights. */
import {
  guaranteeOf,
  hasTableRooms,
  objectiveOf,
  protectionOf,
  trafficClasses,
  type Certificate,
  type ClassPlan,
  type Demand,
  type Snapshot,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import type { LpBackend } from "@sluice/lp";
import { buildProblem } from "./build-problem.js";
import { climb, type Answer, type LadderOptions } from "./ladder.js";
import { climbPriced } from "./climb-priced.js";
import { moveOff } from "./move-off.js";
import { isReserving, planGuaranteed } from "./guarantees/plan-guaranteed.js";
import { quantize } from "./quantize.js";
import type { SolveProgress } from "./optimize.js";
import { plannedGroups, type PlannedGroup } from "./planned-group.js";
import { publishedPrices } from "./published-prices.js";
import type { Stopwatch } from "./stopwatch.js";
import { rangesOverAllPaths, type CandidateTunnels } from "./tunnels/candidate-tunnels.js";

export interface ClassInput {
  readonly topology: Topology;
  readonly snapshot: Snapshot;
  readonly candidates: CandidateTunnels;
  readonly trafficClass: TrafficClass;
  /** Per link: what the classes above leave, bps; and what they leave of what they neither use nor reserve for failures. */
  readonly residualCapacityBps: Float64Array;
  readonly reservedResidualBps: Float64Array;
  /** The classes above, in order. */
  readonly higher: readonly PlannedClass[];
  /** Per link, 1: the class's flow is moved off it as far as the rest has room. Not that of a class with a guarantee that reserves. */
  readonly movesOff?: Uint8Array;
}

export interface ClassOptions {
  readonly lp: LpBackend;
  readonly nowMs: () => number;
  readonly greedyOnly: boolean;
  readonly edgeBased: boolean;
  /** The candidates are the policy's, and it has tunnels priced. */
  readonly pricesTunnels: boolean;
  readonly onProgress?: ((progress: SolveProgress) => void) | undefined;
}

export interface PlannedClass {
  readonly plan: ClassPlan;
  readonly groups: readonly PlannedGroup[];
  readonly unroutable: readonly Demand[];
  /** Per link, bps. */
  readonly loadBps: Float64Array;
  /** Per link, bps: the most that the class may need in a failure that its guarantee, or one below it, covers. Absent without such a guarantee. */
  readonly reservedBps?: Float64Array;
}

export async function planClass(input: ClassInput, options: ClassOptions, clock: Stopwatch): Promise<PlannedClass> {
  const { topology, snapshot, candidates, trafficClass, residualCapacityBps, movesOff } = input;
  const objective = objectiveOf(snapshot.settings, trafficClass);
  const { solver, gapMax, tunnels } = snapshot.settings;
  const { onProgress, pricesTunnels, ...common } = options;
  const ladder: LadderOptions = {
    ...common,
    solver,
    gapMax,
    budgetSeconds: snapshot.settings.deadlineSeconds / waitingClasses(snapshot, trafficClass),
    timeLimitSeconds: timeLimitSeconds(snapshot, trafficClass, clock),
    onProgress: onProgress === undefined ? undefined : (progress) => onProgress({ trafficClass, ...progress }),
  };
  const guarantee = guaranteeOf(protectionOf(snapshot.settings), trafficClass);
  if (isReserving(guarantee)) return planGuaranteed(input, guarantee, ladder, clock);

  const demands = demandsOf(snapshot, trafficClass);
  const built = buildProblem(topology, demands, candidates, residualCapacityBps);
  clock.lap("tunnels");
  const climbed = await (pricesTunnels ? climbPriced(built.problem, objective, tunnels, ladder) : climb(built.problem, objective, ladder));
  const answer =
    movesOff === undefined
      ? climbed
      : moveOff(climbed, {
          objective,
          links: movesOff,
          gapMax,
          boundsAllPaths: options.edgeBased || (pricesTunnels && rangesOverAllPaths(tunnels, topology)),
          timeLimitSeconds: timeLimitSeconds(snapshot, trafficClass, clock),
          budgetSeconds: ladder.budgetSeconds,
          nowMs: options.nowMs,
        });
  clock.lap("solve");

  const quantized = quantize(answer.problem, answer.flowBps, {
    weightSumMax: snapshot.settings.splitWeightSumMax,
    // Topping up would give a max-min fair group more than its fair share.
    ceiling: objective === "max-min-fair" ? "allotted" : "demand",
  });
  clock.lap("quantize");

  return {
    plan: {
      trafficClass,
      rung: answer.rung,
      solver: answer.solver,
      demandBps: demands.reduce((sum, demand) => sum + demand.rateBps, 0),
      allottedBps: answer.flowBps.reduce((sum, flow) => sum + flow, 0),
      admittedBps: quantized.admittedBps.reduce((sum, rate) => sum + rate, 0),
      certificate: publishedCertificate(topology, objective, answer),
      notes: hasTableRooms(topology) ? [...answer.notes, tableNote(topology)] : answer.notes,
    },
    groups: plannedGroups(topology, built.demands, { problem: answer.problem, allottedBps: answer.flowBps, ...quantized }),
    unroutable: built.unroutable,
    loadBps: quantized.loadBps,
  };
}

function tableNote({ nodes }: Topology): string {
  const full = nodes.filter(({ tableRoom }) => tableRoom !== undefined).map(({ id }) => id);
  return `The rule tables of ${full.slice(0, 5).join(", ")}${full.length > 5 ? ` and ${full.length - 5} more` : ""} have room for some tunnels only; the bound is over those.`;
}

function demandsOf({ demands }: Snapshot, trafficClass: TrafficClass): readonly Demand[] {
  return demands.demands.filter((demand) => demand.trafficClass === trafficClass);
}

/** The time that is left, in equal parts for this class and those below it that have demands. */
function timeLimitSeconds(snapshot: Snapshot, trafficClass: TrafficClass, clock: Stopwatch): number {
  return Math.max(0, snapshot.settings.deadlineSeconds - clock.elapsedSeconds()) / waitingClasses(snapshot, trafficClass);
}

/** This class and those below it that have demands, at least 1. */
function waitingClasses(snapshot: Snapshot, trafficClass: TrafficClass): number {
  const below = trafficClasses.slice(trafficClasses.indexOf(trafficClass));
  return Math.max(1, below.filter((other) => demandsOf(snapshot, other).length > 0).length);
}

function publishedCertificate(topology: Topology, objective: Certificate["objective"], { certificate, linkPrice }: Answer): Certificate {
  const { sense, unit, value, bound, gap } = certificate;
  return {
    objective,
    sense,
    unit,
    value,
    ...(bound === undefined ? {} : { bound }),
    ...(gap === undefined ? {} : { gap }),
    linkPrices: publishedPrices(topology, linkPrice),
  };
}
