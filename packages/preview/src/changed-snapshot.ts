/** The snapshot that a question is about: what is there now, with what is asked to be otherwise. */
import {
  admit,
  applyTopologyChanges,
  buildDemandMatrix,
  buildTopology,
  checkDemandEnds,
  fault,
  flowGroupId,
  ok,
  planSettingsSchema,
  planSnapshot,
  pointerOf,
  rateBpsMax,
  refuse,
  type CycleMode,
  type Demand,
  type DemandMatrix,
  type Fault,
  type LinkId,
  type NodeId,
  type PlanSettings,
  type Result,
  type Snapshot,
  type SrlgId,
  type Topology,
} from "@sluice/model";
import type { WhatIfChanges } from "./changes.js";

export interface Ground extends Snapshot {
  /** How plans are made now; `automatic` where it is not said. */
  readonly mode?: CycleMode | undefined;
  /** Links that are down because agents say so: they stay down whatever a change says of them. */
  readonly linksDown: readonly LinkId[];
}

/**
 * Applies the changes in the order of their fields; what cannot be applied refuses all, with a pointer into the question. Demands whose
 * ends a change removes are left out, as they are in a cycle. O(V + E + demands + changes).
 */
export function changedSnapshot(ground: Ground, changes: WhatIfChanges): Result<Snapshot> {
  const settings = changedSettings(ground.settings, changes.settings);
  if (!settings.ok) return settings;
  const topology = changedTopology(ground, changes);
  if (!topology.ok) return topology;
  const demands = changedDemands(ground.demands, changes.demands, topology.value);
  if (!demands.ok) return demands;
  return ok(planSnapshot({ topology: topology.value, demands: demands.value, settings: settings.value }, ground.mode));
}

/** As the controller's machine merges settings: a field that is given takes the place of its whole former value. */
export function changedSettings(before: PlanSettings, changes: Partial<PlanSettings> | undefined): Result<PlanSettings> {
  return changes === undefined ? ok(before) : admit(planSettingsSchema, { ...before, ...changes }, ["settings"]);
}

/** Topology changes, failures, drains and capacity, in this order. */
export function changedTopology(
  { topology, linksDown }: Pick<Ground, "topology" | "linksDown">,
  { topologyChanges = [], fail, drain, addCapacity = [] }: WhatIfChanges,
): Result<Topology> {
  const built = buildTopology(topology);
  if (!built.ok) return built;
  const changed =
    topologyChanges.length === 0 ? built : withPointers("topologyChanges", applyTopologyChanges(built.value, topologyChanges));
  if (!changed.ok) return changed;
  const failed = fail === undefined ? ok(noElements) : elementsOf(changed.value, fail, "fail");
  if (!failed.ok) return failed;
  const drained = drain === undefined ? ok(noElements) : elementsOf(changed.value, drain, "drain");
  if (!drained.ok) return drained;
  const more = addedCapacity(changed.value, addCapacity);
  if (!more.ok) return more;
  const down = new Set([...failed.value.linkIds, ...linksDown]);
  const kindOfDrain = drain?.kind ?? "hard";
  const { kind, name, sites, nodes, links } = changed.value;
  return buildTopology({
    kind,
    name,
    sites,
    nodes: nodes.map((node) => ({
      ...node,
      ...(failed.value.nodeIds.has(node.id) ? { operational: "down" as const } : {}),
      ...(drained.value.nodeIds.has(node.id) ? { drain: drainStateOf[kindOfDrain] } : {}),
    })),
    links: links.map((link) => ({
      ...link,
      capacityBps: link.capacityBps + (more.value.get(link.id) ?? 0),
      ...(down.has(link.id) ? { operational: "down" as const } : {}),
      ...(drained.value.linkIds.has(link.id) ? { drain: drainStateOf[kindOfDrain] } : {}),
    })),
  });
}

/** What a drain of each kind sets. */
const drainStateOf = { hard: "drained", soft: "soft-drained" } as const;

interface Elements {
  readonly linkIds: ReadonlySet<LinkId>;
  readonly nodeIds: ReadonlySet<NodeId>;
}
const noElements: Elements = { linkIds: new Set(), nodeIds: new Set() };

