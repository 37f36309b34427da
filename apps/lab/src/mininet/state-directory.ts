/** The directory of a lab: made, found abandoned and made anew, removed. Only what a lab made is ever removed. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { askLab } from "./control-socket.js";

/** Holds the process id of the lab whose directory it is. */
const marker = ".sluice-lab";
/** Longest wait for a lab that was told to end, and how often it is looked for, ms. */
const endMsMax = 60_000;
const lookMs = 100;
/** In the command line of every lab: `main.ts` here, as it was built. */
const labEntry = join("mininet", "main.");

/** Faults: `not-allowed` where a lab is up there, or the directory holds something else. */
export async function claimStateDirectory(stateDir: string): Promise<Result<undefined>> {
  const answering = await askLab(stateDir, ["hello"], () => undefined);
  if (answering.ok) return refuse(fault("not-allowed", `A lab is up in ${stateDir}: end it by npm run lab -- down.`));
  if (existsSync(stateDir) && readdirSync(stateDir).length > 0) {
    if (!existsSync(join(stateDir, marker)))
      return refuse(fault("not-allowed", `${stateDir} is not empty and no lab's: give another --state-dir.`));
    // It answers no more and is not gone yet: its directory is its own until then.
    if (isRunning(stateDir)) return refuse(fault("not-allowed", `A lab is ending in ${stateDir}: try again in a moment.`));
    rmSync(stateDir, { recursive: true });
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  writeFileSync(join(stateDir, marker), String(process.pid));
  return ok(undefined);
}

export function removeStateDirectory(stateDir: string): void {
  if (existsSync(join(stateDir, marker))) rmSync(stateDir, { recursive: true, force: true });
}

/** Resolves when the lab that had this directory is gone. Faults: `deadline-exceeded`. */
export async function waitForEnd(stateDir: string): Promise<Result<undefined>> {
  for (let waitedMs = 0; waitedMs < endMsMax; waitedMs += lookMs) {
    // Without its marker it is being removed.
    if (!existsSync(stateDir) || (existsSync(join(stateDir, marker)) && !isRunning(stateDir))) return ok(undefined);
    await sleep(lookMs);
  }
  return refuse(fault("deadline-exceeded", `The lab in ${stateDir} has not ended within ${endMsMax / 1000} s.`));
}

/** Whether the process that the marker names is there, and is a lab: numbers of processes are used again. */
function isRunning(stateDir: string): boolean {
  try {
    const pid = Number(readFileSync(join(stateDir, marker), "utf8"));
    return pid > 0 && pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(labEntry);
  } catch {
    // No marker, or no such process.
    return false;
  }
}
