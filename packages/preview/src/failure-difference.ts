/** What each failure would cost before and after: two failure reports side by side, those that become worst first. */
import {
  failureReport,
  scenarioSet,
  worstFirst,
  type FailureReport,
  type FailureReportOptions,
  type LayerName,
  type ScenarioChoice,
  type ScenarioReport,
} from "@sluice/failures";
import { compareText, ok, type Result, type Snapshot, type TrafficClass } from "@sluice/model";
import type { CompiledPlan } from "./compiled-plan.js";
import type { Change } from "./plan-difference.js";

export interface FailureChoice {
  readonly choice: ScenarioChoice;
  /** None of them `new-plan` unless asked for: that one solves once for each failure, of both plans. */
  readonly layers: readonly LayerName[];
}

export interface FailureDifference {
  readonly layers: readonly LayerName[];
  readonly pairs: Change<FailureReport["pairs"]>;
  /** What the rules deliver while nothing fails. */
  readonly admittedBps: Change<Readonly<Record<TrafficClass, number>>>;
  /** By scenario id; one side is absent where only one network has the scenario. Worst after the change first, then those that are gone. */
  readonly scenarios: readonly ({
    readonly id: ScenarioReport["id"];
    readonly kind: ScenarioReport["kind"];
    /** Whether it would lose more, by the last layer, of the most important class that differs. */
    readonly verdict: "worse" | "better" | "same" | "new" | "gone";
  } & Change<Pick<ScenarioReport, "endsLostBps" | "layers">>)[];
}

export interface FailureSide {
  readonly snapshot: Snapshot;
  readonly compiled: CompiledPlan;
}

/** The splits of both are made here, so that both are judged alike. Faults: those of `failureReport`. */
export async function failureDifference(
  { before, after }: { readonly before: FailureSide | undefined; readonly after: FailureSide },
  { choice, layers }: FailureChoice,
  options: FailureReportOptions,
): Promise<Result<FailureDifference>> {
  const share = before === undefined ? 1 : 0.5;
  // A report makes its splits first, then walks.
  const within = (stage: string, fraction: number): number =>
    layers.includes("scenario-split") ? (stage.startsWith("split ") ? 0 : 0.5) + fraction / 2 : fraction;
  const reportOf = ({ snapshot, compiled }: FailureSide, start: number): Promise<Result<FailureReport>> =>
    failureReport(
      { snapshot, plan: compiled.plan, assignments: compiled.assignments, set: scenarioSet(compiled.topology, choice), layers },
      { ...options, onProgress: (stage, fraction) => options.onProgress?.(stage, start + share * within(stage, fraction)) },
    );
  const was = before === undefined ? ok(undefined) : await reportOf(before, 0);
  if (!was.ok) return was;
  const is = await reportOf(after, 1 - share);
  if (!is.ok) return is;
  return ok(compared(was.value, is.value));
}

function compared(was: FailureReport | undefined, is: FailureReport): FailureDifference {
  const old = new Map(was?.scenarios.map((each) => [each.id, each]));
  const now = new Set(is.scenarios.map(({ id }) => id));
  const gone = [...old.values()].filter(({ id }) => !now.has(id)).sort((a, b) => compareText(a.id, b.id));
  return {
    layers: is.layers,
    pairs: { before: was?.pairs, after: is.pairs },
    admittedBps: { before: was?.admittedBps, after: is.admittedBps },
    scenarios: [
      ...is.scenarios.map((each) => {
        const other = old.get(each.id);
        return { id: each.id, kind: each.kind, verdict: verdictOf(other, each), before: other && part(other), after: part(each) };
      }),
      ...gone.map((each) => ({ id: each.id, kind: each.kind, verdict: "gone" as const, before: part(each) })),
    ],
  };
}

function part({ endsLostBps, layers }: ScenarioReport): Pick<ScenarioReport, "endsLostBps" | "layers"> {
  return { endsLostBps, layers };
}

function verdictOf(before: ScenarioReport | undefined, after: ScenarioReport): "worse" | "better" | "same" | "new" {
  if (before === undefined) return "new";
  const order = worstFirst(before, after);
  return order === 0 ? "same" : order > 0 ? "worse" : "better";
}
