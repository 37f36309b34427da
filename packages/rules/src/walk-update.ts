/**
 * The packet walk of an update: no reachable state of it loops, drops or misleads a packet, and no link is loaded beyond what the
 * update may use. Switches obey in any order that the messages' `waitsFor` allows; stages are no barriers. A message is
 * applied at once at its node (agents apply whole messages), but loads allow for old and new mixed within it. Packets under way
 * when label rules go are covered by the stage's `graceMs`.
 *
 * It shares no code with `compileRules` and `orderUpdate`.
 */
import type { Bucket, NodeId, NodeRules, RuleKey, RuleSet, Topology } from "@sluice/model";
import { sameRule } from "./diff.js";
import { LinkLoadChanges, type Loads } from "./link-load-changes.js";
import { MessageOrder } from "./message-order.js";
import { danglingReferences } from "./repair-references.js";
import { allSteps, stepCostMax, type Steps } from "./steps.js";
import { RuleTimeline } from "./rule-timeline.js";
import { spansOf, touchedIngresses, type Span } from "./touched-flows.js";
import type { UpdatePlan } from "./update-plan.js";
import { Ground } from "./ground.js";
import { sentence, violationOf, walkRulesSteps, wrongClass, type Entry } from "./walk.js";
import { report, violationList, type WalkOptions, type WalkReport, type WalkViolationKind } from "./walk-report.js";
import { exploreWays, plainWay, type Ways, type When } from "./way-explorer.js";

export interface WalkUpdateOptions extends WalkOptions {
  /** `walkRules` of the installed rules on this topology, where it is at hand: saves following the tunnels that stay. */
  readonly installedWalk?: WalkReport;
  /** The rules that the update is to end with; compared key by key where given. O(rules). */
  readonly target?: RuleSet;
}

/**
 * Walks an update from `installed` rules. Every flow is looked at that the update touches: its ingress rule, meter or group, a
 * label that it uses, or, where a link on its way is down, the failover group or the bypass that repairs it. Violations as for `walkRules`, in any reachable state, and `interrupted`; loads against
 * (1 + slack) x capacity on the way, and against capacity at the end.
 *
 * What was wrong before is no fault of the update: where a flow's tunnel ended badly under the installed rules and still ends so,
 * it counts as `checked.inherited`, and a link may carry as much as it did. In the final state nothing of what was touched
 * is excused but such a load.
 *
 * O(operations + installed rules) to find what is touched, O(touched flows x buckets x hops) to walk it where labels are not
 * redefined, plus one walk of `installed` where `installedWalk` is not given.
 */
export function walkUpdate(topology: Topology, installed: RuleSet, plan: UpdatePlan, options: WalkUpdateOptions = {}): WalkReport {
  return allSteps(walkUpdateSteps(topology, installed, plan, options));
}

