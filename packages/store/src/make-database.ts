/** An embedded database that is not there yet: made beside its place by a process of its own, and moved there when complete. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fault, ok, refuse, type Result } from "@sluice/model";

/** The database's directory within the data directory. */
export const databaseName = "pglite";
/** Begins the name of one that is being made. */
const unfinishedName = "pglite.unfinished";
/** Of what the process complains of, characters that are kept. */
const complaintMax = 2_000;

/**
 * Makes the database where there is none; what a start that was killed left half-made is removed first. The caller holds the directory's lock. A name of
 * its own for each attempt, since the process of an attempt whose controller was killed may go on for seconds. Faults: `store-failed`, and
 * `cancelled` at the signal, within milliseconds; nothing half-made is left by either. Throws what the file system refuses.
 */
export async function makeDatabase(directory: string, signal?: AbortSignal): Promise<Result<void>> {
  for (const entry of await readdir(directory)) {
    if (entry.startsWith(unfinishedName)) await rm(join(directory, entry), { recursive: true, force: true });
  }
  const place = join(directory, databaseName);
  if (existsSync(place)) return ok(undefined);
  const unfinished = join(directory, `${unfinishedName}-${randomBytes(6).toString("hex")}`);
  const made = await runMaker(unfinished, signal);
  if (made.ok) await rename(unfinished, place);
  else await rm(unfinished, { recursive: true, force: true });
  return made;
}

async function runMaker(unfinished: string, signal: AbortSignal | undefined): Promise<Result<void>> {
  const cancelled = refuse(fault("cancelled", "The opening of the database was given up."));
  const isGivenUp = (): boolean => signal?.aborted === true;
  if (isGivenUp()) return cancelled;
  // A process group of its own keeps Ctrl-C away: here is decided in which order things end.
  const maker = spawn(process.execPath, [fileURLToPath(new URL("pglite-make.mjs", import.meta.url)), unfinished], {
    stdio: ["pipe", "ignore", "pipe"],
    detached: true,
  });
  let complaint = "";
  maker.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-complaintMax);
  });
  const kill = (): void => void maker.kill("SIGKILL");
  signal?.addEventListener("abort", kill, { once: true });
  try {
    const [code] = (await once(maker, "close")) as [number | null];
    if (isGivenUp()) return cancelled;
    if (code === 0) return ok(undefined);
    const why =
      /^\w*Error(?: \[\w+\])?: .*$/m.exec(complaint)?.[0] ?? `its process ended with ${code === null ? "a signal" : `exit code ${code}`}`;
    return refuse(fault("store-failed", `The embedded database cannot be made: ${why}.`));
  } finally {
    signal?.removeEventListener("abort", kill);
  }
}
