/** Snapshots written out by hand, for tests. */
import {
  buildDemandMatrix,
  parseTopology,
  planSettingsDefault,
  topologyDocument,
  type Snapshot,
  type TopologyInput,
  type TrafficClass,
} from "@sluice/model";

export function snapshotOf(
  topology: TopologyInput,
  demands: readonly (readonly [src: string, dst: string, trafficClass: TrafficClass, rateBps: number])[],
  settings: Partial<Snapshot["settings"]> = {},
): Snapshot {
  const built = parseTopology(topology);
  const matrix = buildDemandMatrix(
    "test",
    demands.map(([src, dst, trafficClass, rateBps]) => ({ src: src as never, dst: dst as never, trafficClass, rateBps })),
  );
  if (!built.ok || !matrix.ok) throw new Error("the test's own input is wrong");
  return { topology: topologyDocument(built.value), demands: matrix.value, settings: { ...planSettingsDefault, ...settings } };
}

//      a --10-- b       each way, 1 ms a link;
//       \      /        c is the detour
//       10   10
//         c
export const triangle: TopologyInput = {
  name: "triangle",
  nodes: [{ id: "a" }, { id: "b" }, { id: "c" }],
  links: [
    ["a", "b"],
    ["b", "a"],
    ["a", "c"],
    ["c", "a"],
    ["c", "b"],
    ["b", "c"],
  ].map(([from = "", to = ""]) => ({ id: `${from}-${to}`, from, to, capacityBps: 10e9, latencyMs: 1, metric: 1 })),
};
