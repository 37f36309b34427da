/** Composition root of the controller: the only place where its parts are made and joined. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { controllerConfigDefault, createController } from "@sluice/control";
import { fault, ok, refuse, type Fault, type Result } from "@sluice/model";
import { prismaStore } from "@sluice/store";
import { openTlsSource, type TlsFiles, type TlsSource } from "@sluice/wire";
import pino from "pino";
import { startDriver } from "./driver.js";
import { explainPlan } from "./explain.js";
import { startOutlookSolver } from "./forecast/outlook-solver.js";
import { startForecasts } from "./forecast/service.js";
import { grpcLimitsDefault } from "./grpc/limits.js";
import { startGrpc } from "./grpc/server.js";
import { within } from "./grpc/unary.js";
import { campaignConfig } from "./leadership/campaign-config.js";
import { solversByLeader } from "./leadership/leader-solvers.js";
import { createRole, type Lead, type Leader } from "./leadership/role.js";
import { parseOptions } from "./options.js";
import { logRedaction } from "./rest/auth/redaction.js";
import { setUpAuth } from "./rest/auth/setup.js";
import { restLimitsDefault } from "./rest/limits.js";
import { openAudit } from "./rest/records.js";
import { buildRest } from "./rest/server.js";
import { startSolverPool } from "./solver/solver-pool.js";
import { loadStartInventory } from "./start-inventory.js";

/** A stop that takes longer than this is forced, ms. */
const stopMsMax = 10_000;
/** Requests under way are waited for so long, ms: others wait for the lead. */
const restStopMsMax = 2_000;

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { readonly version: string };
const options = parseOptions(process.argv.slice(2), process.env);
const log = pino(
  { level: options.logLevel, base: { controller: options.controllerId }, redact: logRedaction },
  pino.destination({ fd: 2, sync: true }),
);

/** What is open, in the order in which it was opened; closed the other way round. */
const closers: (() => void | Promise<void>)[] = [];
let stopping = false;

async function stop(reason: string, exitCode: number): Promise<never> {
  if (stopping) return new Promise(() => undefined);
  stopping = true;
  log.info(`stopping: ${reason}`);
  setTimeout(() => process.exit(exitCode === 0 ? 1 : exitCode), stopMsMax).unref();
  for (const close of closers.toReversed()) await close();
  process.exit(exitCode);
}

/** Unwraps what the start cannot do without; a fault here ends the process with its sentence. Once it is stopping, the start goes no further. */
async function needed<T>(what: string, result: Result<T>): Promise<T> {
  if (stopping) return new Promise(() => undefined);
  if (result.ok) return result.value;
  log.fatal({ faults: result.faults }, `${what}: ${result.faults[0].message}`);
  return stop("the start failed", 1);
}

for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop(signal, 0));
if (options.exitWithStdin) {
  process.stdin.on("end", () => void stop("stdin has closed", 0));
  process.stdin.on("error", () => void stop("stdin has failed", 0));
  process.stdin.resume();
}

const auth = await needed("The keys of REST's tokens could not be read", await setUpAuth(options.auth));
for (const note of auth.notes) log.warn(note);
const grpcTls = await tlsOf("gRPC", options.grpcTls);
const restTls = await tlsOf("REST", options.restTls);
if (grpcTls === undefined) {
  log.warn(
    "development mode: gRPC asks for no certificates, and whoever reaches it on this machine may do everything; --grpc-tls-* end that",
  );
}
process.on("SIGHUP", () => {
  log.info("certificates are read again: SIGHUP");
  // What is wrong with them is said where they are read.
  for (const source of [grpcTls, restTls]) void source?.reload();
});

const database = options.databaseUrl === undefined ? { dataDir: options.dataDir } : { databaseUrl: options.databaseUrl };
const onCause = (cause: unknown): void => log.error({ err: cause }, "the store failed");
const opening = new AbortController();
const opened = prismaStore({ ...database, onCause, signal: opening.signal });
// Also while it is being opened: what is half open would leave its lock behind.
closers.push(async () => {
  opening.abort();
  const result = await opened;
  if (result.ok) await result.value.close();
});
const store = await needed("The store could not be opened", await opened);

const config = { ...controllerConfigDefault, controllerId: options.controllerId, solveIntervalMinMs: options.cycleSeconds * 1000 };
const solverProcess = new URL("./solver/solver-process.js", import.meta.url);
const outlookSolver = startOutlookSolver(solverProcess);
closers.push(() => outlookSolver.close());
const solvers = startSolverPool(solverProcess);
closers.push(() => solvers.close());
const solversOf = solversByLeader(solvers);
let settingsDue = options.settings !== undefined;
const role = createRole({
  store,
  config,
  lead,
  onBroken,
  onOusted: (reason) => void stop(`a newer leader exists: ${reason}`, 1),
  log,
});
const { driver, forecasts } = role;
driver.watch(({ kind, data }) => log.info({ event: kind, ...data }, kind));

