// @ts-check
/**
 * Makes an empty embedded database in a directory, and ends: a process of its own, because making one takes three times the memory of running
 * it, most of which a thread would leave with its process. Plain JavaScript, because Node loads it itself, also from source.
 */
import { PGlite } from "@electric-sql/pglite";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error("say where to make it");

// The end of stdin is the end of the process that asked for it: nobody would take what is made.
process.stdin.on("end", () => process.exit(1)).resume();

const db = await PGlite.create({ dataDir: directory, startParams: [...PGlite.defaultStartParams, "-c", "shared_buffers=16MB"] });
await db.close();
process.exit(0);
