/** The embedded database: PGlite in a worker thread, reached through a Unix socket like any PostgreSQL. */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { PoolConfig } from "pg";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { lockDirectory, type DirectoryLock } from "./directory-lock.js";

/** What PostgreSQL's clients look for in a directory that is given as host. */
const socketName = ".s.PGSQL.5432";

export interface EmbeddedDatabase {
  /** For a pool of one: PGlite has a single session. All is said, so that PGHOST and the like change nothing. */
  readonly connection: Readonly<Pick<PoolConfig, "host" | "port" | "user" | "password" | "database" | "ssl">> & { readonly max: 1 };
  close(): Promise<void>;
}

/** Opens or makes the database in a directory. Faults: `unavailable` where another process has it, `store-failed` where it does not open. */
export async function openDirectory(directory: string): Promise<Result<EmbeddedDatabase>> {
  const lock = await lockDirectory(directory);
  if (!lock.ok) return lock;
  try {
    return await start({ directory }, lock.value);
  } catch (cause) {
    await lock.value.release();
    const why = cause instanceof Error ? cause.message : "no reason given";
    return refuse(fault("store-failed", `The data directory ${directory} cannot be used: ${why}.`));
  }
}

/** An empty database that ends with the process: for tests. */
export async function openMemory(): Promise<Result<EmbeddedDatabase>> {
  return start({});
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

async function start(source: { readonly directory?: string }, lock?: DirectoryLock): Promise<Result<EmbeddedDatabase>> {
  const socketDirectory = await makeSocketDirectory(source.directory);
  const worker = new Worker(new URL("pglite-server.mjs", import.meta.url), {
    workerData: { ...source, socketPath: join(socketDirectory, socketName) },
    // The thread takes nothing from the command line of the process, e.g. a loader of TypeScript.
    execArgv: [],
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

  try {
    await answer();
  } catch (cause) {
    await release();
    const why = cause instanceof Error ? cause.message : "no reason given";
    return refuse(fault("store-failed", `The embedded database does not open: ${why}.`));
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
