/** Updates from rules that no plan of this store made: labels of a lost store, holes of a restarted switch. */
import { assert as invariant, toId, type NodeId, type Rule, type RuleSet } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { emptyAssignments } from "./assignments.js";
import { diamond, diamondPlan, group } from "./diamond.js";
import { orderUpdate } from "./order.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import type { UpdatePlan } from "./update-plan.js";
import { walkUpdate } from "./walk-update.js";

function without(rules: RuleSet, nodeId: string, key: string): RuleSet {
  const ofNode = new Map(rules.get(toId<NodeId>(nodeId)));
  invariant(ofNode.delete(key), `${nodeId} has ${key}`);
  return new Map([...rules, [toId<NodeId>(nodeId), ofNode]]);
}

function waits(update: UpdatePlan): readonly unknown[] {
  return update.stages.map(({ purpose, messages }) => [
    purpose,
    Object.fromEntries(messages.map(({ nodeId, waitsFor }) => [nodeId, waitsFor])),
  ]);
}

describe("orderUpdate from damaged or strange rules", () => {
  it("pauses a flow whose label changes its meaning, and redefines the label only then", () => {
    const topology = diamond();
    const [installed] = rulesOfPlans(topology, [diamondPlan(group("bulk", 1, { abd: 1 }))]);
    const [target] = rulesOfPlans(topology, [diamondPlan(group("bulk", 1, { abc: 1 }))]);
    invariant(installed !== undefined && target !== undefined, "two rule sets with label 16 for both tunnels");
    const update = orderUpdate({ topology, installed, target, slack: 0.1 });
    expect(waits(update)).toEqual([
      ["remove-ingress", { a: [] }],
      ["add-transit", { b: ["a"], c: ["a"] }],
      ["flip", { a: ["b", "c"] }],
      ["remove-transit", { d: ["a"] }],
    ]);
    expect(update.stages[1]?.graceMs).toBe(10);
    expect(walkUpdate(topology, installed, update, { target }).violations).toEqual([]);
  });

  it("pauses a flow whose broken tunnel would be extended to a place where it does not belong", () => {
    const topology = diamond();
    const [intact] = rulesOfPlans(topology, [diamondPlan(group("bulk", 1, { abd: 1 }))]);
    const [target] = rulesOfPlans(topology, [diamondPlan(group("bulk", 1, { cb: 1 }))]);
    invariant(intact !== undefined && target !== undefined, "two rule sets with label 16 for both tunnels");
    const installed = without(intact, "b", "label/16");
    const update = orderUpdate({ topology, installed, target, slack: 0.1 });
    expect(waits(update)[0]).toEqual(["remove-ingress", { a: [] }]);
    expect(waits(update)[1]).toEqual(["add-transit", { b: ["a"] }]);
    expect(walkUpdate(topology, installed, update, { target }).violations).toEqual([]);
  });

  it("does not pause a flow whose own tunnel is mended", () => {
    const topology = diamond();
    const [intact] = rulesOfPlans(topology, [diamondPlan(group("bulk", 1, { abd: 1 }))]);
    invariant(intact !== undefined, "a rule set");
    const installed = without(intact, "b", "label/16");
    const update = orderUpdate({ topology, installed, target: intact, slack: 0.1 });
    expect(waits(update)).toEqual([["add-transit", { b: [] }]]);
    const walk = walkUpdate(topology, installed, update, { target: intact });
    expect(walk.violations).toEqual([]);
    expect(walk.checked["inherited"]).toBe(1);
  });

  it("fills the room that a pause makes only after the pause, and throttles nothing for it", () => {
    // Label 16 leads from a over ab to d and is to end at b: the flow over ab pauses, and 8.5 Gb/s take its place there. The small
    // flow need not shrink first.
    const topology = diamond();
    const [installed] = rulesOfPlans(topology, [diamondPlan(group("bulk", 9, { abd: 1 }), group("elastic", 1, { ab: 1 }))]);
    const [newcomers] = rulesOfPlans(
      topology,
      [diamondPlan(group("elastic", 8.5, { cab: 1 }), group("bulk", 0.5, { ab: 1 }), group("elastic", 0.5, { ab: 1 }))],
      {
        ...emptyAssignments,
        labelNext: 40,
      },
    );
    invariant(installed !== undefined && newcomers !== undefined, "two rule sets");
    const stranger: Rule = { kind: "label", match: { label: 16 }, action: { kind: "pop-deliver" } };
    const b = toId<NodeId>("b");
    const target = new Map([...newcomers, [b, new Map([...(newcomers.get(b) ?? []), ["label/16", stranger]])]]);
    const update = orderUpdate({ topology, installed, target, slack: 0 });
    expect(update.stages.map(({ purpose }) => purpose)).toEqual(["remove-ingress", "add-transit", "flip", "remove-transit"]);
    expect(update.stages[2]?.messages.find(({ nodeId }) => nodeId === "c")?.waitsFor).toContain("a");
    expect(walkUpdate(topology, installed, update, { target }).violations).toEqual([]);
  });

  it("counts what a mended tunnel will carry before its ingress changes over", () => {
    // The flow from a is cut off at b and mended there, because it goes on; it is to shrink on bd, where the flow from b grows.
    const topology = diamond();
    const [intact, target] = rulesOfPlans(topology, [
      diamondPlan(group("bulk", 9, { abd: 1 }), group("elastic", 1, { bd: 1 })),
      diamondPlan(group("bulk", 1, { abd: 1 }), group("elastic", 9, { bd: 1 })),
    ]);
    invariant(intact !== undefined && target !== undefined, "two rule sets");
    const label = [...(intact.get(toId<NodeId>("b"))?.keys() ?? [])].find((key) => key.startsWith("label/"));
    const installed = without(intact, "b", label ?? "");
    const update = orderUpdate({ topology, installed, target, slack: 0 });
    expect(update.stages.map(({ purpose }) => purpose)).toEqual(["add-transit", "flip", "flip"]);
    expect(update.throttled).toEqual([]);
    expect(walkUpdate(topology, installed, update, { target }).violations).toEqual([]);
  });

  it("fails the walk where a broken tunnel is still broken at the end", () => {
    const topology = diamond();
    const [first, second] = rulesOfPlans(topology, [diamondPlan(group("bulk", 1, { abd: 1 })), diamondPlan(group("bulk", 2, { abd: 1 }))]);
    invariant(first !== undefined && second !== undefined, "two rule sets");
    const [installed, target] = [without(first, "b", "label/16"), without(second, "b", "label/16")];
    const walk = walkUpdate(topology, installed, orderUpdate({ topology, installed, target, slack: 0.1 }), { target });
    expect(new Set(walk.violations.map(({ data }) => data?.["kind"]))).toEqual(new Set(["blackhole"]));
  });

  it("fails the walk where the end needs the slack that only the way may use", () => {
    const topology = diamond();
    const [installed, target] = rulesOfPlans(topology, [
      diamondPlan(group("bulk", 1, { abd: 1 })),
      diamondPlan(group("bulk", 12, { abd: 1 })),
    ]);
    invariant(installed !== undefined && target !== undefined, "two rule sets");
    const walk = walkUpdate(topology, installed, orderUpdate({ topology, installed, target, slack: 0.5 }), { target });
    expect(walk.violations.map(({ data }) => [data?.["kind"], data?.["linkId"]])).toEqual([
      ["overload", "ab"],
      ["overload", "bd"],
    ]);
  });
});
