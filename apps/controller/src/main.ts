/** Composition root of the controller: the only place where its parts are made and joined. */
import { mkdirSync } from "node:fs";
import { controllerConfigDefault, createController } from "@sluice/control";
import type { Result } from "@sluice/model";
import { prismaStore } from "@sluice/store";
import pino from "pino";
import { startDriver } from "./driver.js";
import { explainPlan } from "./explain.js";
import { startGrpc } from "./grpc/server.js";
import { parseOptions } from "./options.js";
import { buildRest } from "./rest/server.js";
import { startSolverPool } from "./solver/solver-pool.js";
import { loadStartInventory } from "./start-inventory.js";

/** A stop that takes longer than this is forced, ms. */
const stopMsMax = 10_000;

const options = parseOptions(process.argv.slice(2), process.env);
const log = pino({ level: options.logLevel, base: { controller: options.controllerId } }, pino.destination({ fd: 2, sync: true }));

/** Unwraps what the start cannot do without; a fault here ends the process with its sentence. */
function needed<T>(what: string, result: Result<T>): T {
  if (result.ok) return result.value;
  log.fatal({ faults: result.faults }, `${what}: ${result.faults[0].message}`);
  process.exit(1);
}

mkdirSync(options.dataDir, { recursive: true });
const store = needed(
  "The store could not be opened",
  await prismaStore(options.databaseUrl === undefined ? { dataDir: options.dataDir } : { databaseUrl: options.databaseUrl }),
);
const term = needed("The lead could not be taken", await store.acquireTerm(options.controllerId));
const inventory = needed("The inventory could not be read", await loadStartInventory(store));

const solvers = startSolverPool(new URL("./solver/solver-process.js", import.meta.url));
const driver = startDriver({
  state: createController(
    { ...controllerConfigDefault, controllerId: options.controllerId, solveIntervalMinMs: options.cycleSeconds * 1000 },
    { term, inventory },
  ),
  term,
  store,
  solvers,
  onStepDown: (reason) => void stop(`A newer leader exists: ${reason}`, 1),
  onBroken: (error) => {
    log.fatal({ err: error }, "an invariant of the controller is broken");
    void stop("an invariant is broken", 70);
  },
});
driver.watch(({ kind, data }) => log.info({ event: kind, ...data }, kind));

if (options.settings !== undefined) {
  needed("The settings were refused", await driver.submit({ kind: "change-settings", settings: options.settings }));
}

const grpc = needed("gRPC could not be served", await startGrpc({ address: options.grpc, driver, store, term, log }));
const rest = await buildRest({
  view: driver.view,
  store,
  explain: (epoch, query) => explainPlan(store, solvers, epoch, query),
  log,
});
let restUrl: string;
try {
  restUrl = await rest.listen({ host: options.rest.host, port: options.rest.port });
} catch (error) {
  log.fatal({ err: error }, `REST could not be served on ${options.rest.host}:${options.rest.port}; choose another --rest address`);
  process.exit(1);
}

let stopping = false;
async function stop(reason: string, exitCode: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  log.info(`stopping: ${reason}`);
  setTimeout(() => process.exit(exitCode === 0 ? 1 : exitCode), stopMsMax).unref();
  await rest.close();
  await driver.stop();
  await grpc.stop();
  solvers.close();
  await store.close();
  process.exit(exitCode);
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop(signal, 0));
if (options.exitWithStdin) {
  process.stdin.on("end", () => void stop("stdin has closed", 0));
  process.stdin.on("error", () => void stop("stdin has failed", 0));
  process.stdin.resume();
}

process.stdout.write(`${JSON.stringify({ ready: true, grpc: `${options.grpc.host}:${grpc.port}`, rest: restUrl, term })}\n`);
log.info({ grpc: grpc.port, rest: restUrl, term }, "serving");
