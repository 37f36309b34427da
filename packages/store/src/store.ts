/**
 * What the controller keeps. Inventory (topology, demands, settings, assignments) is current state; inputs, plans and
 * events are append-only, so any past cycle can be run again. The memory and the Prisma version pass one contract suite.
 *
 * Every write happens under the term of the controller that makes it: a lower term than the store has seen is
 * refused with `stale-term` and changes nothing.
 */
import type { DemandMatrix, Epoch, Plan, PlanSettings, PlanTimings, Result, Term, TopologyDocument } from "@sluice/model";

/** JSON-compatible state of `packages/rules`: labels of tunnels and numbers of groups. Opaque to the store. */
export type AssignmentsDocument = Readonly<Record<string, unknown>>;

export interface Inventory {
  readonly topology?: { readonly version: number; readonly document: TopologyDocument };
  readonly demands?: { readonly version: number; readonly matrix: DemandMatrix };
  readonly settings?: { readonly version: number; readonly settings: PlanSettings };
  /** As of the newest plan. */
  readonly assignments?: AssignmentsDocument;
  readonly epoch: Epoch;
}

/** All that a plan and its rules were computed from: running the cycle again on it gives byte-identical rules. */
export interface CycleInput {
  readonly topology: TopologyDocument;
  readonly demands: DemandMatrix;
  readonly settings: PlanSettings;
  readonly assignmentsBefore: AssignmentsDocument;
}

export interface PlanRecord {
  readonly epoch: Epoch;
  readonly term: Term;
  readonly createdAt: string;
  /** Hash of the canonical JSON of the `CycleInput`. */
  readonly cycleInputHash: string;
  readonly plan: Plan;
  readonly timings: PlanTimings;
  /** Digest over all nodes' rules. */
  readonly rulesDigest: string;
  readonly ruleCount: number;
}

export interface PlanSummary extends Omit<PlanRecord, "plan"> {
  readonly rung: Plan["rung"];
  readonly demandBps: number;
  readonly admittedBps: number;
  readonly utilizationMax: number;
}

export interface EventRecord {
  readonly sequence: number;
  readonly at: string;
  /** e.g. `plan-applied`, `link-down`, `agent-connected`, `topology-replaced`. */
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One uploaded forecast: rates per flow group for a window of time. */
export interface ForecastBatch {
  readonly batchId: string;
  readonly receivedAt: string;
  readonly windowStart: string;
  readonly windowSeconds: number;
  readonly matrix: DemandMatrix;
}

export interface Store {
  /** Starts a leadership: the highest term so far plus one. */
  acquireTerm(holder: string): Promise<Result<Term>>;
  loadInventory(): Promise<Result<Inventory>>;
  /** Each returns the new version, which rises by one. */
  putTopology(term: Term, document: TopologyDocument): Promise<Result<number>>;
  putDemands(term: Term, matrix: DemandMatrix): Promise<Result<number>>;
  putSettings(term: Term, settings: PlanSettings): Promise<Result<number>>;
  /** Stores a plan, its inputs and the assignments after it, in one transaction. The epoch must be the last plus one, else `stale-epoch`. */
  appendPlan(term: Term, plan: PlanRecord, input: CycleInput, assignmentsAfter: AssignmentsDocument): Promise<Result<void>>;
  getPlan(epoch: Epoch): Promise<Result<PlanRecord>>;
  /** Newest first; `before` is exclusive. */
  listPlans(page: { readonly before?: Epoch; readonly limit: number }): Promise<Result<readonly PlanSummary[]>>;
  getCycleInput(hash: string): Promise<Result<CycleInput>>;
  appendEvents(term: Term, events: readonly Omit<EventRecord, "sequence">[]): Promise<Result<void>>;
  /** Oldest first, after the given sequence. */
  listEvents(page: { readonly after?: number; readonly limit: number }): Promise<Result<readonly EventRecord[]>>;
  /** Idempotent by batch id: the same id again is accepted and changes nothing. */
  putForecast(term: Term, batch: ForecastBatch): Promise<Result<void>>;
  listForecasts(page: { readonly from?: string; readonly limit: number }): Promise<Result<readonly ForecastBatch[]>>;
  close(): Promise<void>;
}
