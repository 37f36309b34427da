/** The agent's stream to the controller: connect, say hello, notice silence, connect again with growing patience. */
import type { ControllerMessage } from "@sluice/model";
import type { AgentState, Stream } from "./state.js";

/** Asks for a new stream, unless one is wanted already. */
export function connect(agent: AgentState): void {
  if (agent.stream !== undefined) return;
  const { reconnectMinMs, reconnectMaxMs } = agent.config;
  const delayMs = agent.attempts === 0 ? 0 : Math.min(reconnectMaxMs, reconnectMinMs * 2 ** Math.min(agent.attempts - 1, 30));
  agent.attempts += 1;
  agent.streamNext += 1;
  agent.stream = { id: agent.streamNext, phase: "connecting", lastHeardMs: agent.nowMs + delayMs };
  agent.effects.push({ kind: "connect", streamId: agent.stream.id, delayMs });
}

export function opened(agent: AgentState, streamId: number): void {
  if (agent.stream?.id !== streamId || agent.stream.phase !== "connecting") return;
  agent.stream.phase = "open";
  agent.stream.lastHeardMs = agent.nowMs;
  sayHello(agent);
}

/**
 * The digest in a hello is what the controller builds on, so it waits until the datapath has answered for the stage
 * that the last stream left behind.
 */
export function sayHello(agent: AgentState): void {
  const { stream } = agent;
  if (stream?.phase !== "open" || agent.busy?.kind === "applying") return;
  stream.phase = "greeted";
  agent.effects.push({
    kind: "send",
    streamId: stream.id,
    message: {
      kind: "hello",
      nodeId: agent.config.nodeId,
      bootId: agent.config.bootId,
      termSeen: agent.termSeen,
      epochSeen: agent.epochSeen,
      digest: agent.table.digest,
      ruleCount: agent.table.rules.size,
      ruleCountMax: agent.config.ruleCountMax,
      links: [...agent.links].map(([linkId, up]) => ({ linkId, up })),
    },
  });
}

/** Ends the stream from this side. */
export function leave(agent: AgentState, reason: string): void {
  const { stream } = agent;
  if (stream === undefined) return;
  agent.effects.push({ kind: "close-stream", streamId: stream.id, reason });
  closed(agent, stream.id);
}

/** What had not been begun on a lost stream is forgotten: the controller asks again after the next hello. */
export function closed(agent: AgentState, streamId: number): void {
  if (agent.stream?.id !== streamId) return;
  agent.stream = undefined;
  agent.inbox.length = 0;
  if (agent.busy?.kind === "persisting") agent.busy.message = undefined;
  connect(agent);
}

/** The stream that may carry messages now. */
export function greeted(agent: AgentState): Stream | undefined {
  return agent.stream?.phase === "greeted" || agent.stream?.phase === "welcomed" ? agent.stream : undefined;
}

/** Takes a message from the wire. Probes are answered at once; all else waits its turn behind what is under way. */
export function receive(agent: AgentState, streamId: number, message: ControllerMessage): void {
  const { stream } = agent;
  if (stream === undefined || stream.id !== streamId || stream.phase === "connecting") return;
  stream.lastHeardMs = agent.nowMs;
  if (message.kind === "ping") {
    agent.effects.push({ kind: "send", streamId, message: { kind: "pong", nonce: message.nonce } });
    return;
  }
  if (agent.inbox.length >= agent.config.inboxMax) {
    leave(agent, `More than ${agent.config.inboxMax} messages wait.`);
    return;
  }
  agent.inbox.push(message);
}
