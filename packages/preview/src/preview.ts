/**
 * Dry runs: the plan that follows from changed inputs, and what it would make otherwise against what is there now. Nothing is touched: a question
 * goes in by value, an answer comes out.
 */
import { optimize, type OptimizeOptions } from "@sluice/engine";
import {
  basisHash,
  buildTopology,
  fault,
  ok,
  refuse,
  type Certificate,
  type ClassPlan,
  type Plan,
  type PlanTimings,
  type Proposal,
  type ProposalBasis,
  type Result,
  type Snapshot,
} from "@sluice/model";
import { emptyAssignments, parseAssignments, type Assignments } from "@sluice/rules";
import { changedSnapshot, type Ground } from "./changed-snapshot.js";
import type { InputChanges, WhatIfChanges } from "./changes.js";
import { compiledPlan, walked, type CompiledPlan } from "./compiled-plan.js";
import { failureDifference, type FailureChoice, type FailureDifference } from "./failure-difference.js";
import { planDifference, type PlanDifference } from "./plan-difference.js";

/** Where the controller stands: its inputs of now, and the plan that switches hold or are about to. */
export interface Standing {
  readonly ground: Ground;
  readonly versions: Omit<ProposalBasis, "inputHash">;
  /** Absent where there is no plan yet. */
  readonly plan?:
    | {
        readonly epoch: number;
        readonly snapshot: Snapshot;
        readonly plan: Plan;
        /** Those that its labels and numbers were assigned after (`AssignmentsDocument`): they follow from them. */
        readonly assignmentsBefore: Readonly<Record<string, unknown>>;
      }
    | undefined;
}

/** Of each class what a reader asks first; the certificate without its prices. */
export interface PlanGist {
  readonly inputHash: string;
  readonly rung: Plan["rung"];
  readonly demandBps: number;
  readonly admittedBps: number;
  readonly utilizationMax: number;
  readonly tunnels: number;
  readonly groups: number;
  readonly unroutable: Plan["unroutable"];
  /** Where something is soft-drained: whether the plan does without it. */
  readonly softDrained?: Plan["softDrained"];
  readonly classes: readonly (Pick<ClassPlan, "trafficClass" | "rung" | "solver" | "demandBps" | "admittedBps" | "notes"> & {
    readonly certificate: Omit<Certificate, "linkPrices">;
  })[];
  readonly seconds: PlanTimings;
}

export interface Preview {
  readonly kind: "preview" | "what-if";
  readonly formatVersion: 1;
  readonly basis: ProposalBasis & { readonly epoch?: number | undefined };
  readonly plan: PlanGist;
  readonly difference: PlanDifference;
  /** Where it was asked for. */
  readonly failures?: FailureDifference | undefined;
}

export interface PreviewOptions {
  readonly lp: OptimizeOptions["lp"];
  readonly nowMs: () => number;
  /** `fraction` of the whole work that is done, in [0, 1]. */
  readonly onProgress?: ((stage: string, fraction: number) => void) | undefined;
  readonly isCancelled?: (() => boolean) | undefined;
}

/** What the plan would be with these changes, and a proposal that can be applied. Faults: as `answer`. */
export async function preview(
  question: { readonly standing: Standing; readonly changes: InputChanges; readonly failures?: FailureChoice | undefined },
  options: PreviewOptions,
): Promise<Result<{ readonly preview: Preview; readonly proposal: Proposal }>> {
  const { standing, changes, failures } = question;
  const { topologyChanges = [], settings = {} } = changes;
  const answered = await answer("preview", { standing, changes: { topologyChanges, settings }, failures }, options);
  if (!answered.ok) return answered;
  const { preview: found, snapshot, plan, timings } = answered.value;
  const { topologyVersion, demandsVersion, settingsVersion, inputHash } = found.basis;
  const basis = { topologyVersion, demandsVersion, settingsVersion, inputHash };
  return ok({ preview: found, proposal: { basis, topologyChanges, settings, snapshot, plan, timings } });
}

/** What the plan would be with these changes, failures and demands. Faults: as `answer`. */
export async function whatIf(
  question: { readonly standing: Standing; readonly changes: WhatIfChanges; readonly failures?: FailureChoice | undefined },
  options: PreviewOptions,
): Promise<Result<Preview>> {
  const answered = await answer("what-if", question, options);
  return answered.ok ? ok(answered.value.preview) : answered;
}

