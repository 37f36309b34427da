/**
 * The store in memory: for tests and simulation, and the yardstick of the contract suite. It keeps JSON and
 * parses it anew for each reader, so nothing that a caller does to a value changes what was stored.
 */
import {
  auditStart,
  chainAudit,
  ok,
  type AuditEntry,
  type DemandMatrix,
  type Epoch,
  type OperationDocument,
  type Plan,
  type PlanSettings,
  type Result,
  type Term,
  type TopologyDocument,
} from "@sluice/model";
import {
  admitAudit,
  admitAuditPage,
  admitEventPage,
  admitEvents,
  admitPage,
  admitPlan,
  summaryOf,
  type AdmittedEvent,
} from "./admission.js";
import { encodeDocument, type EncodedCycleInput } from "./document.js";
import { encodeChange, type EncodedChange, type InventoryVersions } from "./inventory-change.js";
import { memoryForecasts } from "./memory-forecasts.js";
import { memoryLease } from "./memory-lease.js";
import { memoryKeyedRequests } from "./memory-keyed-requests.js";
import type { AssignmentsDocument, CycleInput, EventRecord, Inventory, PlanRecord, Store } from "./store.js";
import { noPlan, noCycleInput, staleEpoch, storeClosed } from "./refusal.js";

interface Versioned {
  readonly version: number;
  readonly json: string;
}

type Current = "topology" | "demands" | "settings" | "operation";