function elementsOf(
  topology: Topology,
  named: {
    readonly linkIds?: readonly LinkId[] | undefined;
    readonly nodeIds?: readonly NodeId[] | undefined;
    readonly srlgIds?: readonly SrlgId[] | undefined;
  },
  at: "fail" | "drain",
): Result<Elements> {
  const { linkIds = [], nodeIds = [], srlgIds = [] } = named;
  const bySrlg = new Map<SrlgId, LinkId[]>(srlgIds.map((id) => [id, []]));
  for (const { id, srlgIds: risks } of topology.links) for (const srlgId of risks) bySrlg.get(srlgId)?.push(id);
  const missing = (what: string, id: string, list: string, i: number): Fault =>
    fault("not-found", `The topology has no ${what} ${id}.`, { pointer: pointerOf([at, list, i]) });
  const faults = [
    ...linkIds.flatMap((id, i) => (topology.linkById.has(id) ? [] : [missing("link", id, "linkIds", i)])),
    ...nodeIds.flatMap((id, i) => (topology.nodeById.has(id) ? [] : [missing("node", id, "nodeIds", i)])),
    ...srlgIds.flatMap((id, i) => ((bySrlg.get(id) ?? []).length > 0 ? [] : [missing("SRLG", id, "srlgIds", i)])),
  ].slice(0, faultsMax);
  const [first, ...rest] = faults;
  if (first !== undefined) return refuse(first, ...rest);
  return ok({ linkIds: new Set([...linkIds, ...srlgIds.flatMap((id) => bySrlg.get(id) ?? [])]), nodeIds: new Set(nodeIds) });
}

/** Most faults that one list of names answers with. */
const faultsMax = 100;

function addedCapacity(
  topology: Topology,
  additions: readonly { readonly linkId: LinkId; readonly capacityBps: number }[],
): Result<ReadonlyMap<LinkId, number>> {
  const more = new Map<LinkId, number>();
  for (const [i, { linkId, capacityBps }] of additions.entries()) {
    const link = topology.linkById.get(linkId);
    if (link === undefined) {
      return refuse(fault("not-found", `The topology has no link ${linkId}.`, { pointer: pointerOf(["addCapacity", i, "linkId"]) }));
    }
    const sum = (more.get(linkId) ?? 0) + capacityBps;
    if (link.capacityBps + sum > rateBpsMax) return refuse(tooMuch(["addCapacity", i, "capacityBps"]));
    more.set(linkId, sum);
  }
  return ok(more);
}

function tooMuch(at: readonly PropertyKey[]): Fault {
  return fault("out-of-range", `With this the rate would be above ${rateBpsMax} bps.`, { pointer: pointerOf(at) });
}

function changedDemands(matrix: DemandMatrix, changes: WhatIfChanges["demands"], topology: Topology): Result<DemandMatrix> {
  const { scale = 1, scaleClass = {}, add = [] } = changes ?? {};
  if (changes === undefined) return ok(matrix);
  const byId = new Map<string, Demand>();
  for (const demand of matrix.demands) {
    const factor = scale * (scaleClass[demand.trafficClass] ?? 1);
    byId.set(flowGroupId(demand), factor === 1 ? demand : scaled(demand, factor));
  }
  const ends = withPointers("demands/add", checkDemandEnds(topology, { ...matrix, demands: add }), "demands");
  if (!ends.ok) return ends;
  const shape = withPointers("demands/add", buildDemandMatrix(matrix.name, add), "demands");
  if (!shape.ok) return shape;
  for (const [i, demand] of add.entries()) {
    const there = byId.get(flowGroupId(demand));
    const sum = { ...there, ...demand, rateBps: (there?.rateBps ?? 0) + demand.rateBps };
    if (sum.rateBps > rateBpsMax) return refuse(tooMuch(["demands", "add", i, "rateBps"]));
    byId.set(flowGroupId(demand), sum);
  }
  const [over] = [...byId.values()].filter(({ rateBps }) => rateBps > rateBpsMax);
  if (over !== undefined) return refuse(tooMuch(["demands", "scale"]));
  return buildDemandMatrix(matrix.name, [...byId.values()]);
}

/** Rate and what is due at each fair share alike: the flow group's weight against others is as it was for so much more traffic. */
function scaled(demand: Demand, factor: number): Demand {
  const { bandwidthFunction } = demand;
  return {
    ...demand,
    rateBps: demand.rateBps * factor,
    ...(bandwidthFunction === undefined
      ? {}
      : { bandwidthFunction: { points: bandwidthFunction.points.map((point) => ({ ...point, rateBps: point.rateBps * factor })) } }),
  };
}

/** Pointers of the model's functions begin with names of their own. */
function withPointers<T>(name: string, result: Result<T>, of = "changes"): Result<T> {
  if (result.ok) return result;
  const renamed = ({ pointer, ...rest }: Fault): Fault =>
    pointer === undefined ? rest : { ...rest, pointer: pointer.startsWith(`/${of}`) ? `/${name}${pointer.slice(of.length + 1)}` : pointer };
  const [first, ...rest] = result.faults;
  return refuse(renamed(first), ...rest.map(renamed));
}
