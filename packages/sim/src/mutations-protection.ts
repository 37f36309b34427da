/** Deliberate bugs of what is prepared for failures, and of the ways that local repair takes. */
import type { ControllerEvent } from "@sluice/control";
import type { RuleOperation, ScenarioId } from "@sluice/model";
import { digestAfter, digestOf, type StagePurpose } from "@sluice/rules";
import type { ControllerHost } from "./controller-host.js";
import type { Mutation } from "./mutation.js";

/** The agent changes over to another scenario than the one that it is told. */
export const otherScenario: Mutation = {
  agentEvents: (host, event) => {
    if (event.kind !== "message" || event.message.kind !== "stage" || event.message.prepared === undefined) return [event];
    const { epoch, scenarioId } = event.message.prepared;
    const other = [...(host.state?.prepared.byScenario.keys() ?? [])].find((id) => id !== scenarioId) ?? scenarioId;
    return [{ ...event, message: { ...event.message, prepared: { epoch, scenarioId: other } } }];
  },
};

/** The agent takes what it kept of the plan before for what it is given of this one. */
export const otherPlan: Mutation = {
  agentEvents: (host, event) => {
    if (event.kind !== "message" || event.message.kind !== "prepare") return [event];
    const kept = host.state?.prepared.byScenario;
    const scenarios = event.message.scenarios.map((each) => ({ ...each, operations: kept?.get(each.scenarioId) ?? each.operations }));
    return [{ ...event, message: { ...event.message, scenarios } }];
  },
};

/** The controller takes the next best scenario for the one that answers the failure. */
export const uncoveredFailure: Mutation = {
  controllerEvents: (host, event) => {
    const { choice, phase } = host.state.protection;
    if (choice === undefined || phase.kind !== "ready" || spoilt.has(choice)) return [event];
    spoilt.add(choice);
    const entries = [...choice.byCables];
    for (const [i, [key, own]] of entries.entries()) choice.byCables.set(key, entries[(i + 1) % entries.length]?.[1] ?? own);
    return [event];
  },
};

/** A scenario is activated although the switches are on their way from one plan to another: for one look, all of them seem to be there. */
export const activatedOnTheWay: Mutation = {
  controllerEvents: (host, event) => {
    const { protection, push, switches } = host.state;
    const { plan } = protection;
    const { update } = push;
    restore.get(host)?.();
    restore.delete(host);
    const isNews = protection.changedMs !== undefined || protection.newsMs !== undefined;
    if (event.kind !== "tick" || plan === undefined || update === undefined || update.atOnce || push.target !== plan || !isNews)
      return [event];
    const digests = new Map(plan.digests);
    for (const { nodeId, belief } of switches.values()) if (belief.kind === "known") digests.set(nodeId, belief.digest);
    const right = { digests: plan.digests, stale: push.stale };
    Object.assign(plan, { digests });
    Object.assign(update, { atOnce: true });
    push.stale = false;
    restore.set(host, () => {
      Object.assign(plan, { digests: right.digests });
      Object.assign(update, { atOnce: false });
      if (push.update === update) push.stale ||= right.stale;
    });
    return [event];
  },
};

/** Failover groups go while rules still lead packets through them. */
export const failoverGoesFirst: Mutation = { controllerEvents: (host, event) => takenFirst(host, event, "remove-failover") };

/** The label rules of a bypass go while a failover group still leads packets into it. */
export const bypassGoesFirst: Mutation = { controllerEvents: (host, event) => takenFirst(host, event, "remove-bypass") };

/** The label rules of a bypass go although a failover group that keeps its number may lead into it still: nobody waits for the group to change. */
export const bypassUnderChangedGroup: Mutation = {
  controllerEvents: (host, event) => waitingForLess(host, event, { purpose: "remove-bypass", other: "add-failover" }),
};

/** A failover group changes where it stands before the bypass that it is to lead over is there. */
export const groupBeforeBypass: Mutation = {
  controllerEvents: (host, event) => waitingForLess(host, event, { purpose: "add-failover", other: "add-bypass" }),
};

