/** Bodies that tell what is promised and prepared for failures. */
import { failureKinds, localRepairs } from "@sluice/model";
import { z } from "zod";
import { flowGroup } from "./flow-group.js";
import { count, id, instant, nextCursor, rate } from "./network.js";
import { faultSchema } from "./problem.js";

const share = z.number().min(0).max(1);

export const guaranteeSchema = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("none") }),
    z.strictObject({ kind: z.literal("protected") }),
    z.strictObject({ kind: z.literal("guaranteed"), failures: count.meta({ description: "Cables that may fail at once." }) }),
    z.strictObject({ kind: z.literal("availability"), target: share }),
  ])
  .meta({
    id: "Guarantee",
    description:
      "none: nothing; protected: ways around failures, with the capacity that happens to be free; guaranteed: what is admitted is carried " +
      "without congestion under any so many cable failures; availability: for this share of the time.",
  });

export const classGuaranteeSchema = z
  .strictObject({
    guarantee: guaranteeSchema,
    withoutBps: rate.meta({ description: "What the class would be admitted without it, before quantization." }),
    reservedBps: z
      .array(z.strictObject({ linkId: id, bps: rate }))
      .meta({ description: "The most that the class may load a link with in any failure that is covered; zeros left out." }),
    availability: share.optional(),
  })
  .meta({ id: "ClassGuarantee" });

export const protectionSettings = z
  .strictObject({
    guarantee: z.union([
      guaranteeSchema,
      z.strictObject({ interactive: guaranteeSchema, elastic: guaranteeSchema, bulk: guaranteeSchema }),
    ]),
    localRepair: z.enum(localRepairs),
    scenarios: z.array(z.enum(failureKinds)).meta({ description: "Single failures that splits are prepared for." }),
    drains: z.array(z.strictObject({ name: z.string(), nodeIds: z.array(id), linkIds: z.array(id) })),
    failureProbability: share.meta({ description: "That a cable is down at a random moment, where the topology does not say." }),
  })
  .meta({ id: "ProtectionSettings" });

const idList = z.array(id).optional();

/** As it may be written: what is left out has its default. */
export const protectionSettingsChange = protectionSettings
  .extend({
    drains: z.array(z.strictObject({ name: z.string().min(1).max(64), nodeIds: idList, linkIds: idList })).optional(),
    failureProbability: share.optional(),
  })
  .meta({ id: "ProtectionSettingsChange" });

const path = z.array(id).meta({ description: "Links in order of travel." });

export const bypassSchema = z
  .strictObject({
    id,
    protects: id.meta({ description: "The link that it goes around." }),
    avoids: id.optional().meta({ description: "The node that it goes around as well." }),
    path,
    latencyMs: z.number().min(0),
    sharedSrlgIds: z.array(id).meta({ description: "Shared risks of the link that no way avoids: where they fail, the bypass fails too." }),
  })
  .meta({ id: "Bypass" });

export const bypassesSchema = z
  .strictObject({ epoch: count, total: count, items: z.array(bypassSchema), nextCursor })
  .meta({ id: "BypassPage" });

export const disjointnessSchema = z.enum(["srlg", "node", "link", "partial"]).meta({
  id: "Disjointness",
  description:
    "srlg: no cable and no shared risk in common; node: no cable and no node, but a risk; link: no cable, but both; partial: a cable.",
});

export const backupSchema = z
  .strictObject({
    tunnelId: id,
    src: id,
    dst: id,
    backupId: id,
    path: path.meta({ description: "Of the backup." }),
    latencyMs: z.number().min(0),
    disjointness: disjointnessSchema,
    sharedLinkIds: z.array(id).meta({ description: "Links of the tunnel whose cable the backup uses." }),
    sharedNodeIds: z.array(id),
    sharedSrlgIds: z.array(id),
  })
  .meta({ id: "Backup", description: "The tunnel that stands in where another fails, and what the two have in common." });

export const backupsSchema = z
  .strictObject({ epoch: count, total: count, items: z.array(backupSchema), nextCursor })
  .meta({ id: "BackupPage" });

export const dampedLinkSchema = z
  .strictObject({
    linkId: id,
    penalty: z.number().min(0).meta({ description: "1,000 for each fall, halved with time (RFC 2439)." }),
    suppressed: z.boolean().meta({ description: "Whether it counts as down until its penalty has decayed." }),
    heldDown: z.boolean().meta({ description: "Whether it counts as down although its agents say that it is up." }),
  })
  .meta({ id: "DampedLink", description: "A link that was down lately." });

