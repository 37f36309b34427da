/** The directory of a lab: made, found abandoned and made anew, removed. Only what a lab made is ever removed. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { askLab } from "./control-socket.js";

const marker = ".sluice-lab";

/** Faults: `not-allowed` where a lab is up there, or the directory holds something else. */
export async function claimStateDirectory(stateDir: string): Promise<Result<undefined>> {
  const answering = await askLab(stateDir, ["hello"], () => undefined);
  if (answering.ok) return refuse(fault("not-allowed", `A lab is up in ${stateDir}: end it by npm run lab -- down.`));
  if (existsSync(stateDir) && readdirSync(stateDir).length > 0) {
    if (!existsSync(join(stateDir, marker)))
      return refuse(fault("not-allowed", `${stateDir} is not empty and no lab's: give another --state-dir.`));
    rmSync(stateDir, { recursive: true });
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  writeFileSync(join(stateDir, marker), "");
  return ok(undefined);
}

export function removeStateDirectory(stateDir: string): void {
  if (existsSync(join(stateDir, marker))) rmSync(stateDir, { recursive: true, force: true });
}
