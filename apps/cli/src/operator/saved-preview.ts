/**
 * A plan file of `sluice plan --out`: what was asked, what it was asked on, and a hash of the difference that was shown. What is applied is what
 * was looked at: the controller's preview while it has it, else one that is computed anew and has the same difference on the same basis.
 */
import { admit, canonicalHash, fault, refuse, type Fault, type Result } from "@sluice/model";
import { z } from "zod";
import { inFile } from "../refusal.js";
import { changesBytesMax, type Question } from "./plan-question.js";
import type { Answer } from "./plan-answer.js";

/** Largest plan file, bytes: a question and little more. */
export const savedBytesMax = changesBytesMax + (1 << 20);

const savedSchema = z.strictObject({
  kind: z.literal("saved-preview"),
  formatVersion: z.literal(1),
  /** For people: an address may change. */
  controller: z.string(),
  previewId: z.string().regex(/^[0-9a-f-]{1,64}$/),
  question: z.record(z.string(), z.unknown()),
  basis: z.strictObject({
    topologyVersion: z.int().min(0),
    demandsVersion: z.int().min(0),
    settingsVersion: z.int().min(0),
    inputHash: z.string(),
    epoch: z.int().min(0).optional(),
  }),
  differenceHash: z.string(),
});
export type SavedPreview = z.output<typeof savedSchema>;

export function savedPreviewText(
  { basis, difference }: Answer,
  more: { readonly controller: string; readonly previewId: string; readonly question: Question },
): string {
  const { topologyVersion, demandsVersion, settingsVersion, inputHash, epoch } = basis;
  const saved: SavedPreview = {
    kind: "saved-preview",
    formatVersion: 1,
    ...more,
    basis: { topologyVersion, demandsVersion, settingsVersion, inputHash, ...(epoch === undefined ? {} : { epoch }) },
    differenceHash: canonicalHash(difference),
  };
  return `${JSON.stringify(saved, null, 2)}\n`;
}

/** Faults: `malformed` where it is no plan file, and those of its fields. */
export function parseSavedPreview(bytes: Uint8Array, path: string): Result<SavedPreview> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return refuse(notOne(path));
  }
  if ((value as { readonly kind?: unknown } | null)?.kind !== "saved-preview") return refuse(notOne(path));
  return inFile(path, admit(savedSchema, value));
}

function notOne(path: string): Fault {
  return fault("malformed", "This is no plan file.", { data: { file: path, advice: "make one with sluice plan --out FILE" } });
}

const partNames = new Map([
  ["topologyVersion", "the network"],
  ["settingsVersion", "the settings"],
  ["demandsVersion", "the demands"],
]);

/**
 * What is otherwise than when the file was written, one fault for each part: versions, the states that switches report, the plan that it was
 * compared with, or, with none of these, the answer itself. `tolerateDemands`: demands and what follows from them do not count.
 */
export function staleParts(saved: SavedPreview, now: Answer, { tolerateDemands }: { readonly tolerateDemands: boolean }): readonly Fault[] {
  const faults: Fault[] = [];
  const stale = (message: string): void => void faults.push(fault("stale-version", message));
  for (const [part, name] of partNames) {
    if (part === "demandsVersion" && tolerateDemands) continue;
    const [before, after] = [saved.basis[part as "topologyVersion"], now.basis[part as "topologyVersion"]];
    if (before !== after) stale(`Since the plan was made, ${name} changed: version ${after} now, ${before} then.`);
  }
  const sameVersions = faults.length === 0 && saved.basis.demandsVersion === now.basis.demandsVersion;
  if (sameVersions && saved.basis.inputHash !== now.basis.inputHash) stale("Since the plan was made, links went down or came back.");
  if (!tolerateDemands && saved.basis.epoch !== now.basis.epoch)
    stale(`Since the plan was made, plan ${now.basis.epoch ?? "none"} took the place of plan ${saved.basis.epoch ?? "none"}.`);
  if (faults.length === 0 && !tolerateDemands && canonicalHash(now.difference) !== saved.differenceHash)
    stale("The same question has another answer now than when the plan was made.");
  return faults;
}
