import {
  prefixRange,
  ruleKey,
  type FailoverRule,
  type IngressRule,
  type LinkId,
  type NodeRules,
  type Rule,
  type RuleKey,
  type RuleOperation,
} from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryRule } from "./arbitrary.js";
import { arbitraryRepairRule } from "./arbitrary-protection.js";
import { bucketOf, bucketShares } from "./bucket-choice.js";
import { applyOperations, diffRules } from "./diff.js";
import { digestOf } from "./digest.js";
import { createRuleTable, ipv4Address } from "./rule-table.js";

const operation = fc.oneof(
  { weight: 3, arbitrary: arbitraryRepairRule().map((rule): RuleOperation => ({ op: "put", rule })) },
  { weight: 1, arbitrary: arbitraryRepairRule().map((rule): RuleOperation => ({ op: "delete", key: ruleKey(rule) })) },
);
const batches = fc.array(fc.array(operation, { maxLength: 6 }), { maxLength: 12 });

/** Rules that refer to each other properly. */
function closed(list: readonly Rule[]): NodeRules {
  const all = new Map(list.map((rule) => [ruleKey(rule), rule]));
  const isThere = (keys: readonly RuleKey[]) => keys.every((key) => all.has(key));
  for (const [key, rule] of all) if (rule.kind !== "ingress" && !isThere(referencesOf(rule))) all.delete(key);
  for (const [key, rule] of all) if (!isThere(referencesOf(rule))) all.delete(key);
  return all;
}

function referencesOf(rule: Rule): readonly RuleKey[] {
  if (rule.kind === "ingress") return [`meter/${rule.meterId}`, `group/${rule.groupId}`];
  const used = rule.kind === "group" ? rule.buckets : rule.kind === "label" && rule.action.kind === "output" ? [rule.action] : [];
  return used.flatMap(({ failoverId }) => (failoverId === undefined ? [] : [`failover/${failoverId}`]));
}

const meter: Rule = { kind: "meter", meterId: 1, rateBps: 1e9, burstBits: 1e8 };
const group: Rule = { kind: "group", groupId: 1, buckets: [{ weight: 1, pushLabel: 16, mplsTc: 5, output: "x" as never }] };
const ingress = (dstPrefix: string, dscp = 46): IngressRule => ({ kind: "ingress", match: { dstPrefix, dscp }, meterId: 1, groupId: 1 });
const put = (rule: Rule): RuleOperation => ({ op: "put", rule });
const [x, y, z] = ["x", "y", "z"].map((id) => id as LinkId) as [LinkId, LinkId, LinkId];
const failover: FailoverRule = { kind: "failover", failoverId: 40, buckets: [{ output: x }, { output: y, pushLabel: 40 }] };
const repaired = (link: LinkId, failoverId = 40): Rule => ({
  kind: "label",
  match: { label: 16 },
  action: { kind: "output", link, failoverId },
});
const repairedGroup: Rule = { kind: "group", groupId: 1, buckets: [{ weight: 1, pushLabel: 16, mplsTc: 5, output: x, failoverId: 40 }] };

