/** An operator does not trust what is known of a switch: its rules are read anew, and what it lacks is derived again. */
import { fault, ok, refuse, type NodeId, type RequestedBy, type Result } from "@sluice/model";
import type { ResyncReply } from "../controller-effect.js";
import { worstRules } from "./belief.js";
import { publish } from "./journal.js";
import { read } from "./sessions.js";
import type { ControllerState } from "./state.js";

export interface ResyncRequest {
  readonly requestId: string;
  readonly by?: RequestedBy | undefined;
  readonly nodeId: NodeId;
}

/** Answered at once: that it was read is told by `agent-synced`. Faults: `not-found`, and `unavailable` without a stream. */
export function resync(state: ControllerState, { requestId, by, nodeId }: ResyncRequest): void {
  const result = ask(state, nodeId);
  if (result.ok) publish(state, "resync-asked", { nodeId }, by);
  state.effects.push({ kind: "reply", requestId, result });
}

function ask(state: ControllerState, nodeId: NodeId): Result<ResyncReply> {
  const one = state.switches.get(nodeId);
  if (one === undefined) return refuse(fault("not-found", `The topology has no node ${nodeId}.`));
  if (one.streamId === undefined) {
    return refuse(
      fault("unavailable", `The agent of ${nodeId} is not connected; what it holds is looked at when it is.`, {
        data: { accepted: false },
      }),
    );
  }
  one.isResyncDue = true;
  advanceResync(state);
  return ok({ nodeId });
}

/** A switch that has still to answer for a stage is read after that: an answer to neither would tell what it holds. O(nodes). */
export function advanceResync(state: ControllerState): void {
  for (const one of state.switches.values()) {
    if (!one.isResyncDue || one.inFlight !== undefined) continue;
    one.isResyncDue = false;
    if (one.streamId === undefined || one.belief.kind === "unknown") continue;
    one.belief = { kind: "unknown", last: worstRules(one.belief) };
    one.pending = undefined;
    if (state.push.update !== undefined) state.push.stale = true;
    read(state, one);
  }
}
