/**
 * Streams of agents: who is there, what their switches hold, who has fallen silent. A stream is known by its hello; one
 * node has one stream, and the newest wins.
 */
import { ruleKey, unreachable, type AgentMessage, type FaultCode, type NodeId } from "@sluice/model";
import { digestOf } from "@sluice/rules";
import { acknowledged, stageLost, stageProgrammed } from "./acknowledge.js";
import { worstRules } from "./belief.js";
import { publish } from "./journal.js";
import { reportLink } from "./link-state.js";
import { measure } from "./measurements.js";
import { nothingPrepared, prepareLost, preparedAnswered, prepareRefused } from "./prepared.js";
import { isOnTarget, rulesLearned, sendNext } from "./push.js";
import { nextId, type ControllerState, type Hello, type Stream, type Switch } from "./state.js";

export function agentOpened(state: ControllerState, streamId: number, certified?: NodeId): void {
  const { streams, config, nowMs } = state;
  if (streams.has(streamId)) return;
  streams.set(streamId, {
    id: streamId,
    certified,
    openedAtMs: nowMs,
    lastHeardMs: nowMs,
    lastPingMs: nowMs,
    nodeId: undefined,
    parked: undefined,
  });
  if (streams.size > config.streamsMax) closeStream(state, streamId, "too-many", `${config.streamsMax} agents are connected already.`);
}

export function agentClosed(state: ControllerState, streamId: number): void {
  const stream = state.streams.get(streamId);
  if (stream === undefined) return;
  state.streams.delete(streamId);
  const one = stream.nodeId === undefined ? undefined : state.switches.get(stream.nodeId);
  if (one?.streamId !== streamId) return;
  one.streamId = undefined;
  one.connectedSinceMs = undefined;
  one.inFlight = undefined;
  one.reading = undefined;
  prepareLost(one);
  state.control.lostAtMs.set(one.nodeId, state.nowMs);
  publish(state, "agent-disconnected", { nodeId: one.nodeId });
}

/** Ends a stream from this side: nothing that still comes on it is heard. */
export function closeStream(state: ControllerState, streamId: number, code: FaultCode, reason: string): void {
  state.effects.push({ kind: "close-stream", streamId, code, reason });
  agentClosed(state, streamId);
}

export function agentMessage(state: ControllerState, streamId: number, message: AgentMessage): void {
  const stream = state.streams.get(streamId);
  if (stream === undefined) return;
  stream.lastHeardMs = state.nowMs;
  if (message.kind === "hello") {
    // A second hello on a stream is a duplicate of the first.
    if (stream.nodeId === undefined && stream.parked === undefined) greet(state, stream, message);
    return;
  }
  const one = stream.nodeId === undefined ? undefined : state.switches.get(stream.nodeId);
  if (one === undefined) {
    if (stream.parked === undefined) closeStream(state, streamId, "malformed", `The stream began with ${message.kind} and not with hello.`);
    return;
  }
  one.lastSeenMs = state.nowMs;
  switch (message.kind) {
    case "rules":
      return rulesRead(state, one, message);
    case "ack":
      return acknowledged(state, one, message);
    case "refused":
      return refused(state, one, message);
    case "link-event":
      return reportLink(state, { nodeId: one.nodeId, linkId: message.linkId, up: message.up });
    case "counters":
      return measure(state, one, message);
    case "prepared":
      return preparedAnswered(state, one, message);
    case "pong":
      return;
    default:
      unreachable(message);
  }
}

/** Hellos that came before there was a topology to place them in. */
export function greetParked(state: ControllerState): void {
  for (const stream of state.streams.values()) {
    const { parked } = stream;
    if (parked === undefined) continue;
    stream.parked = undefined;
    greet(state, stream, parked);
  }
}

function greet(state: ControllerState, stream: Stream, hello: Hello): void {
  const { nodeId } = hello;
  const { certified } = stream;
  if (certified !== undefined && certified !== nodeId) {
    publish(state, "agent-refused", { nodeId, code: "forbidden", certified });
    return closeStream(
      state,
      stream.id,
      "forbidden",
      `The certificate is that of the agent of ${certified}, which says that it is ${nodeId}.`,
    );
  }
  if (hello.termSeen > state.term) {
    publish(state, "agent-refused", { nodeId, code: "stale-term", termSeen: hello.termSeen });
    return closeStream(
      state,
      stream.id,
      "stale-term",
      `The agent has obeyed term ${hello.termSeen}; this controller has term ${state.term}.`,
    );
  }
  if (state.inventory.topology === undefined) {
    stream.parked = hello;
    return;
  }
  const one = state.switches.get(nodeId);
  if (one === undefined) {
    publish(state, "agent-refused", { nodeId, code: "not-found" });
    return closeStream(state, stream.id, "not-found", `The topology has no node ${nodeId}.`);
  }
  if (one.streamId !== undefined) closeStream(state, one.streamId, "cancelled", `A newer stream of ${nodeId} took its place.`);
  stream.nodeId = nodeId;
  one.streamId = stream.id;
  state.control.lostAtMs.delete(nodeId);
  one.connectedSinceMs = state.nowMs;
  one.lastSeenMs = state.nowMs;
  one.ruleCountMax = hello.ruleCountMax;
  if (one.bootId !== hello.bootId) {
    one.counters = undefined;
    one.prepared = nothingPrepared();
  }
  const restarted = one.bootId !== undefined && one.bootId !== hello.bootId;
  one.bootId = hello.bootId;
  state.push.epochSent = Math.max(state.push.epochSent, hello.epochSeen);
  state.effects.push({
    kind: "send",
    streamId: stream.id,
    message: { kind: "welcome", term: state.term, controllerId: state.config.controllerId },
  });
  publish(state, "agent-connected", { nodeId, bootId: hello.bootId, restarted, ruleCount: hello.ruleCount });
  for (const { linkId, up } of hello.links) reportLink(state, { nodeId, linkId, up });
  place(state, one, hello.digest);
}

