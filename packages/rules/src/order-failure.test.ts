/** Updates of protected networks while something fails. */
import {
  assert as invariant,
  buildTopology,
  cablesOf,
  labelMin,
  topologyUnder,
  type Bucket,
  type Rule,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryProtectedNetwork } from "./arbitrary-protection.js";
import { emptyAssignments } from "./assignments.js";
import { withBypasses } from "./bypass-rules.js";
import { digestOfRuleSet } from "./digest.js";
import { enumerate, failuresOf } from "./order-failure-oracle.js";
import { orderUpdate } from "./order.js";
import { applyUpdate, rulesOfPlans } from "./rules-of-plans.js";
import { createRuleTable } from "./rule-table.js";
import type { Stage, UpdatePlan } from "./update-plan.js";
import { walkUpdate } from "./walk-update.js";
import { walkRules } from "./walk.js";

/** The rules as if nothing were repaired. */
function withoutFailover(rules: RuleSet): RuleSet {
  const plain = ({ weight, pushLabel, mplsTc, output }: Bucket): Bucket => ({ weight, pushLabel, mplsTc, output });
  const unrepaired = (rule: Rule): Rule => {
    if (rule.kind === "group") return { ...rule, buckets: rule.buckets.map(plain) };
    return rule.kind !== "label" || rule.action.kind !== "output" ? rule : { ...rule, action: { kind: "output", link: rule.action.link } };
  };
  return new Map([...rules].map(([nodeId, ofNode]) => [nodeId, new Map([...ofNode].map(([key, rule]) => [key, unrepaired(rule)]))]));
}

/** Takes label rules away, or points them somewhere else: those of tunnels and those of bypasses. */
const damages = fc.array(fc.record({ rule: fc.nat(), link: fc.option(fc.nat(), { nil: undefined }), pops: fc.boolean() }), {
  maxLength: 4,
});

function damaged(
  topology: Topology,
  rules: RuleSet,
  harm: readonly { readonly rule: number; readonly link: number | undefined; readonly pops: boolean }[],
): RuleSet {
  const harmed = new Map([...rules].map(([nodeId, ofNode]) => [nodeId, new Map(ofNode)]));
  for (const { rule: choice, link, pops } of harm) {
    const labels = [...harmed].flatMap(([nodeId, ofNode]) =>
      [...ofNode].flatMap(([key, rule]) => (rule.kind === "label" ? [{ nodeId, key, rule }] : [])),
    );
    const hit = labels[choice % Math.max(1, labels.length)];
    if (hit === undefined) continue;
    const ways = topology.links.filter(({ from }) => from === hit.nodeId);
    const way = link === undefined ? undefined : ways[link % Math.max(1, ways.length)];
    if (way === undefined) harmed.get(hit.nodeId)?.delete(hit.key);
    else harmed.get(hit.nodeId)?.set(hit.key, { ...hit.rule, action: { kind: pops ? "pop-output" : "output", link: way.id } });
  }
  return harmed;
}

const several = fc.array(fc.array(fc.nat(), { minLength: 2, maxLength: 4 }), { maxLength: 3 });
const tiny = { nodesMax: 4, groupsMax: 3 };

function two(sets: readonly RuleSet[]): { readonly installed: RuleSet; readonly target: RuleSet } {
  const [installed, target] = sets;
  invariant(installed !== undefined && target !== undefined, "two rule sets");
  return { installed, target };
}

