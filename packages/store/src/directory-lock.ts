/**
 * One process at a time in a data directory: PGlite does not notice a second one, and both would lose data. The lock is a
 * file that names its holder. A holder that is gone is replaced, and of several that try, one wins.
 *
 * Taking over works with atomic links alone. Who wants to replace holder H first links `lock.after-H`, which one process
 * can; only that process may replace the lock, and it looks again whether H still stands there before it does. If it dies
 * in between, its own claim is judged and replaced in the same way.
 */
import { randomBytes } from "node:crypto";
import { link, open, readFile, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { makeDirectory } from "./directory.js";
import { fault, ok, refuse, type Fault, type Result } from "@sluice/model";
import { thisProcess, isAlive, type ProcessIdentity } from "./process-identity.js";

export interface DirectoryLock {
  release(): Promise<void>;
}

const holderSchema = z.strictObject({
  token: z.string().regex(/^[0-9a-f]{32}$/),
  hostname: z.string(),
  pid: z.int().min(1),
  startedAt: z.string().optional(),
  bootId: z.string().optional(),
  pidNamespace: z.string().optional(),
  utsNamespace: z.string().optional(),
});
type Holder = ProcessIdentity & { readonly token: string };

/** Looks, loses a race and looks again: more often than this means that something else is wrong. */
const attemptsMax = 20;

/** Makes the directory where it is missing. Faults: `unavailable` (held), `store-failed` (the directory cannot be used). */
export async function lockDirectory(directory: string, judge: typeof isAlive = isAlive): Promise<Result<DirectoryLock>> {
  const self: Holder = { token: randomBytes(16).toString("hex"), ...(await thisProcess()) };
  const place = join(directory, "lock");
  const own = join(directory, `lock.of-${self.token}`);
  try {
    makeDirectory(directory);
    await writeDurably(own, `${JSON.stringify(self)}\n`);
    try {
      return await take({ directory, place, own, self, judge });
    } finally {
      await rm(own, { force: true });
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "no reason given";
    return refuse(fault("store-failed", `The data directory ${directory} cannot be used: ${why}.`));
  }
}

interface Attempt {
  readonly directory: string;
  readonly place: string;
  /** A file with the own identity, to be linked to where it is wanted. */
  readonly own: string;
  readonly self: Holder;
  /** Whether another holder lives: tests make it slow. */
  readonly judge: typeof isAlive;
}

async function take(attempt: Attempt): Promise<Result<DirectoryLock>> {
  const { directory, place, own, judge } = attempt;
  for (let i = 0; i < attemptsMax; i++) {
    if (await linked(own, place)) return ok(await held(attempt));
    const holder = await readHolder(place);
    if (holder === undefined) continue;
    const state = await judge(holder);
    if (state !== "dead") return refuse(heldBy(directory, holder, state));
    const claim = await claimAfter(attempt, holder);
    if (claim === undefined) continue;
    const now = await readHolder(place);
    if (now?.token === holder.token) {
      await rename(own, place);
      return ok(await held(attempt));
    }
    await rm(claim, { force: true });
  }
  return refuse(fault("unavailable", `The data directory ${directory} is being taken by several processes at once: try again.`));
}

/** The file that gives the right to replace a dead holder; undefined where a living process has that right. */
async function claimAfter({ directory, own, judge }: Attempt, holder: Holder): Promise<string | undefined> {
  let after = holder;
  for (let i = 0; i < attemptsMax; i++) {
    const claim = join(directory, `lock.after-${after.token}`);
    if (await linked(own, claim)) return claim;
    const claimant = await readHolder(claim);
    if (claimant === undefined || (await judge(claimant)) !== "dead") return undefined;
    after = claimant;
  }
  return undefined;
}

async function held({ directory, place, self }: Attempt): Promise<DirectoryLock> {
  await sweep(directory);
  return {
    release: async () => {
      if ((await readHolder(place))?.token === self.token) await rm(place, { force: true });
    },
  };
}

/** Removes what processes left that died while they tried. Claims are worthless once their holder has been replaced. */
async function sweep(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = join(directory, name);
    if (name.startsWith("lock.after-")) await rm(file, { force: true });
    if (!name.startsWith("lock.of-")) continue;
    const holder = await readHolder(file);
    if (holder !== undefined && (await isAlive(holder)) === "dead") await rm(file, { force: true });
  }
}

/** Undefined where the file is gone. */
async function readHolder(file: string): Promise<Holder | undefined> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return undefined;
    throw cause;
  });
  if (text === undefined) return undefined;
  const parsed = holderSchema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new Error(`${file} is damaged; if no other process uses the directory, remove that file`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Links complete content to a name that nobody has; false where somebody has it. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw cause;
  }
}

/** A lock must not be found empty after a power loss. */
async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function heldBy(directory: string, { pid, hostname }: Holder, state: "alive" | "unknown"): Fault {
  const message =
    state === "alive"
      ? `The data directory ${directory} is in use by process ${pid}: stop it, or give this one another directory.`
      : `The data directory ${directory} was locked by process ${pid} on ${hostname}, which cannot be seen from here: ` +
        `if it no longer runs, remove ${join(directory, "lock")}.`;
  return fault("unavailable", message, { data: { pid, hostname } });
}
