/** What a belief allows at worst is never better than either truth. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ruleKey, toId, type LinkId, type NodeRules, type Rule } from "@sluice/model";
import { digestOf } from "@sluice/rules";
import { noRules, worstRules, type Belief } from "./belief.js";

const flow = fc.record({
  prefix: fc.integer({ min: 0, max: 4 }),
  rateBps: fc.integer({ min: 1, max: 100 }).map((kb) => kb * 1000),
  buckets: fc.uniqueArray(fc.record({ weight: fc.integer({ min: 1, max: 8 }), label: fc.integer({ min: 16, max: 20 }) }), {
    minLength: 1,
    maxLength: 3,
    selector: ({ label }) => label,
  }),
});
const transit = fc.record({ label: fc.integer({ min: 16, max: 20 }), link: fc.constantFrom("x", "y") });

const nodeRules = fc
  .tuple(
    fc.uniqueArray(flow, { maxLength: 4, selector: ({ prefix }) => prefix }),
    fc.uniqueArray(transit, { maxLength: 4, selector: ({ label }) => label }),
  )
  .map(([flows, transits]): NodeRules => {
    const rules = flows.flatMap(({ prefix, rateBps, buckets }): Rule[] => [
      { kind: "meter", meterId: prefix + 1, rateBps, burstBits: 1000 },
      {
        kind: "group",
        groupId: prefix + 1,
        buckets: buckets.map(({ weight, label }) => ({ weight, pushLabel: label, mplsTc: 1, output: toId<LinkId>(`out-${label}`) })),
      },
      { kind: "ingress", match: { dstPrefix: `10.0.${prefix}.0/24`, dscp: 8 }, meterId: prefix + 1, groupId: prefix + 1 },
    ]);
    const labels = transits.map(({ label, link }): Rule => ({
      kind: "label",
      match: { label },
      action: { kind: "output", link: toId<LinkId>(link) },
    }));
    return new Map([...rules, ...labels].map((rule) => [ruleKey(rule), rule]));
  });

/** The same with some of it repaired by failover groups, which may lead around otherwise in another switch's rules; the last may protect another link. */
const repairedRules = fc
  .tuple(
    nodeRules,
    fc.array(fc.option(fc.integer({ min: 30, max: 32 }), { nil: undefined }), { minLength: 1 }),
    fc.array(fc.nat({ max: 1 }), { minLength: 3, maxLength: 3 }),
  )
  .map(([rules, choices, ways]): NodeRules => {
    const repaired = new Map(rules);
    let n = 0;
    const choose = () => choices[n++ % choices.length];
    for (const [key, rule] of rules) {
      if (rule.kind === "label" && rule.action.kind === "output") repaired.set(key, { ...rule, action: withRepair(rule.action, choose()) });
      if (rule.kind === "group") repaired.set(key, { ...rule, buckets: rule.buckets.map((bucket) => withRepair(bucket, choose())) });
    }
    ways.forEach((way, i) => {
      const failover: Rule = {
        kind: "failover",
        failoverId: 30 + i,
        buckets: [
          { output: toId<LinkId>(i === 2 && way === 1 ? "y" : "x") },
          { output: toId<LinkId>(`around-${way}`), pushLabel: 40 + way },
        ],
      };
      repaired.set(ruleKey(failover), failover);
    });
    return repaired;
  });

function withRepair<T extends object>(hop: T, failoverId: number | undefined): T {
  return failoverId === undefined ? hop : { ...hop, failoverId };
}

/** The failover group of each label rule and of each flow's tunnel that has one. */
function repairsOf(rules: NodeRules): ReadonlyMap<string, number | undefined> {
  const found = new Map<string, number | undefined>();
  for (const [key, rule] of rules) {
    if (rule.kind === "label" && rule.action.kind === "output") found.set(key, rule.action.failoverId);
    const group = rule.kind === "ingress" ? rules.get(`group/${rule.groupId}`) : undefined;
    if (group?.kind === "group") for (const { pushLabel, failoverId } of group.buckets) found.set(`${key} ${pushLabel}`, failoverId);
  }
  return found;
}