/** Shares of the whole work, where a failure report was asked for and where not. */
const solvedAt = { withReport: 0.4, alone: 0.9 };

/**
 * Plans the changed snapshot and compares. Faults: those of the changes with pointers into them, of planning (`check-failed`, ...), of
 * compiling and walking the rules, and `cancelled`.
 */
async function answer(
  kind: Preview["kind"],
  {
    standing,
    changes,
    failures,
  }: { readonly standing: Standing; readonly changes: WhatIfChanges; readonly failures?: FailureChoice | undefined },
  { lp, nowMs, onProgress, isCancelled }: PreviewOptions,
): Promise<Result<{ readonly preview: Preview; readonly snapshot: Snapshot; readonly plan: Plan; readonly timings: PlanTimings }>> {
  const { ground, versions } = standing;
  const { topology, demands, settings } = ground;
  onProgress?.("inputs", 0);
  const now = buildTopology(topology);
  if (!now.ok) return now;
  const inputHash = basisHash({ topology: now.value, demands, settings });
  const snapshot = changedSnapshot(ground, changes);
  if (!snapshot.ok) return snapshot;
  const standingPlan = standingSide(standing);
  if (!standingPlan.ok) return standingPlan;
  const solveShare = failures === undefined ? solvedAt.alone : solvedAt.withReport;
  const made = await optimize(snapshot.value, { lp, nowMs, onStage: (stage, fraction) => onProgress?.(stage, solveShare * fraction) });
  if (!made.ok) return made;
  if (isCancelled?.() === true) return refuse(fault("cancelled", "The preview was cancelled."));
  const { plan, timings } = made.value;
  onProgress?.("rules", solveShare);
  const before = standingPlan.value;
  const compiled = compiledPlan({ ...snapshot.value, plan }, before?.compiled.assignments ?? emptyAssignments);
  if (!compiled.ok) return compiled;
  const after = walked(compiled.value);
  if (!after.ok) return after;
  const difference = planDifference(before?.compiled, after.value);
  const report =
    failures === undefined
      ? ok(undefined)
      : await failureDifference({ before, after: { snapshot: snapshot.value, compiled: after.value } }, failures, {
          lp,
          nowMs,
          onProgress: (stage, fraction) => onProgress?.(stage, solveShare + (1 - solveShare) * fraction),
          ...(isCancelled === undefined ? {} : { isCancelled }),
        });
  if (!report.ok) return report;
  onProgress?.("done", 1);
  return ok({
    preview: {
      kind,
      formatVersion: 1,
      basis: { ...versions, inputHash, ...(standing.plan === undefined ? {} : { epoch: standing.plan.epoch }) },
      plan: planGist(plan, timings),
      difference,
      ...(report.value === undefined ? {} : { failures: report.value }),
    },
    snapshot: snapshot.value,
    plan,
    timings,
  });
}

function standingSide({ plan: standing }: Standing): Result<{ readonly snapshot: Snapshot; readonly compiled: CompiledPlan } | undefined> {
  if (standing === undefined) return ok(undefined);
  const assignments: Result<Assignments> = parseAssignments(standing.assignmentsBefore);
  if (!assignments.ok) return assignments;
  const { snapshot, plan } = standing;
  const compiled = compiledPlan({ ...snapshot, plan }, assignments.value);
  return compiled.ok ? ok({ snapshot, compiled: compiled.value }) : compiled;
}

export function planGist(plan: Plan, timings: PlanTimings): PlanGist {
  const { inputHash, rung, classes, check, tunnels, groups, unroutable, softDrained } = plan;
  return {
    inputHash,
    rung,
    demandBps: classes.reduce((sum, { demandBps }) => sum + demandBps, 0),
    admittedBps: classes.reduce((sum, { admittedBps }) => sum + admittedBps, 0),
    utilizationMax: check.utilizationMax,
    tunnels: tunnels.length,
    groups: groups.length,
    unroutable,
    ...(softDrained === undefined ? {} : { softDrained }),
    classes: classes.map(({ trafficClass, rung: of, solver, demandBps, admittedBps, notes, certificate }) => {
      const { linkPrices: _, ...figures } = certificate;
      return { trafficClass, rung: of, solver, demandBps, admittedBps, notes, certificate: figures };
    }),
    seconds: timings,
  };
}
