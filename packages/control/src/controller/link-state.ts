/**
 * The operational state of links as agents report it. Reports are kept apart from the stored topology: an operator's
 * document says what the network should be, a report what it is. A link is down when the document or the agent of
 * either end says so. A report speaks of one directed link; the link the other way is reported by the agent at its own
 * start. Down is believed at once; what came up is held down for a while (`damping.ts`).
 */
import { assert, buildTopology, type LinkId, type NodeId, type Topology } from "@sluice/model";
import { isHeldDown, noteFall, noteRise } from "./damping.js";
import { touchTopology } from "./replan.js";
import { publish } from "./journal.js";
import type { ControllerState, InventoryState } from "./state.js";

/** Takes a report in; where the link's effective state changes, asks for a new plan. */
export function reportLink(state: ControllerState, { nodeId, linkId, up }: { nodeId: NodeId; linkId: LinkId; up: boolean }): void {
  const { inventory } = state;
  const link = inventory.topology?.linkById.get(linkId);
  if (link === undefined || (link.from !== nodeId && link.to !== nodeId)) return;
  const reporters = inventory.reportedDown.get(linkId) ?? new Set();
  const wasDown = reporters.size > 0;
  // What the last controller knew holds until the link's own agent has spoken.
  if (link.from === nodeId) reporters.delete("last-plan");
  if (up) reporters.delete(nodeId);
  else reporters.add(nodeId);
  const isDown = reporters.size > 0;
  if (isDown) inventory.reportedDown.set(linkId, reporters);
  else inventory.reportedDown.delete(linkId);
  if (wasDown === isDown) return;
  if (!isDown) return noteRise(state, linkId);
  if (!noteFall(state, linkId)) return;
  publish(state, "link-down", { linkId, from: link.from, to: link.to, reportedBy: nodeId });
  touchTopology(state, { obsoletes: true });
}

/** After a change of the stored topology: reports about links that are gone are forgotten. */
export function forgetGoneLinks({ inventory }: ControllerState): void {
  for (const known of [inventory.reportedDown, inventory.damping]) {
    for (const linkId of known.keys()) if (!inventory.topology?.linkById.has(linkId)) known.delete(linkId);
  }
}

/** The topology that plans are made for. Rebuilt on first use after a change: O(V + E). */
export function effectiveTopology({ inventory }: ControllerState) {
  if (inventory.effective === undefined && inventory.topology !== undefined) {
    inventory.effective = asReported(inventory, inventory.topology);
  }
  return inventory.effective;
}

/** A topology with the links down that agents report as down, or that are held down. O(E), O(V + E) where there are any. */
export function asReported(inventory: InventoryState, topology: Topology): Topology {
  const isDown = (linkId: LinkId) => inventory.reportedDown.has(linkId) || isHeldDown(inventory, linkId);
  if (!topology.links.some(({ id }) => isDown(id))) return topology;
  const built = buildTopology({
    kind: "topology",
    name: topology.name,
    sites: topology.sites,
    nodes: topology.nodes,
    links: topology.links.map((link) => (isDown(link.id) ? { ...link, operational: "down" as const } : link)),
  });
  assert(built.ok, "a valid topology stays valid when links of it go down");
  return built.value;
}

/** After a restart: links that the last plan was told are down stay so until the agent at their start has spoken. */
export function presumeDown(state: ControllerState, topologyThen: Topology): void {
  const { topology, reportedDown } = state.inventory;
  for (const link of topologyThen.links) {
    if (link.operational === "down" && topology?.linkById.get(link.id)?.operational === "up")
      reportedDown.set(link.id, new Set(["last-plan"]));
  }
}
