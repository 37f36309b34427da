/** One layer of one scenario: what the installed rules, as they are then, lose and where they are fullest. */
import {
  isUp,
  trafficClasses,
  type FailureScenario,
  type LinkId,
  type NodeId,
  type Plan,
  type RuleOperation,
  type RuleSet,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import {
  applyOperations,
  createRuleTable,
  forwardFluid,
  loadTolerance,
  switchesOf,
  type FailureWalk,
  type FluidSwitch,
  type failureWalker,
} from "@sluice/rules";

/** Sums of thousands of rates differ by less than this, relative: that is no loss. */
const roundingShare = 1e-9;

export interface LayerOutcome {
  /** Of what was delivered before the failure, without traffic that starts or ends at a dead node, bps. */
  readonly lostBps: Readonly<Record<TrafficClass, number>>;
  /** Traffic sent to the fullest link by its capacity: above 1 its queue drops. */
  readonly utilizationMax: number;
  readonly fullestLinkId?: LinkId | undefined;
  /** Links that are sent more than they carry. */
  readonly overfullLinks: number;
}

export interface Scene {
  readonly topology: Topology;
  readonly rules: RuleSet;
  readonly walker: ReturnType<typeof failureWalker>;
  readonly plan: Plan;
  /** The outcome without a failure; absent while that is what is looked for. */
  readonly base?: { readonly deliveredBps: Readonly<Record<TrafficClass, number>> } | undefined;
}

export interface LayerOptions {
  readonly repairs?: boolean | undefined;
  readonly overrides?: ReadonlyMap<NodeId, readonly RuleOperation[]> | undefined;
  /** What was sent from and to dead nodes, where ingresses were told by `overrides` to send them less. */
  readonly endsLostBps?: Readonly<Record<TrafficClass, number>> | undefined;
}

/**
 * Walks the scenario. Where no link is overfull the walk knows what arrives; where some are, the rates are sent through the rules as a fluid,
 * whose queues serve classes by priority and drop the rest.
 */
export function layerOf(
  scene: Scene,
  scenario: FailureScenario,
  { repairs = true, overrides, endsLostBps: endsBefore }: LayerOptions = {},
): {
  readonly outcome: LayerOutcome;
  readonly deliveredBps: Readonly<Record<TrafficClass, number>>;
  readonly endsLostBps: Readonly<Record<TrafficClass, number>>;
} {
  const walk = scene.walker.walk(scenario, { repairs, ...(overrides === undefined ? {} : { overrides }) });
  const overfullLinks = overfull(scene.topology, walk);
  const deliveredBps = overfullLinks === 0 ? walk.deliveredBps : deliveredByFluid(scene, scenario, { repairs, overrides });
  const { base } = scene;
  const endsLostBps = endsBefore ?? walk.endsLostBps;
  const lostBps = perClass((name) => {
    const lost = base === undefined ? 0 : base.deliveredBps[name] - endsLostBps[name] - deliveredBps[name];
    return lost > roundingShare * (base?.deliveredBps[name] ?? 0) ? lost : 0;
  });
  const { utilizationMax, fullestLinkId } = walk;
  return {
    outcome: { lostBps, utilizationMax, ...(fullestLinkId === undefined ? {} : { fullestLinkId }), overfullLinks },
    deliveredBps,
    endsLostBps,
  };
}

function overfull(topology: Topology, { linkLoads }: FailureWalk): number {
  return linkLoads.filter(({ linkId, loadBps }) => loadBps > (topology.linkById.get(linkId)?.capacityBps ?? 0) * (1 + loadTolerance))
    .length;
}

function deliveredByFluid({ topology, rules, plan }: Scene, { linkIds, nodeIds }: FailureScenario, { repairs, overrides }: LayerOptions) {
  const links = new Set(linkIds);
  const nodes = new Set(nodeIds);
  const switches = new Map<NodeId, FluidSwitch>(tablesOf(rules));
  for (const [nodeId, operations] of overrides ?? []) {
    switches.set(nodeId, createRuleTable(Number.MAX_SAFE_INTEGER, applyOperations(rules.get(nodeId) ?? new Map(), operations)));
  }
  const report = forwardFluid({
    topology,
    switches,
    // A dead node sends nothing.
    offered: plan.groups
      .filter(({ src }) => !nodes.has(src))
      .map(({ src, dst, trafficClass, admittedBps }) => ({ src, dst, trafficClass, rateBps: admittedBps })),
    isLinkUp: (linkId) => {
      const link = topology.linkById.get(linkId);
      return link !== undefined && !links.has(linkId) && isUp(topology, link);
    },
    // A switch that repairs nothing believes that every port works.
    ...(repairs === false ? { isPortLive: () => true } : {}),
  });
  const delivered = perClass(() => 0);
  for (const { trafficClass, deliveredBps } of report.flows) delivered[trafficClass] += deliveredBps;
  return delivered;
}

const tables = new WeakMap<RuleSet, ReadonlyMap<NodeId, FluidSwitch>>();

/** The tables of a rule set are made once: every scenario looks things up in the same ones. */
function tablesOf(rules: RuleSet): ReadonlyMap<NodeId, FluidSwitch> {
  let made = tables.get(rules);
  if (made === undefined) tables.set(rules, (made = switchesOf(rules)));
  return made;
}

export function perClass(of: (name: TrafficClass) => number): Record<TrafficClass, number> {
  return Object.fromEntries(trafficClasses.map((name) => [name, of(name)])) as Record<TrafficClass, number>;
}
