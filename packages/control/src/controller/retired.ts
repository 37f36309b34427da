/**
 * Links and nodes that an operator took out of the topology while they carried traffic. New plans do without them, but the
 * way there is reckoned with them: what is out of the document is not out of the network.
 */
import { buildTopology, type NodeId, type NodeRules, type Topology } from "@sluice/model";
import { worstRules } from "./belief.js";
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
