/**
 * The smallest change that would admit a demand in full. For want of capacity: the least capacity, over all links together, with which the demand
 * fits while its class's other demands keep what they have; found by a linear program, then made sure of by planning again.
 */
import {
  assert,
  buildTopology,
  flowGroupId,
  ok,
  pathLatencyMs,
  type FlowGroup,
  type Plan,
  type Result,
  type Snapshot,
} from "@sluice/model";
import { moreCapacity } from "./explain-added-capacity.js";
import { noChange, outcomeText, planAgain, type ChangeOptions, type Scene, type SmallestChange } from "./explain-change-scene.js";
import { explainDemand } from "./explain-demand.js";
import { candidateTunnels, pairKey } from "./tunnels/candidate-tunnels.js";

/** Undefined where the demand lacks nothing, or nothing but rounding. Faults: those of planning. */
export async function smallestChange(
  snapshot: Snapshot,
  plan: Plan,
  flowGroup: FlowGroup,
  options: ChangeOptions,
): Promise<Result<SmallestChange | undefined>> {
  const explained = explainDemand(snapshot, plan, flowGroup, options.candidates);
  const built = buildTopology(snapshot.topology);
  if (!built.ok) return built;
  const scene: Scene = { snapshot, plan, topology: built.value, explained, id: flowGroupId(flowGroup), options };
  switch (explained.reason) {
    case "met":
    case "no-demand":
    case "quantization":
      return ok(undefined);
    case "disconnected":
      return ok(noChange(scene, `no capacity helps, for no path leads from ${flowGroup.src} to ${flowGroup.dst}`));
    case "latency-bound":
      return higherBound(scene);
    case "drained-or-down":
      return restored(scene);
    case "capacity":
      return moreCapacity(scene);
  }
}

/** The bound of the fastest path there is. */
async function higherBound(scene: Scene): Promise<Result<SmallestChange>> {
  const { snapshot, topology, explained, id } = scene;
  const { src, dst } = explained.flowGroup;
  const byLatency = buildTopology({
    ...snapshot.topology,
    links: snapshot.topology.links.map((link) => ({ ...link, metric: link.latencyMs })),
  });
  assert(byLatency.ok, "a valid topology stays valid with other metrics");
  const [fastest] = candidateTunnels(byLatency.value, [{ src, dst }], { kind: "k-shortest", k: 1 }).pairs.get(pairKey({ src, dst })) ?? [];
  if (fastest === undefined || scene.options.candidates !== undefined)
    return ok(noChange(scene, "none of the tunnels that were given keeps the latency bound"));
  // Sums of latencies are rounded by the order of their terms.
  const latencyMsMax = Number((pathLatencyMs(topology, fastest) * (1 + 1e-9)).toPrecision(12));
  const { settings } = snapshot;
  const again = await planAgain(scene, { ...snapshot, settings: { ...settings, tunnels: { ...settings.tunnels, latencyMsMax } } });
  if (!again.ok) return again;
  const { admittedBps, isEnough } = again.value;
  return ok({
    kind: "latency-bound",
    additions: [],
    additionBps: 0,
    latencyMsMax,
    admittedBps,
    isEnough,
    sentence: `${id}: with a latency bound of ${latencyMsMax} ms, that of the fastest path, ${outcomeText(scene, again.value)}.`,
  });
}

/** What keeps the shortest path from being used is brought up and undrained. */
async function restored(scene: Scene): Promise<Result<SmallestChange>> {
  const { snapshot, topology, explained, id } = scene;
  const { src, dst } = explained.flowGroup;
  const healed = buildTopology({
    ...snapshot.topology,
    nodes: snapshot.topology.nodes.map((node) => ({ ...node, drain: "active" as const, operational: "up" as const })),
    links: snapshot.topology.links.map((link) => ({ ...link, drain: "active" as const, operational: "up" as const })),
  });
  assert(healed.ok, "a valid topology stays valid with everything up");
  const [path] = candidateTunnels(healed.value, [{ src, dst }], { kind: "k-shortest", k: 1 }).pairs.get(pairKey({ src, dst })) ?? [];
  assert(path !== undefined, "there is a path with everything up");
  const isOut = (element: { readonly drain: string; readonly operational: string } | undefined) =>
    element !== undefined && (element.drain === "drained" || element.operational !== "up");
  const linkIds = path.filter((linkId) => isOut(topology.linkById.get(linkId)));
  const ends = [src, ...path.map((linkId) => topology.linkById.get(linkId)?.to ?? src)];
  const nodeIds = [...new Set(ends)].filter((nodeId) => isOut(topology.nodeById.get(nodeId)));
  const [links, nodes] = [new Set(linkIds), new Set(nodeIds)];
  const up = { drain: "active" as const, operational: "up" as const };
  const again = await planAgain(scene, {
    ...snapshot,
    topology: {
      ...snapshot.topology,
      nodes: snapshot.topology.nodes.map((node) => (nodes.has(node.id) ? { ...node, ...up } : node)),
      links: snapshot.topology.links.map((link) => (links.has(link.id) ? { ...link, ...up } : link)),
    },
  });
  if (!again.ok) return again;
  const { admittedBps, isEnough } = again.value;
  const names = [...linkIds.map((each) => `link ${each}`), ...nodeIds.map((each) => `node ${each}`)].join(", ");
  const sentence = `${id}: with ${names} up and not drained, ${outcomeText(scene, again.value)}.`;
  return ok({ kind: "restore", additions: [], additionBps: 0, linkIds, nodeIds, admittedBps, isEnough, sentence });
}
