import { assert as invariant, buildTopology, type NodeId, type RuleOperation, type RuleSet, type Topology } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { withBypasses } from "./bypass-rules.js";
import { diffRules } from "./diff.js";
import { Ground } from "./ground.js";
import { MessageOrder } from "./message-order.js";
import { orderUpdate } from "./order.js";
import { arbitraryHarm, harmed } from "./rule-harm.js";
import { RuleTimeline } from "./rule-timeline.js";
import { allSteps } from "./steps.js";
import { applyUpdate, rulesOfPlans } from "./rules-of-plans.js";
import type { Stage, UpdatePlan } from "./update-plan.js";
import { walkAllStates } from "./walk-oracle.js";
import { walkRules } from "./walk.js";
import { loadTolerance, type WalkReport } from "./walk-report.js";
import { walkUpdate } from "./walk-update.js";
import { exploreWays, plainWay, type When } from "./way-explorer.js";

/** What may be done to an update to spoil it. */
const spoilings = fc.record({
  swaps: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 2 }),
  forget: fc.array(fc.nat(), { maxLength: 4 }),
  drop: fc.option(fc.nat(), { nil: undefined, freq: 4 }),
});

function spoil(update: UpdatePlan, { swaps, forget, drop }: typeof spoilings extends fc.Arbitrary<infer T> ? T : never): UpdatePlan {
  const stages: Stage[] = [...update.stages];
  for (const [a, b] of swaps) {
    const [i, j] = [a % Math.max(1, stages.length), b % Math.max(1, stages.length)];
    const [x, y] = [stages[i], stages[j]];
    if (x !== undefined && y !== undefined) [stages[i], stages[j]] = [y, x];
  }
  let wait = 0;
  let message = 0;
  return {
    ...update,
    stages: stages.map((stage, index) => ({
      ...stage,
      index,
      messages: stage.messages
        .filter(() => {
          message += 1;
          return drop === undefined || message - 1 !== drop % 12;
        })
        .map((each) => ({
          ...each,
          waitsFor: each.waitsFor.filter(() => {
            wait += 1;
            return !forget.some((index_) => index_ % 6 === (wait - 1) % 6);
          }),
        })),
    })),
  };
}

function named(report: WalkReport): readonly string[] {
  const names = report.violations.flatMap(({ data }) => {
    if (data === undefined || data["kind"] === "overload" || data["kind"] === "interrupted") return [];
    const { kind, nodeId, key, label, at } = data;
    return [kind === "dangling" && label === undefined ? `dangling ${nodeId} ${key}` : `${kind} ${nodeId} ${key} ${label} ${at}`];
  });
  return [...new Set(names)].sort();
}

/** `isExact`: links are flagged for what they may really carry, and for no less; so it is where no failover group changes that is in use. */
function expectAgreement(
  topology: Topology,
  installed: RuleSet,
  update: UpdatePlan,
  { isExact: isFlagExact = true }: { readonly isExact?: boolean } = {},
): { readonly failed: boolean; readonly overloaded: boolean } {
  const walk = walkUpdate(topology, installed, update);
  const oracle = walkAllStates(topology, installed, update);
  invariant(oracle.states < 5000, "the network is tiny");
  invariant(walk.checked["violations"] === walk.violations.length, "all violations are listed");
  expect(named(walk)).toEqual(oracle.violations);
  const before = new Map(walkRules(topology, installed).linkLoads.map(({ linkId, loadBps }) => [linkId, loadBps]));
  const peaks = new Map(walk.linkLoads.map(({ linkId, loadBps }) => [linkId, loadBps]));
  const flagged = new Set(walk.violations.flatMap(({ data }) => (data?.["kind"] === "overload" ? [String(data["linkId"])] : [])));
  for (const { id, capacityBps } of topology.links) {
    const found = peaks.get(id) ?? 0;
    const real = oracle.peakBps.get(id) ?? 0;
    const limit = Math.max(capacityBps * (1 + update.slack), before.get(id) ?? 0);
    // Never too low; and where the walk says that a link is too full while packets find their way, it is exactly that full.
    expect(found).toBeGreaterThanOrEqual(real * (1 - 1e-9));
    if (!isFlagExact) continue;
    const isReallyFull = real > limit * (1 + 2 * loadTolerance);
    expect(!isReallyFull || flagged.has(id), `${id} is too full and flagged`).toBe(true);
    const isExact = Math.abs(found - real) <= real * 1e-9;
    expect(!flagged.has(id) || isExact || oracle.violations.length > 0, `${id} is flagged for what it may really carry`).toBe(true);
  }
  return { failed: oracle.violations.length > 0, overloaded: flagged.size > 0 };
}

