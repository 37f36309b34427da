/** Updates that are broken off, by a cut, a new plan or a refusal, and derived again from what is installed by then: at any point of them. */
import { assert as invariant, type NodeId, type NodeRules, type Rule, type RuleSet, type Topology } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { arbitraryProtection, withProtection } from "./arbitrary-protection.js";
import { digestOfRuleSet } from "./digest.js";
import { eitherFailover } from "./failover-change.js";
import { enumerate, failuresOf, reachableStates } from "./order-failure-oracle.js";
import { orderUpdate } from "./order.js";
import { applyUpdate, rulesOfPlans } from "./rules-of-plans.js";
import type { UpdatePlan } from "./update-plan.js";
import { walkUpdate } from "./walk-update.js";

/** Three rule sets in a row: mostly the same tunnels, under bypasses of another choice each. */
const threeRuleSets = fc
  .tuple(
    arbitraryNetwork({ nodesMax: 4, groupsMax: 3, plans: 3 }),
    fc.array(arbitraryProtection, { minLength: 3, maxLength: 3 }),
    fc.array(fc.nat({ max: 4 }), { minLength: 3, maxLength: 3 }),
    fc.constantFrom("link" as const, "node" as const),
  )
  .map(([{ topology, plans }, choices, others, localRepair]) => {
    const [plan] = plans;
    const inRow = choices.flatMap((choice, i) => {
      const each = others[i] === 0 ? plans[i] : plan;
      return each === undefined
        ? []
        : [withProtection(topology, each, { ...choice, localRepair: others[i] === 1 ? choice.localRepair : localRepair })];
    });
    return { topology, ruleSets: rulesOfPlans(topology, inRow) };
  });
const statesMax = 400;

/** One of the states that an update can be in. */
function brokenOff(topology: Topology, installed: RuleSet, update: UpdatePlan, pick: number): RuleSet | undefined {
  const states: RuleSet[] = [];
  for (const state of reachableStates(topology, installed, update)) {
    if (states.length === statesMax) return undefined;
    states.push(state);
  }
  return states[pick % states.length];
}

/** The update without what a node that says nothing would have to obey, and without all that waits for it. */
function without(update: UpdatePlan, silent: NodeId): UpdatePlan {
  const blocked = new Set<NodeId>([silent]);
  const stages = update.stages.map((stage) => {
    const before = new Set(blocked);
    const isBlocked = ({ nodeId, waitsFor }: (typeof stage.messages)[number]) => [nodeId, ...waitsFor].some((id) => before.has(id));
    for (const message of stage.messages) if (isBlocked(message)) blocked.add(message.nodeId);
    return { ...stage, messages: stage.messages.filter((message) => !isBlocked(message)) };
  });
  return { ...update, stages };
}

/** What a switch counts as holding that holds the one or the other: as `worstOf` of the controller, where only failover groups differ. */
function eitherRules(a: NodeRules, b: NodeRules): NodeRules {
  return new Map(
    [...a].map(([key, rule]): [string, Rule] => {
      const other = b.get(key);
      return [key, rule.kind === "failover" && other?.kind === "failover" ? (eitherFailover(rule, other) ?? rule) : rule];
    }),
  );
}

describe("an update that is broken off", () => {
  it("is led on to another plan, or back, over states that repair what old and new repair, and let nothing circulate", () => {
    const seen = { brokenOff: 0, repaired: 0, changed: 0 };
    fc.assert(
      fc.property(
        threeRuleSets,
        fc.nat(),
        fc.boolean(),
        fc.array(fc.array(fc.nat(), { minLength: 2, maxLength: 4 }), { maxLength: 2 }),
        ({ topology, ruleSets: [first, second, third] }, pick, back, more) => {
          invariant(first !== undefined && second !== undefined && third !== undefined, "three rule sets");
          const begun = orderUpdate({ topology, installed: first, target: second, slack: 0 });
          const installed = brokenOff(topology, first, begun, pick);
          if (installed === undefined) return;
          const target = back ? first : third;
          const update = orderUpdate({ topology, installed, target, slack: 0 });
          expect(digestOfRuleSet(applyUpdate(installed, update))).toBe(digestOfRuleSet(target));
          expect(walkUpdate(topology, installed, update, { target }).violations).toEqual([]);
          expect(update.interrupts.filter(({ reason }) => reason === "label-reused")).toEqual([]);
          // Numbers of one store never come to mean something else: no repair is given up on the way.
          const [stage] = update.stages;
          const isDetaching =
            stage?.purpose === "remove-failover" && update.stages.slice(1).some(({ purpose }) => purpose === "add-failover");
          expect(isDetaching).toBe(false);
          const found = enumerate(topology, { installed, target, update, failures: failuresOf(topology, more) });
          if (found === undefined) return;
          expect(found.wrong).toEqual([]);
          seen.brokenOff += 1;
          seen.repaired += found.repaired;
          const changes = update.stages.find(({ purpose }) => purpose === "add-failover")?.messages ?? [];
          for (const { nodeId, operations } of changes)
            for (const operation of operations)
              if (
                operation.op === "put" &&
                operation.rule.kind === "failover" &&
                installed.get(nodeId)?.has(`failover/${operation.rule.failoverId}`)
              )
                seen.changed += 1;
        },
      ),
      { numRuns: 150 },
    );
    expect(seen.brokenOff).toBeGreaterThan(80);
    expect(seen.repaired).toBeGreaterThan(5000);
    expect(seen.changed).toBeGreaterThan(50);
  });

  it("takes no bypass from a switch whose failover group may lead over it, whichever its answer would be", () => {
    let silent = 0;
    fc.assert(
      fc.property(threeRuleSets, fc.nat(), fc.boolean(), ({ topology, ruleSets: [first, second, third] }, pick, back) => {
        invariant(first !== undefined && second !== undefined && third !== undefined, "three rule sets");
        const begun = orderUpdate({ topology, installed: first, target: second, slack: 0 });
        const groups = begun.stages.find(({ purpose }) => purpose === "add-failover");
        const one = groups?.messages[pick % groups.messages.length];
        if (groups === undefined || one === undefined) return;
        // All before that stage is done, nothing of it but, perhaps, this message.
        const earlier = { ...begun, stages: begun.stages.slice(0, groups.index) };
        const before = applyUpdate(first, earlier);
        const after = applyUpdate(before, { ...begun, stages: [{ ...groups, index: 0, messages: [one] }] });
        const [a, b] = [before, after].map((rules) => rules.get(one.nodeId));
        if (a === undefined || b === undefined || a.size !== b.size) return;
        const target = back ? first : third;
        const believed: RuleSet = new Map([...before, [one.nodeId, eitherRules(a, b)]]);
        const update = without(orderUpdate({ topology, installed: believed, target, slack: 0 }), one.nodeId);
        for (const installed of [before, after]) {
          const found = enumerate(topology, { installed, target, update, failures: failuresOf(topology, []) });
          expect(found?.wrong ?? []).toEqual([]);
        }
        silent += 1;
      }),
      { numRuns: 300 },
    );
    expect(silent).toBeGreaterThan(30);
  });
});
