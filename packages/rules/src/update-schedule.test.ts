import { assert as invariant, type GroupRule, type NodeId, type NodeRules, type RuleSet } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { diamond, diamondPlan, group } from "./diamond.js";
import { applyOperations } from "./diff.js";
import { digestOfRuleSet } from "./digest.js";
import { stopWeightSumMax } from "./flow-stop.js";
import { orderUpdate } from "./order.js";
import { applyUpdate, rulesOfPlans } from "./rules-of-plans.js";
import type { UpdatePlan } from "./update-plan.js";
import { walkUpdate } from "./walk-update.js";

const slacks = fc.constantFrom(0, 0.02, 0.1, 0.5);

function two(sets: readonly RuleSet[]): { readonly installed: RuleSet; readonly target: RuleSet } {
  const [installed, target] = sets;
  invariant(installed !== undefined && target !== undefined, "two rule sets");
  return { installed, target };
}

function ratesOf(rules: NodeRules): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  for (const [key, rule] of rules) {
    const meter = rule.kind === "ingress" ? rules.get(`meter/${rule.meterId}`) : undefined;
    if (meter?.kind === "meter") rates.set(key, meter.rateBps);
  }
  return rates;
}

/** By node and flow, the least that it is admitted less than the lesser of before and after, bps; those that are never admitted less are left out. */
function withheld(installed: RuleSet, target: RuleSet, { stages }: UpdatePlan): ReadonlyMap<string, number> {
  const less = new Map<string, number>();
  for (const [nodeId, wanted] of target) {
    let rules: NodeRules = installed.get(nodeId) ?? new Map();
    const before = ratesOf(rules);
    const after = ratesOf(wanted);
    for (const { messages } of stages) {
      rules = applyOperations(rules, messages.find((each) => each.nodeId === nodeId)?.operations ?? []);
      const now = ratesOf(rules);
      for (const [key, bps] of after) {
        const missing = Math.min(bps, before.get(key) ?? 0) - (now.get(key) ?? 0);
        if (missing > 0) less.set(`${nodeId} ${key}`, Math.max(missing, less.get(`${nodeId} ${key}`) ?? 0));
      }
    }
  }
  return less;
}

/** The rules when each node has obeyed some of its messages: picks say who goes next, as long as there are picks. */
function brokenOff(installed: RuleSet, { stages }: UpdatePlan, picks: readonly number[]): RuleSet {
  const queues = new Map<
    NodeId,
    { index: number; operations: UpdatePlan["stages"][number]["messages"][number]["operations"]; waitsFor: readonly NodeId[] }[]
  >();
  for (const { index, messages } of stages)
    for (const { nodeId, operations, waitsFor } of messages)
      queues.set(nodeId, [...(queues.get(nodeId) ?? []), { index, operations, waitsFor }]);
  const rules = new Map(installed);
  for (const pick of picks) {
    const ready = [...queues].filter(([, [next]]) => {
      return next !== undefined && next.waitsFor.every((other) => (queues.get(other) ?? []).every(({ index }) => index >= next.index));
    });
    const [nodeId, queue] = ready[pick % Math.max(1, ready.length)] ?? [];
    const next = queue?.shift();
    if (nodeId === undefined || next === undefined) break;
    rules.set(nodeId, applyOperations(rules.get(nodeId) ?? new Map(), next.operations));
  }
  return rules;
}

