import { assert, classMarking, compareText, trafficClasses, type NodeRules, type TrafficClass } from "@sluice/model";
import { describe, expect, it } from "vitest";
import type { PlannedGroup } from "./arbitrary.js";
import { diamond, diamondPlan, group } from "./diamond.js";
import { orderUpdate } from "./order.js";
import { rulesOfPlans } from "./rules-of-plans.js";

/** The classes whose meters a stage of throttles lowers. */
function throttled(before: readonly PlannedGroup[], after: readonly PlannedGroup[]) {
  const topology = diamond();
  const [installed, target] = rulesOfPlans(topology, [diamondPlan(...before), diamondPlan(...after)]);
  assert(installed !== undefined && target !== undefined, "two sets of rules");
  const { stages } = orderUpdate({ topology, installed, target, slack: 0.1 });
  const classes = new Set<TrafficClass>();
  for (const { purpose, messages } of stages) {
    if (purpose !== "throttle") continue;
    for (const { nodeId, operations } of messages) {
      for (const operation of operations) {
        if (operation.op === "put" && operation.rule.kind === "meter") {
          classes.add(classOfMeter(installed.get(nodeId) ?? new Map(), operation.rule.meterId));
        }
      }
    }
  }
  return [...classes].sort(compareText);
}

function classOfMeter(rules: NodeRules, meterId: number): TrafficClass {
  for (const rule of rules.values()) {
    if (rule.kind !== "ingress" || rule.meterId !== meterId) continue;
    const found = trafficClasses.find((name) => classMarking[name].dscp === rule.match.dscp);
    if (found !== undefined) return found;
  }
  throw new Error(`no flow has the meter ${meterId}`);
}

describe("throttles", () => {
  it("leave important classes alone where less important ones can make the room", () => {
    // ab has no room for elastic beside what leaves it: 6 Gb/s of interactive would do, and so would 4 Gb/s of bulk.
    const before = [group("interactive", 6, { abd: 1 }), group("bulk", 4, { abd: 1 }), group("elastic", 4, { acd: 1 })];
    const after = [group("interactive", 6, { acd: 1 }), group("bulk", 4, { acd: 1 }), group("elastic", 4, { abd: 1 })];
    expect(throttled(before, after)).toEqual(["bulk", "elastic"]);
  });

  it("reach important classes where the others are not enough", () => {
    const before = [group("interactive", 9, { abd: 1 }), group("bulk", 1, { abd: 1 }), group("elastic", 9, { acd: 1 })];
    const after = [group("interactive", 9, { acd: 1 }), group("bulk", 1, { acd: 1 }), group("elastic", 9, { abd: 1 })];
    expect(throttled(before, after)).toEqual(["bulk", "elastic", "interactive"]);
  });
});
