// @ts-check
/**
 * Runs in a worker thread: PGlite behind a Unix socket. PGlite computes in the thread that calls it, so in the main thread
 * each query would stop the event loop. Plain JavaScript, because a worker is loaded by Node itself, also from source.
 */
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";

/** Without a place the database is in memory. @type {{ readonly place?: string, readonly socketPath: string }} */
const { place, socketPath } = workerData;
const port = parentPort;
if (port === null) throw new Error("pglite-server runs as a worker thread");

/** PostgreSQL's 128 MB of shared buffers would be memory of this process, for data that the file system has in its cache as well. */
const startParams = [...PGlite.defaultStartParams, "-c", "shared_buffers=16MB"];

const db = await PGlite.create({ startParams, ...(place === undefined ? {} : { dataDir: place }) });
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
