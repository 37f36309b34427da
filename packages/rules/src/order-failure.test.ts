/**
 * Updates of protected networks while something fails: every state that an update can be in, listed one by one, and in each of them every
 * failure. Follows packets on its own, and dumbly.
 */
import {
  assert as invariant,
  cablesOf,
  labelMin,
  prefixRange,
  type Bucket,
  type IngressRule,
  type LinkId,
  type NodeId,
  type NodeRules,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryProtectedNetwork } from "./arbitrary-protection.js";
import { emptyAssignments } from "./assignments.js";
import { withBypasses } from "./bypass-rules.js";
import { applyOperations } from "./diff.js";
import { digestOfRuleSet } from "./digest.js";
import { orderUpdate } from "./order.js";
import { applyUpdate, rulesOfPlans } from "./rules-of-plans.js";
import { createRuleTable } from "./rule-table.js";
import type { Stage, StageMessage, UpdatePlan } from "./update-plan.js";
import { walkUpdate } from "./walk-update.js";

const noRules: NodeRules = new Map();
/** Updates with more states than this are left out: most are far below. */
const statesMax = 400;

interface End {
  readonly end: "delivered" | "lost" | "loop" | "blackhole" | "astray";
  /** How many failures it was led around. */
  readonly repairs: number;
}

/** Follows one packet; a hop limit finds loops. */
function follow(
  topology: Topology,
  rules: RuleSet,
  down: ReadonlySet<LinkId>,
  from: { nodeId: NodeId; bucket: Bucket; ingress: IngressRule },
): End {
  const stack = [from.bucket.pushLabel];
  let at = from.nodeId;
  let hop: { output: LinkId; failoverId?: number | undefined } = from.bucket;
  let repairs = 0;
  const hopsMax = topology.nodes.length * (topology.nodes.length + 2);
  for (let hops = 0; hops < hopsMax; hops += 1) {
    let { output } = hop;
    if (down.has(output)) {
      const failover = rules.get(at)?.get(`failover/${hop.failoverId}`);
      const bucket = failover?.kind === "failover" ? failover.buckets.find((each) => !down.has(each.output)) : undefined;
      if (hop.failoverId !== undefined && failover?.kind !== "failover") return { end: "astray", repairs };
      if (failover?.kind === "failover" && failover.buckets[0]?.output !== output) return { end: "astray", repairs };
      if (bucket === undefined) return { end: "lost", repairs };
      repairs += 1;
      output = bucket.output;
      if (bucket.pushLabel !== undefined) stack.push(bucket.pushLabel);
    }
    const link = topology.linkById.get(output);
    if (link === undefined || link.from !== at) return { end: "astray", repairs };
    at = link.to;
    const rule = rules.get(at)?.get(`label/${stack.at(-1)}`);
    if (rule?.kind !== "label") return { end: "blackhole", repairs };
    if (rule.action.kind === "pop-deliver") {
      const site = prefixRange(topology.nodeById.get(at)?.prefix ?? "");
      const wanted = prefixRange(from.ingress.match.dstPrefix);
      return { end: stack.length === 1 && site?.first === wanted?.first ? "delivered" : "astray", repairs };
    }
    if (rule.action.kind === "pop-output") {
      stack.pop();
      if (stack.length === 0) return { end: "astray", repairs };
      hop = { output: rule.action.link };
    } else hop = { output: rule.action.link, failoverId: rule.action.failoverId };
  }
  return { end: "loop", repairs };
}