describe("orderUpdate of protected networks", () => {
  it("leads from any plan to any other over states that are safe, in messages that switches accept", () => {
    const purposes = new Map<string, number>();
    fc.assert(
      fc.property(arbitraryProtectedNetwork(), fc.constantFrom(0, 0.1), ({ topology, plans }, slack) => {
        const { installed, target } = two(rulesOfPlans(topology, plans));
        const update = orderUpdate({ topology, installed, target, slack });
        expect(digestOfRuleSet(applyUpdate(installed, update))).toBe(digestOfRuleSet(target));
        expect(walkUpdate(topology, installed, update, { target }).violations).toEqual([]);
        expect(update.interrupts.filter(({ reason }) => reason === "label-reused")).toEqual([]);
        for (const { id } of topology.nodes) {
          const table = createRuleTable(10_000, installed.get(id));
          for (const { messages } of update.stages) {
            expect(table.apply(messages.find(({ nodeId }) => nodeId === id)?.operations ?? [])).toEqual([]);
          }
        }
        for (const { purpose } of update.stages) purposes.set(purpose, (purposes.get(purpose) ?? 0) + 1);
      }),
      { numRuns: 300 },
    );
    for (const purpose of ["add-bypass", "add-failover", "remove-failover", "remove-bypass"])
      expect(purposes.get(purpose)).toBeGreaterThan(50);
  });

  it("keeps every packet that old and new rules repair, and lets none circulate, in every state under every failure", () => {
    const seen = { states: 0, repaired: 0, updates: 0 };
    fc.assert(
      fc.property(arbitraryProtectedNetwork({ ...tiny, always: true }), several, ({ topology, plans }, more) => {
        const { installed, target } = two(rulesOfPlans(topology, plans));
        const update = orderUpdate({ topology, installed, target, slack: 0 });
        const found = enumerate(topology, { installed, target, update, failures: failuresOf(topology, more) });
        if (found === undefined) return;
        expect(found.wrong).toEqual([]);
        seen.updates += 1;
        seen.states += found.states;
        seen.repaired += found.repaired;
      }),
      { numRuns: 150 },
    );
    expect(seen.updates).toBeGreaterThan(100);
    expect(seen.states).toBeGreaterThan(1000);
    expect(seen.repaired).toBeGreaterThan(5000);
  });

  it("leads nothing astray where installed bypasses and tunnels have the labels of other ones", () => {
    let detached = 0;
    fc.assert(
      fc.property(arbitraryProtectedNetwork({ ...tiny, always: true }), several, fc.nat({ max: 3 }), ({ topology, plans }, more, shift) => {
        const { installed } = two(rulesOfPlans(topology, plans));
        const [target] = rulesOfPlans(topology, plans.slice(1), { ...emptyAssignments, labelNext: labelMin + shift });
        invariant(target !== undefined, "a target");
        const update = orderUpdate({ topology, installed, target, slack: 0 });
        expect(digestOfRuleSet(applyUpdate(installed, update))).toBe(digestOfRuleSet(target));
        for (const { id } of topology.nodes) {
          const table = createRuleTable(10_000, installed.get(id));
          for (const { messages } of update.stages) {
            expect(table.apply(messages.find(({ nodeId }) => nodeId === id)?.operations ?? [])).toEqual([]);
          }
        }
        if (update.stages[0]?.purpose === "remove-failover" && update.stages.length > 1) detached += 1;
        const found = enumerate(topology, { installed, target, update, failures: failuresOf(topology, more) }, true);
        expect(found?.wrong ?? []).toEqual([]);
      }),
      { numRuns: 200 },
    );
    expect(detached).toBeGreaterThan(5);
  });

  it("moves bypasses under numbers that stay, as another hand may have set them up", () => {
    fc.assert(
      fc.property(
        arbitraryProtectedNetwork({ ...tiny, plans: 1 }),
        several,
        fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 7 })), { minLength: 2, maxLength: 2 }),
        (network, more, choices) => {
          const { topology } = network;
          const [bare] = rulesOfPlans(
            topology,
            network.plans.map((plan) => ({ ...plan, protection: undefined })),
          );
          invariant(bare !== undefined, "compiled");
          const { installed, target } = two(choices.map(([avoidNodes, pick]) => withBypasses(topology, bare, { avoidNodes, pick }).rules));
          const update = orderUpdate({ topology, installed, target, slack: 0 });
          expect(digestOfRuleSet(applyUpdate(installed, update))).toBe(digestOfRuleSet(target));
          expect(update.interrupts).toEqual([]);
          const found = enumerate(topology, { installed, target, update, failures: failuresOf(topology, more) }, true);
          expect(found?.wrong ?? []).toEqual([]);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("mends damaged tunnels and bypasses, and leads nothing astray by it that found its way", () => {
    let [broken, looked] = [0, 0];
    fc.assert(
      fc.property(arbitraryProtectedNetwork({ ...tiny, always: true }), several, damages, ({ topology, plans }, more, harm) => {
        const { installed: intact, target } = two(rulesOfPlans(topology, plans));
        const installed = damaged(topology, intact, harm);
        const update = orderUpdate({ topology, installed, target, slack: 0 });
        expect(digestOfRuleSet(applyUpdate(installed, update))).toBe(digestOfRuleSet(target));
        expect(walkUpdate(topology, installed, update).violations).toEqual([]);
        for (const { id } of topology.nodes) {
          const table = createRuleTable(10_000, installed.get(id));
          for (const { messages } of update.stages) {
            expect(table.apply(messages.find(({ nodeId }) => nodeId === id)?.operations ?? [])).toEqual([]);
          }
        }
        const found = enumerate(topology, { installed, target, update, failures: failuresOf(topology, more) }, true);
        expect(found?.wrong ?? []).toEqual([]);
        if (found !== undefined) looked += 1;
        if (walkRules(topology, installed).verdict === "fail") broken += 1;
      }),
      { numRuns: 200 },
    );
    expect(broken).toBeGreaterThan(10);
    expect(looked).toBeGreaterThan(100);
  });

  it("reckons with packets that are being repaired: where links are down, no link gets more than it has room for or has to bear", () => {
    const seen = { repaired: 0, stepped: 0, passed: 0 };
    fc.assert(
      fc.property(
        arbitraryProtectedNetwork({ always: true, roomMax: 1.2 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 2 }),
        fc.constantFrom(0, 0.1),
        ({ topology: whole, plans }, picks, slack) => {
          const cables = cablesOf(whole);
          const linkIds = [...new Set(picks.flatMap((pick) => cables[pick % cables.length]?.linkIds ?? []))];
          const built = buildTopology(topologyUnder(whole, { id: "cut", kind: "link", linkIds, nodeIds: [] }));
          invariant(built.ok, "a topology stays one");
          const topology = built.value;
          const { installed, target } = two(rulesOfPlans(whole, plans));
          const update = orderUpdate({ topology, installed, target, slack });
          const before = walkRules(topology, installed);
          const after = walkRules(topology, target);
          const walk = walkUpdate(topology, installed, update, { target });
          // Where repaired traffic is too much for a link in the end, no order of messages helps.
          const tooFull = new Set(after.violations.map(({ data }) => data?.["linkId"]));
          expect(walk.violations.filter(({ data }) => data?.["kind"] !== "overload" || !tooFull.has(data["linkId"]))).toEqual([]);
          if (before.lostBps < walkRules(topology, withoutFailover(installed)).lostBps) seen.repaired += 1;
          const makesRoom = update.stages.filter(({ purpose }) => purpose === "throttle" || purpose === "flip").length > 1;
          if (makesRoom) seen.stepped += 1;
          if (walk.verdict === "pass") seen.passed += 1;
        },
      ),
      { numRuns: 300 },
    );
    expect(seen.repaired).toBeGreaterThan(50);
    expect(seen.stepped).toBeGreaterThan(20);
    expect(seen.passed).toBeGreaterThan(200);
  });

  describe("catches", () => {
    const reordered = (update: UpdatePlan, change: (stages: readonly Stage[]) => readonly Stage[]): UpdatePlan => ({
      ...update,
      stages: change(update.stages).map((stage, index) => ({ ...stage, index })),
    });
    const withoutWaits = (update: UpdatePlan, purpose: string) =>
      reordered(update, (stages) =>
        stages.map((stage) =>
          stage.purpose === purpose ? { ...stage, messages: stage.messages.map((message) => ({ ...message, waitsFor: [] })) } : stage,
        ),
      );
    const first = (update: UpdatePlan, purpose: string) =>
      reordered(update, (stages) => [
        ...stages.filter((stage) => stage.purpose === purpose),
        ...stages.filter((stage) => stage.purpose !== purpose),
      ]);
    const last = (update: UpdatePlan, purpose: string) =>
      reordered(update, (stages) => [
        ...stages.filter((stage) => stage.purpose !== purpose),
        ...stages.filter((stage) => stage.purpose === purpose),
      ]);

    it.each<[string, (update: UpdatePlan) => UpdatePlan]>([
      ["bypasses that go before their failover groups", (update) => first(update, "remove-bypass")],
      ["bypasses whose removal waits for nothing", (update) => withoutWaits(update, "remove-bypass")],
      ["failover groups that wait for no bypass", (update) => withoutWaits(update, "add-failover")],
      ["bypasses that come last", (update) => last(update, "add-bypass")],
      ["failover groups that come after what uses them", (update) => last(update, "add-failover")],
      ["failover groups that go before what uses them", (update) => first(update, "remove-failover")],
    ])("%s", (_, spoil) => {
      let caught = 0;
      fc.assert(
        fc.property(arbitraryProtectedNetwork({ ...tiny, always: true }), ({ topology, plans }) => {
          const { installed, target } = two(rulesOfPlans(topology, plans));
          const update = spoil(orderUpdate({ topology, installed, target, slack: 0 }));
          const found = enumerate(topology, { installed, target, update, failures: failuresOf(topology, []) });
          if (found !== undefined && found.wrong.length > 0) caught += 1;
        }),
        { numRuns: 100, seed: 7 },
      );
      expect(caught).toBeGreaterThan(1);
    });
  });
});