/** Finds out from the digest what the switch holds; where the digest is none that could be expected, asks. */
function place(state: ControllerState, one: Switch, digest: string): void {
  const { belief } = one;
  switch (belief.kind) {
    case "known":
      if (belief.digest === digest) return synced(state, one);
      publish(state, "agent-drifted", { nodeId: one.nodeId, digest, expected: belief.digest });
      break;
    case "either":
      if (belief.after.digest === digest) {
        stageProgrammed(state, one);
        return synced(state, one);
      }
      if (belief.before.digest === digest) {
        stageLost(state, one);
        return synced(state, one);
      }
      break;
    case "unknown": {
      const rules = state.push.target?.rules.get(one.nodeId);
      if (rules === undefined || state.push.target?.digests.get(one.nodeId) !== digest) break;
      one.belief = { kind: "known", rules, digest };
      rulesLearned(state, one);
      return synced(state, one);
    }
    default:
      unreachable(belief);
  }
  one.belief = { kind: "unknown", last: worstRules(belief) };
  one.pending = undefined;
  if (state.push.update !== undefined) state.push.stale = true;
  read(state, one);
}

/** Asks a connected switch for all its rules. */
export function read(state: ControllerState, one: Switch): void {
  if (one.streamId === undefined || one.reading !== undefined) return;
  one.reading = { requestId: nextId(state), askedMs: state.nowMs, rules: new Map() };
  state.effects.push({
    kind: "send",
    streamId: one.streamId,
    message: { kind: "read-rules", term: state.term, requestId: one.reading.requestId },
  });
}

function rulesRead(state: ControllerState, one: Switch, message: Extract<AgentMessage, { kind: "rules" }>): void {
  const { reading } = one;
  if (reading === undefined || reading.requestId !== message.requestId) return;
  for (const rule of message.rules) reading.rules.set(ruleKey(rule), rule);
  if (reading.rules.size > state.config.rulesReadMax) {
    if (one.streamId !== undefined)
      closeStream(state, one.streamId, "too-large", `More than ${state.config.rulesReadMax} rules were reported.`);
    return;
  }
  if (!message.last) return;
  one.reading = undefined;
  one.belief = { kind: "known", rules: reading.rules, digest: digestOf(reading.rules) };
  rulesLearned(state, one);
  synced(state, one);
}

function synced(state: ControllerState, one: Switch): void {
  const { belief, nodeId } = one;
  publish(state, "agent-synced", { nodeId, rules: belief.kind === "known" ? belief.rules.size : 0, onTarget: isOnTarget(state, one) });
  if (state.push.update === undefined && state.push.target !== undefined && !isOnTarget(state, one)) state.push.stale = true;
  sendNext(state, nodeId);
}

/** The agent has seen more than this controller says: a term above ends the stream, an epoch above is taken over. */
function refused(state: ControllerState, one: Switch, message: Extract<AgentMessage, { kind: "refused" }>): void {
  publish(state, "agent-refused", { nodeId: one.nodeId, code: message.code, termSeen: message.termSeen, epochSeen: message.epochSeen });
  if (message.code === "stale-term") {
    if (one.streamId !== undefined) closeStream(state, one.streamId, "stale-term", `The agent has obeyed term ${message.termSeen}.`);
    return;
  }
  state.push.epochSent = Math.max(state.push.epochSent, message.epochSeen);
  prepareRefused(one, message.sequence);
  if (one.inFlight?.sequence !== message.sequence) return;
  stageLost(state, one);
  state.push.stale = true;
}

/** Probes silent streams, closes dead ones and those that do not answer what they were asked. O(streams) each tick. */
export function watchStreams(state: ControllerState): void {
  const { config, nowMs } = state;
  for (const stream of state.streams.values()) {
    const overdue = overdueOf(state, stream);
    if (overdue !== undefined) {
      closeStream(state, stream.id, "deadline-exceeded", overdue);
    } else if (nowMs - stream.lastPingMs >= config.pingIntervalMs) {
      // An agent that has much to say hears nothing else from here, and must not take that for silence.
      stream.lastPingMs = nowMs;
      state.effects.push({ kind: "send", streamId: stream.id, message: { kind: "ping", nonce: nextId(state) } });
    }
  }
}

function overdueOf({ config, nowMs, switches }: ControllerState, stream: Stream): string | undefined {
  if (nowMs - stream.lastHeardMs > config.silenceMaxMs) return `Nothing was heard for ${config.silenceMaxMs} ms.`;
  if (stream.nodeId === undefined) {
    const late = stream.parked === undefined && nowMs - stream.openedAtMs > config.helloTimeoutMs;
    return late ? `No hello came within ${config.helloTimeoutMs} ms.` : undefined;
  }
  const one = switches.get(stream.nodeId);
  if (one?.inFlight !== undefined && nowMs - one.inFlight.sentAtMs > config.ackTimeoutMs) {
    return `A stage was not acknowledged within ${config.ackTimeoutMs} ms.`;
  }
  if (one?.prepared.inFlight !== undefined && nowMs - one.prepared.inFlight.sentAtMs > config.ackTimeoutMs) {
    return `What was given for scenarios was not answered for within ${config.ackTimeoutMs} ms.`;
  }
  if (one?.reading !== undefined && nowMs - one.reading.askedMs > config.readTimeoutMs) {
    return `The rules did not come within ${config.readTimeoutMs} ms.`;
  }
  return undefined;
}