/** Every state that the messages' order allows, as rule sets. */
function* reachableStates(topology: Topology, installed: RuleSet, plan: UpdatePlan): Generator<RuleSet> {
  const messages = new Map<NodeId, { readonly message: StageMessage; readonly stage: number }[]>();
  plan.stages.forEach((stage, position) => {
    for (const message of stage.messages) {
      const there = messages.get(message.nodeId) ?? [];
      messages.set(message.nodeId, [...there, { message, stage: position }]);
    }
  });
  const versions = new Map<NodeId, NodeRules[]>();
  for (const { id } of topology.nodes) {
    const of = [installed.get(id) ?? noRules];
    for (const { message } of messages.get(id) ?? []) of.push(applyOperations(of.at(-1) ?? noRules, message.operations));
    versions.set(id, of);
  }
  const nodeIds = [...messages.keys()];
  const queue = [nodeIds.map(() => 0)];
  const seen = new Set([JSON.stringify(queue[0])]);
  for (let head = 0; head < queue.length; head += 1) {
    const progress = queue[head] ?? [];
    const done = (nodeId: NodeId) => progress[nodeIds.indexOf(nodeId)] ?? 0;
    yield new Map(topology.nodes.map(({ id }) => [id, versions.get(id)?.[done(id)] ?? noRules]));
    nodeIds.forEach((nodeId, i) => {
      const next = messages.get(nodeId)?.[progress[i] ?? 0];
      if (next === undefined) return;
      const isFree = next.message.waitsFor.every((other) =>
        (messages.get(other) ?? []).every(({ stage }, k) => stage >= next.stage || k < done(other)),
      );
      const state = progress.map((n, k) => (k === i ? n + 1 : n));
      if (!isFree || seen.has(JSON.stringify(state))) return;
      seen.add(JSON.stringify(state));
      queue.push(state);
    });
  }
}

function* packetsOf(rules: RuleSet): Generator<{ readonly nodeId: NodeId; readonly ingress: IngressRule; readonly bucket: Bucket }> {
  for (const [nodeId, ofNode] of rules) {
    for (const ingress of ofNode.values()) {
      if (ingress.kind !== "ingress") continue;
      const group = ofNode.get(`group/${ingress.groupId}`);
      for (const bucket of group?.kind === "group" ? group.buckets : []) yield { nodeId, ingress, bucket };
    }
  }
}

const hasLabel = (rules: RuleSet, label: number) => [...rules.values()].some((ofNode) => ofNode.has(`label/${label}`));

interface Finding {
  readonly states: number;
  readonly packets: number;
  /** Packets that met a failure and came through. */
  readonly repaired: number;
  readonly wrong: readonly string[];
}

/** `isStrange`: labels may mean different tunnels before and after, so only what goes astray is looked for. */
function enumerate(
  topology: Topology,
  {
    installed,
    target,
    update,
    failures,
  }: { installed: RuleSet; target: RuleSet; update: UpdatePlan; failures: readonly (readonly LinkId[])[] },
  isStrange = false,
): Finding | undefined {
  let [states, packets, repaired] = [0, 0, 0];
  const wrong = new Set<string>();
  for (const rules of reachableStates(topology, installed, update)) {
    states += 1;
    if (states > statesMax) return undefined;
    for (const failed of failures) {
      const down = new Set(failed);
      for (const packet of packetsOf(rules)) {
        packets += 1;
        const { end, repairs } = follow(topology, rules, down, packet);
        if (end === "delivered") {
          if (repairs > 0) repaired += 1;
          continue;
        }
        const name = `${packet.nodeId} label ${packet.bucket.pushLabel} under ${failed.join("+")}`;
        if (end !== "lost") wrong.add(`${end}: ${name}`);
        else if (failed.length === 0) wrong.add(`lost without a failure: ${name}`);
        else if (!isStrange && cablesOf(topology).some(({ linkIds }) => linkIds.join() === failed.join())) {
          // Delivered by the old rules as far as they know the tunnel, and by the new ones: then in between as well.
          const own = rules.get(packet.nodeId) ?? noRules;
          const ends = [installed, target]
            .filter((all) => hasLabel(all, packet.bucket.pushLabel))
            .map((all) => {
              const failovers = [...own].filter(([, rule]) => rule.kind === "failover");
              return follow(
                topology,
                new Map([...all, [packet.nodeId, new Map([...(all.get(packet.nodeId) ?? []), ...failovers])]]),
                down,
                packet,
              );
            });
          if (ends.every((each) => each.end === "delivered")) wrong.add(`not repaired: ${name}`);
        }
      }
    }
  }
  return { states, packets, repaired, wrong: [...wrong] };
}

/** No failure, each cable alone, and some at once. */
function failuresOf(topology: Topology, several: readonly (readonly number[])[]): readonly (readonly LinkId[])[] {
  const cables = cablesOf(topology);
  return [
    [],
    ...cables.map(({ linkIds }) => linkIds),
    ...several.map((picks) => [...new Set(picks.flatMap((pick) => cables[pick % cables.length]?.linkIds ?? []))]),
  ];
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
    expect(detached).toBeGreaterThan(20);
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
