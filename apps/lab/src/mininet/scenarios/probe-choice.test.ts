import { describe, expect, it } from "vitest";
import type { PlanReading, PlannedTunnel } from "../plan-reading.js";
import { crossingOf, flowCount, groupProbes, isConnected, probesOf, sharedPps, startingAt, topClassOf } from "./probe-choice.js";

const tunnel = (id: string, [src, dst]: readonly [string, string], path: string[], uses: PlannedTunnel["flowGroups"]): PlannedTunnel => ({
  id,
  src,
  dst,
  path,
  flowGroups: uses,
});
const use = (trafficClass: "interactive" | "bulk", weight: number, weightSum: number) => ({
  trafficClass,
  weight,
  weightSum,
  plannedBps: 1e6,
});
const demand = (src: string, dst: string, trafficClass: "interactive" | "elastic" | "bulk", admittedBps: number) => ({
  src,
  dst,
  trafficClass,
  rateBps: admittedBps,
  admittedBps,
});

describe("the choice of probes", () => {
  const plan: PlanReading = {
    demands: [demand("a", "c", "interactive", 5e6), demand("a", "b", "bulk", 9e6), demand("a", "d", "interactive", 1e3)],
    tunnels: [
      tunnel("1", ["a", "c"], ["ab", "bc"], [use("interactive", 1, 4)]),
      tunnel("2", ["a", "c"], ["ab", "bx", "xc"], [use("interactive", 1, 4)]),
      tunnel("3", ["a", "c"], ["ax", "xc"], [use("interactive", 2, 4)]),
      tunnel("4", ["a", "b"], ["ab"], [use("bulk", 1, 1)]),
      tunnel("5", ["a", "d"], ["ad"], [use("interactive", 1, 1)]),
    ],
  };

  it("takes the group with the largest part of its flows over the link, over all of its tunnels", () => {
    expect(crossingOf(plan, "ab")).toMatchObject({ src: "a", dst: "b", trafficClass: "bulk", share: 1 });
    expect(crossingOf({ ...plan, tunnels: plan.tunnels.slice(0, 3) }, "ab")).toMatchObject({ dst: "c", share: 0.5 });
  });

  it("takes none whose meter would drop the probes, and none where none passes", () => {
    expect(crossingOf(plan, "ad")).toBeUndefined();
    expect(crossingOf(plan, "nowhere")).toBeUndefined();
  });

  it("takes none that hangs on the link alone", () => {
    const ends = [
      ["ab", "a", "b"],
      ["ba", "b", "a"],
      ["ax", "a", "x"],
      ["xb", "x", "b"],
      ["bc", "b", "c"],
    ].map(([id = "", from = "", to = ""]) => ({ id, from, to }));
    const without = (gone: readonly string[]) => (pair: { readonly src: string; readonly dst: string }) => isConnected(ends, gone, pair);
    expect(crossingOf(plan, "ab", without(["ab", "ba"]))).toMatchObject({ src: "a", dst: "b" });
    expect(crossingOf(plan, "bc", without(["bc"]))).toBeUndefined();
    expect(crossingOf(plan, "bc")).toMatchObject({ dst: "c" });
    expect(isConnected(ends, [], { src: "c", dst: "a" })).toBe(false);
  });

  it("sends so many flows that one takes the link but for bad luck, each of its own port", () => {
    for (const share of [0.3, 0.5, 0.8, 1]) {
      const count = flowCount({ share });
      expect(count === 6 || (1 - share) ** count <= 0.02).toBe(true);
      const probes = probesOf({ src: "a", dst: "c", trafficClass: "interactive", share, admittedBps: 1e9 });
      expect(new Set(probes.map(({ sourcePort }) => sourcePort)).size).toBe(count);
      expect(probes[0]).toMatchObject({ dscp: 46, pps: 1000 });
    }
  });

  it("sends one flow for each group that is admitted, of the classes asked for, with its class's mark", () => {
    const refused = { ...plan, demands: [...plan.demands, demand("c", "a", "bulk", 0)] };
    const all = groupProbes(refused, { pps: 10 });
    expect(all.map(({ src, dst, dscp }) => [src, dst, dscp])).toEqual([
      ["a", "c", 46],
      ["a", "b", 8],
      ["a", "d", 46],
    ]);
    expect(new Set(all.map(({ sourcePort }) => sourcePort)).size).toBe(3);
    expect(groupProbes(refused, { pps: 10, classes: ["bulk"] })).toHaveLength(1);
  });

  it("shares the machine's time among the flows of whole plans", () => {
    expect(sharedPps(10, 10)).toBe(10);
    expect(sharedPps(400, 10) * 400).toBeCloseTo(1000);
    expect(sharedPps(0, 10)).toBe(10);
  });

  it("takes the most important class that is there, and a node with a group that probes fit into", () => {
    expect(topClassOf(plan)).toBe("interactive");
    expect(topClassOf({ demands: [demand("a", "b", "bulk", 1e6), demand("a", "c", "elastic", 0)] })).toBe("bulk");
    expect(topClassOf({ demands: [] })).toBeUndefined();
    const demands = [demand("a", "b", "bulk", 1e3), demand("b", "c", "bulk", 1e6), demand("b", "a", "bulk", 1e5)];
    expect(startingAt({ demands }, ["a", "b"])).toMatchObject({ node: "b", group: { dst: "c" }, pps: 1000 });
    expect(startingAt({ demands: [demand("a", "b", "bulk", 58_000)] }, ["a"])).toMatchObject({ pps: 100 });
    expect(startingAt({ demands: [demand("a", "b", "bulk", 10)] }, ["a"])).toBeUndefined();
  });
});
