/** The difference of two plans, held to what applying it to the one has to give: the other. */
import { linkLoads, optimize } from "@sluice/engine";
import { canonicalJson, flowGroupId, type Plan, type RuleSet } from "@sluice/model";
import { emptyAssignments } from "@sluice/rules";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compiledPlan, type CompiledPlan } from "./compiled-plan.js";
import { planDifference, type PlanDifference } from "./plan-difference.js";
import { options, shapes, snapshotOf, valueOf, type Shape } from "./testing/standing.js";

/** Two plans of one network, the second on the first one's labels: with other demands, and a link of another size. */
async function twoPlans(shape: Shape, other: Shape["demands"]): Promise<readonly [CompiledPlan, CompiledPlan]> {
  const [first, ...rest] = shape.capacities;
  const demands = other.filter(({ src, dst }) => src < shape.capacities.length && dst < shape.capacities.length);
  const before = snapshotOf(shape);
  const after = snapshotOf({ ...shape, demands, capacities: [(first ?? 1) + 1, ...rest] });
  const made = valueOf(compiledPlan({ ...before, plan: valueOf(await optimize(before, options)).plan }, emptyAssignments));
  const next = valueOf(compiledPlan({ ...after, plan: valueOf(await optimize(after, options)).plan }, made.assignments));
  return [made, next];
}

const pairs = fc.tuple(
  shapes,
  shapes.map(({ demands }) => demands),
);

const admitted = (plan: Plan) => new Map(plan.groups.map((group) => [flowGroupId(group), group.admittedBps]));

function countsByHand(before: RuleSet, after: RuleSet) {
  const texts = (rules: RuleSet) =>
    new Map([...rules].flatMap(([nodeId, ofNode]) => [...ofNode].map(([key, rule]) => [`${nodeId} ${key}`, canonicalJson(rule)] as const)));
  const [was, is] = [texts(before), texts(after)];
  return {
    rulesBefore: was.size,
    rulesAfter: is.size,
    added: [...is.keys()].filter((key) => !was.has(key)).length,
    removed: [...was.keys()].filter((key) => !is.has(key)).length,
    changed: [...is].filter(([key, text]) => was.has(key) && was.get(key) !== text).length,
  };
}

describe("planDifference", () => {
  it("gives the one plan's traffic, tunnels and loads from the other's", async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ([shape, other]) => {
        const [before, after] = await twoPlans(shape, other);
        const difference = planDifference(before, after);

        const rates = admitted(before.plan);
        for (const group of difference.groups) {
          expect(group.admittedBps.before).toBe(rates.get(flowGroupId(group)) ?? 0);
          if (group.admittedBps.after === 0) rates.delete(flowGroupId(group));
          else rates.set(flowGroupId(group), group.admittedBps.after);
        }
        expect(rates).toEqual(admitted(after.plan));

        const tunnels = new Map(before.plan.tunnels.map((tunnel) => [tunnel.id, tunnel]));
        for (const { id } of difference.tunnels.removed) expect(tunnels.delete(id)).toBe(true);
        for (const tunnel of difference.tunnels.added) {
          expect(tunnels.has(tunnel.id)).toBe(false);
          tunnels.set(tunnel.id, tunnel);
        }
        expect(new Set(tunnels.values())).toEqual(new Set(after.plan.tunnels));

        const loads = new Map(linkLoads(before.topology, before.plan).map(({ linkId, loadBps }) => [linkId, loadBps]));
        for (const { linkId, loadBps } of difference.links) loads.set(linkId, loadBps.after);
        for (const { linkId, loadBps, capacityBps } of linkLoads(after.topology, after.plan)) {
          expect(Math.abs((loads.get(linkId) ?? 0) - loadBps)).toBeLessThanOrEqual(1e-6 * capacityBps);
        }
        expect(difference.links.map(({ linkId }) => linkId)).toEqual(expect.arrayContaining(["n0-n1", "n1-n0"]));
      }),
      { numRuns: 40 },
    );
  });

  it("counts rules as a comparison of all of them does, switch by switch and kind by kind", async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ([shape, other]) => {
        const [before, after] = await twoPlans(shape, other);
        const { rules, blastRadius } = planDifference(before, after);
        const { switches, ...sums } = rules;
        expect(sums).toEqual(countsByHand(before.rules, after.rules));
        for (const each of switches) {
          const kinds = Object.values(each.kinds);
          for (const what of ["added", "changed", "removed"] as const) {
            expect(kinds.reduce((sum, counts) => sum + counts[what], 0)).toBe(each[what]);
          }
          expect(each.rulesBefore + each.added - each.removed).toBe(each.rulesAfter);
        }
        expect(switches.reduce((sum, { added }) => sum + added, 0)).toBe(rules.added);
        const { rulesInstalled, rulesAdded, rulesChanged, rulesRemoved } = blastRadius;
        expect([rulesInstalled, rulesAdded, rulesChanged, rulesRemoved]).toEqual([
          rules.rulesBefore,
          rules.added,
          rules.changed,
          rules.removed,
        ]);
      }),
      { numRuns: 40 },
    );
  });

  it("is nothing from a plan to itself, and the other way round from the other one", async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ([shape, other]) => {
        const [before, after] = await twoPlans(shape, other);
        expect(planDifference(before, before)).toMatchObject({
          isDifferent: false,
          groups: [],
          links: [],
          tunnels: { added: [], removed: [] },
        });
        const [there, back] = [planDifference(before, after), planDifference(after, before)];
        expect(there.isDifferent).toBe(true);
        expect(back.groups.map(mirrored)).toEqual(there.groups);
        expect([back.tunnels.added, back.tunnels.removed]).toEqual([there.tunnels.removed, there.tunnels.added]);
        expect([back.rules.added, back.rules.changed, back.rules.removed]).toEqual([
          there.rules.removed,
          there.rules.changed,
          there.rules.added,
        ]);
      }),
      { numRuns: 25 },
    );
  });

  it("starts from nothing where there is no plan yet", async () => {
    const [, after] = await twoPlans({ capacities: [5, 5, 5], chords: [], demands: [{ src: 0, dst: 1, class: 1, rate: 3 }] }, [
      { src: 0, dst: 1, class: 1, rate: 3 },
    ]);
    const difference = planDifference(undefined, after);
    expect(difference.rules).toMatchObject({ rulesBefore: 0, removed: 0, changed: 0, added: difference.rules.rulesAfter });
    expect(difference.tunnels.added).toEqual(after.plan.tunnels);
    expect(difference.blastRadius).toMatchObject({ rulesChangedShare: 0, admittedLossShare: 0 });
    expect(difference.inputHash.before).toBeUndefined();
  });
});

function mirrored({ demandBps, admittedBps, ...rest }: PlanDifference["groups"][number]) {
  const swapped = ({ before, after }: typeof demandBps) => ({ before: after, after: before });
  return { ...rest, demandBps: swapped(demandBps), admittedBps: swapped(admittedBps) };
}
