/** How the agent obeys: terms first, then duplicates, then one stage at a time, whole or not at all. */
import {
  ruleKey,
  type AgentMessage,
  type ControllerMessage,
  type Epoch,
  type NodeRules,
  type RuleOperation,
  type Term,
} from "@sluice/model";
import { applyOperations, createRuleTable, type RuleFailure } from "@sluice/rules";
import { greeted, leave, sayHello } from "./session.js";
import type { Ack, AgentState, StageMessage } from "./state.js";

/** Works through the inbox until something has to be waited for. */
export function obeyInbox(agent: AgentState): void {
  while (agent.busy === undefined) {
    const message = agent.inbox.shift();
    if (message === undefined) return;
    obey(agent, message);
  }
}

function obey(agent: AgentState, message: ControllerMessage): void {
  switch (message.kind) {
    case "ping":
      return;
    case "welcome":
      if (!acceptsTerm(agent, message.term, 0, message)) return;
      if (agent.stream !== undefined) agent.stream.phase = "welcomed";
      agent.attempts = 0;
      return;
    case "read-rules":
      if (acceptsTerm(agent, message.term, 0, message)) reportRules(agent, message.requestId);
      return;
    case "stage":
      obeyStage(agent, message);
  }
}

/**
 * Whether the agent may obey this term now. A lower one is refused with the highest seen, and its stream ended; a
 * higher one is made durable first, and the message comes back after that.
 */
function acceptsTerm(agent: AgentState, term: Term, sequence: number, message: ControllerMessage): boolean {
  if (term < agent.termSeen) {
    send(agent, { kind: "refused", sequence, code: "stale-term", termSeen: agent.termSeen, epochSeen: agent.epochSeen });
    leave(agent, `The controller's term ${term} is below ${agent.termSeen}.`);
    return false;
  }
  if (term === agent.termSeen) return true;
  persist(agent, { term, epoch: agent.epochSeen, message });
  return false;
}

function persist(agent: AgentState, { term, epoch, message }: { term: Term; epoch: Epoch; message: ControllerMessage }): void {
  agent.requestNext += 1;
  agent.busy = { kind: "persisting", persistId: agent.requestNext, term, epoch, message };
  agent.effects.push({ kind: "persist-term", persistId: agent.requestNext, term, epoch });
}

export function persisted(agent: AgentState, persistId: number, ok: boolean): void {
  const { busy } = agent;
  if (busy?.kind !== "persisting" || busy.persistId !== persistId) return;
  agent.busy = undefined;
  if (!ok) {
    leave(agent, "The agent cannot make the term durable.");
    return;
  }
  agent.termSeen = busy.term;
  agent.epochSeen = busy.epoch;
  if (busy.message !== undefined) agent.inbox.unshift(busy.message);
}

function obeyStage(agent: AgentState, stage: StageMessage): void {
  const { term, epoch, sequence } = stage;
  if (term < agent.termSeen) {
    acceptsTerm(agent, term, sequence, stage);
    return;
  }
  if (term === agent.sequenceSeen.term && sequence <= agent.sequenceSeen.sequence) {
    // A duplicate. One whose answer is forgotten is older than anything that the controller still waits for.
    const known = agent.answers.find((ack) => ack.term === term && ack.sequence === sequence);
    if (known !== undefined) send(agent, known);
    return;
  }
  if (epoch < agent.epochSeen) {
    send(agent, { kind: "refused", sequence, code: "stale-epoch", termSeen: agent.termSeen, epochSeen: agent.epochSeen });
    return;
  }
  if (term > agent.termSeen || epoch > agent.epochSeen) {
    persist(agent, { term, epoch, message: stage });
    return;
  }
  agent.sequenceSeen = { term, sequence };
  send(agent, ackOf(agent, stage, "received", []));
  const inverse = inverseOf(agent.table.rules, stage.operations);
  const failures = agent.table.apply(stage.operations);
  if (failures.length > 0) {
    answer(agent, ackOf(agent, stage, "failed", failures));
    return;
  }
  agent.requestNext += 1;
  agent.busy = { kind: "applying", applyId: agent.requestNext, stage, inverse };
  agent.effects.push({ kind: "apply", applyId: agent.requestNext, operations: stage.operations, rules: agent.table.rules });
}

/** The datapath has answered: only now is the stage programmed. */
export function applied(agent: AgentState, applyId: number, failures: readonly RuleFailure[]): void {
  const { busy } = agent;
  if (busy?.kind !== "applying" || busy.applyId !== applyId) return;
  agent.busy = undefined;
  if (failures.length > 0) agent.table = createRuleTable(agent.config.ruleCountMax, applyOperations(agent.table.rules, busy.inverse));
  answer(agent, ackOf(agent, busy.stage, failures.length === 0 ? "programmed" : "failed", failures));
  sayHello(agent);
}

/** What brings back the rules that the operations change. */
function inverseOf(rules: NodeRules, operations: readonly RuleOperation[]): readonly RuleOperation[] {
  return operations.map((operation): RuleOperation => {
    const key = operation.op === "put" ? ruleKey(operation.rule) : operation.key;
    const rule = rules.get(key);
    return rule === undefined ? { op: "delete", key } : { op: "put", rule };
  });
}

function ackOf(
  agent: AgentState,
  { term, epoch, stage, sequence }: StageMessage,
  status: Ack["status"],
  failures: readonly RuleFailure[],
): Ack {
  return { kind: "ack", term, epoch, stage, sequence, status, failures, digest: agent.table.digest };
}

function answer(agent: AgentState, ack: Ack): void {
  agent.answers.push(ack);
  if (agent.answers.length > agent.config.answersMax) agent.answers.shift();
  send(agent, ack);
}

function reportRules(agent: AgentState, requestId: number): void {
  const rules = [...agent.table.rules.values()];
  const { rulesPerMessageMax } = agent.config;
  for (let from = 0; from === 0 || from < rules.length; from += rulesPerMessageMax) {
    const last = from + rulesPerMessageMax >= rules.length;
    send(agent, { kind: "rules", requestId, rules: rules.slice(from, from + rulesPerMessageMax), last });
  }
}

export function send(agent: AgentState, message: AgentMessage): void {
  const stream = greeted(agent);
  if (stream !== undefined) agent.effects.push({ kind: "send", streamId: stream.id, message });
}
