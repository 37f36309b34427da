// @ts-check
/**
 * Runs in a worker thread: PGlite behind a Unix socket. PGlite computes in the thread that calls it, so in the main thread
 * each query would stop the event loop. Plain JavaScript, because a worker is loaded by Node itself, also from source.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

/** @type {{ readonly directory?: string, readonly socketPath: string }} */
const { directory, socketPath } = workerData;
const port = parentPort;
if (port === null) throw new Error("pglite-server runs as a worker thread");

/** PostgreSQL's 128 MB of shared buffers would be memory of this process, for data that the file system has in its cache as well. */
const startParams = [...PGlite.defaultStartParams, "-c", "shared_buffers=16MB"];

/**
 * A new database is made beside its place and moved there when complete, so that a start that was killed half-way
 * leaves nothing that a later start would take for a database.
 * @param {string} parent
 */
async function openDirectory(parent) {
  const place = join(parent, "pglite");
  const unfinished = join(parent, "pglite.unfinished");
  rmSync(unfinished, { recursive: true, force: true });
  if (!existsSync(place)) {
    const fresh = await PGlite.create({ dataDir: unfinished, startParams });
    await fresh.close();
    renameSync(unfinished, place);
  }
  return PGlite.create({ dataDir: place, startParams });
}

const db = await (directory === undefined ? PGlite.create({ startParams }) : openDirectory(directory));
// PGlite has one session, so its clients use one connection at a time. The others are for those that are being closed: a client that
// replaces a broken connection does not wait until the server has noticed, which then takes back what was left of a transaction.
const server = new PGLiteSocketServer({ db, path: socketPath, maxConnections: 4 });
await server.start();

port.once("message", async () => {
  await server.stop();
  await db.close();
  port.postMessage("closed");
});
port.postMessage("ready");
