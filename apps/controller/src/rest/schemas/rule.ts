/** Rules of switches, and how what is installed differs from what should be. */
import { z } from "zod";
import { count, id, nextCursor } from "./network.js";

const label = count.meta({ description: "MPLS label." });
const failoverId = count.optional().meta({ description: "The failover group that packets leave through." });

export const ruleSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("meter"), meterId: count, rateBps: z.number().min(0), burstBits: z.number().min(0) }),
    z.strictObject({
      kind: z.literal("failover"),
      failoverId: count,
      buckets: z.array(z.strictObject({ output: id, pushLabel: label.optional() })),
    }),
    z.strictObject({
      kind: z.literal("group"),
      groupId: count,
      buckets: z.array(z.strictObject({ weight: z.number().min(0), pushLabel: label, mplsTc: count, output: id, failoverId })),
    }),
    z.strictObject({
      kind: z.literal("ingress"),
      match: z.strictObject({ dstPrefix: z.string(), dscp: count }),
      meterId: count,
      groupId: count,
    }),
    z.strictObject({
      kind: z.literal("label"),
      match: z.strictObject({ label }),
      action: z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("output"), link: id, failoverId }),
        z.strictObject({ kind: z.literal("pop-deliver") }),
        z.strictObject({ kind: z.literal("pop-output"), link: id }),
      ]),
    }),
  ])
  .meta({ id: "Rule" });

export const agentRulesSchema = z
  .strictObject({
    nodeId: id,
    known: z.boolean().meta({ description: "Whether it is known what the switch holds: not while it is read, or a stage is on its way." }),
    installed: count,
    intended: count,
    missing: count,
    unexpected: count,
    different: count,
    total: count.meta({ description: "Items on all pages." }),
    items: z.array(
      z
        .strictObject({
          key: z.string(),
          state: z.enum(["same", "missing", "unexpected", "different"]),
          installed: ruleSchema.optional(),
          intended: ruleSchema.optional(),
        })
        .meta({ id: "RuleState" }),
    ),
    nextCursor,
  })
  .meta({ id: "AgentRules" });

export const resyncSchema = z.strictObject({ nodeId: id }).meta({ id: "Resync", description: "The switch's rules are being read anew." });