/** The clock is for leases, ms. */
export function memoryStore(nowMs: () => number = () => performance.now()): Store {
  let closed = false;
  let assignments: string | undefined;
  const current = new Map<Current, Versioned>();
  const plans: { readonly record: Omit<PlanRecord, "plan">; readonly plan: string }[] = [];
  const inputs = new Map<string, EncodedCycleInput>();
  const events: AdmittedEvent[] = [];
  const audit: AuditEntry[] = [];

  /** Every call is asynchronous and refused once closed, as it is with a database. */
  async function read<T>(answer: () => Result<T>): Promise<Result<T>> {
    await Promise.resolve();
    return closed ? storeClosed() : answer();
  }

  const { leases, refusalOf } = memoryLease(read, nowMs);

  function write<T>(under: Term, change: () => Result<T>): Promise<Result<T>> {
    return read(() => refusalOf(under) ?? change());
  }

  function put(under: Term, kind: Current, value: unknown): Promise<Result<number>> {
    return write(under, () => {
      const document = encodeDocument(value);
      return document.ok ? ok(replace(kind, document.value.json)) : document;
    });
  }

  /** Returns the new version. */
  function replace(kind: Current, json: string): number {
    const version = (current.get(kind)?.version ?? 0) + 1;
    current.set(kind, { version, json });
    return version;
  }

  function replaceAll(change: EncodedChange): InventoryVersions {
    return Object.fromEntries(change.map(({ kind, document }) => [kind, replace(kind, document.json)]));
  }

  function planAt(epoch: Epoch): PlanRecord | undefined {
    const kept = plans[epoch - 1];
    return kept === undefined ? undefined : { ...structuredClone(kept.record), plan: parse<Plan>(kept.plan) };
  }

  const { remembering, ...forecasts } = memoryForecasts({ read, write });

  return {
    ...forecasts,
    ping: () => read(() => ok(undefined)),

    ...leases,

    loadInventory: () =>
      read((): Result<Inventory> => {
        const topology = current.get("topology");
        const demands = current.get("demands");
        const settings = current.get("settings");
        const operation = current.get("operation");
        return ok({
          ...(topology && { topology: { version: topology.version, document: parse<TopologyDocument>(topology.json) } }),
          ...(demands && { demands: { version: demands.version, matrix: parse<DemandMatrix>(demands.json) } }),
          ...(settings && { settings: { version: settings.version, settings: parse<PlanSettings>(settings.json) } }),
          ...(operation && { operation: { version: operation.version, document: parse<OperationDocument>(operation.json) } }),
          ...(assignments !== undefined && { assignments: parse<AssignmentsDocument>(assignments) }),
          epoch: plans.length,
        });
      }),

    putTopology: (under, document) => put(under, "topology", document),
    putDemands: async (under, matrix, measuredAt) => {
      const remember = measuredAt === undefined ? ok(() => undefined) : remembering(matrix, measuredAt);
      if (!remember.ok) return remember;
      const version = await put(under, "demands", matrix);
      if (version.ok) remember.value();
      return version;
    },
    putSettings: (under, settings) => put(under, "settings", settings),
    putOperation: (under, document) => put(under, "operation", document),
    putInventory: (under, change) =>
      write(under, () => {
        const encoded = encodeChange(change);
        return encoded.ok ? ok(replaceAll(encoded.value)) : encoded;
      }),

    appendPlan: (under, record, input, assignmentsAfter, inventory = {}) =>
      write(under, () => {
        const admitted = admitPlan({ under, record, input, assignmentsAfter });
        if (!admitted.ok) return admitted;
        const change = encodeChange(inventory);
        if (!change.ok) return change;
        if (record.epoch !== plans.length + 1) return staleEpoch(record.epoch, plans.length);
        const { plan: _, ...rest } = admitted.value.record;
        plans.push({ record: structuredClone(rest), plan: admitted.value.plan.json });
        inputs.set(admitted.value.input.hash, admitted.value.input);
        assignments = admitted.value.assignmentsAfter.json;
        return ok(replaceAll(change.value));
      }),

    getPlan: (epoch) =>
      read(() => {
        const record = planAt(epoch);
        return record === undefined ? noPlan(epoch) : ok(record);
      }),

    listPlans: (page) =>
      read(() => {
        const admitted = admitPage(page);
        if (!admitted.ok) return admitted;
        const { before = Infinity, limit } = admitted.value;
        const newest = Math.min(plans.length, before - 1);
        const epochs = Array.from({ length: Math.min(limit, newest) }, (_, i) => newest - i);
        return ok(epochs.flatMap((epoch) => planAt(epoch) ?? []).map(summaryOf));
      }),

    getCycleInput: (hash) =>
      read((): Result<CycleInput> => {
        const input = inputs.get(hash);
        if (input === undefined) return noCycleInput(hash);
        return ok({
          topology: parse<TopologyDocument>(input.topology.json),
          demands: parse<DemandMatrix>(input.demands.json),
          settings: parse<PlanSettings>(input.settings.json),
          assignmentsBefore: parse<AssignmentsDocument>(input.assignmentsBefore.json),
        });
      }),

    appendEvents: (under, batch) =>
      write(under, () => {
        const admitted = admitEvents(batch);
        if (!admitted.ok) return admitted;
        events.push(...admitted.value);
        return ok(undefined);
      }),

    listEvents: (page) =>
      read((): Result<readonly EventRecord[]> => {
        const admitted = admitEventPage(page);
        if (!admitted.ok) return admitted;
        const { after = 0, through = Infinity, kinds, correlationId, epochs, limit } = admitted.value;
        const found: EventRecord[] = [];
        for (let i = after; i < Math.min(events.length, through) && found.length < limit; i += 1) {
          const event = events[i];
          if (event === undefined || (kinds !== undefined && !kinds.includes(event.kind))) continue;
          if (correlationId !== undefined && event.correlationId !== correlationId) continue;
          if (epochs !== undefined && (event.epoch === undefined || !epochs.includes(event.epoch))) continue;
          found.push({ sequence: i + 1, at: event.at, kind: event.kind, data: parse(event.data) });
        }
        return ok(found);
      }),

    newestEvent: () => read(() => ok(events.length)),

    appendAudit: (under, drafts) =>
      write(under, () => {
        const admitted = admitAudit(drafts);
        if (!admitted.ok) return admitted;
        const added = admitted.value.map((draft) => {
          const entry = chainAudit(audit.at(-1) ?? auditStart, draft, under);
          audit.push(entry);
          return { ...entry };
        });
        return ok(added);
      }),

    listAudit: (page) =>
      read((): Result<readonly AuditEntry[]> => {
        const admitted = admitAuditPage(page);
        if (!admitted.ok) return admitted;
        const { after = 0, before = Infinity, order, requestId, actor, limit } = admitted.value;
        const fitting = audit.filter(
          (entry) =>
            entry.sequence > after &&
            entry.sequence < before &&
            (requestId === undefined || entry.requestId === requestId) &&
            (actor === undefined || entry.actor === actor),
        );
        const ordered = order === "oldest-first" ? fitting : fitting.toReversed();
        return ok(ordered.slice(0, limit).map((entry) => ({ ...entry })));
      }),

    ...memoryKeyedRequests(write),

    close: async () => {
      await Promise.resolve();
      closed = true;
    },
  };
}

/** Only ever applied to what `encodeDocument` wrote from a value of the same type. */
function parse<T>(json: string): T {
  return JSON.parse(json) as T;
}
