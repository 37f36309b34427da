/** The embedded database: PGlite in a worker thread, reached through a Unix socket like any PostgreSQL. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { PoolConfig } from "pg";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { lockDirectory, type DirectoryLock } from "./directory-lock.js";

export interface EmbeddedDatabase {
  /** For a pool of one: PGlite has a single session. All is said, so that PGHOST and the like change nothing. */
  readonly connection: Readonly<Pick<PoolConfig, "host" | "port" | "user" | "password" | "database" | "ssl">> & { readonly max: 1 };
  close(): Promise<void>;
}

/** Opens or makes the database in a directory. Faults: `unavailable` where another process has it, `store-failed` where it does not open. */
export async function openDirectory(directory: string): Promise<Result<EmbeddedDatabase>> {
  const lock = await lockDirectory(directory);
  if (!lock.ok) return lock;
  return start({ directory }, lock.value);
}

/** An empty database that ends with the process: for tests. */
export async function openMemory(): Promise<Result<EmbeddedDatabase>> {
  return start({});
}

type FromWorker = "ready" | "closed";

async function start(source: { readonly directory?: string }, lock?: DirectoryLock): Promise<Result<EmbeddedDatabase>> {
  // Not in the data directory: a socket's path may have some hundred characters only, and this one is private to the user.
  const socketDirectory = await mkdtemp(join(tmpdir(), "sluice-db-"));
  const worker = new Worker(new URL("pglite-server.mjs", import.meta.url), {
    workerData: { ...source, socketPath: join(socketDirectory, ".s.PGSQL.5432") },
    // The thread takes nothing from the command line of the process, e.g. a loader of TypeScript.
    execArgv: [],
  });
  async function release(): Promise<void> {
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
