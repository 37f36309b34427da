/**
 * What agents keep for scenarios: each ingress is given what concerns it, one message at a time, and is believed to keep what it has said
 * that it keeps. That lives as long as the agent's process; a new one is given everything again. Nothing depends on it but speed: an agent that
 * turns out not to keep a scenario is told the operations in full.
 */
import type { AgentMessage, ScenarioId } from "@sluice/model";
import { isFrozen } from "./control-fault.js";
import type { ControllerState, PreparedAtAgent, Switch } from "./state.js";

/** Of an agent of which nothing is known: the first message makes it drop what it kept before. */
export function nothingPrepared(): PreparedAtAgent {
  return { held: new Set(), refused: new Set(), sent: 0, replaces: true, inFlight: undefined };
}

/** Sends what a node has yet to be given, if nothing is on its way. O(scenarios in the message). */
export function sendPrepare(state: ControllerState, one: Switch): void {
  const { protection, config, push, nowMs } = state;
  const { prepared } = one;
  const ids = protection.byNode.get(one.nodeId);
  if (ids === undefined || prepared.sent >= ids.length || prepared.inFlight !== undefined) return;
  if (one.streamId === undefined || state.adopting || isFrozen(state)) return;
  const scenarios = [];
  let count = 0;
  for (let i = prepared.sent; i < ids.length; i += 1) {
    const scenarioId = ids[i] ?? "";
    const operations = protection.scenarios.get(scenarioId)?.operations.get(one.nodeId) ?? [];
    if (scenarios.length > 0 && count + operations.length > config.preparedOperationsPerMessageMax) break;
    scenarios.push({ scenarioId, operations });
    count += operations.length;
  }
  state.sequenceLast += 1;
  // An agent makes the epoch durable: from now on stages carry no lower one.
  push.epochSent = Math.max(push.epochSent, protection.epoch);
  const { replaces } = prepared;
  prepared.inFlight = {
    sequence: state.sequenceLast,
    sentAtMs: nowMs,
    scenarioIds: scenarios.map(({ scenarioId }) => scenarioId),
    replaces,
  };
  prepared.sent += scenarios.length;
  prepared.replaces = false;
  state.effects.push({
    kind: "send",
    streamId: one.streamId,
    message: { kind: "prepare", term: state.term, epoch: protection.epoch, sequence: state.sequenceLast, replaces, scenarios },
  });
}

/** The agent says what it keeps of the message on its way; other answers say nothing new. */
export function preparedAnswered(state: ControllerState, one: Switch, message: Extract<AgentMessage, { kind: "prepared" }>): void {
  const { inFlight, held, refused } = one.prepared;
  if (inFlight === undefined || message.term !== state.term || message.sequence !== inFlight.sequence) return;
  one.prepared.inFlight = undefined;
  const declined = new Set<ScenarioId>(message.refused);
  for (const id of inFlight.scenarioIds) (declined.has(id) ? refused : held).add(id);
  sendPrepare(state, one);
}

/** The agent has seen a higher epoch than the scenarios are sent under: it is given no more of them. */
export function prepareRefused(one: Switch, sequence: number): void {
  const { inFlight } = one.prepared;
  if (inFlight?.sequence !== sequence) return;
  one.prepared = { ...nothingPrepared(), sent: Number.MAX_SAFE_INTEGER };
}

/** The stream is lost: what was on its way is to be sent again. */
export function prepareLost({ prepared }: Switch): void {
  const { inFlight } = prepared;
  if (inFlight === undefined) return;
  prepared.inFlight = undefined;
  prepared.sent -= inFlight.scenarioIds.length;
  prepared.replaces = inFlight.replaces;
}
