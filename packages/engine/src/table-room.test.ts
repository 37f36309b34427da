/** Nearly full rule tables: a plan uses what they have room for, and ways around their switches, and the checker sees to it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  buildTopology,
  pathNodes,
  type NodeId,
  type ObjectiveName,
  type Path,
  type Plan,
  type Snapshot,
  type TableRoom,
} from "@sluice/model";
import { checkPlan } from "./check.js";
import { planOf } from "./testing/planning.js";
import { arbitrarySnapshot, nodeName } from "./testing/small-network.js";

function withRoom(snapshot: Snapshot, nodeId: NodeId, tableRoom: TableRoom): Snapshot {
  const { topology } = snapshot;
  return {
    ...snapshot,
    topology: { ...topology, nodes: topology.nodes.map((node) => (node.id === nodeId ? { ...node, tableRoom } : node)) },
  };
}

/** The plan's paths that need a label rule at the node. */
function pathsAt({ topology }: Snapshot, plan: Plan, nodeId: NodeId): readonly Path[] {
  const built = buildTopology(topology);
  if (!built.ok) throw new Error(built.faults[0].message);
  return plan.tunnels.map(({ path }) => path).filter((path) => pathNodes(built.value, path).slice(1).includes(nodeId));
}

const allotted = (plan: Plan): number => plan.classes.reduce((sum, each) => sum + each.allottedBps, 0);
const objectives = ["max-throughput", "min-cost", "min-max-utilization", "max-concurrent", "max-min-fair", "shortest-path"] as const;

const questions = fc.record({
  snapshot: arbitrarySnapshot({ allUsable: true, demandsMax: 12, linksMax: 16 }),
  node: fc.nat(5),
  kept: fc.nat(3),
  reached: fc.nat(3),
  objective: fc.constantFrom<ObjectiveName>(...objectives),
  kind: fc.constantFrom(...(["k-shortest", "edge-disjoint", "srlg-disjoint", "priced"] as const)),
});

describe("a nearly full rule table", () => {
  it("gets no other tunnels than it has room for, and the plan passes the check with candidates derived anew", async () => {
    let refused = 0;
    let around = 0;
    await fc.assert(
      fc.asyncProperty(questions, async ({ snapshot: base, node, kept, reached, objective, kind }) => {
        const snapshot = { ...base, settings: { ...base.settings, objective, tunnels: { kind, k: 3 } } };
        const nodeId = nodeName(node % snapshot.topology.nodes.length);
        const free = await planOf(snapshot);
        const tunnels = pathsAt(snapshot, free, nodeId).slice(0, kept);
        const own = new Set(free.tunnels.filter(({ src }) => src === nodeId).map(({ dst }) => dst));
        const tight = withRoom(snapshot, nodeId, { tunnels, destinations: [...own].slice(0, reached) });
        const plan = await planOf(tight);
        expect(plan.check.violations).toEqual([]);
        expect(checkPlan(tight, plan).violations).toEqual([]);
        const used = pathsAt(tight, plan, nodeId).map((path) => path.join());
        const named = new Set(tunnels.map((path) => path.join()));
        expect(used.filter((path) => !named.has(path))).toEqual([]);
        // A plan that was made as if there were room is found out.
        const isTooMuch = pathsAt(snapshot, free, nodeId).length > tunnels.length || own.size > reached;
        const codes = checkPlan(tight, free).violations.map(({ code }) => code);
        expect(codes.includes("tunnel-unusable")).toBe(isTooMuch);
        if (isTooMuch) refused += 1;
        if (isTooMuch && allotted(plan) >= allotted(free) * (1 - 1e-6)) around += 1;
      }),
      { seed: 171, numRuns: 200 },
    );
    expect(refused).toBeGreaterThan(20);
    expect(around).toBeGreaterThan(0);
  });

  it("takes nothing from a plan that it has room for", async () => {
    await fc.assert(
      fc.asyncProperty(questions, async ({ snapshot: base, node }) => {
        const snapshot = {
          ...base,
          demands: { ...base.demands, demands: base.demands.demands.filter((each) => each.trafficClass === "bulk") },
        };
        const nodeId = nodeName(node % snapshot.topology.nodes.length);
        const free = await planOf(snapshot);
        const room = { tunnels: pathsAt(snapshot, free, nodeId), destinations: snapshot.topology.nodes.map(({ id }) => id) };
        const plan = await planOf(withRoom(snapshot, nodeId, room));
        expect(allotted(plan)).toBeGreaterThanOrEqual(allotted(free) * (1 - 1e-5));
      }),
      { seed: 172, numRuns: 100 },
    );
  });
});
