import { assert, classMarking, compareText, trafficClasses, type NodeRules, type Topology, type TrafficClass } from "@sluice/model";
import { describe, expect, it } from "vitest";
import type { PlannedGroup } from "./arbitrary.js";
import { diamond, diamondPlan, gbps, group } from "./diamond.js";
import { orderUpdate } from "./order.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { walkUpdate } from "./walk-update.js";

/** The update, and the least share of its lesser rate that each throttled class keeps. */
function update(before: readonly PlannedGroup[], after: readonly PlannedGroup[], topology: Topology = diamond()) {
  const [installed, target] = rulesOfPlans(topology, [diamondPlan(...before), diamondPlan(...after)]);
  assert(installed !== undefined && target !== undefined, "two sets of rules");
  const plan = orderUpdate({ topology, installed, target, slack: 0 });
  expect(walkUpdate(topology, installed, plan, { target }).violations).toEqual([]);
  const kept = new Map<TrafficClass, number>();
  for (const { nodeId, key, lessBps } of plan.throttled) {
    const [name, rateBps] = classOfIngress(installed.get(nodeId) ?? new Map(), key);
    kept.set(name, Math.min(kept.get(name) ?? 1, 1 - lessBps / rateBps));
  }
  return { ...plan, kept: Object.fromEntries([...kept].sort(([a], [b]) => compareText(a, b))) };
}

function classOfIngress(rules: NodeRules, key: string): readonly [TrafficClass, number] {
  const ingress = rules.get(key);
  const meter = ingress?.kind === "ingress" ? rules.get(`meter/${ingress.meterId}`) : undefined;
  const name = trafficClasses.find((each) => ingress?.kind === "ingress" && classMarking[each].dscp === ingress.match.dscp);
  if (name === undefined || meter?.kind !== "meter") throw new Error(`${key} is no flow of a class`);
  return [name, meter.rateBps];
}

describe("throttles", () => {
  it("are not needed where a link has room for one flow after the other", () => {
    // acd has room for 6 Gb/s more: interactive goes there, elastic comes to its place, bulk goes to the place of elastic.
    const before = [group("interactive", 6, { abd: 1 }), group("bulk", 4, { abd: 1 }), group("elastic", 4, { acd: 1 })];
    const after = [group("interactive", 6, { acd: 1 }), group("bulk", 4, { acd: 1 }), group("elastic", 4, { abd: 1 })];
    const { kept, throttled, crowded, stages } = update(before, after);
    expect([kept, throttled, crowded]).toEqual([{}, [], []]);
    expect(stages.filter(({ purpose }) => purpose === "flip").length).toBeGreaterThan(1);
  });

  it("keep most of a flow where all links are full: it goes in parts, and so do those that come", () => {
    const before = [group("bulk", 10, { abd: 1 }), group("elastic", 10, { acd: 1 })];
    const after = [group("bulk", 10, { acd: 1 }), group("elastic", 10, { abd: 1 })];
    const { kept, crowded, throttled, interrupts } = update(before, after);
    expect(kept["bulk"]).toBeGreaterThanOrEqual(0.75);
    expect(crowded).toEqual(expect.arrayContaining(["ab", "ac", "bd", "cd"]));
    expect(throttled.length).toBe(1);
    expect(interrupts).toEqual([]);
  });

  it("leave important classes alone where less important ones can make the room", () => {
    const before = [group("interactive", 6, { abd: 1 }), group("bulk", 4, { abd: 1 }), group("elastic", 10, { acd: 1 })];
    const after = [group("interactive", 6, { acd: 1 }), group("bulk", 4, { acd: 1 }), group("elastic", 10, { abd: 1 })];
    const { kept } = update(before, after);
    expect(Object.keys(kept)).toEqual(["bulk"]);
  });

  it("reach important classes where the others are not there", () => {
    const before = [group("interactive", 10, { abd: 1 }), { ...group("interactive", 10, { bcd: 1 }) }];
    const after = [group("interactive", 10, { acd: 1 }), { ...group("interactive", 10, { bd: 1 }) }];
    const { kept, throttled } = update(before, after);
    expect(Object.keys(kept)).toEqual(["interactive"]);
    expect(kept["interactive"]).toBeGreaterThanOrEqual(0.5);
    expect(throttled.reduce((sum, { lessBps }) => sum + lessBps, 0)).toBeLessThanOrEqual(10 * gbps);
  });
});
