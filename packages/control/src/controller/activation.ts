/**
 * Changing over to a scenario when its failure happens. The way there was prepared: one stage, one message for each ingress concerned, nothing is
 * ordered or walked. Only meters and groups change, to tunnels that are installed, so no packet meets half of two plans whatever the order.
 *
 *   links down that the plan took for up --(settle)--> scenario with exactly these cables --> target: plan with its operations on top
 *   more of them                         ------------> a larger scenario takes its place, or the smaller stays
 *   none of them any more                ------------> target: the plan, by an ordinary update
 *   another plan                         ------------> target: that plan; the update starts from what the switches hold
 */
import { ruleKey, type LinkId, type NodeId, type RuleOperation, type ScenarioId } from "@sluice/model";
import { digestAfter, operationKey, type ScenarioOperations, type StagePurpose } from "@sluice/rules";
import { emptyDigest, noRules } from "./belief.js";
import { isFrozen } from "./control-fault.js";
import { publish } from "./journal.js";
import { layerOperations } from "./layered-rules.js";
import { effectiveTopology } from "./link-state.js";
import { basePlan } from "./protection.js";
import { pushAtOnce, retarget } from "./push.js";
import { cablesDown, chooseScenario } from "./scenario-choice.js";
import type { ActiveScenario, ControllerState, PreparedScenario, ProtectionState, Switch, VerifiedPlan } from "./state.js";
import { remainingPurposes } from "./update.js";

/** Where no scenario could be activated, that is looked at again after this: it may be verified later, or the switches be ready, ms. */
const lookAgainMs = 50;

/** What may still be to do on the way to a plan that its scenarios are activated from: traffic is where the plan wants it. */
const harmlessPurposes: ReadonlySet<StagePurpose> = new Set(["remove-transit", "remove-failover", "remove-bypass"]);
/** Where a switch cannot be reached, taking out what starts there is to do as well. */
const harmlessAbsent: ReadonlySet<StagePurpose> = new Set([...harmlessPurposes, "remove-ingress"]);

/** The relevant cables that are down and that the plan of the target took for up. O(E) after a change, O(1) otherwise. */
export function unplannedCables(state: ControllerState): ReadonlySet<LinkId> {
  const { protection } = state;
  const topology = effectiveTopology(state);
  if (protection.choice === undefined || topology === undefined) return new Set();
  if (protection.down?.topology !== topology) {
    protection.down = { topology, cableIds: cablesDown(protection.choice, topology) };
  }
  return protection.down.cableIds;
}

/** Looks whether what is active is what should be. O(1) where nothing is news, or while more of it is waited for. */
export function advanceActivation(state: ControllerState): void {
  tell(state);
  const { protection, push, nowMs } = state;
  const { target } = push;
  if (target === undefined || state.adopting || isFrozen(state) || isSettling(state)) return;
  const cableIds = unplannedCables(state);
  if (cableIds.size === 0) {
    noNews(protection);
    push.awaitsPlan = false;
    if (target.active === undefined) return;
    retarget(state, { target: basePlan(target), purpose: "reconcile" });
    tell(state);
    return;
  }
  const { active } = target;
  if (active !== undefined && [...cableIds].every((id) => active.cableIds.has(id))) return noNews(protection);
  const newsMs = protection.changedMs ?? protection.newsMs ?? nowMs;
  protection.newsMs = Math.min(newsMs, protection.newsMs ?? newsMs);
  if (protection.changedMs === undefined && nowMs < protection.lookAtMs) return;
  protection.changedMs = undefined;
  protection.lookAtMs = nowMs + lookAgainMs;
  const scenarioId = protection.choice === undefined ? undefined : chooseScenario(protection.choice, cableIds);
  const prepared = scenarioId === undefined ? undefined : protection.scenarios.get(scenarioId);
  if (scenarioId === undefined || prepared === undefined || !isSettled(state, basePlan(target))) return;
  activate(state, basePlan(target), { scenarioId, prepared, cableIds, newsMs: protection.newsMs });
  tell(state);
}

/** Both ends of a cable report, and all neighbours of a node: news of links waits a little for more of it. */
function isSettling({ protection, inventory, config, nowMs, effects }: ControllerState): boolean {
  if (inventory.effective === undefined || inventory.effective !== protection.down?.topology) {
    if (protection.changedMs === undefined && protection.scenarios.size > 0) {
      effects.push({ kind: "wake", atMs: nowMs + config.activationSettleMs });
    }
    protection.changedMs ??= nowMs;
  }
  return protection.changedMs !== undefined && nowMs < protection.changedMs + config.activationSettleMs;
}

function noNews(protection: ProtectionState): void {
  protection.newsMs = undefined;
  protection.changedMs = undefined;
}

/**
 * Whether all traffic is where the plan, or the scenario that is active, wants it: scenarios of the plan can be activated from nowhere else. What is
 * dead, with all its links, needs not be there; rules that nothing uses may still have to go. O(nodes).
 */