export const protectionSchema = z
  .strictObject({
    epoch: count.meta({ description: "Of the plan in force; 0 without one." }),
    settings: protectionSettings.optional().meta({ description: "That the plan in force was made with; absent: nothing is promised." }),
    bypasses: z.strictObject({
      total: count,
      sharing: count.meta({ description: "Bypasses that share a risk with their link." }),
      linksWithout: z.array(id).meta({ description: "Links of the plan's tunnels that no bypass goes around." }),
    }),
    backups: z.strictObject({
      total: count,
      byDisjointness: z.record(disjointnessSchema, count),
      tunnelsWithout: count.meta({ description: "Tunnels of the plan that nothing stands in for." }),
    }),
    scenarios: z
      .strictObject({
        phase: z.enum(["none", "due", "splitting", "verifying", "ready"]).meta({
          description:
            "none: nothing is promised; due: splits are about to be computed; splitting, verifying: they are; ready: all is done.",
        }),
        epoch: count.meta({ description: "Of the plan that they are for, which may not be in force yet." }),
        asked: count,
        prepared: count.meta({ description: "With a split that stood up to the packet walk." }),
        refused: count,
        crowded: count.meta({ description: "Where local repair finds no room on some link for what the split gives up." }),
        operations: count.meta({ description: "That switches keep for them, in all." }),
        agents: z.strictObject({
          concerned: count.meta({ description: "Ingresses that some scenario changes." }),
          holdingAll: count.meta({ description: "Those that keep all that concerns them." }),
          withoutRoom: count.meta({ description: "Those that had no room for some of it." }),
        }),
      })
      .meta({ description: "Splits that ingresses change over to when a failure happens." }),
    active: z
      .strictObject({
        scenarioId: id,
        since: instant.meta({ description: "When the first news of the failure came." }),
        programmed: z.boolean().meta({ description: "Whether every ingress concerned has changed over." }),
      })
      .optional()
      .meta({ description: "The scenario that happens now and has a split." }),
    linksDamped: z.array(dampedLinkSchema),
    frozen: z
      .strictObject({ since: instant, missing: z.array(id) })
      .optional()
      .meta({ description: "The control network is at fault: the controller listens and changes nothing until these agents are back." }),
  })
  .meta({ id: "Protection" });

export const rateByClass = z.strictObject({ interactive: rate, elastic: rate, bulk: rate });

const scenarioFields = {
  scenarioId: id,
  kind: z.enum([...failureKinds, "drain", "pair"]),
  linkIds: z.array(id).meta({ description: "Directed links that are gone." }),
  nodeIds: z.array(id).meta({ description: "Nodes that are gone." }),
  crowded: z.boolean().meta({ description: "Whether local repair finds no room on some link for what the split gives up." }),
  active: z.boolean(),
  ingresses: count.meta({ description: "Switches that change over." }),
  lostBps: rateByClass.meta({ description: "Admitted by the plan and not carried under the split." }),
  lostBpsMin: rateByClass
    .optional()
    .meta({ description: "No split of what may change would lose less; from link prices, by weak duality." }),
  utilizationMax: z.number().min(0),
  fullestLinkId: id.optional(),
};

export const scenarioSchema = z
  .strictObject({ ...scenarioFields, groupCount: count.meta({ description: "Flow groups that are split anew." }) })
  .meta({ id: "Scenario", description: "A failure, and what the split prepared for it costs." });

export const scenariosSchema = z
  .strictObject({
    epoch: count,
    total: count,
    items: z.array(scenarioSchema),
    nextCursor,
    refused: z
      .array(z.strictObject({ scenarioId: id, fault: faultSchema }))
      .meta({ description: "Scenarios whose split did not stand up, on every page." }),
  })
  .meta({ id: "ScenarioPage" });

export const splitSchema = z
  .strictObject({
    epoch: count,
    ...scenarioFields,
    groups: z.array(
      flowGroup.extend({
        plannedBps: rate.meta({ description: "What the plan admits." }),
        admittedBps: rate.meta({ description: "What the split admits." }),
        members: z.array(
          z.strictObject({
            tunnelId: id,
            path: z.array(id),
            allottedBps: rate,
            weight: count,
            backup: z.boolean().meta({ description: "Whether the tunnel carries nothing in the plan." }),
          }),
        ),
      }),
    ),
  })
  .meta({ id: "ScenarioSplit", description: "What ingresses change over to when the failure happens." });
