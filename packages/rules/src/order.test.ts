import { assert as invariant, labelMin, type NodeId, type Rule, type RuleKey, type RuleSet, type Topology } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { emptyAssignments } from "./assignments.js";
import { digestOfRuleSet } from "./digest.js";
import { orderUpdate } from "./order.js";
import { applyUpdate, rulesOfPlans } from "./rules-of-plans.js";
import { createRuleTable } from "./rule-table.js";
import { walkUpdate } from "./walk-update.js";
import { walkRules } from "./walk.js";

const slacks = fc.constantFrom(0, 0.1, 0.5);

/** Takes rules away, or points label rules somewhere else: what restarts and strangers do to switches. */
const damages = fc.array(fc.record({ rule: fc.nat(), link: fc.option(fc.nat(), { nil: undefined }) }), { maxLength: 6 });

function damage(
  topology: Topology,
  rules: RuleSet,
  harm: readonly { readonly rule: number; readonly link: number | undefined }[],
): RuleSet {
  const harmed = new Map([...rules].map(([nodeId, ofNode]) => [nodeId, new Map(ofNode)] as [NodeId, Map<RuleKey, Rule>]));
  for (const { rule: choice, link } of harm) {
    const all = [...harmed].flatMap(([nodeId, ofNode]) => [...ofNode].map(([key, rule]) => ({ nodeId, key, rule })));
    const hit = all[choice % Math.max(1, all.length)];
    if (hit === undefined) continue;
    const ways = topology.links.filter(({ from }) => from === hit.nodeId);
    const way = link === undefined ? undefined : ways[link % Math.max(1, ways.length)];
    if (hit.rule.kind === "label" && way !== undefined) {
      harmed.get(hit.nodeId)?.set(hit.key, { ...hit.rule, action: { kind: "output", link: way.id } });
    } else if (hit.rule.kind === "label" || hit.rule.kind === "ingress") harmed.get(hit.nodeId)?.delete(hit.key);
  }
  return harmed;
}

function two(sets: readonly RuleSet[]): { readonly installed: RuleSet; readonly target: RuleSet } {
  const [installed, target] = sets;
  invariant(installed !== undefined && target !== undefined, "two rule sets");
  return { installed, target };
}

describe("orderUpdate", () => {
  it("leads from any plan to any other, and every reachable state on the way is safe", () => {
    let inSteps = 0;
    fc.assert(
      fc.property(arbitraryNetwork(), slacks, ({ topology, plans }, slack) => {
        const { installed, target } = two(rulesOfPlans(topology, plans));
        expect(walkRules(topology, installed).violations).toEqual([]);
        const update = orderUpdate({ topology, installed, target, slack });
        expect(digestOfRuleSet(applyUpdate(installed, update))).toBe(digestOfRuleSet(target));
        expect(walkUpdate(topology, installed, update).violations).toEqual([]);
        expect(update.interrupts.filter(({ reason }) => reason === "label-reused")).toEqual([]);
        if (update.stages.filter(({ purpose }) => purpose === "flip").length > 1) inSteps += 1;
      }),
      { numRuns: 400 },
    );
    // The property means little unless crowded links occur often.
    expect(inSteps).toBeGreaterThan(20);
  });

  it("is safe even where installed rules use the same labels and numbers for other tunnels", () => {
    let reused = 0;
    fc.assert(
      fc.property(arbitraryNetwork(), slacks, fc.integer({ min: 0, max: 2 }), ({ topology, plans }, slack, shift) => {
        const installed = two(rulesOfPlans(topology, plans)).installed;
        const [target] = rulesOfPlans(topology, plans.slice(1), { ...emptyAssignments, labelNext: labelMin + shift });
        invariant(target !== undefined, "a target");
        const update = orderUpdate({ topology, installed, target, slack });
        expect(digestOfRuleSet(applyUpdate(installed, update))).toBe(digestOfRuleSet(target));
        expect(walkUpdate(topology, installed, update).violations).toEqual([]);
        if (update.interrupts.some(({ reason }) => reason === "label-reused")) reused += 1;
      }),
      { numRuns: 400 },
    );
    expect(reused).toBeGreaterThan(3);
  });

  it("mends damaged switches without doing further harm", () => {
    let broken = 0;
    fc.assert(
      fc.property(arbitraryNetwork(), slacks, damages, ({ topology, plans }, slack, harm) => {
        const { installed: intact, target } = two(rulesOfPlans(topology, plans));
        const installed = damage(topology, intact, harm);
        const update = orderUpdate({ topology, installed, target, slack });
        expect(digestOfRuleSet(applyUpdate(installed, update))).toBe(digestOfRuleSet(target));
        expect(walkUpdate(topology, installed, update).violations).toEqual([]);
        if (walkRules(topology, installed).verdict === "fail") broken += 1;
      }),
      { numRuns: 400 },
    );
    expect(broken).toBeGreaterThan(50);
  });

  it("sends messages that a switch accepts, in any order that the stages allow", () => {
    fc.assert(
      fc.property(arbitraryNetwork(), slacks, fc.boolean(), ({ topology, plans }, slack, isStranger) => {
        const { installed, target: follower } = two(rulesOfPlans(topology, plans));
        const target = isStranger ? two([installed, ...rulesOfPlans(topology, plans.slice(1))]).target : follower;
        const update = orderUpdate({ topology, installed, target, slack });
        for (const { id } of topology.nodes) {
          const table = createRuleTable(10_000, installed.get(id));
          for (const { messages } of update.stages) {
            const message = messages.find(({ nodeId }) => nodeId === id);
            expect(table.apply(message?.operations ?? [])).toEqual([]);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it("has nothing to do where target and installed are the same", () => {
    fc.assert(
      fc.property(arbitraryNetwork(), ({ topology, plans }) => {
        const [first] = rulesOfPlans(topology, plans);
        const [again] = rulesOfPlans(topology, plans);
        invariant(first !== undefined && again !== undefined, "two rule sets");
        expect(orderUpdate({ topology, installed: first, target: again, slack: 0.1 }).stages).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});