/** A link that came up is used at once, however often it falls. */
export const noHoldDown: Mutation = {
  scenario: (scenario) => ({
    ...scenario,
    controllerConfig: { ...scenario.controllerConfig, linkUpHoldMs: 0, dampingSuppressAbove: Infinity },
  }),
};

/** Solves follow each other as fast as news of links comes in. */
export const noDistance: Mutation = {
  scenario: (scenario) => ({
    ...scenario,
    controllerConfig: { ...scenario.controllerConfig, topologySettleMs: 0, topologySolveIntervalMinMs: 0 },
  }),
};

/** Nobody looks at splits: what comes as an answer is given to ingresses. Here it sends everything into the first tunnel of each group. */
export const unverifiedSplit: Mutation = {
  controllerEvents: (host, event) => {
    const { protection, switches } = host.state;
    const { plan, scenarios, phase } = protection;
    if (plan === undefined || phase.kind !== "ready" || spoilt.has(scenarios)) return [event];
    spoilt.add(scenarios);
    for (const [id, prepared] of scenarios) {
      const operations = new Map([...prepared.operations].map(([nodeId, ofNode]) => [nodeId, ofNode.map(crowded)]));
      const digests = new Map(
        [...operations].map(([nodeId, ofNode]) => {
          const rules = plan.rules.get(nodeId) ?? new Map();
          return [nodeId, digestAfter(plan.digests.get(nodeId) ?? digestOf(new Map()), rules, ofNode)];
        }),
      );
      scenarios.set(id, { ...prepared, operations, digests });
    }
    for (const one of switches.values()) {
      one.prepared = { held: new Set<ScenarioId>(), refused: new Set(), sent: 0, replaces: true, inFlight: undefined };
    }
    return [event];
  },
};

const restore = new WeakMap<ControllerHost, () => void>();
/** What was changed already. */
const spoilt = new WeakSet<object>();

function crowded(operation: RuleOperation): RuleOperation {
  if (operation.op !== "put" || operation.rule.kind !== "meter") return operation;
  return { op: "put", rule: { ...operation.rule, rateBps: operation.rule.rateBps * 8 } };
}

/** Messages of the stage do not wait for nodes that have a message of another stage to obey. */
function waitingForLess(
  host: ControllerHost,
  event: ControllerEvent,
  { purpose, other }: { readonly purpose: StagePurpose; readonly other: StagePurpose },
): readonly ControllerEvent[] {
  const { update } = host.state.push;
  if (update === undefined || spoilt.has(update)) return [event];
  spoilt.add(update);
  for (const { queue, waiters } of update.progress.values()) {
    if (!queue.some(({ stage }) => stage.purpose === other)) continue;
    for (const [programmed, waiting] of waiters) {
      const freed = waiting.filter(({ stage }) => stage.purpose === purpose);
      waiters.set(
        programmed,
        waiting.filter((pending) => !freed.includes(pending)),
      );
      for (const pending of freed) pending.waiting -= 1;
    }
  }
  for (const [nodeId, { queue, programmed }] of update.progress) if (queue[programmed]?.waiting === 0) update.ready.add(nodeId);
  return [event];
}

/** Messages of the stage wait for nobody, and go before all else that their nodes are told. */
function takenFirst(host: ControllerHost, event: ControllerEvent, purpose: StagePurpose): readonly ControllerEvent[] {
  const { push, switches } = host.state;
  const { update } = push;
  if (update === undefined || spoilt.has(update)) return [event];
  spoilt.add(update);
  for (const [nodeId, progress] of update.progress) {
    const begun = progress.programmed + (switches.get(nodeId)?.pending === undefined ? 0 : 1);
    const left = progress.queue.slice(begun);
    const first = left.filter(({ stage }) => stage.purpose === purpose);
    if (first.length === 0) continue;
    for (const pending of first) pending.waiting = 0;
    const queue = [...progress.queue.slice(0, begun), ...first, ...left.filter((pending) => !first.includes(pending))];
    Object.assign(progress, { queue });
    update.ready.add(nodeId);
  }
  return [event];
}