/** The plain definition: flow group and label to rate. */
function rates(rules: NodeRules): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const rule of rules.values()) {
    if (rule.kind !== "ingress") continue;
    const meter = rules.get(`meter/${rule.meterId}`);
    const group = rules.get(`group/${rule.groupId}`);
    if (meter?.kind !== "meter" || group?.kind !== "group") continue;
    const sum = group.buckets.reduce((total, { weight }) => total + weight, 0);
    for (const { weight, pushLabel } of group.buckets) found.set(`${rule.match.dstPrefix} ${pushLabel}`, (meter.rateBps * weight) / sum);
  }
  return found;
}

const labelsOf = (rules: NodeRules) => new Map([...rules].filter(([, rule]) => rule.kind === "label"));
const held = (rules: NodeRules) => ({ rules, digest: digestOf(rules) });

describe("the worst that a belief allows", () => {
  it("of one of two: on each tunnel the larger rate, and only label rules that are there in both", () => {
    fc.assert(
      fc.property(nodeRules, nodeRules, (a, b) => {
        const worst = worstRules({ kind: "either", before: held(a), after: held(b) });
        const [ofWorst, ofA, ofB] = [rates(worst), rates(a), rates(b)];
        expect(new Set(ofWorst.keys())).toEqual(new Set([...ofA.keys(), ...ofB.keys()]));
        for (const [tunnel, rate] of ofWorst) {
          expect(rate).toBeCloseTo(Math.max(ofA.get(tunnel) ?? 0, ofB.get(tunnel) ?? 0), 3);
        }
        const common = [...labelsOf(a)].filter(([key, rule]) => JSON.stringify(b.get(key)) === JSON.stringify(rule));
        expect(labelsOf(worst)).toEqual(new Map(common));
      }),
    );
  });

  it("of an unknown switch: the traffic it last had, and no label rule; of a known one: its rules", () => {
    fc.assert(
      fc.property(nodeRules, (rules) => {
        const unknown: Belief = { kind: "unknown", last: rules };
        expect(labelsOf(worstRules(unknown)).size).toBe(0);
        const [ofWorst, ofRules] = [rates(worstRules(unknown)), rates(rules)];
        expect(new Set(ofWorst.keys())).toEqual(new Set(ofRules.keys()));
        for (const [tunnel, rate] of ofRules) expect(ofWorst.get(tunnel)).toBeCloseTo(rate, 3);
        expect(worstRules({ kind: "known", ...held(rules) })).toBe(rules);
        expect(worstRules({ kind: "unknown", last: noRules }).size).toBe(0);
      }),
    );
  });

  it("keeps failover groups that protect a link in both, leading wherever either does, and repairs only what both repair so", () => {
    let [kept, dropped, joined] = [0, 0, 0];
    fc.assert(
      fc.property(repairedRules, repairedRules, fc.boolean(), (a, b, isKnownLast) => {
        const belief: Belief = isKnownLast ? { kind: "either", before: held(a), after: held(b) } : { kind: "unknown", last: a };
        const worst = worstRules(belief);
        const other = isKnownLast ? b : noRules;
        const ways = (rules: NodeRules) =>
          new Map(
            [...rules].flatMap(([key, rule]) =>
              rule.kind === "failover" ? [[key, rule.buckets.map((each) => JSON.stringify(each))] as const] : [],
            ),
          );
        const [inA, inOther] = [ways(a), ways(other)];
        const common = [...inA].flatMap(([key, buckets]) => {
          const others = inOther.get(key);
          return others !== undefined && others[0] === buckets[0] ? [[key, [...new Set([...buckets, ...others])]] as const] : [];
        });
        expect(ways(worst)).toEqual(new Map(common));
        for (const [, buckets] of common) if (buckets.length > 2) joined += 1;
        const [ofA, ofOther] = [repairsOf(a), repairsOf(other)];
        for (const [what, failoverId] of repairsOf(worst)) {
          const there = [ofA, ofOther].filter((each) => each.has(what)).map((each) => each.get(what));
          const isCertain = there.every((each) => each === there[0]) && worst.has(`failover/${there[0]}`);
          expect(failoverId).toBe(isCertain ? there[0] : undefined);
          if (there[0] !== undefined) [kept, dropped] = isCertain ? [kept + 1, dropped] : [kept, dropped + 1];
        }
      }),
      { numRuns: 300 },
    );
    expect(kept).toBeGreaterThan(50);
    expect(dropped).toBeGreaterThan(50);
    expect(joined).toBeGreaterThan(50);
  });
});
