/**
 * The agent of one switch: a state machine that does no I/O and reads no clock. It keeps forwarding what it has while
 * the controller is away, obeys the highest term it has seen, and applies stages whole or not at all. docs/protocol.md.
 */
import { unreachable, type Epoch, type NodeRules, type Term } from "@sluice/model";
import { agentConfigDefault, type AgentConfig, type AgentStart } from "../agent-config.js";
import type { AgentEffect } from "../agent-effect.js";
import type { AgentEvent } from "../agent-event.js";
import { foundTable } from "./found-table.js";
import { applied, obeyInbox, persisted, rulesFound, send } from "./obey.js";
import { noScenarios } from "./prepared.js";
import { closed, connect, leave, opened, receive } from "./session.js";
import type { AgentState } from "./state.js";

export type { AgentState } from "./state.js";

export function createAgent(config: AgentConfig, start: AgentStart): AgentState {
  return {
    config: { ...agentConfigDefault, ...config },
    nowMs: 0,
    effects: [],
    termSeen: start.termSeen,
    epochSeen: start.epochSeen,
    table: foundTable(config.ruleCountMax, start.rules ?? new Map()),
    prepared: noScenarios(),
    links: new Map(start.links.map(({ linkId, up }) => [linkId, up])),
    stream: undefined,
    streamNext: 0,
    attempts: 0,
    inbox: [],
    busy: undefined,
    requestNext: 0,
    answers: [],
    sequenceSeen: { term: 0, sequence: 0 },
    countersAskedMs: undefined,
  };
}

/** One event; the state is changed in place and given back. Cost: O(operations) for a stage, O(1) for the rest. */
export function stepAgent(agent: AgentState, event: AgentEvent): { readonly state: AgentState; readonly effects: readonly AgentEffect[] } {
  agent.nowMs = Math.max(agent.nowMs, event.nowMs);
  agent.effects = [];
  switch (event.kind) {
    case "tick":
      tick(agent);
      break;
    case "opened":
      opened(agent, event.streamId);
      break;
    case "message":
      receive(agent, event.streamId, event.message);
      break;
    case "closed":
      closed(agent, event.streamId);
      break;
    case "persisted":
      persisted(agent, event.persistId, event.ok);
      break;
    case "applied":
      applied(agent, event.applyId, event.failures);
      break;
    case "link-changed":
      if (agent.links.get(event.linkId) === event.up) break;
      agent.links.set(event.linkId, event.up);
      send(agent, { kind: "link-event", linkId: event.linkId, up: event.up });
      break;
    case "rules-found":
      rulesFound(agent, event.rules);
      break;
    case "count":
      send(agent, { kind: "counters", links: event.links, groups: event.groups });
      break;
    default:
      unreachable(event);
  }
  obeyInbox(agent);
  return { state: agent, effects: agent.effects };
}

function tick(agent: AgentState): void {
  connect(agent);
  const { stream, config, nowMs } = agent;
  if (stream === undefined || stream.phase === "connecting") return;
  if (nowMs - stream.lastHeardMs > config.silenceMaxMs) {
    leave(agent, `The controller was silent for ${config.silenceMaxMs} ms.`);
    return;
  }
  if (stream.phase === "welcomed" && nowMs - (agent.countersAskedMs ?? -Infinity) >= config.countersIntervalMs) {
    agent.countersAskedMs = nowMs;
    agent.effects.push({ kind: "read-counters" });
  }
}

/** What the switch holds. */
export function agentRules(agent: AgentState): NodeRules {
  return agent.table.rules;
}

/** The highest pair that is durable, the digest of the rules, and how much is kept for failures. */
export function agentStanding(agent: AgentState): {
  readonly termSeen: Term;
  readonly epochSeen: Epoch;
  readonly digest: string;
  readonly connected: boolean;
  readonly prepared: { readonly epoch: Epoch; readonly scenarios: number; readonly operations: number };
} {
  return {
    termSeen: agent.termSeen,
    epochSeen: agent.epochSeen,
    digest: agent.table.digest,
    connected: agent.stream?.phase === "welcomed",
    prepared: { epoch: agent.prepared.epoch, scenarios: agent.prepared.byScenario.size, operations: agent.prepared.size },
  };
}
