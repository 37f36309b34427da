/** What survives a controller: the store's state, with its rules about terms, epochs and versions. */
import {
  fault,
  ok,
  refuse,
  type DemandMatrix,
  type OperationDocument,
  type PlanSettings,
  type Result,
  type Term,
  type TopologyDocument,
} from "@sluice/model";
import type {
  AssignmentsRecord,
  CycleInputRecord,
  InventoryChangeRecord,
  InventoryVersions,
  JournalEvent,
  LeaseOutcomeRecord,
  LeaseRecord,
  LeaseRequestRecord,
  Persisted,
  PersistWrite,
  PlanRecord,
  StartInventory,
} from "@sluice/control";

export interface StoredPlan {
  readonly record: PlanRecord;
  readonly input: CycleInputRecord;
  readonly assignmentsAfter: AssignmentsRecord;
}

export class SimulatedStore {
  term: Term = 0;
  readonly topologies: TopologyDocument[] = [];
  readonly demands: DemandMatrix[] = [];
  readonly settings: PlanSettings[] = [];
  readonly operations: OperationDocument[] = [];
  /** What each of them was written by. */
  readonly operationsBy: PersistWrite["kind"][] = [];
  readonly plans: StoredPlan[] = [];
  readonly events: JournalEvent[] = [];

  /** Told of each write that was taken, and of the term that it was under. */
  onWritten: ((term: Term) => void) | undefined;
  /** Whether terms and leases are looked at before a write; a deliberate bug leaves it out. */
  isFenced = true;
  /** Of the newest term; without one, that lasts until the next. */
  #lease: { readonly holder: string; readonly endsAtMs: number } | undefined;

  acquireTerm(): Term {
    this.term += 1;
    return this.term;
  }

  /** Times are by the database's clock. */
  acquireLease({ holder, durationMs }: LeaseRequestRecord, nowMs: number): Result<LeaseOutcomeRecord> {
    if (this.#lease !== undefined && nowMs < this.#lease.endsAtMs) return ok({ kind: "held", lease: this.readLease(nowMs) });
    this.#lease = { holder, endsAtMs: nowMs + durationMs };
    return ok({ kind: "acquired", term: this.acquireTerm() });
  }

  /** For no time: given back. */
  renewLease(term: Term, durationMs: number, nowMs: number): Result<void> {
    if (this.#lease === undefined || !this.leaseLasts(term, nowMs))
      return refuse(fault("stale-term", `The lease of term ${term} is over.`));
    this.#lease = { ...this.#lease, endsAtMs: nowMs + durationMs };
    return ok(undefined);
  }

  readLease(nowMs: number): LeaseRecord {
    const lease = this.#lease;
    return lease === undefined
      ? { term: this.term }
      : { term: this.term, holder: lease.holder, remainingMs: Math.max(0, lease.endsAtMs - nowMs) };
  }

  leaseLasts(term: Term, nowMs: number): boolean {
    return term === this.term && (this.#lease === undefined || nowMs < this.#lease.endsAtMs);
  }

  /** `nowMs`: by the database's clock. */
  write(term: Term, write: PersistWrite, nowMs = 0): Result<Persisted> {
    if (this.isFenced && term < this.term) return refuse(fault("stale-term", `Term ${term} was followed by ${this.term}.`));
    if (this.isFenced && !this.leaseLasts(term, nowMs)) return refuse(fault("stale-term", `The lease of term ${term} is over.`));
    const written = this.#write(write);
    if (written.ok) this.onWritten?.(term);
    return written;
  }

  #write(write: PersistWrite): Result<Persisted> {
    switch (write.kind) {
      case "topology":
        return ok({ version: this.topologies.push(write.document) });
      case "demands":
        return ok({ version: this.demands.push(write.matrix) });
      case "settings":
        return ok({ version: this.settings.push(write.settings) });
      case "operation":
        this.operationsBy.push(write.kind);
        return ok({ version: this.operations.push(write.document) });
      case "inventory":
        return ok({ versions: this.#change(write.change, write.kind) });
      case "events":
        this.events.push(...write.events);
        return ok({});
      case "plan": {
        const epoch = this.plans.length + 1;
        if (write.record.epoch !== epoch) return refuse(fault("stale-epoch", `The next epoch is ${epoch}, not ${write.record.epoch}.`));
        this.plans.push({ record: write.record, input: write.input, assignmentsAfter: write.assignmentsAfter });
        return ok({ versions: this.#change(write.inventory ?? {}, write.kind) });
      }
    }
  }

  #change({ topology, settings, operation }: InventoryChangeRecord, by: PersistWrite["kind"]): InventoryVersions {
    if (operation !== undefined) this.operationsBy.push(by);
    return {
      ...(topology === undefined ? {} : { topology: this.topologies.push(topology) }),
      ...(settings === undefined ? {} : { settings: this.settings.push(settings) }),
      ...(operation === undefined ? {} : { operation: this.operations.push(operation) }),
    };
  }

  inventory(): StartInventory {
    const topology = this.topologies.at(-1);
    const demands = this.demands.at(-1);
    const settings = this.settings.at(-1);
    const operation = this.operations.at(-1);
    const lastPlan = this.plans.at(-1);
    const previousPlan = this.plans[(operation?.confirmation?.previousEpoch ?? 0) - 1];
    return {
      epoch: this.plans.length,
      ...(topology === undefined ? {} : { topology: { version: this.topologies.length, document: topology } }),
      ...(demands === undefined ? {} : { demands: { version: this.demands.length, matrix: demands } }),
      ...(settings === undefined ? {} : { settings: { version: this.settings.length, settings } }),
      ...(operation === undefined ? {} : { operation: { version: this.operations.length, document: operation } }),
      ...(lastPlan === undefined
        ? {}
        : { assignments: lastPlan.assignmentsAfter, lastPlan: { record: lastPlan.record, input: lastPlan.input } }),
      ...(previousPlan === undefined ? {} : { previousPlan: { record: previousPlan.record, input: previousPlan.input } }),
    };
  }
}
