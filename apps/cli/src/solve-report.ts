/** What a solve has to say, as stable plain JSON (docs/cli.md lists the fields). Pure: rendering and printing are elsewhere. */
import type { CheckReport, ClassGuarantee, ClassPlan, ObjectiveName, Plan } from "@sluice/model";
import type { DemandInput, FileNote } from "./network-input.js";

/** One objective value, its bound and the distance between them. */
export interface Score {
  readonly name: ObjectiveName | "mixed";
  readonly sense: "maximize" | "minimize";
  readonly unit: "bps" | "bps*ms" | "1";
  readonly value: number;
  /** An upper bound where more is better, else a lower bound. */
  readonly bound?: number | undefined;
  readonly gap?: number | undefined;
}

export interface ClassReport extends Score {
  readonly trafficClass: ClassPlan["trafficClass"];
  readonly rung: ClassPlan["rung"];
  readonly solver: string;
  readonly demandBps: number;
  readonly allottedBps: number;
  readonly admittedBps: number;
  readonly admittedShare: number;
  readonly notes: readonly string[];
  /** Where the class is promised something that costs. */
  readonly guarantee?: GuaranteeReport;
}

/** What a promise costs, and what it is worth. */
export interface GuaranteeReport {
  readonly guarantee: ClassGuarantee["guarantee"];
  /** What the class would be allotted with nothing promised, on the same tunnels and beside the same higher classes. */
  readonly withoutBps: number;
  readonly givenUpBps: number;
  readonly givenUpShare: number;
  /** The share of time for which what is admitted is carried. */
  readonly availability?: number;
}

export interface SolveReport {
  readonly kind: "solve-report";
  readonly formatVersion: 1;
  readonly network: { readonly name: string; readonly format: string; readonly nodes: number; readonly links: number };
  readonly demands: {
    readonly name: string;
    readonly format: string;
    readonly flowGroups: number;
    readonly rateBps: number;
    readonly interval?: DemandInput["interval"];
  };
  readonly tunnels: { readonly source: string; readonly format?: string; readonly used: number };
  readonly rung: Plan["rung"];
  readonly solver: string;
  readonly objective: Score | null;
  /** The same in the unit of the demand file, to compare with figures published in it. */
  readonly objectiveInFileUnits: { readonly value: number; readonly bound?: number; readonly unitBps: number } | null;
  readonly demandBps: number;
  readonly allottedBps: number;
  readonly admittedBps: number;
  readonly admittedShare: number;
  readonly utilizationMax: number;
  readonly unroutable: number;
  readonly classes: readonly ClassReport[];
  readonly seconds: Readonly<Record<string, number>>;
  readonly check: CheckReport;
  readonly inputHash: string;
  readonly notes: readonly FileNote[];
}

export interface ReportInput {
  readonly input: DemandInput;
  readonly plan: Plan;
  readonly tunnels: { readonly source: string; readonly format?: string };
  readonly seconds: Readonly<Record<string, number>>;
  readonly notes: readonly FileNote[];
}

export function solveReport({ input, plan, tunnels, seconds, notes }: ReportInput): SolveReport {
  const { topology, topologyFormat, matrix, demandFormat, fileUnitBps, interval } = input;
  const classes = plan.classes.map(classReport);
  const asked = classes.filter((each) => each.demandBps > 0);
  const demandBps = sumOf(plan.classes, (each) => each.demandBps);
  const admittedBps = sumOf(plan.classes, (each) => each.admittedBps);
  const objective = overallScore(asked.length > 0 ? asked : classes);
  return {
    kind: "solve-report",
    formatVersion: 1,
    network: { name: topology.name, format: topologyFormat, nodes: topology.nodes.length, links: topology.links.length },
    demands: {
      name: matrix.name,
      format: demandFormat,
      flowGroups: matrix.demands.length,
      rateBps: sumOf(matrix.demands, (demand) => demand.rateBps),
      ...(interval === undefined ? {} : { interval }),
    },
    tunnels: { ...tunnels, used: plan.tunnels.length },
    rung: plan.rung,
    solver: [...new Set(asked.map((each) => each.solver))].join(", "),
    objective,
    objectiveInFileUnits: objective === null ? null : inUnits(objective, fileUnitBps),
    demandBps,
    allottedBps: sumOf(plan.classes, (each) => each.allottedBps),
    admittedBps,
    admittedShare: shareOf(admittedBps, demandBps),
    utilizationMax: plan.check.utilizationMax,
    unroutable: plan.unroutable.length,
    classes,
    seconds,
    check: plan.check,
    inputHash: plan.inputHash,
    notes,
  };
}

function classReport({ certificate, ...plan }: ClassPlan): ClassReport {
  const { objective: name, sense, unit, value, bound, gap } = certificate;
  return {
    trafficClass: plan.trafficClass,
    name,
    sense,
    unit,
    value,
    ...(bound === undefined ? {} : { bound }),
    ...(gap === undefined ? {} : { gap }),
    rung: plan.rung,
    solver: plan.solver,
    demandBps: plan.demandBps,
    allottedBps: plan.allottedBps,
    admittedBps: plan.admittedBps,
    admittedShare: shareOf(plan.admittedBps, plan.demandBps),
    notes: plan.notes,
    ...(plan.guarantee === undefined ? {} : { guarantee: guaranteeReport(plan.guarantee, plan.allottedBps) }),
  };
}

/** Both before quantization, so that whole weights are not taken for the promise's cost. */
function guaranteeReport({ guarantee, withoutBps, availability }: ClassGuarantee, allottedBps: number): GuaranteeReport {
  const givenUpBps = Math.max(0, withoutBps - allottedBps);
  return {
    guarantee,
    withoutBps,
    givenUpBps,
    givenUpShare: withoutBps === 0 ? 0 : givenUpBps / withoutBps,
    ...(availability === undefined ? {} : { availability }),
  };
}

/**
 * One score for all classes: rates and costs add up, of ratios the worst class counts. Each bound holds on the capacity that the higher
 * classes have left, and so does the bound of the whole. Absent where the classes have different objectives.
 */
export function overallScore(classes: readonly Score[]): Score | null {
  const [first, ...rest] = classes;
  if (first === undefined || rest.some((each) => each.name !== first.name)) return null;
  const { name, sense, unit } = first;
  const join = (values: readonly number[]): number => {
    if (unit !== "1") return sumOf(values, (value) => value);
    return sense === "maximize" ? Math.min(...values) : Math.max(...values);
  };
  const value = join(classes.map((each) => each.value));
  const bounds = classes.flatMap((each) => (each.bound === undefined ? [] : [each.bound]));
  if (bounds.length < classes.length) return { name, sense, unit, value };
  const bound = join(bounds);
  const scale = Math.max(Math.abs(value), Math.abs(bound));
  return { name, sense, unit, value, bound, gap: scale === 0 ? 0 : Math.abs(bound - value) / scale };
}

function inUnits({ unit, value, bound }: Score, fileUnitBps: number): NonNullable<SolveReport["objectiveInFileUnits"]> {
  const unitBps = unit === "1" ? 1 : fileUnitBps;
  return { value: value / unitBps, ...(bound === undefined ? {} : { bound: bound / unitBps }), unitBps: fileUnitBps };
}

/** Nothing asked for is all of it. */
function shareOf(part: number, whole: number): number {
  return whole === 0 ? 1 : part / whole;
}

function sumOf<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}
