import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  flowGroupId,
  toId,
  type BlastRadiusLimits,
  type FlowGroup,
  type NodeId,
  type Rule,
  type RuleSet,
  type TrafficClass,
} from "@sluice/model";
import { blastRadiusFaults, blastRadiusOf, type PlanInPlace } from "./blast-radius.js";

const node = (i: number) => toId<NodeId>(`n${i}`);
const limits: BlastRadiusLimits = { rulesChangedShareMax: 0.5, admittedLossShareMax: 0.05, topClassLossAllowed: false };

interface Wish extends FlowGroup {
  readonly wantedBps: number;
  readonly admittedBps: number;
}

const someWish: fc.Arbitrary<Wish> = fc
  .record({
    to: fc.integer({ min: 1, max: 3 }),
    trafficClass: fc.constantFrom<TrafficClass>("interactive", "elastic", "bulk"),
    wantedBps: fc.integer({ min: 0, max: 1_000 }),
    share: fc.constantFrom(0, 0.25, 0.5, 1),
  })
  .map(({ to, trafficClass, wantedBps, share }) => ({
    src: node(0),
    dst: node(to),
    trafficClass,
    wantedBps,
    admittedBps: wantedBps * share,
  }));

const someRules: fc.Arbitrary<RuleSet> = fc
  .array(fc.record({ at: fc.integer({ min: 0, max: 2 }), label: fc.integer({ min: 16, max: 20 }), pops: fc.boolean() }), { maxLength: 12 })
  .map((all) => {
    const rules = new Map<NodeId, Map<string, Rule>>();
    for (const { at, label, pops } of all) {
      const ofNode = rules.get(node(at)) ?? new Map<string, Rule>();
      rules.set(node(at), ofNode);
      const action = pops ? { kind: "pop-deliver" as const } : { kind: "output" as const, link: toId<never>("n0-n1") };
      ofNode.set(`label/${label}`, { kind: "label", match: { label }, action });
    }
    return rules;
  });

const somePlace: fc.Arbitrary<PlanInPlace> = fc
  .record({ wishes: fc.uniqueArray(someWish, { selector: flowGroupId, maxLength: 9 }), rules: someRules })
  .map(({ wishes, rules }) => placeOf(wishes, rules));

function placeOf(wishes: readonly Wish[], rules: RuleSet = new Map()): PlanInPlace {
  return {
    plan: {
      groups: wishes
        .filter(({ admittedBps }) => admittedBps > 0)
        .map(({ wantedBps, ...group }) => ({ ...group, demandBps: wantedBps, members: [] })),
    },
    rules,
    demands: { demands: wishes.map(({ wantedBps, src, dst, trafficClass }) => ({ src, dst, trafficClass, rateBps: wantedBps })) },
  };
}

describe("the blast radius", () => {
  it("counts rules as a list of them does", () => {
    fc.assert(
      fc.property(somePlace, somePlace, (before, after) => {
        const flat = (rules: RuleSet) =>
          new Map(
            [...rules].flatMap(([nodeId, ofNode]) => [...ofNode].map(([key, rule]) => [`${nodeId} ${key}`, JSON.stringify(rule)] as const)),
          );
        const [old, fresh] = [flat(before.rules), flat(after.rules)];
        const rulesAdded = [...fresh.keys()].filter((key) => !old.has(key)).length;
        const rulesRemoved = [...old.keys()].filter((key) => !fresh.has(key)).length;
        const rulesChanged = [...fresh].filter(([key, rule]) => old.has(key) && old.get(key) !== rule).length;
        const share = old.size === 0 ? 0 : Math.min(1, (rulesAdded + rulesChanged + rulesRemoved) / old.size);
        expect(blastRadiusOf(before, after)).toMatchObject({
          rulesInstalled: old.size,
          rulesAdded,
          rulesChanged,
          rulesRemoved,
          rulesChangedShare: share,
        });
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it("is nothing where nothing changes, and never more than what was admitted", () => {
    fc.assert(
      fc.property(somePlace, somePlace, (before, after) => {
        const same = blastRadiusOf(before, before);
        expect([same.rulesChangedShare, same.admittedLossBps, same.topClassLossBps]).toEqual([0, 0, 0]);
        const radius = blastRadiusOf(before, after);
        expect(radius.admittedLossBps).toBeLessThanOrEqual(radius.admittedBeforeBps);
        expect(radius.topClassLossBps).toBeLessThanOrEqual(radius.admittedLossBps);
        expect(radius.admittedLossShare).toBeGreaterThanOrEqual(0);
        expect(blastRadiusFaults(radius, { rulesChangedShareMax: 1, admittedLossShareMax: 1, topClassLossAllowed: true })).toEqual([]);
      }),
      { numRuns: 200, seed: 2 },
    );
  });

  it("takes for lost what was admitted, is wanted still and is admitted no more; gains make up for nothing", () => {
    const group = (dst: number, trafficClass: TrafficClass, wantedBps: number, admittedBps: number): Wish => ({
      src: node(0),
      dst: node(dst),
      trafficClass,
      wantedBps,
      admittedBps,
    });
    const before = placeOf([
      group(1, "interactive", 100, 100),
      group(2, "elastic", 100, 50),
      group(3, "bulk", 40, 40),
      group(1, "bulk", 10, 10),
    ]);
    const after = placeOf([
      group(1, "interactive", 80, 70),
      group(2, "elastic", 100, 100),
      group(3, "bulk", 40, 0),
      group(2, "bulk", 7, 7),
    ]);
    expect(blastRadiusOf(before, after)).toMatchObject({
      // The bulk group to n1 is nobody's wish any more.
      admittedBeforeBps: 190,
      // Ten of the eighty that are still wanted, and forty.
      admittedLossBps: 50,
      admittedLossShare: 50 / 190,
      topClassLossBps: 10,
    });
  });

  it("is refused for each limit that it passes, with value and limit", () => {
    const radius = {
      rulesInstalled: 10,
      rulesAdded: 2,
      rulesChanged: 2,
      rulesRemoved: 2,
      rulesChangedShare: 0.6,
      admittedBeforeBps: 100,
      admittedLossBps: 6,
      admittedLossShare: 0.06,
      topClassLossBps: 1,
    };
    expect(blastRadiusFaults(radius, limits).map(({ code, data }) => [code, data?.["measure"], data?.["value"], data?.["limit"]])).toEqual([
      ["blast-radius", "rulesChangedShare", 0.6, 0.5],
      ["blast-radius", "admittedLossShare", 0.06, 0.05],
      ["blast-radius", "topClassLossBps", 1, 0],
    ]);
    expect(blastRadiusFaults({ ...radius, rulesChangedShare: 0.5, admittedLossShare: 0.05, topClassLossBps: 0 }, limits)).toEqual([]);
  });
});
