/** What survives a controller: the store's state, with its rules about terms, epochs and versions. */
import { fault, ok, refuse, type DemandMatrix, type PlanSettings, type Result, type Term, type TopologyDocument } from "@sluice/model";
import type { AssignmentsRecord, CycleInputRecord, JournalEvent, PersistWrite, PlanRecord, StartInventory } from "@sluice/control";

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
  readonly plans: StoredPlan[] = [];
  readonly events: JournalEvent[] = [];

  acquireTerm(): Term {
    this.term += 1;
    return this.term;
  }

  write(term: Term, write: PersistWrite): Result<{ version?: number }> {
    if (term < this.term) return refuse(fault("stale-term", `Term ${term} was followed by ${this.term}.`));
    switch (write.kind) {
      case "topology":
        return ok({ version: this.topologies.push(write.document) });
      case "demands":
        return ok({ version: this.demands.push(write.matrix) });
      case "settings":
        return ok({ version: this.settings.push(write.settings) });
      case "events":
        this.events.push(...write.events);
        return ok({});
      case "plan": {
        const epoch = this.plans.length + 1;
        if (write.record.epoch !== epoch) return refuse(fault("stale-epoch", `The next epoch is ${epoch}, not ${write.record.epoch}.`));
        this.plans.push({ record: write.record, input: write.input, assignmentsAfter: write.assignmentsAfter });
        return ok({});
      }
    }
  }

  inventory(): StartInventory {
    const topology = this.topologies.at(-1);
    const demands = this.demands.at(-1);
    const settings = this.settings.at(-1);
    const lastPlan = this.plans.at(-1);
    return {
      epoch: this.plans.length,
      ...(topology === undefined ? {} : { topology: { version: this.topologies.length, document: topology } }),
      ...(demands === undefined ? {} : { demands: { version: this.demands.length, matrix: demands } }),
      ...(settings === undefined ? {} : { settings: { version: this.settings.length, settings } }),
      ...(lastPlan === undefined
        ? {}
        : { assignments: lastPlan.assignmentsAfter, lastPlan: { record: lastPlan.record, input: lastPlan.input } }),
    };
  }
}
