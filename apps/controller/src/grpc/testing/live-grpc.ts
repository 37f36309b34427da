/** The gRPC server before the real machine and its driver, a store in memory, and the audit log; nothing is planned, and time passes as it does. */
import { controllerConfigDefault, createController } from "@sluice/control";
import { assert, canonicalJson, type AuditEntry, type Result } from "@sluice/model";
import { memoryStore, type Store } from "@sluice/store";
import type { TlsSource } from "@sluice/wire";
import { startDriver, type Driver } from "../../driver.js";
import { startForecasts } from "../../forecast/service.js";
import { openAudit } from "../../rest/records.js";
import { solversHere } from "../../rest/testing/live-controller.js";
import type { GrpcLimits } from "../limits.js";
import { startGrpc, type GrpcServer } from "../server.js";

export interface LoggedLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly data: Record<string, unknown>;
  readonly message: string;
}

export interface LiveGrpc {
  readonly server: GrpcServer;
  readonly driver: Driver;
  readonly store: Store;
  readonly lines: LoggedLine[];
  /** What broke the machine, or made it step down. */
  readonly broken: unknown[];
  /** Everything that operators and jobs can change, as text: equal where nothing was changed. */
  state(): Promise<string>;
  audit(): Promise<readonly AuditEntry[]>;
  /** Makes every write of the audit log fail while it is set. */
  auditAway: boolean;
  close(): Promise<void>;
}

function value<T>(result: Result<T>): T {
  assert(result.ok, JSON.stringify(result));
  return result.value;
}

export async function liveGrpc(more: { readonly tls?: TlsSource; readonly limits?: Partial<GrpcLimits> } = {}): Promise<LiveGrpc> {
  const store = memoryStore();
  const term = value(await store.acquireTerm("a test"));
  const lines: LoggedLine[] = [];
  const broken: unknown[] = [];
  const driver = startDriver({
    state: createController({ ...controllerConfigDefault, controllerId: "test" }, { term, inventory: { epoch: 0 } }),
    term,
    store,
    solvers: solversHere,
    onStepDown: (reason) => broken.push(reason),
    onBroken: (error) => broken.push(error),
  });
  // What is planned is none of these tests' business.
  value(await driver.submit({ kind: "change-operation", operation: { mode: "held" } }));
  const forecasts = startForecasts({
    store,
    term,
    view: driver.view,
    tell: driver.tell,
    watch: driver.watch,
    solve: () => Promise.reject(new Error("nothing is planned here")),
    nowMs: () => Date.now(),
    onFaults: () => undefined,
  });
  const logTo =
    (level: LoggedLine["level"]) =>
    (data: object, message: string): void =>
      void lines.push({ level, data: data as Record<string, unknown>, message });
  let isAway = false;
  const away: Pick<Store, "appendAudit" | "listAudit"> = {
    listAudit: (page) => store.listAudit(page),
    appendAudit: (under, drafts) =>
      isAway
        ? Promise.resolve({ ok: false, faults: [{ code: "unavailable", message: "The store is away." }] })
        : store.appendAudit(under, drafts),
  };
  const log = openAudit({ store: { ...store, ...away }, view: driver.view, term: () => term });
  const audit = { begin: log.begin, end: log.end, note: log.note, refusal: () => undefined };
  const started = await startGrpc({
    address: { host: "127.0.0.1", port: 0 },
    driver,
    forecasts,
    audit,
    log: { debug: logTo("debug"), info: logTo("info"), warn: logTo("warn"), error: logTo("error") },
    limits: { stopMsMax: 50, ...more.limits },
    ...(more.tls && { tls: more.tls }),
  });
  const server = value(started);
  return {
    server,
    driver,
    store,
    lines,
    broken,
    async state() {
      const { topology, demands, settings, operation } = value(await store.loadInventory());
      const batches = value(await store.listForecasts({ limit: 1_000 }));
      const counting = batches
        .filter(({ state }) => state === "ready" || state === "quarantined")
        .map(({ batchId, contentHash }) => [batchId, contentHash]);
      return canonicalJson({ topology, demands, settings, operation, counting });
    },
    audit: async () => value(await store.listAudit({ order: "oldest-first", limit: 1_000 })),
    get auditAway() {
      return isAway;
    },
    set auditAway(isNow: boolean) {
      isAway = isNow;
    },
    async close() {
      await server.stop();
      log.close();
      forecasts.close();
      await driver.stop();
    },
  };
}
