/**
 * The file that `solve --plan-out` writes and `verify` and `explain` read: a plan and the settings it was made with. Topology and demands are
 * not in it: a plan is judged against the network that it is to run on.
 */
import {
  admit,
  canonicalJson,
  fault,
  flowGroupSchema,
  guaranteeSchema,
  linkIdSchema,
  nodeIdSchema,
  objectiveNames,
  ok,
  planSettingsSchema,
  refuse,
  rungs,
  srlgIdSchema,
  trafficClassSchema,
  tunnelIdSchema,
  type Plan,
  type PlanSettings,
  type Result,
} from "@sluice/model";
import { z } from "zod";

const tunnelKinds = ["policy", "any", "file"] as const;

export interface PlanFile {
  readonly kind: "sluice-plan";
  readonly formatVersion: 1;
  readonly settings: PlanSettings;
  /** Among which paths the plan's certificates say it is best: the policy in the settings, any path, or a path set in a file. */
  readonly tunnels: (typeof tunnelKinds)[number];
  readonly plan: Plan;
}

// The shape only, with finite numbers: whether the numbers are any good is the checker's to say, so that a bad plan gets a verdict.
const figure = z.number();
const faultSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  pointer: z.string().optional(),
  data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});
const certificateSchema = z.strictObject({
  objective: z.enum(objectiveNames),
  sense: z.enum(["maximize", "minimize"]),
  unit: z.enum(["bps", "bps*ms", "1"]),
  value: figure,
  bound: figure.optional(),
  gap: figure.optional(),
  linkPrices: z.array(z.strictObject({ linkId: linkIdSchema, price: figure })),
});
const tunnelSchema = z.strictObject({ id: tunnelIdSchema, src: nodeIdSchema, dst: nodeIdSchema, path: z.array(linkIdSchema) });
const planSchema = z.strictObject({
  inputHash: z.string().regex(/^[0-9a-f]{64}$/),
  rung: z.enum(rungs),
  classes: z.array(
    z.strictObject({
      trafficClass: trafficClassSchema,
      rung: z.enum(rungs),
      solver: z.string(),
      demandBps: figure,
      allottedBps: figure,
      admittedBps: figure,
      certificate: certificateSchema,
      notes: z.array(z.string()),
      guarantee: z
        .strictObject({
          guarantee: guaranteeSchema,
          withoutBps: figure,
          reservedBps: z.array(z.strictObject({ linkId: linkIdSchema, bps: figure })),
          availability: figure.optional(),
        })
        .optional(),
    }),
  ),
  tunnels: z.array(tunnelSchema),
  groups: z.array(
    flowGroupSchema.extend({
      demandBps: figure,
      admittedBps: figure,
      members: z.array(z.strictObject({ tunnelId: tunnelIdSchema, allottedBps: figure, weight: figure })),
    }),
  ),
  unroutable: z.array(flowGroupSchema),
  softDrained: z.enum(["avoided", "used"]).optional(),
  protection: z
    .strictObject({
      bypasses: z.array(
        z.strictObject({
          id: tunnelIdSchema,
          protects: linkIdSchema,
          avoids: nodeIdSchema.optional(),
          path: z.array(linkIdSchema),
          sharedSrlgIds: z.array(srlgIdSchema),
        }),
      ),
      backupTunnels: z.array(tunnelSchema),
      backups: z.array(
        z.strictObject({
          tunnelId: tunnelIdSchema,
          backupId: tunnelIdSchema,
          disjointness: z.enum(["srlg", "node", "link", "partial"]),
          sharedLinkIds: z.array(linkIdSchema),
          sharedNodeIds: z.array(nodeIdSchema),
          sharedSrlgIds: z.array(srlgIdSchema),
        }),
      ),
    })
    .optional(),
  check: z.strictObject({
    verdict: z.enum(["pass", "fail"]),
    checked: z.record(z.string(), figure),
    violations: z.array(faultSchema),
    utilizationMax: figure,
  }),
});
const planFileSchema = z.strictObject({
  kind: z.literal("sluice-plan"),
  formatVersion: z.literal(1),
  settings: planSettingsSchema,
  tunnels: z.enum(tunnelKinds),
  plan: planSchema,
});

/** The same plan gives the same bytes. */
export function writePlanFile(file: Pick<PlanFile, "settings" | "tunnels" | "plan">): string {
  return `${canonicalJson({ kind: "sluice-plan", formatVersion: 1, ...file } satisfies PlanFile)}\n`;
}

export function readPlanFile(bytes: Uint8Array): Result<PlanFile> {
  if (bytes.length === 0) return refuse(fault("unknown-format", "The file is empty.", { pointer: "" }));
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The parser's own message would quote the file.
    return refuse(fault("malformed", "A plan is JSON as solve --plan-out writes it, and this is not well-formed JSON.", { pointer: "" }));
  }
  if (typeof value !== "object" || value === null || !("kind" in value) || value.kind !== "sluice-plan") {
    return refuse(
      fault("unknown-format", 'A plan is what solve --plan-out writes: an object with "kind": "sluice-plan".', { pointer: "/kind" }),
    );
  }
  const admitted = admit(planFileSchema, value);
  // The codes of old findings may be of another version; nothing acts on them.
  return admitted.ok ? ok(admitted.value as PlanFile) : admitted;
}
