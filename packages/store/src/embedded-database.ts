/** The embedded database: PGlite in a worker thread, reached through a Unix socket like any PostgreSQL. */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { PoolConfig } from "pg";
import { fault, ok, refuse, type Fault, type Result } from "@sluice/model";
import { lockDirectory, type DirectoryLock } from "./directory-lock.js";
import { databaseName, makeDatabase } from "./make-database.js";

/** What PostgreSQL's clients look for in a directory that is given as host. */
const socketName = ".s.PGSQL.5432";

/** Of the thread's JavaScript, for objects that have just been made, MB. */
const youngGenerationMb = 8;

export interface EmbeddedDatabase {
  /** For a pool of one: PGlite has a single session. All is said, so that PGHOST and the like change nothing. */
  readonly connection: Readonly<Pick<PoolConfig, "host" | "port" | "user" | "password" | "database" | "ssl">> & { readonly max: 1 };
  close(): Promise<void>;
}

export function openingCancelled(): Fault {
  return fault("cancelled", "The opening of the database was given up.");
}

/**
 * Opens or makes the database in a directory. Faults: `unavailable` where another process has it, `store-failed` where it does
 * not open, `cancelled`. Making one takes seconds, and ends at the signal within milliseconds, as a crash would end it; what is not
 * complete is removed.
 */
export async function openDirectory(directory: string, signal?: AbortSignal): Promise<Result<EmbeddedDatabase>> {
  const lock = await lockDirectory(directory);
  if (!lock.ok) return lock;
  try {
    const made = await makeDatabase(directory, signal);
    if (!made.ok) {
      await lock.value.release();
      return made;
    }
    return await start({ directory }, { lock: lock.value, signal });
  } catch (cause) {
    await lock.value.release();
    const why = cause instanceof Error ? cause.message : "no reason given";
    return refuse(fault("store-failed", `The data directory ${directory} cannot be used: ${why}.`));
  }
}

/** An empty database that ends with the process: for tests. */
export async function openMemory(): Promise<Result<EmbeddedDatabase>> {
  return start({}, {});
}

/** Longest path of a socket, bytes: macOS allows 103, Linux 107. */
const socketPathMax = 100;

/**
 * Private to the user, since PGlite asks for no password. In the data directory, where a process that is killed leaves no litter,
 * unless its path is too long.
 */
async function makeSocketDirectory(directory: string | undefined): Promise<string> {
  const place = directory === undefined ? undefined : resolve(directory, "socket");
  if (place === undefined || Buffer.byteLength(join(place, socketName)) > socketPathMax) return mkdtemp(join(tmpdir(), "sluice-db-"));
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { mode: 0o700 });
  return place;
}

type FromWorker = "ready" | "closed";

interface Start {
  readonly lock?: DirectoryLock;
  readonly signal?: AbortSignal | undefined;
}

async function start(source: { readonly directory?: string }, { lock, signal }: Start): Promise<Result<EmbeddedDatabase>> {
  const socketDirectory = await makeSocketDirectory(source.directory);
  const worker = new Worker(new URL("pglite-server.mjs", import.meta.url), {
    workerData: {
      ...(source.directory === undefined ? {} : { place: join(source.directory, databaseName) }),
      socketPath: join(socketDirectory, socketName),
    },
    // The thread takes nothing from the command line of the process, e.g. a loader of TypeScript.
    execArgv: [],
    // PGlite's own memory is no JavaScript; what passes through its socket is garbage at once, which would else grow to three times as much.
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
  });
  // A process that ends without closing, as after a refused start, leaves no socket behind.
  const sweep = (): void => rmSync(socketDirectory, { recursive: true, force: true });
  process.once("exit", sweep);
  async function release(): Promise<void> {
    process.off("exit", sweep);
    await worker.terminate();
    await rm(socketDirectory, { recursive: true, force: true });
    await lock?.release();
  }
  /** The next message; rejects when the worker fails or ends instead. */
  async function answer(): Promise<FromWorker> {
    const ended = once(worker, "exit").then(([code]) => {
      throw new Error(`the embedded database ended with exit code ${String(code)}`);
    });
    const [message] = (await Promise.race([once(worker, "message"), ended])) as [FromWorker];
    return message;
  }

  const giveUp = (): void => void worker.terminate();
  if (signal?.aborted === true) giveUp();
  signal?.addEventListener("abort", giveUp, { once: true });
  try {
    await answer();
  } catch (cause) {
    if (signal?.aborted === true) {
      await release();
      return refuse(openingCancelled());
    }
    await release();
    const why = cause instanceof Error ? cause.message : "no reason given";
    return refuse(fault("store-failed", `The embedded database does not open: ${why}.`));
  } finally {
    signal?.removeEventListener("abort", giveUp);
  }
  // Without a listener a failing worker would end the process; its clients see closed connections.
  worker.on("error", () => undefined);

  return ok({
    connection: { host: socketDirectory, port: 5432, user: "postgres", password: "", database: "postgres", ssl: false, max: 1 },
    close: async () => {
      const closed = answer().catch(() => undefined);
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
      worker.postMessage("close");
      await closed;
      await release();
    },
  });
}