describe("RuleTable", () => {
  it("applies a batch whole or not at all, keeps every reference alive, and never holds more than it may", () => {
    let refusedBatches = 0;
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 10 }), (list, ruleCountMax) => {
        const table = createRuleTable(ruleCountMax);
        for (const operations of list) {
          const before = new Map(table.rules);
          const failures = table.apply(operations);
          if (failures.length > 0) refusedBatches += 1;
          expect(new Map(table.rules)).toEqual(failures.length > 0 ? before : applyOperations(before, operations));
          expect(table.digest).toBe(digestOf(table.rules));
          expect(table.rules.size).toBeLessThanOrEqual(ruleCountMax);
          expect(closed([...table.rules.values()]).size).toBe(table.rules.size);
          const copy = table.clone();
          const after = new Map(table.rules);
          copy.apply(failures.length > 0 ? [] : operations);
          expect(new Map(copy.rules)).toEqual(after);
          expect(new Map(table.rules)).toEqual(after);
        }
      }),
      { numRuns: 200 },
    );
    expect(refusedBatches).toBeGreaterThan(100);
  });

  it("accepts the difference between any two complete sets of rules", () => {
    const rules = fc.array(arbitraryRepairRule(), { maxLength: 25 }).map(closed);
    fc.assert(
      fc.property(rules, rules, (from, to) => {
        const table = createRuleTable(1000, from);
        expect(table.apply(diffRules(from, to))).toEqual([]);
        expect(table.digest).toBe(digestOf(to));
      }),
    );
  });

  it("takes the longest prefix that covers an address, for the very DSCP", () => {
    const rule = arbitraryRule().filter((each) => each.kind === "ingress");
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 20 }), fc.nat({ max: 2 ** 32 - 1 }), (list, anyAddress) => {
        const rules = list.map((each) => ({ ...(each as IngressRule), meterId: 1, groupId: 1 }));
        const table = createRuleTable(1000);
        expect(table.apply([meter, group, ...rules].map(put))).toEqual([]);
        const addresses = rules.map(({ match }) => prefixRange(match.dstPrefix)?.last ?? 0);
        for (const dstAddress of [anyAddress, ...addresses]) {
          for (const dscp of new Set(rules.map(({ match }) => match.dscp))) {
            const covering = rules
              .filter(({ match }) => {
                const range = prefixRange(match.dstPrefix);
                return match.dscp === dscp && range !== undefined && range.first <= dstAddress && dstAddress <= range.last;
              })
              .sort((a, b) => (prefixRange(b.match.dstPrefix)?.length ?? 0) - (prefixRange(a.match.dstPrefix)?.length ?? 0));
            expect(table.lookupIngress({ dstAddress, dscp })?.rule).toEqual(covering[0]);
          }
        }
      }),
    );
  });

  it("looks up a packet's meter and group, and labels exactly", () => {
    const table = createRuleTable(10);
    table.apply(
      [meter, group, ingress("10.0.0.0/8"), { kind: "label", match: { label: 16 }, action: { kind: "pop-deliver" } } as const].map(put),
    );
    const hit = table.lookupIngress({ dstAddress: ipv4Address("10.1.2.3"), dscp: 46 });
    expect(hit).toEqual({ rule: ingress("10.0.0.0/8"), meter, group });
    expect(table.lookupIngress({ dstAddress: ipv4Address("10.1.2.3"), dscp: 8 })).toBeUndefined();
    expect(table.lookupIngress({ dstAddress: ipv4Address("11.0.0.0"), dscp: 46 })).toBeUndefined();
    expect(table.lookupLabel(16)?.action.kind).toBe("pop-deliver");
    expect(table.lookupLabel(17)).toBeUndefined();
  });

  it.each([
    ["an ingress rule without its meter", [put(group), put(ingress("10.0.0.0/8"))], "ingress/46/10.0.0.0/8", "rule-refused"],
    ["an ingress rule without its group", [put(meter), put(ingress("10.0.0.0/8"))], "ingress/46/10.0.0.0/8", "rule-refused"],
    ["an ingress rule before its group", [meter, ingress("10.0.0.0/8"), group].map(put), "ingress/46/10.0.0.0/8", "rule-refused"],
    [
      "a group that is in use to go",
      [...[meter, group, ingress("10.0.0.0/8")].map(put), { op: "delete", key: "group/1" }],
      "group/1",
      "rule-refused",
    ],
    [
      "a meter that is in use to go",
      [...[meter, group, ingress("10.0.0.0/8")].map(put), { op: "delete", key: "meter/1" }],
      "meter/1",
      "rule-refused",
    ],
    ["a meter of rate 0", [put({ ...meter, rateBps: 0 } as Rule)], "meter/1", "rule-refused"],
    ["a meter of half a kb/s", [put({ ...meter, rateBps: 500 } as Rule)], "meter/1", "rule-refused"],
    ["a meter that is not a number", [put({ ...meter, rateBps: Number.NaN } as Rule)], "meter/1", "rule-refused"],
    ["a group without buckets", [put({ ...group, buckets: [] } as Rule)], "group/1", "rule-refused"],
    ["a reserved label", [put({ kind: "label", match: { label: 3 }, action: { kind: "pop-deliver" } })], "label/3", "rule-refused"],
    ["a prefix with host bits", [meter, group, ingress("10.0.0.1/8")].map(put), "ingress/46/10.0.0.1/8", "rule-refused"],
    ["a label rule without its failover group", [put(repaired(x))], "label/16", "rule-refused"],
    ["a bucket without its failover group", [put(repairedGroup)], "group/1", "rule-refused"],
    ["a label rule through a failover group of another link", [failover, repaired(y)].map(put), "label/16", "rule-refused"],
    [
      "a failover group to protect another link than the rules that use it leave by",
      [failover, repaired(x), { ...failover, buckets: [{ output: z }] }].map(put),
      "failover/40",
      "rule-refused",
    ],
    [
      "a failover group that is in use to go",
      [...[failover, repairedGroup].map(put), { op: "delete", key: "failover/40" }],
      "failover/40",
      "rule-refused",
    ],
    [
      "a failover group to go that a label rule still uses after a bucket does not",
      [...[failover, repairedGroup, repaired(x), group].map(put), { op: "delete", key: "failover/40" }],
      "failover/40",
      "rule-refused",
    ],
    [
      "a failover group that watches a link twice",
      [put({ ...failover, buckets: [{ output: x }, { output: x }] })],
      "failover/40",
      "rule-refused",
    ],
    ["a failover group without buckets", [put({ ...failover, buckets: [] })], "failover/40", "rule-refused"],
    ["a failover group that always pushes", [put({ ...failover, buckets: [{ output: x, pushLabel: 40 }] })], "failover/40", "rule-refused"],
    ["a reserved failover number", [put({ ...failover, failoverId: 15 })], "failover/15", "rule-refused"],
    [
      "a failover group that pushes a reserved label",
      [put({ ...failover, buckets: [{ output: x }, { output: y, pushLabel: 3 }] })],
      "failover/40",
      "rule-refused",
    ],
    [
      "a rule too many",
      [20, 21, 22, 23, 24].map((label) => put({ kind: "label", match: { label }, action: { kind: "pop-deliver" } })),
      "label/24",
      "table-full",
    ],
  ] as readonly [string, readonly RuleOperation[], string, string][])(
    "refuses %s, and the whole batch with it",
    (_, operations, key, code) => {
      const table = createRuleTable(4);
      const failures = table.apply(operations);
      expect(failures.map((failure) => [failure.key, failure.code])).toEqual([[key, code]]);
      expect(table.rules.size).toBe(0);
      expect(table.digest).toBe("0".repeat(32));
    },
  );

  it("lets a flow entry, its group and its meter go in one batch", () => {
    const table = createRuleTable(4, closed([meter, group, ingress("10.0.0.0/8")]));
    const keys = ["ingress/46/10.0.0.0/8", "group/1", "meter/1", "label/99"];
    expect(table.apply(keys.map((key): RuleOperation => ({ op: "delete", key })))).toEqual([]);
    expect(table.rules.size).toBe(0);
  });
});

