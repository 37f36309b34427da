/**
 * The highest (term, epoch) that an agent has promised to obey, on disk: what keeps a deposed controller's rules out after a
 * restart (invariant I4). Written whole to a second file, flushed, renamed over the first, and the directory flushed, so
 * that a crash leaves the old pair or the new one. A file that cannot be trusted is refused, never taken for a new agent's.
 */
import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { assert, canonicalHash, fault, ok, refuse, type Epoch, type NodeId, type Result, type Term } from "@sluice/model";
import { z } from "zod";
import { makeDirectory } from "./directory.js";

export interface TermPair {
  readonly term: Term;
  readonly epoch: Epoch;
}

/** Where the pair is kept. */
export interface TermStore {
  /** As it was when the store was opened; zeros for a new agent. */
  readonly initial: TermPair;
  /** Resolves when the pair is durable. One at a time; neither number may fall. */
  save(pair: TermPair): Promise<void>;
}

const format = "sluice-agent-term/1";
const countSchema = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const fileSchema = z.strictObject({
  format: z.literal(format),
  nodeId: z.string(),
  term: countSchema,
  epoch: countSchema,
  checksum: z.string(),
});

/** Forgets with the process: for networks that are emulated in one. */
export function memoryTermStore(): TermStore {
  return { initial: { term: 0, epoch: 0 }, save: () => Promise.resolve() };
}

/** Opens `term.json` in a directory of the agent's own, which is made where it is missing. */
export function openTermFile(stateDir: string, nodeId: NodeId): Result<TermStore> {
  const path = join(stateDir, "term.json");
  let text: string | undefined;
  try {
    makeDirectory(stateDir);
  } catch (error) {
    return refuse(fault("store-failed", `The state directory ${stateDir} cannot be made: ${String(error)}.`));
  }
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (!isMissing(error)) return refuse(fault("store-failed", `The state in ${path} cannot be read: ${String(error)}.`));
  }
  const initial = text === undefined ? ok<TermPair>({ term: 0, epoch: 0 }) : parse(text, path, nodeId);
  if (!initial.ok) return initial;
  let last = initial.value;
  return ok({
    initial: initial.value,
    async save(pair) {
      assert(pair.term >= last.term && pair.epoch >= last.epoch, "term and epoch of an agent never fall");
      const body = { format, nodeId, ...pair };
      await replaceFile(stateDir, path, `${JSON.stringify({ ...body, checksum: canonicalHash(body) })}\n`);
      last = pair;
    },
  });
}

function parse(text: string, path: string, nodeId: NodeId): Result<TermPair> {
  const wrong = (what: string): Result<never> =>
    refuse(
      fault(
        "malformed",
        `The state file ${path} ${what}. The agent does not start: without its term it could obey a controller that was deposed. ` +
          "Restore the file; remove it only if no older controller can still be running.",
      ),
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong("is corrupt: it is no JSON");
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) return wrong("is corrupt, or of another version: its fields are not those of " + format);
  const { checksum, ...body } = parsed.data;
  if (checksum !== canonicalHash(body)) return wrong("is corrupt: its checksum does not match");
  if (body.nodeId !== nodeId) return wrong(`belongs to node ${body.nodeId}, not to ${nodeId}`);
  return ok({ term: body.term, epoch: body.epoch });
}

async function replaceFile(directory: string, path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  // The rename itself is durable only when the directory is.
  const entry = await open(directory, "r");
  try {
    await entry.sync();
  } finally {
    await entry.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
