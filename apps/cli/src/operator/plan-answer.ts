/** What the tables read of a controller's answers about plans. Everything else in them is kept as it came: it is the controller's promise. */
import { trafficClasses } from "@sluice/model";
import { z } from "zod";

const figures = z.object({ before: z.number(), after: z.number() });
const maybe = <T extends z.ZodType>(of: T) => z.object({ before: of.optional(), after: of.optional() });
const rates = z.object({ interactive: z.number(), elastic: z.number(), bulk: z.number() });
const trafficClass = z.enum(trafficClasses);
const flowGroup = z.looseObject({ src: z.string(), dst: z.string(), trafficClass });
const tunnel = z.looseObject({ id: z.string(), src: z.string(), dst: z.string(), path: z.array(z.string()) });
const ruleCounts = { added: z.number(), changed: z.number(), removed: z.number() };

const blastRadius = z.looseObject({
  rulesInstalled: z.number(),
  rulesAdded: z.number(),
  rulesChanged: z.number(),
  rulesRemoved: z.number(),
  rulesChangedShare: z.number(),
  admittedBeforeBps: z.number(),
  admittedLossBps: z.number(),
  admittedLossShare: z.number(),
  topClassLossBps: z.number(),
});
export type BlastRadiusFigures = z.output<typeof blastRadius>;

export const differenceSchema = z.looseObject({
  kind: z.literal("plan-difference"),
  formatVersion: z.literal(1),
  isDifferent: z.boolean(),
  classes: z.array(z.looseObject({ trafficClass, demandBps: figures, admittedBps: figures, rung: maybe(z.string()) })),
  utilizationMax: maybe(z.number()),
  groups: z.array(flowGroup.extend({ demandBps: figures, admittedBps: figures, resplit: z.boolean() })),
  tunnels: z.object({ added: z.array(tunnel), removed: z.array(tunnel) }),
  links: z.array(z.looseObject({ linkId: z.string(), capacityBps: maybe(z.number()), loadBps: figures, utilization: maybe(z.number()) })),
  rules: z.looseObject({
    rulesBefore: z.number(),
    rulesAfter: z.number(),
    ...ruleCounts,
    switches: z.array(z.looseObject({ nodeId: z.string(), rulesBefore: z.number(), rulesAfter: z.number(), ...ruleCounts })),
  }),
  blastRadius,
});
export type Difference = z.output<typeof differenceSchema>;

/** `GET /v1/plans/EPOCH/difference`. */
export const storedDifferenceSchema = differenceSchema.extend({ epochs: figures });
export type StoredDifference = z.output<typeof storedDifferenceSchema>;

const layer = z.looseObject({ lostBps: rates, utilizationMax: z.number(), fullestLinkId: z.string().optional() });
const outcome = z.looseObject({ endsLostBps: rates, layers: z.record(z.string(), layer) });
const failureDifference = z.looseObject({
  layers: z.array(z.string()),
  admittedBps: maybe(rates),
  scenarios: z.array(
    z.looseObject({
      id: z.string(),
      verdict: z.enum(["worse", "better", "same", "new", "gone"]),
      before: outcome.optional(),
      after: outcome.optional(),
    }),
  ),
});
export type FailureDifference = z.output<typeof failureDifference>;

/** `GET /v1/previews/ID` and `/v1/what-ifs/ID`. */
export const answerSchema = z.looseObject({
  kind: z.enum(["preview", "what-if"]),
  formatVersion: z.literal(1),
  basis: z.looseObject({
    topologyVersion: z.number(),
    demandsVersion: z.number(),
    settingsVersion: z.number(),
    inputHash: z.string(),
    epoch: z.number().optional(),
  }),
  plan: z.looseObject({
    inputHash: z.string(),
    rung: z.string(),
    demandBps: z.number(),
    admittedBps: z.number(),
    utilizationMax: z.number(),
    unroutable: z.array(flowGroup),
    softDrained: z.enum(["avoided", "used"]).optional(),
  }),
  difference: differenceSchema,
  failures: failureDifference.optional(),
});
export type Answer = z.output<typeof answerSchema>;

const pathAnswer = z.looseObject({
  admittedBps: z.number(),
  tunnels: z.array(tunnel.extend({ latencyMs: z.number(), rateBps: z.number() })),
  binding: z.array(z.looseObject({ linkId: z.string(), roomBps: z.number(), capacityBps: z.number() })),
});
export type PathAnswer = z.output<typeof pathAnswer>;

/** `POST /v1/path-checks`. */
export const pathCheckSchema = z.looseObject({
  kind: z.literal("path-check"),
  formatVersion: z.literal(1),
  demand: flowGroup.extend({ rateBps: z.number() }),
  latencyMsMax: z.number().optional(),
  verdict: z.enum(["yes", "yes-taking", "in-part", "no", "no-path"]),
  beside: pathAnswer,
  taking: pathAnswer.extend({ takes: z.array(z.looseObject({ linkId: z.string(), trafficClass, takenBps: z.number() })) }).optional(),
  otherTunnels: pathAnswer.optional(),
  notes: z.array(z.string()),
});
export type PathCheckAnswer = z.output<typeof pathCheckSchema>;

/** `GET /v1/agents/NODE/rules`, all pages joined. */
export const agentRulesSchema = z.looseObject({
  nodeId: z.string(),
  known: z.boolean(),
  installed: z.number(),
  intended: z.number(),
  missing: z.number(),
  unexpected: z.number(),
  different: z.number(),
  items: z.array(
    z.looseObject({
      key: z.string(),
      state: z.enum(["same", "missing", "unexpected", "different"]),
      installed: z.looseObject({ kind: z.string() }).optional(),
      intended: z.looseObject({ kind: z.string() }).optional(),
    }),
  ),
});
export type AgentRules = z.output<typeof agentRulesSchema>;

/** `GET /v1/operation`: what limits a change without force. */
export const limitsSchema = z.looseObject({
  blastRadius: z.looseObject({ rulesChangedShareMax: z.number(), admittedLossShareMax: z.number(), topClassLossAllowed: z.boolean() }),
});
export type BlastRadiusLimits = z.output<typeof limitsSchema>["blastRadius"];
