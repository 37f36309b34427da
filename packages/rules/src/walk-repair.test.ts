/** The packet walk where links are down and failover groups repair. */
import {
  assert as invariant,
  failureScenarios,
  pairScenario,
  buildTopology,
  toId,
  topologyUnder,
  type FailureScenario,
  type NodeId,
  type Rule,
  type RuleKey,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { withBypassActions, withBypasses, withRepairedBypasses } from "./bypass-rules.js";
import { diamond, diamondPlan, gbps, group } from "./diamond.js";
import { arbitraryHarm, harmed } from "./rule-harm.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { walkState } from "./walk-oracle.js";
import { walkRules } from "./walk.js";
import type { WalkReport } from "./walk-report.js";

const bypasses = fc.record({ avoidNodes: fc.boolean(), pick: fc.nat({ max: 7 }) });

function under(topology: Topology, scenario: FailureScenario): Topology {
  const built = buildTopology(topologyUnder(topology, scenario));
  invariant(built.ok, "a topology stays one");
  return built.value;
}

function named({ violations }: WalkReport): readonly string[] {
  const names = violations.flatMap(({ data }) => {
    if (data === undefined || data["kind"] === "overload") return [];
    const { kind, nodeId, key, label, at } = data;
    return [label === undefined ? `${kind} ${nodeId} ${key}` : `${kind} ${nodeId} ${key} ${label} ${at}`];
  });
  return [...new Set(names)].sort();
}

function kindsOf({ violations }: WalkReport): ReadonlySet<unknown> {
  return new Set(violations.map(({ data }) => data?.["kind"]));
}

function kindsAt({ violations }: WalkReport): readonly string[] {
  return violations.flatMap(({ data }) => (data?.["at"] === undefined ? [] : [`${data["kind"]} ${data["at"]}`]));
}

function put(rules: RuleSet, nodeId: string, key: RuleKey, rule: Rule | undefined): RuleSet {
  const id = toId<NodeId>(nodeId);
  const ofNode = new Map(rules.get(id));
  if (rule === undefined) ofNode.delete(key);
  else ofNode.set(key, rule);
  return new Map([...rules, [id, ofNode]]);
}

describe("walkRules with failover groups", () => {
  const topology = diamond();
  const [plain] = rulesOfPlans(topology, [diamondPlan(group("interactive", 6, { abd: 1 }))]);
  invariant(plain !== undefined, "compiled");
  const { rules, bypasses: made } = withBypasses(topology, plain, { avoidNodes: false, pick: 0 });
  const cut = diamond({ down: ["bd"] });
  const around = made.find(({ protects }) => protects === "bd");
  invariant(around !== undefined, "bd has a bypass");

  it("follows the bypass of a link that is down and loads every link on it", () => {
    // The first way around bd in link order goes back over a: a-b, then b-a-c-d under the bypass's label.
    expect(around.path).toEqual(["ba", "ac", "cd"]);
    for (const walk of [walkRules(cut, rules), walkRules(topology, rules, { linksDown: new Set([toId("bd")]) })]) {
      expect(walk).toMatchObject({ verdict: "pass", violations: [], lostBps: 0 });
      expect(walk.checked["repaired"]).toBe(1);
      expect(walk.linkLoads).toEqual(["ab", "ac", "ba", "cd"].map((linkId) => ({ linkId, loadBps: 6 * gbps })));
    }
    expect(walkRules(topology, rules).linkLoads.map(({ linkId }) => linkId)).toEqual(["ab", "bd"]);
  });

  it("counts as lost what meets a dead link on a bypass, and what has no bypass", () => {
    const twice = walkRules(topology, rules, { linksDown: new Set([toId("bd"), toId("cd")]) });
    expect(twice).toMatchObject({ verdict: "pass", lostBps: 6 * gbps });
    expect(walkRules(topology, rules, { nodesDown: new Set([toId("d")]) })).toMatchObject({ verdict: "pass", lostBps: 6 * gbps });
    expect(walkRules(cut, plain)).toMatchObject({ verdict: "pass", lostBps: 6 * gbps });
  });

  const label = (number: number, action: Extract<Rule, { kind: "label" }>["action"]): Rule => ({
    kind: "label",
    match: { label: number },
    action,
  });
  const { label: of, failoverId: groupId } = around;
  it.each([
    ["a bypass whose pop is missing", () => put(rules, "c", `label/${of}`, label(of, { kind: "output", link: toId("cd") })), ["blackhole"]],
    ["a bypass with a hole", () => put(rules, "a", `label/${of}`, undefined), ["blackhole"]],
    ["a bypass that delivers", () => put(rules, "c", `label/${of}`, label(of, { kind: "pop-deliver" })), ["stack"]],
    ["a bypass that goes round", () => put(rules, "c", `label/${of}`, label(of, { kind: "output", link: toId("cb") })), ["blackhole"]],
    [
      "a tunnel that pops its only label",
      () => put(rules, "b", "label/16", label(16, { kind: "pop-output", link: toId("ba") })),
      ["stack"],
    ],
    ["a failover group that is not there", () => put(rules, "b", `failover/${groupId}`, undefined), ["dangling"]],
    [
      "a failover group of another link",
      () => put(rules, "b", `failover/${groupId}`, { kind: "failover", failoverId: groupId, buckets: [{ output: toId("ba") }] }),
      ["dangling"],
    ],
    [
      "a failover group that leads to another node's link",
      () =>
        put(rules, "b", `failover/${groupId}`, {
          kind: "failover",
          failoverId: groupId,
          buckets: [{ output: toId("bd") }, { output: toId("cd") }],
        }),
      ["dangling"],
    ],
  ])("finds %s", (_, spoil, found) => {
    expect([...kindsOf(walkRules(cut, spoil()))]).toEqual(found);
  });

  it("finds flawed failover groups though nothing is down", () => {
    expect([...kindsOf(walkRules(topology, put(rules, "b", `failover/${groupId}`, undefined)))]).toEqual(["dangling"]);
  });

  it("finds packets that go round under three labels or are given a fourth", () => {
    // The bypass of bd goes over bc and is repaired itself, by one over bd: with both down each begins the other at b, for ever.
    const failover = (failoverId: number, links: readonly string[]): Rule => ({
      kind: "failover",
      failoverId,
      buckets: links.map((output, i) => (i === 0 ? { output: toId(output) } : { output: toId(output), pushLabel: failoverId })),
    });
    let set = put(plain, "b", "label/16", label(16, { kind: "output", link: toId("bd"), failoverId: 90 }));
    set = put(set, "b", "failover/90", failover(90, ["bd", "ba"]));
    set = put(set, "a", "label/90", label(90, { kind: "output", link: toId("ac"), failoverId: 91 }));
    set = put(set, "a", "failover/91", failover(91, ["ac", "ab"]));
    set = put(set, "b", "label/91", label(91, { kind: "output", link: toId("bd"), failoverId: 90 }));
    const walk = walkRules(topology, set, { linksDown: new Set([toId("bd"), toId("ac")]) });
    expect(kindsAt(walk)).toEqual(["stack b"]);
    expect(walk.linkLoads.map(({ linkId, loadBps }) => [linkId, loadBps / gbps])).toEqual([
      ["ab", 12],
      ["ba", 6],
    ]);
    // Under two labels round and round.
    const round = put(set, "a", "label/90", label(90, { kind: "output", link: toId("ab") }));
    const turning = put(round, "b", "label/90", label(90, { kind: "output", link: toId("ba") }));
    const loop = walkRules(topology, turning, { linksDown: new Set([toId("bd")]) });
    expect(kindsAt(loop)).toEqual(["loop a"]);
  });

  it("agrees with the dumb walk, whatever is down and however the rules are harmed", () => {
    const seen = new Map<unknown, number>();
    fc.assert(
      fc.property(
        arbitraryNetwork({ nodesMax: 5, plans: 1 }),
        bypasses,
        fc.array(arbitraryHarm, { maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 4 }),
        fc.option(fc.nat(), { nil: undefined, freq: 4 }),
        (network, choice, harms, down, node) => {
          const [set] = rulesOfPlans(network.topology, network.plans);
          invariant(set !== undefined, "compiled");
          const spoilt = harmed(network.topology, withBypasses(network.topology, set, choice).rules, harms);
          const { links, nodes } = network.topology;
          const scenario: FailureScenario = {
            id: "any",
            kind: "drain",
            linkIds: down.flatMap((i) => links[i % Math.max(1, links.length)]?.id ?? []),
            nodeIds: node === undefined ? [] : nodes.slice(node % nodes.length, (node % nodes.length) + 1).map(({ id }) => id),
          };
          const failed = under(network.topology, scenario);
          const walk = walkRules(failed, spoilt);
          const violations = new Set<string>();
          const flows = [...walkState(failed, spoilt, violations).values()];
          expect(named(walk)).toEqual([...violations].sort());
          for (const kind of kindsOf(walk)) seen.set(kind, (seen.get(kind) ?? 0) + 1);
          const lost = flows.flatMap(({ ends }) => ends).reduce((sum, { end, rateBps }) => sum + (end === "lost" ? rateBps : 0), 0);
          expect(walk.lostBps).toBeCloseTo(lost, 3);
          const loads = new Map(walk.linkLoads.map(({ linkId, loadBps }) => [linkId, loadBps]));
          for (const { id } of links) {
            expect(loads.get(id) ?? 0).toBeCloseTo(
              flows.reduce((sum, flow) => sum + (flow.loads.get(id) ?? 0), 0),
              3,
            );
          }
          const known = walkRules(network.topology, spoilt, { linksDown: new Set(scenario.linkIds), nodesDown: new Set(scenario.nodeIds) });
          expect(known).toEqual(walk);
        },
      ),
      { numRuns: 1500 },
    );
    // Some of each are met: the rarest about twenty times, now and then fewer than ten.
    for (const kind of ["loop", "blackhole", "stack", "dangling", "wrong-egress"]) expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(1);
  });

  /** Every single failure and every pair of them. */
  function* failures(of_: Topology): Generator<{ readonly scenario: FailureScenario; readonly isCable: boolean }> {
    const single = failureScenarios(of_, ["link", "node"]);
    for (const [i, scenario] of single.entries()) {
      yield { scenario, isCable: scenario.kind === "link" };
      for (const other of single.slice(i + 1)) yield { scenario: pairScenario(scenario, other), isCable: false };
    }
  }

  it("under no failure and no pair does a packet circulate or find no rule; a cable that has a way around loses nothing", () => {
    let repaired = 0;
    let saved = 0;
    fc.assert(
      fc.property(arbitraryNetwork({ nodesMax: 6, plans: 1, groupsMax: 4 }), bypasses, (network, choice) => {
        const [set] = rulesOfPlans(network.topology, network.plans);
        invariant(set !== undefined, "compiled");
        const guarded = withBypasses(network.topology, set, choice);
        const { linkById } = network.topology;
        const isAroundLink = ({ protects, path }: (typeof guarded.bypasses)[number]) =>
          linkById.get(path.at(-1) ?? protects)?.to === linkById.get(protects)?.to;
        const avoidable = new Set(guarded.bypasses.filter(isAroundLink).map(({ protects }) => protects));
        const used = new Set(walkRules(network.topology, set).linkLoads.map(({ linkId }) => linkId));
        for (const { scenario, isCable } of failures(network.topology)) {
          const walk = walkRules(network.topology, guarded.rules, {
            linksDown: new Set(scenario.linkIds),
            nodesDown: new Set(scenario.nodeIds),
          });
          expect([...kindsOf(walk)].filter((kind) => kind !== "overload")).toEqual([]);
          repaired += walk.checked["repaired"] ?? 0;
          const broken = scenario.linkIds.filter((id) => used.has(id));
          const isSaved = isCable && broken.length > 0 && broken.every((id) => avoidable.has(id));
          expect(!isSaved || walk.lostBps === 0, `${scenario.id} is repaired`).toBe(true);
          if (isSaved) saved += 1;
        }
      }),
      { numRuns: 150 },
    );
    expect(repaired).toBeGreaterThan(1000);
    expect(saved).toBeGreaterThan(100);
  });

  it("catches bypasses that are repaired themselves, and ones whose pop is missing", () => {
    let caughtRepaired = 0;
    let caughtPop = 0;
    fc.assert(
      fc.property(arbitraryNetwork({ nodesMax: 6, plans: 1, groupsMax: 4 }), bypasses, (network, choice) => {
        const [set] = rulesOfPlans(network.topology, network.plans);
        invariant(set !== undefined, "compiled");
        const guarded = withBypasses(network.topology, set, choice);
        const nested = withRepairedBypasses(guarded.rules, guarded.bypasses);
        const popless = withBypassActions(guarded.rules, (action) =>
          action.kind === "pop-output" ? { kind: "output", link: action.link } : action,
        );
        let [isNested, isPopless] = [false, false];
        for (const { scenario } of failures(network.topology)) {
          const options = { linksDown: new Set(scenario.linkIds), nodesDown: new Set(scenario.nodeIds) };
          const kinds = kindsOf(walkRules(network.topology, nested, options));
          isNested ||= kinds.has("loop") || kinds.has("stack");
          isPopless ||= kindsOf(walkRules(network.topology, popless, options)).has("blackhole");
        }
        if (isNested) caughtRepaired += 1;
        if (isPopless) caughtPop += 1;
        const isUsed = guarded.bypasses.some(({ path }) => path.length > 1);
        expect(isPopless || !isUsed).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(caughtRepaired).toBeGreaterThan(4);
    expect(caughtPop).toBeGreaterThan(20);
  });
});
