/**
 * Documents are stored by the hash of their canonical JSON: a topology that a thousand cycles used is kept once, and what
 * is read back can be checked against its name.
 */
import { createHash } from "node:crypto";
import { canonicalJson, fault, ok, refuse, type Result } from "@sluice/model";
import type { CycleInput } from "./store.js";

export interface EncodedDocument {
  /** SHA-256 of `json`, hex. */
  readonly hash: string;
  /** Canonical JSON. */
  readonly json: string;
}

/** A cycle input as four documents, and the hash of the whole: equal to `canonicalHash(input)` without writing it out twice. */
export interface EncodedCycleInput {
  readonly hash: string;
  readonly assignmentsBefore: EncodedDocument;
  readonly demands: EncodedDocument;
  readonly settings: EncodedDocument;
  readonly topology: EncodedDocument;
}

/** Refuses with `not-finite` what JSON cannot hold. O(size). */
export function encodeDocument(value: unknown): Result<EncodedDocument> {
  try {
    const json = canonicalJson(value);
    return ok({ hash: sha256(json), json });
  } catch (cause) {
    if (cause instanceof RangeError) return refuse(fault("not-finite", `The document cannot be stored: ${cause.message}.`));
    throw cause;
  }
}

export function encodeCycleInput(input: CycleInput): Result<EncodedCycleInput> {
  const assignmentsBefore = encodeDocument(input.assignmentsBefore);
  if (!assignmentsBefore.ok) return assignmentsBefore;
  const demands = encodeDocument(input.demands);
  if (!demands.ok) return demands;
  const settings = encodeDocument(input.settings);
  if (!settings.ok) return settings;
  const topology = encodeDocument(input.topology);
  if (!topology.ok) return topology;

  const parts = {
    assignmentsBefore: assignmentsBefore.value,
    demands: demands.value,
    settings: settings.value,
    topology: topology.value,
  };
  // Canonical JSON sorts keys, so the whole is the parts in alphabetical order.
  const whole = createHash("sha256");
  for (const [i, [key, part]] of Object.entries(parts).entries()) whole.update(`${i === 0 ? "{" : ","}"${key}":`).update(part.json);
  return ok({ ...parts, hash: whole.update("}").digest("hex") });
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
