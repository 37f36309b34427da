/** How the agent obeys: terms first, then duplicates, then one stage at a time, whole or not at all; what is prepared is only kept. */
import {
  ruleKey,
  unreachable,
  type AgentMessage,
  type ControllerMessage,
  type Epoch,
  type NodeRules,
  type RuleOperation,
  type Term,
} from "@sluice/model";
import { applyOperations, createRuleTable, digestOf, type RuleFailure } from "@sluice/rules";
import { foundTable } from "./found-table.js";
import { keepScenarios, keptOperations } from "./prepared.js";
import { greeted, leave, sayHello } from "./session.js";
import type { Ack, AgentState, Answer, PrepareMessage, StageMessage } from "./state.js";

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
      if (isDue(agent, message)) obeyStage(agent, message);
      return;
    case "prepare":
      if (isDue(agent, message)) prepare(agent, message);
      return;
    default:
      unreachable(message);
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

/**
 * Whether a message with a sequence is to be obeyed now. Fenced by term and by epoch: lower ones are refused, higher ones made durable
 * first. A duplicate gets the answer that it had.
 */
function isDue(agent: AgentState, message: StageMessage | PrepareMessage): boolean {
  const { term, epoch, sequence } = message;
  if (term < agent.termSeen) return acceptsTerm(agent, term, sequence, message);
  if (term === agent.sequenceSeen.term && sequence <= agent.sequenceSeen.sequence) {
    // One whose answer is forgotten is older than anything that the controller still waits for.
    const known = agent.answers.find((each) => each.term === term && each.sequence === sequence);
    if (known !== undefined) send(agent, known);
    return false;
  }
  if (epoch < agent.epochSeen) {
    send(agent, { kind: "refused", sequence, code: "stale-epoch", termSeen: agent.termSeen, epochSeen: agent.epochSeen });
    return false;
  }
  if (term > agent.termSeen || epoch > agent.epochSeen) {
    persist(agent, { term, epoch, message });
    return false;
  }
  agent.sequenceSeen = { term, sequence };
  return true;
}

function obeyStage(agent: AgentState, stage: StageMessage): void {
  send(agent, ackOf(agent, stage, "received", []));
  const operations = stage.prepared === undefined ? stage.operations : keptOperations(agent.prepared, stage.prepared);
  if (operations === undefined) {
    answer(agent, ackOf(agent, stage, "failed", [nothingKept(stage)]));
    return;
  }
  const inverse = inverseOf(agent.table.rules, operations);
  const failures = agent.table.apply(operations);
  if (failures.length > 0) {
    answer(agent, ackOf(agent, stage, "failed", failures));
    return;
  }
  agent.requestNext += 1;
  agent.busy = { kind: "applying", applyId: agent.requestNext, stage, operations, inverse };
  agent.effects.push({ kind: "apply", applyId: agent.requestNext, operations, rules: agent.table.rules });
}

/** The controller is told that it has to send the operations themselves. */
function nothingKept({ prepared }: StageMessage): RuleFailure {
  const reason = `the agent keeps nothing for scenario ${prepared?.scenarioId} of plan ${prepared?.epoch}`;
  return { key: `scenario/${prepared?.scenarioId}`, code: "not-found", reason };
}

function prepare(agent: AgentState, message: PrepareMessage): void {
  const refused = keepScenarios(agent.prepared, message, agent.config.preparedOperationsMax);
  const { term, epoch, sequence } = message;
  answer(agent, { kind: "prepared", term, epoch, sequence, held: agent.prepared.byScenario.size, refused });
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

/**
 * The table becomes what the datapath holds, with the stage that it has yet to answer for on top. The agent leaves its stream: the next hello
 * carries the new digest, and the controller repairs what differs.
 */
export function rulesFound(agent: AgentState, rules: NodeRules): void {
  const { busy, config } = agent;
  const found = foundTable(config.ruleCountMax, rules);
  if (busy?.kind === "applying") {
    const { operations } = busy;
    agent.busy = { ...busy, inverse: inverseOf(found.rules, operations) };
    agent.table = foundTable(config.ruleCountMax, applyOperations(found.rules, operations));
  } else {
    if (digestOf(found.rules) === agent.table.digest) return;
    agent.table = found;
  }
  leave(agent, "The datapath holds other rules than it was told.");
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

function answer(agent: AgentState, message: Answer): void {
  agent.answers.push(message);
  if (agent.answers.length > agent.config.answersMax) agent.answers.shift();
  send(agent, message);
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
