/**
 * Links and nodes that an operator took out of the topology while they carried traffic. New plans do without them, but the
 * way there is reckoned with them: what is out of the document is not out of the network.
 */
import { buildTopology, type NodeId, type NodeRules, type Rule, type RuleKey, type RuleSet, type Topology } from "@sluice/model";
import { noRules, worstRules } from "./belief.js";
import { effectiveTopology } from "./link-state.js";
import type { ControllerState, VerifiedPlan } from "./state.js";

/** After a change of the stored topology, before the switches follow it. */
export function retire({ inventory, switches }: ControllerState, before: Topology | undefined): void {
  const { topology, retired } = inventory;
  if (topology === undefined || before === undefined) return;
  for (const node of before.nodes) {
    if (topology.nodeById.has(node.id)) continue;
    const belief = switches.get(node.id)?.belief;
    retired.nodes.set(node.id, node);
    // What starts at a node that is gone is nobody's traffic any more; what passes it is.
    if (belief !== undefined) retired.rules.set(node.id, new Map([...worstRules(belief)].filter(([, rule]) => rule.kind === "label")));
  }
  for (const link of before.links) if (!topology.linkById.has(link.id)) retired.links.set(link.id, link);
  for (const id of retired.links.keys()) if (topology.linkById.has(id)) retired.links.delete(id);
  for (const id of retired.nodes.keys()) if (topology.nodeById.has(id)) forgetNode(retired, id);
}

/** A plan is in force: what it does without carries nothing any more. */
export function forgetRetired({ inventory: { retired } }: ControllerState, { topology }: VerifiedPlan): void {
  for (const id of retired.links.keys()) if (!topology.linkById.has(id)) retired.links.delete(id);
  for (const id of retired.nodes.keys()) if (!topology.nodeById.has(id)) forgetNode(retired, id);
}

function forgetNode(retired: ControllerState["inventory"]["retired"], id: NodeId): void {
  retired.nodes.delete(id);
  retired.rules.delete(id);
}

/**
 * What an update is ordered on. Where retired nodes do not go together with the present ones (a prefix was given to
 * another), the present topology has to do. O(V + E) while something is retired.
 */
export function updateTopology(state: ControllerState): Topology | undefined {
  const effective = effectiveTopology(state);
  const { nodes, links } = state.inventory.retired;
  if (effective === undefined || (nodes.size === 0 && links.size === 0)) return effective;
  const union = buildTopology({
    kind: "topology",
    name: effective.name,
    sites: [],
    nodes: [...effective.nodes, ...nodes.values()],
    links: [
      ...effective.links,
      ...[...links.values()].filter(({ from, to }) => [from, to].every((id) => effective.nodeById.has(id) || nodes.has(id))),
    ],
  });
  return union.ok ? union.value : effective;
}

export function retiredRules({ inventory }: ControllerState): ReadonlyMap<NodeId, NodeRules> {
  return inventory.retired.rules;
}

/**
 * A plan from before a node was taken out may want new tunnels through it, which nobody gives it any more. Flows that would use them stay as they are
 * until there is a plan without the node; those that are not there yet do not come. O(rules) while something is retired.
 */
export function withoutLostWays(
  state: ControllerState,
  wanted: RuleSet,
  present: readonly (readonly [NodeId, NodeRules])[],
): readonly (readonly [NodeId, NodeRules])[] {
  const lost = new Set<number>();
  for (const [nodeId, held] of retiredRules(state)) {
    for (const [key, rule] of wanted.get(nodeId) ?? []) if (rule.kind === "label" && !held.has(key)) lost.add(rule.match.label);
  }
  if (lost.size === 0) return present;
  const installed = new Map(present.map(([nodeId]) => [nodeId, installedAt(state, nodeId)]));
  const used = new Set<number>();
  const kept = present.map(([nodeId, rules]) => [nodeId, keptWays(rules, installed.get(nodeId) ?? noRules, { lost, used })] as const);
  for (const [nodeId, rules] of kept) {
    for (const [key, rule] of installed.get(nodeId) ?? noRules) {
      if (rule.kind === "label" && used.has(rule.match.label) && !rules.has(key)) rules.set(key, rule);
    }
  }
  return kept;
}

function installedAt({ switches }: ControllerState, nodeId: NodeId): NodeRules {
  const belief = switches.get(nodeId)?.belief;
  return belief === undefined ? noRules : worstRules(belief);
}

/** The rules of one switch, with those installed in place of flows and failover groups that push a lost label; the labels that those push are `used`. */
function keptWays(
  rules: NodeRules,
  installed: NodeRules,
  { lost, used }: { readonly lost: ReadonlySet<number>; readonly used: Set<number> },
): Map<RuleKey, Rule> {
  const kept = new Map<RuleKey, Rule>(rules);
  const stays = (key: RuleKey): void => {
    const rule = installed.get(key);
    if (rule === undefined) kept.delete(key);
    else kept.set(key, rule);
    for (const label of pushedBy(rule)) used.add(label);
  };
  const isLost = (rule: Rule | undefined): boolean => pushedBy(rule).some((label) => lost.has(label));
  for (const [key, rule] of rules) {
    if (rule.kind === "failover" && isLost(rule)) stays(key);
    if (rule.kind !== "ingress" || !isLost(rules.get(`group/${rule.groupId}`))) continue;
    const before = installed.get(key);
    const numbers = new Set([rule.groupId, ...(before?.kind === "ingress" ? [before.groupId] : [])]);
    stays(key);
    for (const number of numbers) {
      stays(`group/${number}`);
      stays(`meter/${number}`);
    }
  }
  return kept;
}

function pushedBy(rule: Rule | undefined): readonly number[] {
  if (rule?.kind !== "group" && rule?.kind !== "failover") return [];
  return rule.buckets.flatMap(({ pushLabel }) => (pushLabel === undefined ? [] : [pushLabel]));
}
