import { describe, expect, it } from "vitest";
import type { PlanReading, PlannedTunnel } from "../plan-reading.js";
import { contentionFlows, contentionFrameBits, contentionOf, switchesCrossed, switchesKey } from "./contention.js";

type Use = PlannedTunnel["flowGroups"][number];
const use = (trafficClass: Use["trafficClass"], plannedBps: number, weight = 1, weightSum = 1): Use => ({
  trafficClass,
  weight,
  weightSum,
  plannedBps,
});
const demand = (src: string, dst: string, trafficClass: Use["trafficClass"], admittedBps: number) => ({
  src,
  dst,
  trafficClass,
  rateBps: admittedBps,
  admittedBps,
});

describe("contention for the fullest link", () => {
  const plan: PlanReading = {
    demands: [
      demand("a", "b", "interactive", 1.5e6),
      demand("a", "c", "interactive", 1e6),
      demand("a", "c", "bulk", 7e6),
      demand("x", "c", "elastic", 1e6),
      demand("x", "c", "bulk", 0),
    ],
    tunnels: [
      { id: "1", src: "a", dst: "b", path: ["ab"], flowGroups: [use("interactive", 1.5e6)] },
      { id: "2", src: "a", dst: "c", path: ["ab", "bc"], flowGroups: [use("interactive", 1e6), use("bulk", 5.25e6, 3, 4)] },
      { id: "3", src: "a", dst: "c", path: ["ax", "xb", "bc"], flowGroups: [use("bulk", 1.75e6, 1, 4)] },
      { id: "4", src: "x", dst: "c", path: ["xc"], flowGroups: [use("elastic", 1e6), use("bulk", 0)] },
    ],
  };
  const capacity = new Map([
    ["ab", 10e6],
    ["bc", 10e6],
    ["ax", 10e6],
    ["xb", 10e6],
    ["xc", 10e6],
  ]);

  it("is over the link that is planned fullest, by every group with a tunnel there: more is offered than it carries", () => {
    const found = contentionOf(plan, capacity);
    expect(found).toMatchObject({ linkId: "bc", fill: 0.8 });
    expect(found?.groups.map(({ group, factor }) => [group.src, group.dst, group.trafficClass, factor])).toEqual([
      ["a", "c", "interactive", 1],
      ["a", "c", "bulk", 1.3],
    ]);
  });

  it("leaves out what of the top class would be too much, and ends where nothing is carried", () => {
    const narrow = new Map(capacity).set("ab", 8e6);
    // A fifth of 8 Mb/s: one group of the two.
    const groups = contentionOf(plan, narrow)?.groups.map(({ group }) => `${group.dst} ${group.trafficClass}`);
    expect(groups).toEqual(["b interactive", "c bulk"]);
    expect(contentionOf({ demands: [], tunnels: [] }, capacity)).toBeUndefined();
  });

  it("is sent as flows that add up to what is offered, each of its own port", () => {
    const found = contentionOf(plan, capacity);
    const flows = found === undefined ? [] : contentionFlows(found);
    const bps = flows.map((list) => list.reduce((sum, { pps }) => sum + pps * contentionFrameBits, 0));
    expect(bps.map((each) => Math.round(each))).toEqual([1e6, 9.1e6]);
    const ports = flows.flat().map(({ sourcePort }) => sourcePort);
    expect(new Set(ports).size).toBe(ports.length);
  });

  it("crosses switches by the weights of its tunnels", () => {
    const crossed = switchesCrossed(plan);
    expect(crossed.get(switchesKey({ src: "a", dst: "c", trafficClass: "bulk" }))).toBe(0.75 * 3 + 0.25 * 4);
    expect(crossed.get(switchesKey({ src: "a", dst: "b", trafficClass: "interactive" }))).toBe(2);
  });
});
