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

  acquireTerm(): Term {
    this.term += 1;
    return this.term;
  }

  write(term: Term, write: PersistWrite): Result<Persisted> {
    if (term < this.term) return refuse(fault("stale-term", `Term ${term} was followed by ${this.term}.`));
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
