/** What a question asks to be otherwise, as it comes in: one gate for REST, gRPC and the command line. */
import {
  admit,
  demandSchema,
  linkIdSchema,
  nodeIdSchema,
  ok,
  planSettingsSchema,
  rateBpsSchema,
  srlgIdSchema,
  topologyChangesSchema,
  type PlanSettings,
  type Result,
} from "@sluice/model";
import { z } from "zod";

/** Most demands that one question adds, and most elements that one list of it names. */
export const demandsAddedMax = 10_000;
export const elementsMax = 10_000;
/** Largest factor by which demand is scaled. */
export const scaleMax = 1_000;

const scale = z.number().min(0).max(scaleMax);
const linkIds = z.array(linkIdSchema).max(elementsMax).optional();
const nodeIds = z.array(nodeIdSchema).max(elementsMax).optional();
const srlgIds = z.array(srlgIdSchema).max(elementsMax).optional();

/** What operators can set: a preview takes these, for it can be applied. */
export const inputChangesSchema = z.strictObject({
  topologyChanges: topologyChangesSchema.optional(),
  settings: planSettingsSchema.partial().optional(),
});

/** All that a what-if takes. They act in the order of the fields; `fail` and `drain` name what is there after `topologyChanges`. */
export const whatIfChangesSchema = inputChangesSchema.extend({
  demands: z
    .strictObject({
      /** Every demand by this factor, with its bandwidth function. */
      scale: scale.optional(),
      /** On top of `scale`, by class. */
      scaleClass: z.strictObject({ interactive: scale.optional(), elastic: scale.optional(), bulk: scale.optional() }).optional(),
      /** Added to what the flow group asks for after scaling. */
      add: z.array(demandSchema).max(demandsAddedMax).optional(),
    })
    .optional(),
  fail: z.strictObject({ linkIds, nodeIds, srlgIds }).optional(),
  drain: z.strictObject({ linkIds, nodeIds, srlgIds, kind: z.enum(["hard", "soft"]).default("hard") }).optional(),
  /** So much more capacity on these links. */
  addCapacity: z
    .array(z.strictObject({ linkId: linkIdSchema, capacityBps: rateBpsSchema }))
    .max(elementsMax)
    .optional(),
});

export type InputChanges = Pick<WhatIfChanges, "topologyChanges" | "settings">;
export interface WhatIfChanges extends Omit<z.output<typeof whatIfChangesSchema>, "settings"> {
  /** Only the fields that were given. */
  readonly settings?: Partial<PlanSettings> | undefined;
}

/** Faults: those of the schema, with pointers into the question. */
export function parseInputChanges(value: unknown): Result<InputChanges> {
  const admitted = admit(inputChangesSchema, value);
  return admitted.ok ? ok({ ...admitted.value, settings: givenSettings(admitted.value.settings, value) }) : admitted;
}

/** As `parseInputChanges`. */
export function parseWhatIfChanges(value: unknown): Result<WhatIfChanges> {
  const admitted = admit(whatIfChangesSchema, value);
  return admitted.ok ? ok({ ...admitted.value, settings: givenSettings(admitted.value.settings, value) }) : admitted;
}

/** A setting that is not given keeps its value, even where it has a default. */
function givenSettings(settings: z.output<typeof inputChangesSchema>["settings"], value: unknown): Partial<PlanSettings> | undefined {
  if (settings === undefined) return undefined;
  const asked = new Set(Object.keys(Object((value as { readonly settings?: unknown }).settings)));
  return Object.fromEntries(Object.entries(settings).filter(([name, one]) => one !== undefined && asked.has(name)));
}
