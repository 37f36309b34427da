/**
 * The packet walk of many failures: the network is walked once as it is, and for each scenario only what the scenario changes. It reads
 * rules and topology only; it knows nothing of plans, bypasses or how splits were made.
 */
import {
  ruleKey,
  type FailureScenario,
  type Fault,
  type LinkId,
  type NodeId,
  type Rule,
  type RuleKey,
  type RuleOperation,
  type RuleSet,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import { Ground } from "./ground.js";
import { danglingRepair, danglingRepairs } from "./repair-references.js";
import { rerouter } from "./reroute.js";
import { allSteps, type Steps } from "./steps.js";
import {
  flowFlaws,
  flowOf,
  repairFlaw,
  Traffic,
  trackWays,
  wayFlaw,
  type Flaw,
  type TrackedFlow,
  type TrackedWay,
  type TrackedWays,
  type Use,
} from "./tracked-ways.js";
import { addOverloads, loadsOf, violationList } from "./walk-report.js";
import { wayFinder, type Way, type WayScene } from "./way.js";

type BpsByClass = Readonly<Record<TrafficClass, number>>;

/** What becomes of traffic in a failure: offered = delivered + lost + endsLost, for each class. Meters are taken to be full. */
export interface FailureWalk {
  /** Of everything in `violations`; an overload is one. */
  readonly verdict: "pass" | "fail";
  /** The first of them (`violationsListedMax`). */
  readonly violations: readonly Fault[];
  readonly violationCount: number;
  readonly utilizationMax: number;
  /** The first link with that utilization; absent where nothing is carried. */
  readonly fullestLinkId?: LinkId | undefined;
  /** Loads above zero in link order. */
  readonly linkLoads: readonly { readonly linkId: LinkId; readonly loadBps: number }[];
  /** What the meters admit. */
  readonly offeredBps: BpsByClass;
  /** Handed over at the node that it is for; what full queues drop on the way is not known here. */
  readonly deliveredBps: BpsByClass;
  /** Sent to dead links that nothing repairs, or astray. */
  readonly lostBps: BpsByClass;
  /** Not delivered because it starts or ends at a node that is down: nothing could save it. */
  readonly endsLostBps: BpsByClass;
  /** The part of `deliveredBps` that passed a bypass. */
  readonly repairedBps: number;
  /** How many ways were followed anew: what the walk cost. */
  readonly waysFollowed: number;
}

export interface FailureWalkOptions {
  /** What ingresses have been told on top of the rules. */
  readonly overrides?: ReadonlyMap<NodeId, readonly RuleOperation[]>;
  /** False: as if there were no failover groups. Default true. */
  readonly repairs?: boolean;
}

export interface FailureWalker {
  walk(scenario: FailureScenario, options?: FailureWalkOptions): FailureWalk;
}

/**
 * A walker of failures of this network under these rules; neither may change while it is used. What is down in the topology stays down
 * in all scenarios. Violations are those of `walkRules` on the network with the scenario's links and nodes down and the overrides applied;
 * property: so are the loads.
 *
 * O(rules + ways x hops) once. A scenario: O(links + hops of the ways that pass a link that fails, or start or end at a node that does,
 * or whose ingress is overridden). Where overrides change label rules or failover groups every way is followed anew.
 */
export function failureWalker(topology: Topology, rules: RuleSet): FailureWalker {
  return allSteps(failureWalkerSteps(topology, rules));
}

/** `failureWalker` in steps. */
export function* failureWalkerSteps(topology: Topology, rules: RuleSet): Steps<FailureWalker> {
  const ground = new Ground(topology);
  const nodesDown = new Set(topology.nodes.flatMap(({ id, operational }) => (operational === "down" ? [id] : [])));
  const lookup = (nodeId: NodeId, key: RuleKey): Rule | undefined => rules.get(nodeId)?.get(key);
  const sceneOf = (repairs: boolean): WayScene => ({ ground, up: ground.states(), lookup, repairs });
  const repaired = yield* trackWays(sceneOf(true), rules, nodesDown);
  let unrepaired = repaired.isUnrepaired ? repaired : undefined;
  return {
    walk(scenario, { overrides = new Map(), repairs = true } = {}) {
      if (!repairs) unrepaired ??= allSteps(trackWays(sceneOf(false), rules, nodesDown));
      const base = repairs ? repaired : (unrepaired ?? repaired);
      return walkScenario({ topology, ground, rules, base, nodesDown, repairs }, scenario, overrides);
    },
  };
}

interface Network {
  readonly topology: Topology;
  readonly ground: Ground;
  readonly rules: RuleSet;
  readonly base: TrackedWays;
  /** Down without the scenario. */
  readonly nodesDown: ReadonlySet<NodeId>;
  readonly repairs: boolean;
}

function walkScenario(
  { topology, ground, rules, base, nodesDown, repairs }: Network,
  scenario: FailureScenario,
  overrides: ReadonlyMap<NodeId, readonly RuleOperation[]>,
): FailureWalk {
  const changed = new Map([...overrides].map(([nodeId, operations]) => [nodeId, changesOf(operations)]));
  const lookup = (nodeId: NodeId, key: RuleKey): Rule | undefined => {
    const ofNode = changed.get(nodeId);
    return ofNode?.has(key) === true ? ofNode.get(key) : rules.get(nodeId)?.get(key);
  };
  const { up, failed } = linksUnder(ground, scenario);
  const scene: WayScene = { ground, up, lookup, repairs };
  const finder = wayFinder(scene);
  const reroute = rerouter(scene);
  const down = new Set([...nodesDown, ...scenario.nodeIds]);

  const replaced = new Map([...changed].map(([nodeId, ofNode]) => [nodeId, flowsChanged(base, nodeId, ofNode)]));
  const isReplaced = ({ nodeId, key }: TrackedFlow): boolean => replaced.get(nodeId)?.has(key) ?? false;
  const isAll = isForwardingChanged(changed);
  const affected = isAll ? new Set(base.ways) : waysAffected(base, scenario, failed);
  const traffic = new Traffic(base.traffic);
  const flaws: Flaw[] = base.flaws.filter(({ flow, tracked }) => !isReplaced(flow) && (tracked === undefined || !affected.has(tracked)));
  if (repairs) flaws.push(...repairFlaws({ ground, rules, base }, changed, lookup));

  let waysFollowed = 0;
  const send = (uses: readonly Use[], way: Way): void => {
    waysFollowed += 1;
    traffic.count("add", uses, way, down);
    for (const use of uses) {
      const flaw = wayFlaw(use, way);
      if (flaw !== undefined) flaws.push(flaw);
    }
  };
  for (const { nodeId, bucket, way, uses: all } of affected) {
    const uses = replaced.has(nodeId) ? all.filter(({ flow }) => !isReplaced(flow)) : all;
    if (uses.length === 0) continue;
    traffic.count("remove", uses, way, nodesDown);
    send(uses, isAll ? finder.find(nodeId, bucket).way : reroute(nodeId, bucket, way));
  }
  for (const [nodeId, keys] of replaced) {
    for (const key of keys) {
      for (const use of base.flowsByNode.get(nodeId)?.get(key)?.uses ?? []) traffic.count("remove", [use], use.tracked.way, nodesDown);
      const ingress = lookup(nodeId, key);
      if (ingress?.kind !== "ingress") continue;
      const { flow, buckets } = flowOf(ground, { nodeId, key, ingress }, (reference) => lookup(nodeId, reference));
      for (const { bucket, rateBps } of buckets) {
        const way = finder.find(nodeId, bucket).way;
        const use: Use = { flow, bucket, rateBps, tracked: { nodeId, bucket, way, uses: [] } };
        flow.uses.push(use);
        send([use], way);
      }
      flaws.push(...flowFlaws(flow));
    }
  }

  const violations = violationList();
  for (const { violation, message } of flaws) violations.add(violation, message);
  const loadBps = traffic.loads.sums;
  addOverloads(topology, loadBps, violations);
  const repairedBps = traffic.byClass("repaired");
  return {
    verdict: violations.count() === 0 ? "pass" : "fail",
    violations: violations.listed,
    violationCount: violations.count(),
    ...loadsOf(topology, loadBps),
    offeredBps: traffic.byClass("offered"),
    deliveredBps: traffic.byClass("delivered"),
    lostBps: traffic.byClass("lost"),
    endsLostBps: traffic.byClass("endsLost"),
    repairedBps: repairedBps.interactive + repairedBps.elastic + repairedBps.bulk,
    waysFollowed,
  };
}

/** What each key holds after the operations. */
function changesOf(operations: readonly RuleOperation[]): ReadonlyMap<RuleKey, Rule | undefined> {
  const changes = new Map<RuleKey, Rule | undefined>();
  for (const operation of operations) {
    if (operation.op === "put") changes.set(ruleKey(operation.rule), operation.rule);
    else changes.set(operation.key, undefined);
  }
  return changes;
}

function isForwardingChanged(changed: ReadonlyMap<NodeId, ReadonlyMap<RuleKey, unknown>>): boolean {
  return [...changed.values()].some((ofNode) => [...ofNode.keys()].some((key) => key.startsWith("label/") || key.startsWith("failover/")));
}

/** States of links in a scenario, and those that were up before it. */
function linksUnder(ground: Ground, { linkIds, nodeIds }: FailureScenario) {
  const up = ground.states();
  const failed: number[] = [];
  const fail = (link: number | undefined): void => {
    if (link === undefined || up[link] !== 1) return;
    up[link] = 0;
    failed.push(link);
  };
  for (const id of linkIds) fail(ground.indexOf(id));
  if (nodeIds.length > 0) {
    const gone = new Set(nodeIds);
    ground.links.forEach(({ from, to }, link) => {
      if (gone.has(from) || gone.has(to)) fail(link);
    });
  }
  return { up, failed };
}

/** The keys of a node's ingress rules that are other than in the base, or whose meter or group is. O(changes x flows that share a meter or group). */
function flowsChanged(base: TrackedWays, nodeId: NodeId, changed: ReadonlyMap<RuleKey, Rule | undefined>): ReadonlySet<RuleKey> {
  const keys = new Set<RuleKey>();
  const users = usersOf(base, nodeId);
  for (const key of changed.keys()) {
    if (key.startsWith("ingress/")) keys.add(key);
    else for (const user of users.get(key) ?? []) keys.add(user);
  }
  return keys;
}

const usersKnown = new WeakMap<object, ReadonlyMap<RuleKey, readonly RuleKey[]>>();

/** The ingress rules of a node by the keys of what they refer to; found once for each node that is overridden. */
function usersOf({ flowsByNode }: TrackedWays, nodeId: NodeId): ReadonlyMap<RuleKey, readonly RuleKey[]> {
  const flows = flowsByNode.get(nodeId) ?? new Map<RuleKey, TrackedFlow>();
  const known = usersKnown.get(flows);
  if (known !== undefined) return known;
  const users = new Map<RuleKey, RuleKey[]>();
  for (const [key, { ingress }] of flows) {
    for (const reference of [`meter/${ingress.meterId}`, `group/${ingress.groupId}`]) {
      const there = users.get(reference);
      if (there === undefined) users.set(reference, [key]);
      else there.push(key);
    }
  }
  usersKnown.set(flows, users);
  return users;
}

/** The ways that may be other than in the base where rules are the same: a way changes only where a link that it passes fails. */
function waysAffected(
  { waysByLink, flowsByNode, flowsByEgress }: TrackedWays,
  { nodeIds }: FailureScenario,
  failed: readonly number[],
): ReadonlySet<TrackedWay> {
  const affected = new Set<TrackedWay>();
  for (const link of failed) for (const tracked of waysByLink[link] ?? []) affected.add(tracked);
  // What was lost before is lost for another reason now.
  for (const nodeId of nodeIds) {
    for (const flows of [flowsByNode.get(nodeId)?.values() ?? [], flowsByEgress.get(nodeId) ?? []]) {
      for (const { uses } of flows) for (const { tracked } of uses) affected.add(tracked);
    }
  }
  return affected;
}

/** What is wrong with failover groups: at nodes that are not overridden as in the base. */
function repairFlaws(
  { ground, rules, base }: Pick<Network, "ground" | "rules" | "base">,
  changed: ReadonlyMap<NodeId, ReadonlyMap<RuleKey, Rule | undefined>>,
  lookup: (nodeId: NodeId, key: RuleKey) => Rule | undefined,
): readonly Flaw[] {
  const flaws: Flaw[] = [];
  for (const [nodeId, ofNode] of base.repairFlaws) {
    for (const flaw of ofNode) if (!isReviewed(changed.get(nodeId), flaw.violation.key)) flaws.push(flaw);
  }
  for (const [nodeId, ofNode] of changed) {
    if ([...ofNode.keys()].some((key) => key.startsWith("failover/"))) {
      const after = new Map(rules.get(nodeId));
      for (const [key, rule] of ofNode) {
        if (rule === undefined) after.delete(key);
        else after.set(key, rule);
      }
      for (const each of danglingRepairs(ground, nodeId, after)) flaws.push(repairFlaw(nodeId, each));
      continue;
    }
    for (const [key, rule] of ofNode) {
      const reason = rule === undefined ? undefined : danglingRepair(ground, nodeId, { key, rule }, (other) => lookup(nodeId, other));
      if (reason !== undefined) flaws.push(repairFlaw(nodeId, { key, reason }));
    }
  }
  return flaws;
}

/** Whether a key's flaw is found anew: it was changed, or any failover group of its node was. */
function isReviewed(changed: ReadonlyMap<RuleKey, unknown> | undefined, key: RuleKey | undefined): boolean {
  if (changed === undefined) return false;
  return (key !== undefined && changed.has(key)) || [...changed.keys()].some((each) => each.startsWith("failover/"));
}