function isSettled(state: ControllerState, plan: VerifiedPlan): boolean {
  const { push, switches } = state;
  // What makes room in full tables is no step to the plan yet.
  if (push.stale || push.sweep !== "none") return false;
  for (const one of switches.values()) {
    if (holdsPlan(state, one, plan) || isIsolated(state, one)) continue;
    if (push.update?.atOnce === true && one.belief.kind === "either") continue;
    const harmless = one.streamId === undefined ? harmlessAbsent : harmlessPurposes;
    const remaining = push.update === undefined ? [] : remainingPurposes(push.update, one.nodeId);
    if (remaining.length === 0 || !remaining.every((purpose) => harmless.has(purpose))) return false;
  }
  return true;
}

function holdsPlan({ push }: ControllerState, { belief, nodeId }: Switch, plan: VerifiedPlan): boolean {
  if (belief.kind !== "known") return belief.kind === "unknown" && belief.last.size === 0 && !plan.digests.has(nodeId);
  return [plan, push.target].some((held) => belief.digest === (held?.digests.get(nodeId) ?? emptyDigest));
}

/** Dead, or cut off: no packet comes there or leaves. */
function isIsolated(state: ControllerState, { nodeId }: Switch): boolean {
  const links = effectiveTopology(state)?.links.filter(({ from, to }) => from === nodeId || to === nodeId) ?? [];
  return links.length > 0 && links.every(({ operational }) => operational === "down");
}

function activate(
  state: ControllerState,
  base: VerifiedPlan,
  {
    scenarioId,
    prepared,
    cableIds,
    newsMs,
  }: {
    readonly scenarioId: ScenarioId;
    readonly prepared: PreparedScenario;
    readonly cableIds: ReadonlySet<LinkId>;
    readonly newsMs: number;
  },
): void {
  const { protection, push, nowMs } = state;
  const operations = combined(base, prepared.operations, push.target?.active?.operations ?? new Map());
  const rules = new Map(base.rules);
  const digests = new Map(base.digests);
  for (const [nodeId, ofNode] of prepared.operations) {
    const planned = base.rules.get(nodeId) ?? noRules;
    rules.set(nodeId, layerOperations(planned, ofNode));
    digests.set(nodeId, prepared.digests.get(nodeId) ?? digestAfter(base.digests.get(nodeId) ?? emptyDigest, planned, ofNode));
  }
  const active: ActiveScenario = { scenarioId, base, epoch: protection.epoch, cableIds, newsMs, operations };
  noNews(protection);
  publish(state, "scenario-activated", {
    scenarioId,
    epoch: base.record.epoch,
    ingresses: operations.size,
    msFromEvent: nowMs - newsMs,
  });
  pushAtOnce(state, { ...base, rules, digests, walk: walkOf(base, prepared), active }, operations);
}

/** The scenario's operations, and those that take back what the one before it changed and this one does not. */
function combined(base: VerifiedPlan, operations: ScenarioOperations, before: ScenarioOperations): ScenarioOperations {
  const byNode = new Map<NodeId, readonly RuleOperation[]>(operations);
  for (const [nodeId, earlier] of before) {
    const changed = new Set((operations.get(nodeId) ?? []).map(operationKey));
    const back = earlier.filter((operation) => !changed.has(operationKey(operation))).map((operation) => undone(base, nodeId, operation));
    byNode.set(nodeId, [...(operations.get(nodeId) ?? []), ...back]);
  }
  return byNode;
}

function undone({ rules }: VerifiedPlan, nodeId: NodeId, operation: RuleOperation): RuleOperation {
  const key = operation.op === "put" ? ruleKey(operation.rule) : operation.key;
  const rule = rules.get(nodeId)?.get(key);
  return rule === undefined ? { op: "delete", key } : { op: "put", rule };
}

/** As the splits were verified: the network with the scenario's links gone. */
function walkOf({ topology, walk }: VerifiedPlan, { walk: found }: PreparedScenario): VerifiedPlan["walk"] {
  const linkLoads = topology.links.flatMap(({ id: linkId }, i) => {
    const loadBps = found.loadBps[i] ?? 0;
    return loadBps > 0 ? [{ linkId, loadBps }] : [];
  });
  const { verdict, checked, violations } = walk;
  return { verdict, checked, violations, utilizationMax: found.utilizationMax, lostBps: found.lostBps, linkLoads };
}

/** Watchers hear of the end of a scenario, whatever ended it. */
function tell(state: ControllerState): void {
  const { protection, push } = state;
  const { told } = protection;
  const active = push.target?.active;
  if (told?.scenarioId === active?.scenarioId && told?.plan === active?.base) return;
  if (told !== undefined) {
    const samePlan = push.target !== undefined && basePlan(push.target) === told.plan;
    const reason = !samePlan ? "other-plan" : active === undefined ? "recovered" : "replaced";
    publish(state, "scenario-ended", { scenarioId: told.scenarioId, epoch: told.plan.record.epoch, reason });
  }
  protection.told = active === undefined ? undefined : { scenarioId: active.scenarioId, plan: active.base };
}