/** The operations between two rule sets, in messages thrown together at random. */
const scatterings = fc.record({
  cuts: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 12 }),
  waits: fc.array(fc.nat(), { maxLength: 4 }),
});

function scattered(from: RuleSet, to: RuleSet, { cuts, waits }: typeof scatterings extends fc.Arbitrary<infer T> ? T : never): UpdatePlan {
  const stagesMax = 4;
  let n = 0;
  const byStage = Array.from({ length: stagesMax }, () => new Map<NodeId, RuleOperation[]>());
  for (const nodeId of new Set([...from.keys(), ...to.keys()])) {
    for (const operation of diffRules(from.get(nodeId) ?? new Map(), to.get(nodeId) ?? new Map())) {
      const stage = byStage[cuts[n % cuts.length] ?? 0];
      n += 1;
      stage?.set(nodeId, [...(stage.get(nodeId) ?? []), operation]);
    }
  }
  const nodeIds = [...from.keys()];
  const stages = byStage.map((stage, index): Stage => ({
    index,
    purpose: "flip",
    graceMs: 0,
    messages: [...stage].map(([nodeId, operations], i) => ({
      nodeId,
      operations,
      waitsFor: waits.flatMap((wait) => (wait % 3 === i % 3 ? nodeIds.slice(wait % nodeIds.length, (wait % nodeIds.length) + 1) : [])),
    })),
  }));
  return { slack: 0.1, stages, interrupts: [], throttled: [], crowded: [] };
}