const audit = openAudit({ store, view: driver.view, term: role.term, log });
const grpcAudit = { begin: audit.begin, end: audit.end, note: audit.note, refusal: role.leadership.refusal };
const grpc = await needed(
  "gRPC could not be served",
  await startGrpc({ address: options.grpc, driver, forecasts, audit: grpcAudit, log, ...(grpcTls && { tls: grpcTls }) }),
);
closers.push(() => grpc.stop());
const rest = await buildRest({
  view: driver.view,
  watch: driver.watch,
  watchJournal: driver.watchJournal,
  store,
  leadership: role.leadership,
  term: role.term,
  explain: (epoch, query) => explainPlan(store, solvers, epoch, query),
  report: (task, splits, signal, progress) => solvers.report(task, splits, signal, progress),
  solvers,
  submit: (request) => within(grpcLimitsDefault.requestMsMax, driver.submit(request)),
  rulesOf: driver.rulesOf,
  forecasts,
  audit,
  auth: auth.authenticator,
  ...(restTls && { tls: restTls }),
  limits: restLimitsDefault,
  log,
  checkAnswers: false,
  version,
});
const restUrl = await needed("REST could not be served", await listen());
// Streams are closed by the leader first, so that agents hear why, and requests under way have their answers before.
closers.push(() => role.stop());
closers.push(() => Promise.race([rest.close(), sleep(restStopMsMax, undefined, { ref: false })]));
const grpcAddress = `${options.grpc.host}:${grpc.port}`;
const standing = options.databaseUrl === undefined ? "alone" : campaignConfig({ ...options, rest: restUrl, grpc: grpcAddress });
await needed("The lead could not be taken", await role.start(standing));

const term = role.term();
process.stdout.write(`${JSON.stringify({ ready: true, grpc: grpcAddress, rest: restUrl, term })}\n`);
log.info({ grpc: grpc.port, rest: restUrl, term }, "serving");

/** All that leads under one term; ended with it. */
async function lead({ term: leadTerm, mayAct, onLapsed, onDeposed }: Lead): Promise<Result<Leader>> {
  const inventory = await loadStartInventory(store);
  if (!inventory.ok) return inventory;
  const ownSolvers = solversOf();
  const own = startDriver({
    state: createController(config, { term: leadTerm, inventory: inventory.value }),
    term: leadTerm,
    store,
    solvers: ownSolvers.solvers,
    mayAct,
    onLapsed,
    onSweep({ epoch, scenarios, result }) {
      if (!result.ok) return log.warn({ epoch, scenarios, faults: result.faults }, "there are no splits for failures");
      const { splits, cutShort, timings } = result.value;
      log[cutShort === undefined ? "info" : "warn"]({ epoch, scenarios, splits: splits.length, cutShort, timings }, "splits for failures");
      return undefined;
    },
    onStepDown: onDeposed,
    onBroken,
  });
  if (settingsDue) {
    const changed = await own.submit({ kind: "change-settings", settings: options.settings });
    // Who is no leader any more has changed nothing, and tries again when it is.
    if (!changed.ok && mayAct()) await needed("The settings were refused", changed);
    settingsDue = !changed.ok;
  }
  const ownForecasts = startForecasts({
    store,
    term: leadTerm,
    view: own.view,
    tell: own.tell,
    watch: own.watch,
    solve: outlookSolver.solve,
    nowMs: () => performance.timeOrigin + performance.now(),
    onFaults: (faults) => log.warn({ faults }, "forecasts could not be looked at"),
  });
  return ok({
    driver: own,
    forecasts: ownForecasts,
    async close() {
      ownForecasts.close();
      const stopped = own.stop();
      ownSolvers.cancelAll();
      await stopped;
    },
  });
}

function onBroken(error: unknown): void {
  log.fatal({ err: error }, "an invariant of the controller is broken");
  void stop("an invariant is broken", 70);
}

async function tlsOf(what: string, files: TlsFiles | undefined): Promise<TlsSource | undefined> {
  if (files === undefined) return undefined;
  const onWarning = (message: string, faults: readonly Fault[] = []): void => log.warn({ faults }, `${what}: ${message}`);
  const source = await needed(`The certificates of ${what} cannot be used`, await openTlsSource(files, { onWarning }));
  closers.push(() => source.close());
  return source;
}

async function listen(): Promise<Result<string>> {
  const { host, port } = options.rest;
  try {
    return ok(await rest.listen({ host, port }));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse(fault("unavailable", `REST cannot listen on ${host}:${port}: ${reason}; choose another --rest address.`));
  }
}
