/** The switches of the topology: what is known of each, kept for as long as it is in the topology. */
import type { LinkId, NodeRules } from "@sluice/model";
import { noRules } from "./belief.js";
import { nothingPrepared } from "./prepared.js";
import { closeStream } from "./sessions.js";
import type { ControllerState } from "./state.js";

/** After a change of the topology: new switches are unheard, removed ones are let go. What those hold stays as it is. */
export function syncSwitches(state: ControllerState): void {
  const { topology } = state.inventory;
  if (topology === undefined) return;
  for (const { id: nodeId } of topology.nodes) {
    if (state.switches.has(nodeId)) continue;
    state.switches.set(nodeId, {
      nodeId,
      streamId: undefined,
      bootId: undefined,
      ruleCountMax: 0,
      connectedSinceMs: undefined,
      lastSeenMs: undefined,
      belief: { kind: "unknown", last: state.push.target?.rules.get(nodeId) ?? noRules },
      inFlight: undefined,
      prepared: nothingPrepared(),
      pending: undefined,
      reading: undefined,
      isResyncDue: false,
      failure: undefined,
      counters: undefined,
    });
  }
  for (const one of state.switches.values()) {
    if (topology.nodeById.has(one.nodeId)) continue;
    if (one.streamId !== undefined) closeStream(state, one.streamId, "not-found", `Node ${one.nodeId} was removed from the topology.`);
    state.switches.delete(one.nodeId);
    state.control.lostAtMs.delete(one.nodeId);
    state.groupMeasurements.delete(one.nodeId);
    state.push.stale = true;
  }
  for (const linkId of state.linkMeasurements.keys()) {
    if (!topology.linkById.has(linkId as LinkId)) state.linkMeasurements.delete(linkId);
  }
}

/** All that the switches hold or may hold. */
export function* heldRules(state: ControllerState): Iterable<NodeRules> {
  for (const { belief } of state.switches.values()) {
    switch (belief.kind) {
      case "known":
        yield belief.rules;
        break;
      case "either":
        yield belief.before.rules;
        yield belief.after.rules;
        break;
      case "unknown":
        yield belief.last;
    }
  }
}