describe("the steps of an update", () => {
  it("withhold nothing from a flow but what the update says, and say nothing that is not so", () => {
    let inSteps = 0;
    fc.assert(
      fc.property(arbitraryNetwork({ roomMax: 1.1 }), slacks, ({ topology, plans }, slack) => {
        const { installed, target } = two(rulesOfPlans(topology, plans));
        const update = orderUpdate({ topology, installed, target, slack });
        const said = new Map(update.throttled.map(({ nodeId, key, lessBps }) => [`${nodeId} ${key}`, lessBps]));
        expect([...withheld(installed, target, update)].sort()).toEqual([...said].sort());
        expect(update.crowded.length > 0).toBe(update.throttled.length > 0);
        if (update.stages.filter(({ purpose }) => purpose === "flip").length > 1) inSteps += 1;
      }),
      { numRuns: 300 },
    );
    expect(inSteps).toBeGreaterThan(20);
  });

  it("suffice without any throttle where links have slack", () => {
    fc.assert(
      fc.property(arbitraryNetwork({ groupsMax: 9, roomMax: 1 }), fc.constantFrom(0.1, 0.25, 0.5), ({ topology, plans }, slack) => {
        const { installed, target } = two(rulesOfPlans(topology, plans));
        const update = orderUpdate({ topology, installed, target, slack });
        expect(update.throttled).toEqual([]);
        expect(walkUpdate(topology, installed, update, { target }).violations).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("may be broken off anywhere, and be led on or back", () => {
    let between = 0;
    fc.assert(
      fc.property(
        arbitraryNetwork({ roomMax: 1.1 }),
        slacks,
        fc.array(fc.nat(), { maxLength: 20 }),
        ({ topology, plans }, slack, picks) => {
          const { installed, target } = two(rulesOfPlans(topology, plans));
          const update = orderUpdate({ topology, installed, target, slack });
          const middle = brokenOff(installed, update, picks);
          for (const end of [installed, target]) {
            const more = orderUpdate({ topology, installed: middle, target: end, slack });
            expect(walkUpdate(topology, middle, more, { target: end }).violations).toEqual([]);
            expect(digestOfRuleSet(applyUpdate(middle, more))).toBe(digestOfRuleSet(end));
          }
          const digests = new Set([installed, middle, target].map(digestOfRuleSet));
          if (digests.size === 3) between += 1;
        },
      ),
      { numRuns: 200 },
    );
    expect(between).toBeGreaterThan(50);
  });

  it("move flows in parts that do not fit as a whole, in weights that tables have room for", () => {
    const topology = diamond();
    const { installed, target } = two(
      rulesOfPlans(topology, [
        diamondPlan(group("bulk", 9, { abd: 1 }), group("elastic", 9, { acd: 1 })),
        diamondPlan(group("bulk", 9, { acd: 1 }), group("elastic", 9, { abd: 1 })),
      ]),
    );
    const update = orderUpdate({ topology, installed, target, slack: 0.1 });
    expect(walkUpdate(topology, installed, update, { target }).violations).toEqual([]);
    expect(update.throttled).toEqual([]);
    const groups = update.stages.flatMap(({ messages }) =>
      messages.flatMap(({ operations }) =>
        operations.flatMap((each): GroupRule[] => (each.op === "put" && each.rule.kind === "group" ? [each.rule] : [])),
      ),
    );
    const sums = groups.map(({ buckets }) => buckets.reduce((sum, { weight }) => sum + weight, 0));
    expect(groups.some(({ buckets }) => buckets.length === 2)).toBe(true);
    expect(Math.max(...sums)).toBeLessThanOrEqual(stopWeightSumMax);
  });

  it("leave alone what touches no crowded link: it goes with the first", () => {
    const topology = diamond();
    const { installed, target } = two(
      rulesOfPlans(topology, [
        diamondPlan(group("bulk", 9, { abd: 1 }), group("elastic", 9, { acd: 1 }), group("interactive", 1, { dba: 1 })),
        diamondPlan(group("bulk", 9, { acd: 1 }), group("elastic", 9, { abd: 1 }), group("interactive", 1, { dca: 1 })),
      ]),
    );
    const update = orderUpdate({ topology, installed, target, slack: 0.1 });
    const flips = update.stages.filter(({ purpose }) => purpose === "flip").map(({ messages }) => messages.map(({ nodeId }) => nodeId));
    expect(flips.length).toBeGreaterThan(1);
    expect(flips[0]).toContain("d");
    expect(flips.slice(1).flat()).not.toContain("d");
  });
});
