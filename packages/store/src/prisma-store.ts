/**
 * The store in PostgreSQL, by Prisma: a server's, or PGlite in the data directory. Every write is one transaction that
 * first locks the one row of `leadership`: so it sees the newest term and its lease, and the writes of one store never overlap.
 */
import { fault, ok, refuse } from "@sluice/model";
import type { DemandMatrix, Epoch, OperationDocument, Plan, PlanSettings, Result, Term, TopologyDocument } from "@sluice/model";
import { Prisma, type InventoryKind } from "../generated/prisma/client.js";
import { admitAudit, admitAuditPage, admitEventPage, admitEvents, admitPage, admitPlan, type AdmittedPlan } from "./admission.js";
import { auditEntriesOf, insertAudit } from "./audit-table.js";
import { faultOfDatabase, isConflict } from "./database-fault.js";
import { openDatabase, type Database, type DatabaseOptions } from "./database.js";
import { encodeDocument, type EncodedDocument } from "./document.js";
import { DamagedDocument, insertDocuments, KnownDocuments, newDocuments, readDocument } from "./document-table.js";
import { eventsOf, insertEvents } from "./event-table.js";
import { admitEnd, admitRequest } from "./keyed-request.js";
import { endRequest, insertRequest } from "./keyed-request-table.js";
import { encodeMeasurement, insertMeasurement, prismaForecasts } from "./prisma-forecasts.js";
import { encodeChange, type EncodedChange, type InventoryVersions } from "./inventory-change.js";
import { leaseTable } from "./lease-table.js";
import { insertPlan, summaryOf } from "./plan-table.js";
import { leaseOver, noCycleInput, noPlan, staleEpoch, staleTerm, storeClosed } from "./refusal.js";
import type { AssignmentsDocument, CycleInput, Inventory, Store } from "./store.js";

/** Times that a transaction is begun again after a conflict with another. */
const conflictRetriesMax = 5;
/** Waiting for a connection, and for the transaction itself. */
const transactionLimits = { maxWait: 30_000, timeout: 60_000 };
/** Largest value of a column of type INTEGER. */
const integerMax = 2_147_483_647;

const newestEpoch = { orderBy: { epoch: "desc" }, select: { epoch: true } } as const;

/**
 * Opens the database, brings its schema up to date and returns the store. Faults: `unavailable` (another process holds the
 * directory, the server does not answer), `store-failed` (a migration does not fit or fails, the directory cannot be used),
 * `malformed` and `not-allowed` (the URL), `cancelled` (by the signal).
 */
export async function prismaStore(options: DatabaseOptions): Promise<Result<Store>> {
  const database = await openDatabase(options);
  return database.ok ? ok(storeOn(database.value, (cause) => options.onCause?.(cause))) : database;
}

