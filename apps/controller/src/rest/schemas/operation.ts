/** Bodies that tell how the controller and its switches are doing. */
import { z } from "zod";
import { leadershipSchema } from "./leadership.js";
import { count, id, instant, rate, trafficClassSchema } from "./network.js";
import { certificateSchema, rungSchema, timingsSchema } from "./plan.js";
import { faultSchema } from "./problem.js";

export const agentSchema = z
  .strictObject({
    nodeId: id,
    state: z.enum(["absent", "reading", "synced", "programming"]).meta({
      description:
        "absent: no stream; reading: its rules are being read; synced: what it holds is known; programming: a stage is on its way.",
    }),
    onTarget: z.boolean().meta({ description: "Whether it holds the rules that it should." }),
    bootId: z.string().optional(),
    digest: z.string().optional().meta({ description: "Of the rules that it holds; absent while they are not known." }),
    ruleCount: count,
    ruleCountMax: count,
    lastSeen: instant.optional(),
    connectedSince: instant.optional(),
    failure: z.strictObject({ epoch: count, code: z.string(), reason: z.string() }).optional(),
  })
  .meta({ id: "Agent" });

export const agentsSchema = z
  .strictObject({ total: count, items: z.array(agentSchema), nextCursor: z.string().optional() })
  .meta({ id: "AgentPage" });

const verdict = z.enum(["pass", "fail"]);

export const statusSchema = z
  .strictObject({
    controllerId: z.string(),
    term: count,
    now: instant,
    ready: z.boolean(),
    reasons: z.array(z.string()),
    network: z.strictObject({ name: z.string(), version: count, nodes: count, links: count, linksDown: count }).optional(),
    demands: z.strictObject({ name: z.string(), version: count, flowGroups: count, rateBps: rate }).optional(),
    plan: z
      .strictObject({
        epoch: count,
        createdAt: instant,
        rung: rungSchema,
        check: verdict,
        walk: verdict,
        ruleCount: count,
        rulesDigest: z.string(),
        tunnels: count,
        unroutable: count,
        utilizationMax: z.number(),
        classes: z.array(
          z.strictObject({
            trafficClass: trafficClassSchema,
            rung: rungSchema,
            solver: z.string(),
            demandBps: rate,
            admittedBps: rate,
            certificate: certificateSchema.omit({ linkPrices: true }),
          }),
        ),
        seconds: timingsSchema,
      })
      .optional()
      .meta({ description: "The plan in force." }),
    epochNewest: count.meta({ description: "Of the newest stored plan; 0 without one." }),
    rung: rungSchema.optional().meta({ description: "What the network stands on now: `kept` when the newest solve gave no plan." }),
    utilizationMaxMeasured: z.number().optional(),
    cycle: z.strictObject({
      phase: z.enum(["idle", "solving", "persisting"]),
      solves: count,
      failures: count,
      lastFaults: z.array(faultSchema).optional(),
    }),
    push: z
      .strictObject({
        epoch: count,
        purpose: z.enum(["apply", "reconcile", "roll-back", "activate"]),
        stages: count,
        flips: count.meta({
          description: "Of the stages, those in which ingresses change over: several where links have no room for old and new at once.",
        }),
        throttled: count.meta({ description: "Flow groups that are admitted less than both before and after while it lasts." }),
        messages: count,
        sent: count,
        programmed: count,
        outstanding: z.array(id),
        absent: z.array(id),
        startedAt: instant,
      })
      .optional(),
    agents: z.strictObject({ total: count, absent: count, reading: count, synced: count, programming: count, onTarget: count }),
    leadership: leadershipSchema.optional().meta({
      description: "A follower shows what is stored; agents, links that they report, measurements and pushes are the leader's.",
    }),
  })
  .meta({ id: "Status" });

export const healthSchema = z.strictObject({ status: z.literal("ok") }).meta({ id: "Health" });

export const readinessSchema = z
  .strictObject({
    ready: z.boolean(),
    reasons: z.array(z.string()).meta({ description: "Why not; one sentence each." }),
    deletionsAllowed: z.boolean().meta({ description: "Whether rules may be removed from switches." }),
    role: leadershipSchema.shape.role,
  })
  .meta({ id: "Readiness" });
