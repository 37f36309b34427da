/** What becomes otherwise from one plan to another: traffic, tunnels, links, rules, and the figures by which an update is judged. */
import { linkLoads } from "@sluice/engine";
import {
  byId,
  compareFlowGroups,
  flowGroupId,
  trafficClasses,
  type DemandMatrix,
  type FlowGroup,
  type FlowGroupId,
  type LinkId,
  type LinkLoad,
  type Plan,
  type Rung,
  type RuleSet,
  type TopologyDocument,
  type TrafficClass,
  type Tunnel,
} from "@sluice/model";
import { blastRadiusOf, type BlastRadius, type PlanInPlace } from "@sluice/rules";
import { ruleDifferences, type RuleDifferences } from "./rule-differences.js";

/** A plan with what it was made on and its compiled rules. */
export interface PlanSide {
  readonly topology: TopologyDocument;
  readonly demands: DemandMatrix;
  readonly plan: Plan;
  readonly rules: RuleSet;
}

/** `before` is absent where there was no such thing, `after` where there is none any more. */
export interface Change<T> {
  readonly before?: T | undefined;
  readonly after?: T | undefined;
}

/** A figure that is there on both sides, 0 where nothing is asked for or carried. */
export interface Figures {
  readonly before: number;
  readonly after: number;
}

export interface ClassDifference {
  readonly trafficClass: TrafficClass;
  readonly demandBps: Figures;
  readonly admittedBps: Figures;
  readonly rung: Change<Rung>;
}

export interface GroupDifference extends FlowGroup {
  readonly demandBps: Figures;
  readonly admittedBps: Figures;
  /** Whether it is split otherwise: over other tunnels, or by other weights. */
  readonly resplit: boolean;
}

export interface LinkDifference {
  readonly linkId: LinkId;
  readonly capacityBps: Change<number>;
  readonly loadBps: Figures;
  /** Load by capacity; absent where there is no capacity. */
  readonly utilization: Change<number>;
}

export interface PlanDifference {
  readonly kind: "plan-difference";
  readonly formatVersion: 1;
  /** Whether anything at all is otherwise: admitted rates, splits, tunnels, loads or rules. */
  readonly isDifferent: boolean;
  /** `inputHash` of the plans. */
  readonly inputHash: Change<string>;
  /** All classes, the most important first. */
  readonly classes: readonly ClassDifference[];
  readonly utilizationMax: Change<number>;
  /** Flow groups of which demand, admitted rate or split are otherwise; sorted by flow group. */
  readonly groups: readonly GroupDifference[];
  /** Those with a positive weight in some group; sorted by id. */
  readonly tunnels: { readonly added: readonly Tunnel[]; readonly removed: readonly Tunnel[] };
  /** Links of which capacity or load are otherwise; sorted by id. */
  readonly links: readonly LinkDifference[];
  readonly rules: RuleDifferences;
  readonly blastRadius: BlastRadius;
}

/** Relative: loads are sums of rates in some order. */
const loadTolerance = 1e-9;

/** `before` is left out where there is no plan yet. O(plan + rules of both) up to sorting. */
export function planDifference(before: PlanSide | undefined, after: PlanSide): PlanDifference {
  const groups = groupDifferences(before, after);
  const links = linkDifferences(before, after);
  const tunnels = tunnelDifferences(before?.plan, after.plan);
  const rules = ruleDifferences(before?.rules ?? new Map(), after.rules);
  const isDifferent =
    groups.length + links.length + tunnels.added.length + tunnels.removed.length + rules.added + rules.changed + rules.removed > 0;
  return {
    kind: "plan-difference",
    formatVersion: 1,
    isDifferent,
    inputHash: { before: before?.plan.inputHash, after: after.plan.inputHash },
    classes: trafficClasses.map((name) => classDifference(name, before?.plan, after.plan)),
    utilizationMax: { before: before?.plan.check.utilizationMax, after: after.plan.check.utilizationMax },
    groups,
    tunnels,
    links,
    rules,
    blastRadius: blastRadiusOf(before ?? nothingInPlace, after),
  };
}

const nothingInPlace: PlanInPlace = { plan: { groups: [] }, rules: new Map(), demands: { demands: [] } };

