/** The deliberate bugs that the simulation must find. */
import type { AgentEvent, ControllerEvent } from "@sluice/control";
import type { ControllerMessage, RuleOperation } from "@sluice/model";
import type { ControllerHost } from "./controller-host.js";
import type { Mutation } from "./mutation.js";

type StageMessage = Extract<ControllerMessage, { kind: "stage" }>;

/** The agent obeys whoever speaks, every term looks like the one it has seen; and a deposed leader does not see that it is. */
export const noTermCheck: Mutation = {
  // Two have to lead at once: calm seeds show nothing.
  scenario: (scenario) => ({ ...scenario, intensity: 1 }),
  controllerEvents: (host, event) => {
    if (event.kind !== "agent-message" || event.message.kind !== "hello") return [event];
    return [{ ...event, message: { ...event.message, termSeen: Math.min(event.message.termSeen, host.term) } }];
  },
  agentEvents: (host, event) => [
    withMessage(event, (message) => ("term" in message ? { ...message, term: Math.max(message.term, host.durable.term) } : message)),
  ],
};

/** The agent obeys old plans too. */
export const noEpochCheck: Mutation = {
  controllerEvents: (host, event) => {
    host.state.push.epochSent = 0;
    return [event];
  },
  agentEvents: (host, event) => [
    withMessage(event, (message) =>
      message.kind === "stage" ? { ...message, epoch: Math.max(message.epoch, host.durable.epoch) } : message,
    ),
  ],
};

/** The controller takes label rules for programmed as soon as they are sent. */
export const flipBeforeTransit: Mutation = { afterSend: (host, { message }) => acknowledgedEarly(host, message, isTransit) };

/** The controller takes ingresses for changed over as soon as they are told to: removals overtake them. */
export const removeBeforeFlip: Mutation = {
  afterSend: (host, { message }) => acknowledgedEarly(host, message, (operations) => !isTransit(operations)),
};

/** Transit rules go the moment nothing new is sent to them, with packets still under way. */
export const noGrace: Mutation = {
  scenario: (scenario) => ({ ...scenario, controllerConfig: { ...scenario.controllerConfig, drainGraceMs: -1_000_000 } }),
};

/** Who comes to a crowded link does not wait for those who leave it. */
export const stepsAtOnce: Mutation = {
  controllerEvents: (host, event) => {
    const { update } = host.state.push;
    if (update === undefined || spoilt.has(update)) return [event];
    spoilt.add(update);
    for (const [, { queue, waiters, programmed }] of update.progress) {
      const labels = queue.filter(({ stage }) => stage.purpose.startsWith("add-")).length;
      for (const [count, waiting] of new Map(waiters)) {
        const freed = count <= labels ? [] : waiting.filter(({ stage }) => stage.purpose === "flip");
        if (freed.length === 0) continue;
        waiters.set(
          count,
          waiting.filter((pending) => !freed.includes(pending)),
        );
        // Label rules are still waited for.
        if (programmed < labels) waiters.set(labels, [...(waiters.get(labels) ?? []), ...freed]);
        else for (const pending of freed) pending.waiting -= 1;
      }
    }
    for (const [nodeId, { queue, programmed }] of update.progress) if (queue[programmed]?.waiting === 0) update.ready.add(nodeId);
    return [event];
  },
};

/** Flows shrink when they change over, and nobody is told. */
export const silentThrottle: Mutation = {
  controllerEvents: (host, event) => {
    const { update } = host.state.push;
    if (update === undefined || spoilt.has(update)) return [event];
    spoilt.add(update);
    for (const { purpose, messages } of update.plan.stages) {
      if (purpose !== "flip") continue;
      for (const message of messages) Object.assign(message, { operations: message.operations.map(shrunk) });
    }
    return [event];
  },
};

/** What was changed already. */
const spoilt = new WeakSet<object>();

function shrunk(operation: RuleOperation): RuleOperation {
  if (operation.op !== "put" || operation.rule.kind !== "meter") return operation;
  return { op: "put", rule: { ...operation.rule, rateBps: Math.ceil(operation.rule.rateBps / 8) } };
}

/** After a lost stream the controller takes for granted that the switch holds what it last knew or sent. */
export const noReread: Mutation = {
  controllerEvents: (host, event) => {
    if (event.kind !== "agent-message" || event.message.kind !== "hello") return [event];
    const one = host.state.switches.get(event.message.nodeId);
    if (one === undefined || one.belief.kind === "unknown") return [event];
    const digest = one.belief.kind === "known" ? one.belief.digest : one.belief.after.digest;
    return [{ ...event, message: { ...event.message, digest } }];
  },
};

/** The agent takes every message for a new one. */
export const noDuplicateCheck: Mutation = {
  agentEvents: (host, event) => {
    if (host.state !== undefined && event.kind === "message" && event.message.kind === "stage") {
      host.state.sequenceSeen = { term: 0, sequence: 0 };
    }
    return [event];
  },
};

/** The controller does not wait for the store. */
export const pushBeforePersist: Mutation = { answersPersistEarly: true };

/** A refused stage is taken for a programmed one. */
export const failedIsProgrammed: Mutation = {
  controllerEvents: (host, event) => {
    if (event.kind !== "agent-message" || event.message.kind !== "ack" || event.message.status !== "failed") return [event];
    const { sequence } = event.message;
    const one = [...host.state.switches.values()].find(({ inFlight }) => inFlight?.sequence === sequence);
    if (one?.belief.kind !== "either") return [event];
    return [{ ...event, message: { ...event.message, status: "programmed", digest: one.belief.after.digest } }];
  },
};

/** The plan in force is taken to be the answer for any network: news of cut cables does not reach the controller. */
export const deafToLinks: Mutation = {
  controllerEvents: (_host, event) => {
    if (event.kind !== "agent-message") return [event];
    if (event.message.kind === "link-event") return [];
    return event.message.kind === "hello" ? [{ ...event, message: { ...event.message, links: [] } }] : [event];
  },
};

function withMessage(event: AgentEvent, change: (message: ControllerMessage) => ControllerMessage): AgentEvent {
  return event.kind === "message" ? { ...event, message: change(event.message) } : event;
}

function isTransit(operations: readonly RuleOperation[]): boolean {
  return operations.every((operation) => operation.op === "put" && operation.rule.kind === "label");
}

function acknowledgedEarly(host: ControllerHost, message: ControllerMessage, applies: (operations: StageMessage["operations"]) => boolean) {
  if (message.kind !== "stage" || !applies(message.operations)) return [];
  const one = [...host.state.switches.values()].find(({ inFlight }) => inFlight?.sequence === message.sequence);
  const streamId = one?.streamId;
  if (streamId === undefined) return [];
  const { term, epoch, stage, sequence } = message;
  const digest = one?.belief.kind === "either" ? one.belief.after.digest : "";
  const ack = { kind: "ack" as const, term, epoch, stage, sequence, status: "programmed" as const, failures: [], digest };
  return [{ kind: "agent-message" as const, streamId, message: ack }] satisfies Omit<
    Extract<ControllerEvent, { kind: "agent-message" }>,
    "nowMs"
  >[];
}