describe("walkUpdate", () => {
  it("agrees with the enumeration of all reachable states, on updates in order and on spoiled ones", () => {
    const seen = { passed: 0, failed: 0, overloaded: 0 };
    fc.assert(
      fc.property(
        arbitraryNetwork({ nodesMax: 4, groupsMax: 4, roomMax: 1.1 }),
        fc.option(spoilings, { nil: undefined, freq: 5 }),
        fc.constantFrom(0, 0.1),
        ({ topology, plans }, spoiling, slack) => {
          const [installed, target] = rulesOfPlans(topology, plans);
          invariant(installed !== undefined && target !== undefined, "two rule sets");
          const ordered = orderUpdate({ topology, installed, target, slack });
          const { failed, overloaded } = expectAgreement(topology, installed, spoiling === undefined ? ordered : spoil(ordered, spoiling));
          seen[failed ? "failed" : "passed"] += 1;
          if (overloaded) seen.overloaded += 1;
        },
      ),
      { numRuns: 400 },
    );
    expect(seen.failed).toBeGreaterThan(40);
    expect(seen.overloaded).toBeGreaterThan(5);
  });

  const bypasses = fc.record({ avoidNodes: fc.boolean(), pick: fc.nat({ max: 7 }) });

  it("agrees with it where links are down and failover groups and bypasses change, on updates in any order", () => {
    const seen = { passed: 0, failed: 0, repaired: 0 };
    const kinds = new Map<string, number>();
    fc.assert(
      fc.property(
        arbitraryNetwork({ nodesMax: 4, groupsMax: 3, roomMax: 1.1 }),
        bypasses,
        fc.record({ avoidNodes: fc.boolean(), pick: fc.nat({ max: 7 }), isSamePlan: fc.boolean() }),
        scatterings,
        fc.array(fc.nat(), { maxLength: 3 }),
        fc.array(arbitraryHarm, { maxLength: 2 }),
        ({ topology: whole, plans }, before, after, scattering, down, harms) => {
          const [one, two] = rulesOfPlans(whole, plans);
          invariant(one !== undefined && two !== undefined, "two rule sets");
          const links = whole.links.map((link, i) =>
            down.some((each) => each % whole.links.length === i) ? { ...link, operational: "down" as const } : link,
          );
          const built = buildTopology({ ...whole, links });
          invariant(built.ok, "a topology stays one");
          const installed = withBypasses(whole, one, before).rules;
          const update = scattered(
            installed,
            harmed(whole, withBypasses(whole, after.isSamePlan ? one : two, after).rules, harms),
            scattering,
          );
          const { failed } = expectAgreement(built.value, installed, update, { isExact: false });
          seen[failed ? "failed" : "passed"] += 1;
          if ((walkRules(built.value, installed).checked["repaired"] ?? 0) > 0) seen.repaired += 1;
          for (const { data } of walkUpdate(built.value, installed, update).violations)
            kinds.set(String(data?.["kind"]), (kinds.get(String(data?.["kind"])) ?? 0) + 1);
        },
      ),
      { numRuns: 400 },
    );
    expect(seen.passed).toBeGreaterThan(40);
    expect(seen.failed).toBeGreaterThan(40);
    expect(seen.repaired).toBeGreaterThan(40);
    for (const kind of ["blackhole", "dangling", "stack"]) expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(10);
  });

  it("takes ways for plain only where all states are of one mind about them", () => {
    const seen = { plain: 0, touched: 0, branched: 0 };
    fc.assert(
      fc.property(
        arbitraryNetwork({ nodesMax: 5, groupsMax: 4 }),
        bypasses,
        bypasses,
        scatterings,
        fc.array(fc.nat(), { maxLength: 2 }),
        fc.array(arbitraryHarm, { maxLength: 2 }),
        ({ topology, plans }, before, after, scattering, down, harms) => {
          const [one, two] = rulesOfPlans(topology, plans);
          invariant(one !== undefined && two !== undefined, "two rule sets");
          const linksDown = new Set(down.flatMap((each) => topology.links[each % (2 * topology.links.length)]?.id ?? []));
          const installed = withBypasses(topology, one, before).rules;
          const update = scattered(installed, harmed(topology, withBypasses(topology, two, after).rules, harms), scattering);
          const ground = new Ground(topology, { linksDown });
          const order = new MessageOrder(update);
          const timeline = allSteps(RuleTimeline.steps(installed, order));
          for (const rules of [installed, applyUpdate(installed, update)]) {
            for (const [ingress, ofNode] of rules) {
              for (const rule of ofNode.values()) {
                for (const bucket of rule.kind === "group" ? rule.buckets : []) {
                  const plain = plainWay({ ground, timeline }, { ingress, bucket });
                  const end = timeline.end(ingress);
                  const whens: When[] = [{ kind: "installed" }, { kind: "final" }, { kind: "span", from: 0, to: end }];
                  for (let from = 0; from <= end; from += 1) whens.push({ kind: "span", from, to: from });
                  for (const when of whens) {
                    const explored = exploreWays({ ground, timeline, order }, { ingress, bucket }, when);
                    if (plain === undefined) {
                      if (explored.ends.length > 1) seen.branched += 1;
                      continue;
                    }
                    expect(explored.ends).toEqual(plain.ends);
                    expect([...explored.links]).toEqual([...plain.links]);
                    seen.plain += 1;
                    if (explored.count > 1) seen.touched += 1;
                  }
                }
              }
            }
          }
        },
      ),
      { numRuns: 200 },
    );
    for (const [kind, count] of Object.entries(seen)) expect(count, kind).toBeGreaterThan(20);
  });
});