/** `walkUpdate` in steps; none of the rules may change in between. */
export function* walkUpdateSteps(
  topology: Topology,
  installed: RuleSet,
  plan: UpdatePlan,
  options: WalkUpdateOptions = {},
): Steps<WalkReport> {
  const ground = new Ground(topology, options);
  const order = new MessageOrder(plan);
  const timeline = yield* RuleTimeline.steps(installed, order);
  const waysOf = memoizedWays({ ground, timeline, order });
  const violations = violationList();
  const loads = new LinkLoadChanges(topology, options.installedWalk ?? (yield* walkRulesSteps(topology, installed, options)));
  const announced = new Set(plan.interrupts.map(({ nodeId, key }) => `${nodeId} ${key}`));
  const checked = {
    stages: plan.stages.length,
    messages: order.count,
    links: topology.links.length,
    ingressRules: 0,
    buckets: 0,
    ways: 0,
    interrupts: 0,
    inherited: 0,
  };
  let lostBps = 0;
  /** Whether some packets of the flow that is looked at may take one of several ways. */
  let isBranched = false;

  for (const nodeId of timeline.nodes()) {
    for (const { key, reason, isInherited } of danglingReferences(ground, installed, timeline, nodeId)) {
      if (isInherited) checked.inherited += 1;
      else violations.add({ kind: "dangling", nodeId, key }, reason);
    }
    yield timeline.touchedKeys(nodeId).size;
  }
  const touched = yield* touchedIngresses({ ground, installed, timeline, order });
  let cost = 0;
  for (const flow of touched) {
    checked.ingressRules += 1;
    if (cost >= stepCostMax) {
      yield cost;
      cost = 0;
    }
    cost += 4;
    const spans = spansOf(ground, timeline, flow);
    let before: Loads = new Map();
    isBranched = false;
    for (const span of spans) {
      const after = walkSpan(flow, span, spans[0]?.entry);
      const message = order.messagesOf(flow.nodeId)[span.from - 1];
      if (message === undefined) loads.replaceBase(loadsWhen("installed", flow.nodeId, span.entry), after);
      else loads.change(message, before, after);
      before = after;
    }
    if (isBranched) loads.settle(before, loadsWhen("final", flow.nodeId, spans.at(-1)?.entry));
    if (isInterrupted(spans)) {
      checked.interrupts += 1;
      if (!announced.has(`${flow.nodeId} ${flow.key}`)) {
        violations.add({ kind: "interrupted", ...flow }, `${flow.key} of node ${flow.nodeId} is missing for a part of the update.`);
      }
    }
  }
  if (options.target !== undefined) {
    for (const nodeId of new Set([...installed.keys(), ...options.target.keys(), ...timeline.nodes()])) {
      for (const key of astrayRules({ installed, timeline, target: options.target }, nodeId)) {
        violations.add({ kind: "astray", nodeId, key }, `After the update, ${key} of node ${nodeId} is not what the target says.`);
      }
      yield (installed.get(nodeId)?.size ?? 0) / 4;
    }
  }
  const peaks = loads.judge(order, plan.slack, violations);
  return report(topology, { loadBps: peaks, lostBps, checked, violations });

  /** Judges a flow while its ingress stands still; returns the most it loads each link with. */
  function walkSpan(flow: { readonly nodeId: NodeId; readonly key: RuleKey }, { from, to, entry }: Span, first: Entry | undefined): Loads {
    const found = new Map<number, number>();
    if (entry === undefined) return found;
    const isInstalled = from === 0;
    const isFinal = to === timeline.end(flow.nodeId);
    for (const reason of entry.dangling) {
      if (isInstalled && !isFinal) checked.inherited += 1;
      else violations.add({ kind: "dangling", ...flow }, reason);
    }
    for (const { bucket, rateBps } of entry.buckets) {
      checked.buckets += 1;
      const label = bucket.pushLabel;
      if (bucket.mplsTc !== entry.mplsTc) {
        if (isInstalled && !isFinal) checked.inherited += 1;
        else violations.add({ kind: "wrong-class", ...flow, label }, wrongClass(flow.nodeId, flow.key));
      }
      const ways = waysOf(flow.nodeId, bucket, { kind: "span", from, to });
      checked.ways += ways.count;
      isBranched ||= ways.count > 1;
      if (ways.undecided) violations.add({ kind: "undecided", ...flow, label }, `Label ${label} has too many ways to look at them all.`);
      const final = isFinal ? waysOf(flow.nodeId, bucket, { kind: "final" }) : undefined;
      for (const end of ways.ends) {
        const kind = violationOf(end, entry.egress, options);
        if (kind === undefined) continue;
        const before = first?.buckets.find(({ bucket: old }) => old.pushLabel === label && old.output === bucket.output)?.bucket;
        const isBefore = before !== undefined && endsAs(kind, waysOf(flow.nodeId, before, { kind: "installed" }), entry);
        if (isBefore && !(final !== undefined && endsAs(kind, final, entry))) checked.inherited += 1;
        else violations.add({ kind, ...flow, at: end.at, label }, sentence({ kind, ...flow, at: end.at, label }));
      }
      if (final?.ends.some(({ kind }) => kind === "lost") === true) lostBps += rateBps;
      addLoads(found, ways, rateBps);
    }
    return found;
  }

  function endsAs(kind: WalkViolationKind, ways: Ways, entry: Entry): boolean {
    return ways.ends.some((end) => violationOf(end, entry.egress, options) === kind);
  }

  /** What a flow loads links with in the first state or in the last. */
  function loadsWhen(kind: "installed" | "final", nodeId: NodeId, entry: Entry | undefined): Loads {
    const found = new Map<number, number>();
    for (const { bucket, rateBps } of entry?.buckets ?? []) addLoads(found, waysOf(nodeId, bucket, { kind }), rateBps);
    return found;
  }
}

