/**
 * What the controller keeps. Inventory (topology, demands, settings, assignments) is current state; inputs, plans and
 * events are append-only, so any past cycle can be run again. The memory and the Prisma version pass one contract suite.
 *
 * Every write happens under the term of the controller that makes it: any term but the newest one that `acquireTerm` or `acquireLease`
 * handed out is refused with `stale-term`, and so is that one when its lease is over. A write that is refused, or that fails, changes nothing.
 *
 * Faults of every call: `unavailable` (the store is closed or cannot be reached; nothing is known of a write that was
 * under way, so read before writing again), `store-failed` (the database refused or returned damaged content).
 * Times are RFC 3339 and come back in UTC with milliseconds, as `Date.toISOString` writes them.
 */
import type {
  AuditDraft,
  AuditEntry,
  DemandMatrix,
  Epoch,
  OperationDocument,
  Plan,
  PlanSettings,
  PlanTimings,
  Result,
  Term,
  TopologyDocument,
} from "@sluice/model";
import type { ForecastStore } from "./forecast-store.js";
import type { InventoryChange, InventoryVersions } from "./inventory-change.js";
import type { KeyedRequestStore } from "./keyed-request.js";
import type { LeaseStore } from "./lease.js";

/** JSON-compatible state of `packages/rules`: labels of tunnels and numbers of groups. Opaque to the store. */
export type AssignmentsDocument = Readonly<Record<string, unknown>>;

/** Largest page that a list returns, largest number of events and of audit entries in one append. */
export const pageLimitMax = 1_000;
export const eventsPerAppendMax = 10_000;
export const auditPerAppendMax = 1_000;

export interface Inventory {
  readonly topology?: { readonly version: number; readonly document: TopologyDocument };
  readonly demands?: { readonly version: number; readonly matrix: DemandMatrix };
  readonly settings?: { readonly version: number; readonly settings: PlanSettings };
  readonly operation?: { readonly version: number; readonly document: OperationDocument };
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
  /** SHA-256 of the canonical JSON of the `CycleInput`, hex. The store refuses a record whose hash is not that of its input. */
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

/** A part of the journal: events after `after` and up to `through`, which fit all that is given. */
export interface EventPage {
  readonly after?: number;
  readonly through?: number;
  /** Some of these kinds; 100 at most. */
  readonly kinds?: readonly string[];
  /** What `data.by.correlationId` says: events that followed from this request. */
  readonly correlationId?: string;
  /** What `data.epoch` says: events about one of these plans; 1,000 at most. */
  readonly epochs?: readonly Epoch[];
  readonly limit: number;
}

/** A part of the audit log: entries after `after` and before `before`, which fit all that is given. */
export interface AuditPage {
  readonly after?: number;
  readonly before?: number;
  readonly order: "oldest-first" | "newest-first";
  readonly requestId?: string;
  readonly actor?: string;
  readonly limit: number;
}

export interface Store extends ForecastStore, KeyedRequestStore, LeaseStore {
  /** Whether the store answers: for readiness. */
  ping(): Promise<Result<void>>;
  /**
   * Starts a leadership without an end of its own, whoever leads: the highest term so far plus one. `holder` says who, e.g. host and process id. For
   * a database that is one process's; where there are several, `acquireLease`.
   */
  acquireTerm(holder: string): Promise<Result<Term>>;
  loadInventory(): Promise<Result<Inventory>>;
  /** Each returns the new version, which rises by one. */
  putTopology(term: Term, document: TopologyDocument): Promise<Result<number>>;
  /** With the time at which it was measured, the matrix is kept in the history too, where it is the first of its interval. */
  putDemands(term: Term, matrix: DemandMatrix, measuredAt?: string): Promise<Result<number>>;
  putSettings(term: Term, settings: PlanSettings): Promise<Result<number>>;
  putOperation(term: Term, document: OperationDocument): Promise<Result<number>>;
  /** Several of these in one transaction; returns the new version of each. */
  putInventory(term: Term, change: InventoryChange): Promise<Result<InventoryVersions>>;
  /**
   * Stores a plan, its inputs and the assignments after it, and the parts of the inventory that are given, in one transaction. The epoch must be
   * the last plus one, else `stale-epoch`. Returns the new versions of those parts.
   */
  appendPlan(
    term: Term,
    plan: PlanRecord,
    input: CycleInput,
    assignmentsAfter: AssignmentsDocument,
    inventory?: InventoryChange,
  ): Promise<Result<InventoryVersions>>;
  /** `not-found` where there is no such plan. */
  getPlan(epoch: Epoch): Promise<Result<PlanRecord>>;
  /** Newest first; `before` is exclusive. */
  listPlans(page: { readonly before?: Epoch; readonly limit: number }): Promise<Result<readonly PlanSummary[]>>;
  /** `not-found` where no plan was made from such an input. */
  getCycleInput(hash: string): Promise<Result<CycleInput>>;
  /** Events are numbered from 1 without gaps, in the order of their commits. */
  appendEvents(term: Term, events: readonly Omit<EventRecord, "sequence">[]): Promise<Result<void>>;
  /** Oldest first. */
  listEvents(page: EventPage): Promise<Result<readonly EventRecord[]>>;
  /** Number of the newest event; 0 without one. */
  newestEvent(): Promise<Result<number>>;
  /** Numbers the entries from 1 without gaps and chains their hashes (`chainAudit`), all or none; returns them as stored. */
  appendAudit(term: Term, drafts: readonly AuditDraft[]): Promise<Result<readonly AuditEntry[]>>;
  listAudit(page: AuditPage): Promise<Result<readonly AuditEntry[]>>;
  /** Releases everything; every later call is refused with `unavailable`. Closing again does nothing. */
  close(): Promise<void>;
}
