/** The agents of switches: how each is doing, and what its switch holds against what it should. */
import type { AgentView, SwitchRules } from "@sluice/control";
import { compareText, fault, nodeIdSchema, ok, refuse, type NodeId, type Rule, type RuleKey } from "@sluice/model";
import { sameRule } from "@sluice/rules";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { pageQuery } from "../list-query.js";
import { pageOf } from "../page.js";
import { declareGet, declarePost } from "../route.js";
import { agentSchema, agentsSchema } from "../schemas/operation.js";
import { agentRulesSchema, resyncSchema } from "../schemas/rule.js";

const nodePath = z.strictObject({ nodeId: nodeIdSchema });

export function declareAgentRoutes(app: FastifyInstance, { view, submit, rulesOf }: RestDeps): void {
  declareGet(
    app,
    {
      url: "/v1/agents",
      tag: "operation",
      role: "viewer",
      summary: "The agent of each switch, and whether it holds the rules that it should",
      query: z.strictObject(pageQuery),
      response: agentsSchema,
      refusals: [422],
    },
    ({ query }) => {
      const { agents } = view();
      const paged = pageOf(agents, ({ nodeId }) => nodeId, query);
      return paged.ok ? ok({ total: agents.length, ...paged.value, items: paged.value.items.map(agentBody) }) : paged;
    },
  );

  declareGet(
    app,
    {
      url: "/v1/agents/:nodeId",
      tag: "operation",
      role: "viewer",
      summary: "One agent",
      params: nodePath,
      response: agentSchema,
      refusals: [404],
    },
    ({ params: { nodeId } }) => {
      const agent = view().agents.find((each) => each.nodeId === nodeId);
      return agent === undefined ? noAgent(nodeId) : ok(agentBody(agent));
    },
  );

  declareGet(
    app,
    {
      url: "/v1/agents/:nodeId/rules",
      tag: "operation",
      role: "viewer",
      summary: "The rules that a switch holds, each against the one that it should hold",
      description: "What it holds is what it last said, or acknowledged; POST to `resync` beside this has it read anew.",
      params: nodePath,
      query: z.strictObject({
        ...pageQuery,
        compare: z.enum(["intended"]).optional().meta({ description: "`intended`: only rules that are missing, unexpected or different." }),
      }),
      response: agentRulesSchema,
      refusals: [404, 422],
    },
    ({ params: { nodeId }, query }) => {
      const rules = rulesOf(nodeId);
      if (rules === undefined) return noAgent(nodeId);
      const all = ruleStates(rules);
      const items =
        query.compare === undefined ? all.filter(({ installed }) => installed !== undefined) : all.filter(({ state }) => state !== "same");
      const paged = pageOf(items, ({ key }) => key, query);
      if (!paged.ok) return paged;
      const inState = (state: RuleState["state"]) => all.filter((each) => each.state === state).length;
      return ok({
        nodeId,
        known: rules.installed !== undefined,
        installed: rules.installed?.size ?? 0,
        intended: rules.intended.size,
        missing: inState("missing"),
        unexpected: inState("unexpected"),
        different: inState("different"),
        total: items.length,
        ...paged.value,
        items: paged.value.items.map(ruleStateBody),
      });
    },
  );

  declarePost(
    app,
    {
      url: "/v1/agents/:nodeId/resync",
      tag: "operation",
      role: "operator",
      summary: "Reads the rules of a switch anew, and sends what it lacks",
      params: nodePath,
      response: resyncSchema,
      status: 202,
      location: ({ nodeId }) => `/v1/agents/${encodeURIComponent(nodeId)}/rules?compare=intended`,
      refusals: [404, 503],
      idempotent: true,
    },
    async ({ params: { nodeId }, by }) => {
      const asked = await submit({ kind: "resync", nodeId, by });
      return asked.ok ? ok({ nodeId }) : asked;
    },
  );
}

interface RuleState {
  readonly key: RuleKey;
  readonly state: "same" | "missing" | "unexpected" | "different";
  readonly installed?: Rule;
  readonly intended?: Rule;
}

/** Sorted by key. What is not known to be there is neither missing nor anything else. O(rules) up to sorting. */
function ruleStates({ installed, intended }: SwitchRules): readonly RuleState[] {
  if (installed === undefined) return [];
  const states: RuleState[] = [];
  for (const [key, rule] of installed) {
    const wanted = intended.get(key);
    if (wanted === undefined) states.push({ key, state: "unexpected", installed: rule });
    else states.push({ key, state: sameRule(rule, wanted) ? "same" : "different", installed: rule, intended: wanted });
  }
  for (const [key, rule] of intended) if (!installed.has(key)) states.push({ key, state: "missing", intended: rule });
  return states.sort((a, b) => compareText(a.key, b.key));
}

function ruleStateBody({ key, state, installed, intended }: RuleState) {
  return { key, state, ...(installed && { installed: ruleBody(installed) }), ...(intended && { intended: ruleBody(intended) }) };
}

function ruleBody(rule: Rule) {
  switch (rule.kind) {
    case "group":
      return { ...rule, buckets: [...rule.buckets] };
    case "failover":
      return { ...rule, buckets: [...rule.buckets] };
    default:
      return rule;
  }
}

function noAgent(nodeId: NodeId) {
  return refuse(fault("not-found", `The topology has no node ${nodeId}.`, { pointer: "/path/nodeId" }));
}

function agentBody({ lastSeenMs, connectedSinceMs, ...agent }: AgentView) {
  return {
    ...agent,
    ...(lastSeenMs === undefined ? {} : { lastSeen: new Date(lastSeenMs).toISOString() }),
    ...(connectedSinceMs === undefined ? {} : { connectedSince: new Date(connectedSinceMs).toISOString() }),
  };
}
