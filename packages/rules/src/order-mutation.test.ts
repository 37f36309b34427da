/** Updates that are wrong on purpose, each in one way: the packet walk must find every one. */
import { assert as invariant, type RuleSet, type Topology } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { diamond, diamondPlan, group } from "./diamond.js";
import { orderUpdate } from "./order.js";
import { applyUpdate, rulesOfPlans } from "./rules-of-plans.js";
import type { StageMessage, StagePurpose, UpdatePlan } from "./update-plan.js";
import { walkUpdate } from "./walk-update.js";

// The flow from a to d changes from the upper way to the lower one; the flow from b to c makes room for it on link bc.
const topology = diamond({ capacityGbps: { bc: 6 } });
const [installed, target] = rulesOfPlans(topology, [
  diamondPlan(group("interactive", 5, { abd: 1 }), group("bulk", 5, { bc: 2, bdc: 2 }), group("bulk", 1, { ac: 1 })),
  diamondPlan(group("interactive", 5, { abcd: 1 }), group("bulk", 4, { bc: 1, bdc: 3 })),
]);
invariant(installed !== undefined && target !== undefined, "two rule sets");
const update = orderUpdate({ topology, installed, target, slack: 0 });

function found(plan: UpdatePlan, from: RuleSet = installed ?? new Map(), on: Topology = topology): readonly unknown[] {
  return [...new Set(walkUpdate(on, from, plan).violations.map(({ data }) => data?.["kind"]))];
}

/** Stages by purpose; steps of flips in their order. */
function reordered(...purposes: readonly StagePurpose[]): UpdatePlan {
  const stages = purposes.flatMap((purpose) => update.stages.filter((stage) => stage.purpose === purpose));
  return { ...update, stages: stages.map((stage, index) => ({ ...stage, index })) };
}

/** `step` counts the stages of that purpose, from 1. */
function withMessages(change: (message: StageMessage, purpose: StagePurpose, step: number) => StageMessage | undefined): UpdatePlan {
  const stepOf = (index: number) =>
    update.stages.filter((stage) => stage.index <= index && stage.purpose === update.stages[index]?.purpose).length;
  return {
    ...update,
    stages: update.stages.map((stage) => ({
      ...stage,
      messages: stage.messages.flatMap((message) => change(message, stage.purpose, stepOf(stage.index)) ?? []),
    })),
  };
}

describe("the stages of an update", () => {
  it("are all there in the example, each message waiting for what it builds on", () => {
    expect(update.stages.map(({ purpose, messages }) => [purpose, messages.map(({ nodeId, waitsFor }) => [nodeId, waitsFor])])).toEqual([
      [
        "add-transit",
        [
          ["b", []],
          ["c", []],
          ["d", []],
        ],
      ],
      ["flip", [["b", []]]],
      ["flip", [["a", ["b", "c", "d"]]]],
      ["remove-ingress", [["a", []]]],
      [
        "remove-transit",
        [
          ["b", ["a"]],
          ["c", ["a"]],
          ["d", ["a"]],
        ],
      ],
    ]);
    expect(update.stages.at(-1)?.graceMs).toBe(10);
    expect(found(update)).toEqual([]);
    expect([...applyUpdate(installed, update)].filter(([, rules]) => rules.size > 0).sort()).toEqual([...target].sort());
  });

  it.each<[string, UpdatePlan, readonly string[]]>([
    ["transit rules deleted first", reordered("remove-transit", "add-transit", "flip", "remove-ingress"), ["blackhole"]],
    ["ingresses flipped before their transit rules", reordered("flip", "add-transit", "remove-ingress", "remove-transit"), ["blackhole"]],
    [
      "a step that does not wait for the one that makes its room",
      withMessages((message, purpose, step) =>
        purpose === "flip" && step === 2 ? { ...message, waitsFor: message.waitsFor.filter((node) => node !== "b") } : message,
      ),
      ["overload"],
    ],
    ["flow groups removed after their transit rules", reordered("add-transit", "flip", "remove-transit", "remove-ingress"), ["blackhole"]],
    [
      "a flip that waits for nothing",
      withMessages((message, purpose) => (purpose === "flip" ? { ...message, waitsFor: [] } : message)),
      ["blackhole", "overload"],
    ],
    [
      "a deletion that waits for nothing",
      withMessages((message, purpose) => (purpose === "remove-transit" ? { ...message, waitsFor: [] } : message)),
      ["blackhole"],
    ],
    [
      "a transit rule forgotten",
      withMessages((message, purpose) => (purpose === "add-transit" && message.nodeId === "c" ? undefined : message)),
      ["blackhole"],
    ],
    [
      "an ingress rule taken out and put back",
      withMessages((message, purpose) => {
        const key = "ingress/8/10.0.2.0/24";
        const ingress = installed.get(message.nodeId)?.get(key);
        if (message.nodeId !== "b" || ingress === undefined) return message;
        if (purpose === "add-transit") return { ...message, operations: [...message.operations, { op: "delete", key }] };
        return purpose === "flip" ? { ...message, operations: [...message.operations, { op: "put", rule: ingress }] } : message;
      }),
      ["interrupted"],
    ],
    [
      "a group gone from under its ingress rule",
      withMessages((message, purpose) =>
        purpose === "remove-ingress" ? { ...message, operations: message.operations.slice(1) } : message,
      ),
      ["dangling"],
    ],
  ])("fail the walk with %s", (_, plan, kinds) => {
    expect(found(plan)).toEqual(expect.arrayContaining([...kinds]));
    expect(walkUpdate(topology, installed, plan).verdict).toBe("fail");
  });

  it("fail the walk where a node's flip waits for only one of the nodes on its new tunnel", () => {
    for (const forgotten of ["b", "c", "d"]) {
      const plan = withMessages((message, purpose) =>
        purpose === "flip" ? { ...message, waitsFor: message.waitsFor.filter((node) => node !== forgotten) } : message,
      );
      expect(found(plan)).toContain("blackhole");
    }
  });

  it("fail the walk where they do not lead to the target", () => {
    expect(walkUpdate(topology, installed, update, { target }).verdict).toBe("pass");
    const short = { ...update, stages: update.stages.slice(0, -1) };
    expect(walkUpdate(topology, installed, short).verdict).toBe("pass");
    const walk = walkUpdate(topology, installed, short, { target });
    expect(new Set(walk.violations.map(({ data }) => data?.["kind"]))).toEqual(new Set(["astray"]));
  });
});
