/** Parts of the inventory that are written together, alone or with a plan: all of them or none. */
import { ok, type OperationDocument, type PlanSettings, type Result, type TopologyDocument } from "@sluice/model";
import { encodeDocument, type EncodedDocument } from "./document.js";

export interface InventoryChange {
  readonly topology?: TopologyDocument;
  readonly settings?: PlanSettings;
  readonly operation?: OperationDocument;
}

/** The new version of each part that was written. */
export interface InventoryVersions {
  readonly topology?: number;
  readonly settings?: number;
  readonly operation?: number;
}

/** In the order in which they are written. */
const kinds = ["topology", "settings", "operation"] as const;

export type EncodedChange = readonly { readonly kind: (typeof kinds)[number]; readonly document: EncodedDocument }[];

/** Refuses with `not-finite` what JSON cannot hold. O(size). */
export function encodeChange(change: InventoryChange): Result<EncodedChange> {
  const encoded: { kind: (typeof kinds)[number]; document: EncodedDocument }[] = [];
  for (const kind of kinds) {
    if (change[kind] === undefined) continue;
    const document = encodeDocument(change[kind]);
    if (!document.ok) return document;
    encoded.push({ kind, document: document.value });
  }
  return ok(encoded);
}
