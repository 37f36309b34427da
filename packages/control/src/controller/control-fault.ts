/**
 * Many agents lost at once. If their switches had died, their neighbours would say that the links to them are down; where nobody
 * does, it is the network between controller and agents that is at fault. Then nothing that could be planned would be better than
 * what the switches hold: the controller freezes. It listens and does nothing else until the agents are back.
 */
import { compareText, type NodeId, type Topology } from "@sluice/model";
import { publish } from "./journal.js";
import { cancelSolve } from "./replan.js";
import type { ControllerState } from "./state.js";

/** Fewer than this at once are no fault of the control network, whatever their share. */
const massLossMin = 3;
/** Nodes that one event names. */
const nodesPublishedMax = 20;

export function isFrozen({ control }: ControllerState): boolean {
  return control.frozen !== undefined;
}

/** With each tick. O(E) while agents are missing. */
export function advanceControlFault(state: ControllerState): void {
  const { control, config, nowMs } = state;
  if (control.lostAtMs.size === 0 && control.frozen === undefined) return;
  const missing = missingAgents(state);
  const connected = connectedCount(state);
  if (control.frozen === undefined) {
    // Reports of neighbours are waited for as long as both ends of a cut cable are.
    const recent = missing.filter((nodeId) => {
      const agoMs = nowMs - (control.lostAtMs.get(nodeId) ?? 0);
      return agoMs >= config.topologySettleMs && agoMs <= config.massLossWindowMs;
    });
    if (recent.length < massLossMin || !isMassShare(state, { missing: recent.length, connected })) return;
    control.frozen = { sinceMs: nowMs, missing: recent };
    // What is being solved for is the network as the lost agents last described it.
    if (state.cycle.phase.kind === "solving") state.cycle.topologyDirtyMs ??= nowMs;
    cancelSolve(state);
    publish(state, "control-network-fault", {
      nodeIds: recent.slice(0, nodesPublishedMax),
      missing: recent.length,
      connected,
      share: recent.length / (connected + recent.length),
    });
    return;
  }
  control.frozen = { ...control.frozen, missing };
  const frozenMs = nowMs - control.frozen.sinceMs;
  const isBack = !isMassShare(state, { missing: missing.length, connected });
  if (!isBack && frozenMs < config.frozenMaxMs) return;
  control.frozen = undefined;
  publish(state, "control-network-healed", {
    reason: isBack ? "agents-back" : "patience",
    missing: missing.length,
    connected,
    seconds: frozenMs / 1000,
  });
}

function isMassShare(
  { config }: ControllerState,
  { missing, connected }: { readonly missing: number; readonly connected: number },
): boolean {
  return missing > 0 && missing >= config.massLossShare * (missing + connected);
}

function connectedCount({ switches }: ControllerState): number {
  let count = 0;
  for (const { streamId } of switches.values()) if (streamId !== undefined) count += 1;
  return count;
}

/** Nodes whose agents were connected and are not, but for those that are dead; sorted. */
function missingAgents({ control, inventory, switches }: ControllerState): readonly NodeId[] {
  const { topology, reportedDown } = inventory;
  if (topology === undefined) return [];
  const lost = new Set([...control.lostAtMs.keys()].filter((nodeId) => topology.nodeById.has(nodeId)));
  const regions = regionsOf(topology, lost);
  const witnesses = new Map<NodeId, { links: number; down: number }>();
  for (const { id, from, to } of topology.links) {
    // An agent speaks of the links that start at its node: those toward the lost one bear witness.
    const region = lost.has(to) && !lost.has(from) ? regions.get(to) : undefined;
    if (region === undefined || switches.get(from)?.streamId === undefined) continue;
    const seen = witnesses.get(region) ?? { links: 0, down: 0 };
    seen.links += 1;
    if (reportedDown.get(id)?.has(from) === true) seen.down += 1;
    witnesses.set(region, seen);
  }
  const isDead = (nodeId: NodeId) => {
    const seen = witnesses.get(regions.get(nodeId) ?? nodeId);
    return seen !== undefined && seen.down === seen.links;
  };
  return [...lost].filter((nodeId) => !isDead(nodeId)).sort(compareText);
}

/** The lost nodes that hang together, each by the first of them: within a region nobody is left to bear witness. */
function regionsOf(topology: Topology, lost: ReadonlySet<NodeId>): ReadonlyMap<NodeId, NodeId> {
  const neighbours = new Map<NodeId, NodeId[]>([...lost].map((nodeId) => [nodeId, []]));
  for (const { from, to } of topology.links) {
    if (!lost.has(from) || !lost.has(to)) continue;
    neighbours.get(from)?.push(to);
    neighbours.get(to)?.push(from);
  }
  const regions = new Map<NodeId, NodeId>();
  for (const first of lost) {
    const open = regions.has(first) ? [] : [first];
    for (let nodeId = open.pop(); nodeId !== undefined; nodeId = open.pop()) {
      if (regions.has(nodeId)) continue;
      regions.set(nodeId, first);
      open.push(...(neighbours.get(nodeId) ?? []));
    }
  }
  return regions;
}