describe("RuleTable with failover groups", () => {
  it("lets a failover group change its bypass while rules use it, and looks it up", () => {
    const table = createRuleTable(4, closed([failover, repaired(x)]));
    const turned: FailoverRule = { ...failover, buckets: [{ output: x }, { output: z, pushLabel: 41 }] };
    expect(table.apply([put(turned)])).toEqual([]);
    expect(table.lookupFailover(40)).toEqual(turned);
    expect(table.lookupFailover(41)).toBeUndefined();
  });

  it("lets a failover group go, or protect another link, once no rule uses it any more", () => {
    const plain: Rule = { kind: "label", match: { label: 16 }, action: { kind: "output", link: x } };
    const table = createRuleTable(4, closed([failover, repaired(x)]));
    expect(table.apply([put(plain), put({ ...failover, buckets: [{ output: z }] })])).toEqual([]);
    expect(table.apply([put(repaired(z))])).toEqual([]);
    expect(
      table.apply([
        { op: "delete", key: "label/16" },
        { op: "delete", key: "failover/40" },
      ]),
    ).toEqual([]);
    expect(table.rules.size).toBe(0);
  });
});

describe("bucketOf", () => {
  const wide = {
    kind: "group",
    groupId: 1,
    buckets: [3, 1, 4].map((weight, i) => ({ weight, pushLabel: 16 + i, mplsTc: 5, output: "x" as never })),
  } as const;
  const flows = Array.from({ length: 40_000 }, (_, i) => ({
    srcAddress: 0x0a000001 + (i % 251),
    dstAddress: 0x0a000301,
    protocol: 6,
    srcPort: 1024 + i,
    dstPort: 443,
  }));

  it("spreads flows in proportion to the weights", () => {
    const counts = new Map<number, number>();
    for (const flow of flows) {
      const label = bucketOf(wide, flow)?.pushLabel ?? 0;
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    for (const { bucket, share } of bucketShares(wide)) {
      // Six standard deviations of the binomial distribution.
      const tolerance = 6 * Math.sqrt(share * (1 - share) * flows.length);
      expect(Math.abs((counts.get(bucket.pushLabel) ?? 0) - share * flows.length)).toBeLessThan(tolerance);
    }
  });

  it("moves no flow between the buckets that stay when one goes", () => {
    const without = { ...wide, buckets: wide.buckets.slice(0, 2) };
    const moved = flows.filter((flow) => {
      const before = bucketOf(wide, flow)?.pushLabel;
      return before !== 18 && before !== bucketOf(without, flow)?.pushLabel;
    });
    expect(moved).toEqual([]);
  });
});