export function storeOn({ prisma, leases = prisma, close }: Database, onCause: (cause: unknown) => void): Store {
  let closing: Promise<void> | undefined;
  const underWay = new Set<Promise<unknown>>();
  const known = new KnownDocuments();

  async function guarded<T>(call: () => Promise<Result<T>>): Promise<Result<T>> {
    if (closing !== undefined) return storeClosed();
    const running = settled(call);
    underWay.add(running);
    try {
      return await running;
    } finally {
      underWay.delete(running);
    }
  }

  async function settled<T>(call: () => Promise<Result<T>>): Promise<Result<T>> {
    for (let retry = 0; ; retry++) {
      try {
        return await call();
      } catch (cause) {
        if (cause instanceof RolledBack) return cause.refusal;
        if (isConflict(cause) && retry < conflictRetriesMax) continue;
        onCause(cause);
        return refuse(
          cause instanceof DamagedDocument
            ? fault("store-failed", `The store is damaged: document ${cause.hash} is not what was written.`)
            : faultOfDatabase(cause),
        );
      }
    }
  }

  /**
   * Checks the term before all else, so that a deposed leader always hears that it is deposed; then stores the documents that
   * are new and makes the change. A refusal by `change` takes everything back.
   */
  async function write<A, T>(
    { under, admitted, documents }: { readonly under: Term; readonly admitted: Result<A>; readonly documents: readonly EncodedDocument[] },
    change: (tx: Prisma.TransactionClient, value: A) => Promise<Result<T>>,
  ): Promise<Result<T>> {
    return guarded(async () => {
      const fresh = await newDocuments(known, documents);
      const transaction = prisma.$transaction(
        async (tx) => {
          const [leadership] = await tx.$queryRaw<{ term: Term; lasts: boolean }[]>`
            SELECT locked.term, lease_lasts(locked.term) AS lasts FROM (SELECT term FROM leadership WHERE id = 1 FOR UPDATE) AS locked`;
          const { term: current, lasts } = leadership ?? { term: 0, lasts: false };
          if (under !== current) return staleTerm(under, current);
          if (!lasts) return leaseOver(under);
          if (!admitted.ok) return admitted;
          await insertDocuments(tx, fresh);
          const changed = await change(tx, admitted.value);
          if (!changed.ok) throw new RolledBack(changed);
          return changed;
        },
        { ...transactionLimits, isolationLevel: Prisma.TransactionIsolationLevel.ReadCommitted },
      );
      try {
        const written = await transaction;
        if (written.ok) known.add(documents);
        return written;
      } catch (cause) {
        known.forget();
        throw cause;
      }
    });
  }

  function put(under: Term, kind: Exclude<InventoryKind, "assignments">, value: unknown): Promise<Result<number>> {
    const admitted = encodeDocument(value);
    return write({ under, admitted, documents: admitted.ok ? [admitted.value] : [] }, async (tx, { hash }) =>
      ok(await replaceItem(tx, { kind, term: under, documentHash: hash })),
    );
  }

  return {
    ...prismaForecasts({ prisma, guarded, write }),

    ping: () =>
      guarded(async () => {
        await prisma.$queryRaw`SELECT 1`;
        return ok(undefined);
      }),

    ...leaseTable(leases, guarded),

    loadInventory: () =>
      guarded(async () => {
        const [items, newest] = await prisma.$transaction(
          [prisma.inventoryItem.findMany({ include: { document: true } }), prisma.plan.findFirst(newestEpoch)],
          { isolationLevel: Prisma.TransactionIsolationLevel.RepeatableRead },
        );
        const itemOf = (kind: InventoryKind) => items.find((item) => item.kind === kind);
        const [topology, demands, settings, operation, assignments] = [
          itemOf("topology"),
          itemOf("demands"),
          itemOf("settings"),
          itemOf("operation"),
          itemOf("assignments"),
        ];
        const inventory: Inventory = {
          ...(topology && { topology: { version: topology.version, document: await readDocument<TopologyDocument>(topology.document) } }),
          ...(demands && { demands: { version: demands.version, matrix: await readDocument<DemandMatrix>(demands.document) } }),
          ...(settings && { settings: { version: settings.version, settings: await readDocument<PlanSettings>(settings.document) } }),
          ...(operation && {
            operation: { version: operation.version, document: await readDocument<OperationDocument>(operation.document) },
          }),
          ...(assignments && { assignments: await readDocument<AssignmentsDocument>(assignments.document) }),
          epoch: newest?.epoch ?? 0,
        };
        return ok(inventory);
      }),

    putTopology: (under, document) => put(under, "topology", document),
    putDemands: async (under, matrix, measuredAt) => {
      const admitted = encodeDocument(matrix);
      const measured = measuredAt === undefined ? ok(undefined) : await encodeMeasurement(matrix, measuredAt);
      if (!measured.ok) return measured;
      return write({ under, admitted, documents: admitted.ok ? [admitted.value] : [] }, async (tx, { hash }) => {
        if (measured.value !== undefined) await insertMeasurement(tx, measured.value);
        return ok(await replaceItem(tx, { kind: "demands", term: under, documentHash: hash }));
      });
    },
    putSettings: (under, settings) => put(under, "settings", settings),
    putOperation: (under, document) => put(under, "operation", document),
    putInventory: (under, change) => {
      const admitted = encodeChange(change);
      return write({ under, admitted, documents: documentsOfChange(admitted) }, async (tx, encoded) =>
        ok(await replaceItems(tx, under, encoded)),
      );
    },

    appendPlan: (under, record, input, assignmentsAfter, inventory = {}) => {
      const whole = admitPlan({ under, record, input, assignmentsAfter });
      const encoded = encodeChange(inventory);
      const admitted = !whole.ok ? whole : !encoded.ok ? encoded : ok({ ...whole.value, change: encoded.value });
      const documents = admitted.ok ? [...documentsOf(admitted.value), ...documentsOfChange(encoded)] : [];
      return write({ under, admitted, documents }, async (tx, value) => {
        const { summary, plan, input: parts, assignmentsAfter: after } = value;
        const last = await insertPlan(tx, { summary, planHash: plan.hash, input: parts, assignmentsHash: after.hash });
        if (summary.epoch !== last + 1) return staleEpoch(summary.epoch, last);
        return ok(await replaceItems(tx, under, value.change));
      });
    },

    getPlan: (epoch) =>
      guarded(async () => {
        const row = isEpoch(epoch) ? await prisma.plan.findUnique({ where: { epoch }, include: { plan: true } }) : null;
        if (row === null) return noPlan(epoch);
        const { rung: _, demandBps: _d, admittedBps: _a, utilizationMax: _u, ...record } = summaryOf(row);
        return ok({ ...record, plan: await readDocument<Plan>(row.plan) });
      }),

    listPlans: (page) =>
      guarded(async () => {
        const admitted = admitPage(page);
        if (!admitted.ok) return admitted;
        const { before = integerMax, limit } = admitted.value;
        const rows = await prisma.plan.findMany({
          where: { epoch: { lt: Math.min(before, integerMax) } },
          orderBy: { epoch: "desc" },
          take: limit,
        });
        return ok(rows.map(summaryOf));
      }),

    getCycleInput: (hash) =>
      guarded(async () => {
        const row = /^[0-9a-f]{64}$/.test(hash)
          ? await prisma.cycleInput.findUnique({
              where: { hash },
              include: { topology: true, demands: true, settings: true, assignments: true },
            })
          : null;
        if (row === null) return noCycleInput(hash);
        const input: CycleInput = {
          topology: await readDocument<TopologyDocument>(row.topology),
          demands: await readDocument<DemandMatrix>(row.demands),
          settings: await readDocument<PlanSettings>(row.settings),
          assignmentsBefore: await readDocument<AssignmentsDocument>(row.assignments),
        };
        return ok(input);
      }),

    appendEvents: (under, batch) =>
      write({ under, admitted: admitEvents(batch), documents: [] }, async (tx, events) => {
        await insertEvents(tx, events);
        return ok(undefined);
      }),

    listEvents: (page) =>
      guarded(async () => {
        const admitted = admitEventPage(page);
        return admitted.ok ? ok(await eventsOf(prisma, admitted.value)) : admitted;
      }),

    newestEvent: () =>
      guarded(async () => {
        const { _max } = await prisma.event.aggregate({ _max: { sequence: true } });
        return ok(Number(_max.sequence ?? 0));
      }),

    appendAudit: (under, drafts) =>
      write({ under, admitted: admitAudit(drafts), documents: [] }, async (tx, admitted) => ok(await insertAudit(tx, under, admitted))),

    listAudit: (page) =>
      guarded(async () => {
        const admitted = admitAuditPage(page);
        return admitted.ok ? ok(await auditEntriesOf(prisma, admitted.value)) : admitted;
      }),

    beginRequest: (under, request) =>
      write({ under, admitted: admitRequest(request), documents: [] }, (tx, admitted) => insertRequest(tx, under, admitted)),
    endRequest: (under, key, answer) => write({ under, admitted: admitEnd(key, answer), documents: [] }, (tx, end) => endRequest(tx, end)),

    close: async () => {
      closing ??= Promise.allSettled(underWay).then(close);
      await closing;
    },
  };
}