function classDifference(trafficClass: TrafficClass, before: Plan | undefined, after: Plan): ClassDifference {
  const of = (plan: Plan | undefined) => plan?.classes.find((each) => each.trafficClass === trafficClass);
  const [was, is] = [of(before), of(after)];
  return {
    trafficClass,
    demandBps: { before: was?.demandBps ?? 0, after: is?.demandBps ?? 0 },
    admittedBps: { before: was?.admittedBps ?? 0, after: is?.admittedBps ?? 0 },
    rung: { before: was?.rung, after: is?.rung },
  };
}

interface GroupState extends FlowGroup {
  readonly demandBps: number;
  readonly admittedBps: number;
  readonly split: string;
}

/** Every flow group that is asked for or admitted. */
function groupStates({ plan, demands }: PlanSide): ReadonlyMap<FlowGroupId, GroupState> {
  const states = new Map<FlowGroupId, GroupState>();
  for (const { src, dst, trafficClass, rateBps } of demands.demands) {
    states.set(flowGroupId({ src, dst, trafficClass }), { src, dst, trafficClass, demandBps: rateBps, admittedBps: 0, split: "" });
  }
  for (const { src, dst, trafficClass, demandBps, admittedBps, members } of plan.groups) {
    const split = members.map(({ tunnelId, weight }) => `${tunnelId}*${weight}`).join(" ");
    states.set(flowGroupId({ src, dst, trafficClass }), { src, dst, trafficClass, demandBps, admittedBps, split });
  }
  return states;
}

function groupDifferences(before: PlanSide | undefined, after: PlanSide): readonly GroupDifference[] {
  const was = before === undefined ? new Map<FlowGroupId, GroupState>() : groupStates(before);
  const is = groupStates(after);
  const found: GroupDifference[] = [];
  for (const id of new Set([...was.keys(), ...is.keys()])) {
    const [old, now] = [was.get(id), is.get(id)];
    const group = now ?? old;
    if (group === undefined) continue;
    const demandBps = { before: old?.demandBps ?? 0, after: now?.demandBps ?? 0 };
    const admittedBps = { before: old?.admittedBps ?? 0, after: now?.admittedBps ?? 0 };
    const resplit = (old?.split ?? "") !== (now?.split ?? "");
    if (demandBps.before === demandBps.after && admittedBps.before === admittedBps.after && !resplit) continue;
    const { src, dst, trafficClass } = group;
    found.push({ src, dst, trafficClass, demandBps, admittedBps, resplit });
  }
  return found.sort(compareFlowGroups);
}

function tunnelDifferences(before: Plan | undefined, after: Plan): PlanDifference["tunnels"] {
  const was = new Map(before?.tunnels.map((tunnel) => [tunnel.id, tunnel]));
  const is = new Map(after.tunnels.map((tunnel) => [tunnel.id, tunnel]));
  return {
    added: [...is.values()].filter(({ id }) => !was.has(id)).sort(byId),
    removed: [...was.values()].filter(({ id }) => !is.has(id)).sort(byId),
  };
}

function linkDifferences(before: PlanSide | undefined, after: PlanSide): readonly LinkDifference[] {
  const loadsOf = (side: PlanSide | undefined) =>
    new Map<LinkId, LinkLoad>(side === undefined ? [] : linkLoads(side.topology, side.plan).map((load) => [load.linkId, load]));
  const [was, is] = [loadsOf(before), loadsOf(after)];
  const found: LinkDifference[] = [];
  for (const linkId of new Set([...was.keys(), ...is.keys()])) {
    const [old, now] = [was.get(linkId), is.get(linkId)];
    const loadBps = { before: old?.loadBps ?? 0, after: now?.loadBps ?? 0 };
    const same = Math.abs(loadBps.before - loadBps.after) <= loadTolerance * Math.max(loadBps.before, loadBps.after);
    if (same && old?.capacityBps === now?.capacityBps) continue;
    const capacityBps = { before: old?.capacityBps, after: now?.capacityBps };
    found.push({ linkId, capacityBps, loadBps, utilization: { before: utilizationOf(old), after: utilizationOf(now) } });
  }
  return found.sort((a, b) => (a.linkId < b.linkId ? -1 : 1));
}

function utilizationOf(load: LinkLoad | undefined): number | undefined {
  return load === undefined || load.capacityBps === 0 ? undefined : load.loadBps / load.capacityBps;
}