function addLoads(loads: Map<number, number>, { links }: Ways, rateBps: number): void {
  for (const [link, times] of links) loads.set(link, (loads.get(link) ?? 0) + rateBps * times);
}

/** The keys of a node at which the rules after the update differ from the target. */
function* astrayRules(
  { installed, timeline, target }: { readonly installed: RuleSet; readonly timeline: RuleTimeline; readonly target: RuleSet },
  nodeId: NodeId,
): Generator<RuleKey> {
  const before = installed.get(nodeId) ?? noRules;
  const wanted = target.get(nodeId) ?? noRules;
  const end = timeline.end(nodeId);
  if (isAsWanted(before, wanted, timeline.touchedKeys(nodeId))) return;
  for (const key of new Set([...before.keys(), ...wanted.keys(), ...timeline.touchedKeys(nodeId).keys()])) {
    const found = timeline.at(nodeId, key, end);
    const rule = wanted.get(key);
    if (found === undefined ? rule !== undefined : rule === undefined || !sameRule(found, rule)) yield key;
  }
}

const noRules: NodeRules = new Map();

/** Whether a node ends with what it should: every key that is wanted holds its rule, and there are no other keys. */
function isAsWanted(before: NodeRules, wanted: NodeRules, touched: ReturnType<RuleTimeline["touchedKeys"]>): boolean {
  let left = before.size;
  for (const [key, segments] of touched) {
    const last = segments.at(-1)?.rule;
    const rule = wanted.get(key);
    if (last === undefined ? rule !== undefined : rule === undefined || !sameRule(last, rule)) return false;
    if (before.has(key)) left -= 1;
    if (last !== undefined) left += 1;
  }
  if (left !== wanted.size) return false;
  for (const [key, rule] of before) {
    if (touched.has(key)) continue;
    const other = wanted.get(key);
    if (other === undefined || !sameRule(rule, other)) return false;
  }
  return true;
}

/** Whether a flow that is there before and after is missing in between. */
function isInterrupted(spans: readonly Span[]): boolean {
  return spans[0]?.entry !== undefined && spans.at(-1)?.entry !== undefined && spans.some(({ entry }) => entry === undefined);
}

/** What is known of the ways of buckets at one ingress that send packets on alike. */
interface KnownWays {
  readonly ingress: NodeId;
  readonly bucket: Bucket;
  /** Of all states, where they are the same in all. */
  readonly plain: Ways | undefined;
  readonly explored: { readonly when: When; readonly ways: Ways }[];
}

/** Classes share tunnels: each way is explored once for all flows that change at the same time, and once for all times where nothing changes it. */
function memoizedWays(scene: Parameters<typeof exploreWays>[0]) {
  const known = new Map<number, KnownWays[]>();
  return (ingress: NodeId, bucket: Bucket, when: When): Ways => {
    let ofLabel = known.get(bucket.pushLabel);
    if (ofLabel === undefined) known.set(bucket.pushLabel, (ofLabel = []));
    let alike = ofLabel.find((each) => each.ingress === ingress && isSameHop(each.bucket, bucket));
    if (alike === undefined) ofLabel.push((alike = { ingress, bucket, plain: plainWay(scene, { ingress, bucket }), explored: [] }));
    if (alike.plain !== undefined) return alike.plain;
    const found = alike.explored.find((each) => isSameTime(each.when, when));
    if (found !== undefined) return found.ways;
    const ways = exploreWays(scene, { ingress, bucket }, when);
    alike.explored.push({ when, ways });
    return ways;
  };
}

/** Of buckets that push the same label. */
function isSameHop(a: Bucket, b: Bucket): boolean {
  return a.output === b.output && a.failoverId === b.failoverId;
}

function isSameTime(a: When, b: When): boolean {
  if (a.kind !== "span" || b.kind !== "span") return a.kind === b.kind;
  return a.from === b.from && a.to === b.to;
}