/** Ends a transaction that a refusal must not leave a trace of. */
class RolledBack extends Error {
  override readonly name = "RolledBack";
  constructor(readonly refusal: Extract<Result<never>, { ok: false }>) {
    super("the transaction was refused");
  }
}

function documentsOf({ plan, input, assignmentsAfter }: AdmittedPlan): readonly EncodedDocument[] {
  return [plan, input.topology, input.demands, input.settings, input.assignmentsBefore, assignmentsAfter];
}

function documentsOfChange(change: Result<EncodedChange>): readonly EncodedDocument[] {
  return change.ok ? change.value.map(({ document }) => document) : [];
}

async function replaceItems(tx: Prisma.TransactionClient, term: Term, change: EncodedChange): Promise<InventoryVersions> {
  const versions: { -readonly [K in keyof InventoryVersions]: InventoryVersions[K] } = {};
  for (const { kind, document } of change) versions[kind] = await replaceItem(tx, { kind, term, documentHash: document.hash });
  return versions;
}

/** Returns the new version. */
async function replaceItem(
  tx: Prisma.TransactionClient,
  { kind, term, documentHash }: { readonly kind: InventoryKind; readonly term: Term; readonly documentHash: string },
): Promise<number> {
  const [row] = await tx.$queryRaw<{ version: number }[]>`
    INSERT INTO inventory_item (kind, version, term, document_hash) VALUES (${kind}::inventory_kind, 1, ${term}, ${documentHash})
    ON CONFLICT (kind) DO UPDATE
    SET version = inventory_item.version + 1, term = EXCLUDED.term, document_hash = EXCLUDED.document_hash, updated_at = now()
    RETURNING version`;
  return row?.version ?? 0;
}

function isEpoch(epoch: Epoch): boolean {
  return Number.isInteger(epoch) && epoch >= 1 && epoch <= integerMax;
}
