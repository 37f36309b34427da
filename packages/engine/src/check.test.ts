import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { canonicalHash, tunnelId, type FaultCode, type Plan, type Snapshot, type TunnelGroup } from "@sluice/model";
import { checkPlan } from "./check.js";
import { planOf } from "./testing/planning.js";
import { snapshotOf, triangle } from "./testing/snapshot.js";

const snapshot = snapshotOf({ ...triangle, nodes: [...triangle.nodes, { id: "island" }] }, [
  ["a", "b", "interactive", 4e9],
  ["a", "b", "elastic", 15e9],
  ["a", "c", "bulk", 6e9],
  ["a", "island", "bulk", 1e9],
  ["b", "a", "elastic", 3e9],
]);
const plan = await planOf(snapshot);

type Corrupt = (good: Plan) => Partial<Plan>;

function withGroup(good: Plan, index: number, change: (group: TunnelGroup) => Partial<TunnelGroup>): Partial<Plan> {
  return { groups: good.groups.map((group, i) => (i === index ? { ...group, ...change(group) } : group)) };
}

function withMember(good: Plan, index: number, change: Partial<TunnelGroup["members"][number]>): Partial<Plan> {
  return withGroup(good, index, ({ members }) => ({ members: members.map((member, i) => (i === 0 ? { ...member, ...change } : member)) }));
}

function withClass(good: Plan, index: number, change: Partial<Plan["classes"][number]>): Partial<Plan> {
  return { classes: good.classes.map((item, i) => (i === index ? { ...item, ...change } : item)) };
}

function withCertificate(good: Plan, index: number, change: Partial<Plan["classes"][number]["certificate"]>): Partial<Plan> {
  return { classes: good.classes.map((item, i) => (i === index ? { ...item, certificate: { ...item.certificate, ...change } } : item)) };
}

/** Groups: 0 a>b interactive, 1 a>b elastic (two tunnels), 2 a>c bulk, 3 b>a elastic. */
const corruptions: readonly (readonly [what: string, code: FaultCode, corrupt: Corrupt])[] = [
  ["another input's hash", "input-mismatch", () => ({ inputHash: "0".repeat(64) })],
  ["a tunnel with a link that is not there", "tunnel-broken", (good) => withPath(good, 0, ["a-z"])],
  ["a tunnel whose links do not join", "tunnel-broken", (good) => withPath(good, 0, ["a-c", "a-b"])],
  ["a tunnel that visits a node twice", "tunnel-broken", (good) => withPath(good, 0, ["a-c", "c-a", "a-b"])],
  ["a tunnel without links", "tunnel-broken", (good) => withPath(good, 0, [])],
  [
    "a tunnel under another's id",
    "tunnel-broken",
    (good) => ({ tunnels: good.tunnels.map((tunnel) => ({ ...tunnel, id: `${tunnel.id}0` as never })) }),
  ],
  ["a tunnel twice", "duplicate-id", (good) => ({ tunnels: [...good.tunnels, ...good.tunnels] })],
  ["a tunnel that no group uses", "dangling-reference", (good) => ({ groups: good.groups.slice(0, 3) })],
  ["a tunnel missing", "dangling-reference", (good) => ({ tunnels: good.tunnels.slice(1) })],
  [
    "a tunnel to somewhere else",
    "tunnel-broken",
    (good) => withMember(good, 0, { tunnelId: good.groups[2]?.members[0]?.tunnelId as never }),
  ],
  ["a group that is no demand", "dangling-reference", (good) => withGroup(good, 0, () => ({ trafficClass: "bulk" }))],
  ["a group twice", "duplicate-id", (good) => ({ groups: [...good.groups, ...good.groups] })],
  ["more admitted than asked for", "over-demand", (good) => withGroup(good, 3, () => ({ admittedBps: 3.01e9 }))],
  ["more allotted than asked for", "over-demand", (good) => withMember(good, 3, { allottedBps: 3.01e9 })],
  ["another demand than was asked for", "totals-wrong", (good) => withGroup(good, 3, () => ({ demandBps: 5e9 }))],
  ["an admitted rate that is not a number", "not-finite", (good) => withGroup(good, 3, () => ({ admittedBps: Number.NaN }))],
  ["an infinite rate", "not-finite", (good) => withGroup(good, 3, () => ({ admittedBps: Infinity }))],
  ["a negative rate", "negative", (good) => withGroup(good, 3, () => ({ admittedBps: -1 }))],
  ["a negative allotment", "negative", (good) => withMember(good, 3, { allottedBps: -1 })],
  ["a weight of zero", "split-invalid", (good) => withMember(good, 1, { weight: 0 })],
  ["a weight of a half", "split-invalid", (good) => withMember(good, 1, { weight: 0.5 })],
  ["a weight that is not a number", "split-invalid", (good) => withMember(good, 1, { weight: Number.NaN })],
  ["weights over the budget", "split-invalid", (good) => withMember(good, 1, { weight: 64 })],
  ["a group without tunnels", "split-invalid", (good) => withGroup(good, 0, () => ({ members: [] }))],
  ["a member twice", "split-invalid", (good) => withGroup(good, 0, ({ members }) => ({ members: [...members, ...members] }))],
  [
    "classes that are too much together, though neither is alone",
    "over-capacity",
    (good) => withGroup(good, 2, () => ({ admittedBps: 6e9 })),
  ],
  ["weights that put too much on one link", "over-capacity", (good) => withMember(good, 1, { weight: 40 })],
  [
    "a demand that is forgotten",
    "totals-wrong",
    (good) => ({ groups: good.groups.slice(0, 3), tunnels: usedBy(good, good.groups.slice(0, 3)) }),
  ],
  ["an unroutable demand that is forgotten", "demand-unaccounted", () => ({ unroutable: [] })],
  [
    "a demand called unroutable that has a path",
    "demand-unaccounted",
    (good) => ({
      groups: good.groups.slice(0, 3),
      tunnels: usedBy(good, good.groups.slice(0, 3)),
      unroutable: [...good.unroutable, { src: "b" as never, dst: "a" as never, trafficClass: "elastic" }],
    }),
  ],
  [
    "a demand both carried and unroutable",
    "demand-unaccounted",
    (good) => ({ unroutable: [...good.unroutable, good.groups[0] as TunnelGroup] }),
  ],
  ["a total of demand that is wrong", "totals-wrong", (good) => withClass(good, 1, { demandBps: 1 })],
  ["a total of admitted traffic that is wrong", "totals-wrong", (good) => withClass(good, 1, { admittedBps: 17.9e9 })],
  ["a total of allotted traffic that is wrong", "totals-wrong", (good) => withClass(good, 1, { allottedBps: 1 })],
  ["a class missing", "totals-wrong", (good) => ({ classes: good.classes.slice(1) })],
  ["a rung better than the worst class's", "totals-wrong", (good) => withClass(good, 2, { rung: "greedy" })],
  ["a bound that its prices do not give", "certificate-wrong", (good) => withCertificate(good, 1, { bound: 18.1e9 })],
  ["a gap that value and bound do not give", "certificate-wrong", (good) => withCertificate(good, 1, { gap: 0.5 })],
  ["a value that was not allotted", "certificate-wrong", (good) => withCertificate(good, 1, { value: 17e9 })],
  ["prices left out", "certificate-wrong", (good) => withCertificate(good, 2, { linkPrices: [] })],
  ["a negative price", "negative", (good) => withCertificate(good, 2, { linkPrices: [{ linkId: "a-b" as never, price: -1 }] })],
  [
    "a price of a link that is not there",
    "dangling-reference",
    (good) => withCertificate(good, 2, { linkPrices: [{ linkId: "a-z" as never, price: 1 }] }),
  ],
];

function withPath(good: Plan, index: number, path: readonly string[]): Partial<Plan> {
  return {
    tunnels: good.tunnels.map((tunnel, i) => (i === index ? { ...tunnel, path: path as never, id: tunnelId(path as never) } : tunnel)),
  };
}

function usedBy(good: Plan, groups: readonly TunnelGroup[]): Plan["tunnels"] {
  const used = new Set(groups.flatMap((group) => group.members.map((member) => member.tunnelId)));
  return good.tunnels.filter((tunnel) => used.has(tunnel.id));
}

describe("checkPlan", () => {
  it("passes a good plan and says what it looked at", () => {
    expect(checkPlan(snapshot, plan)).toEqual({
      verdict: "pass",
      checked: { demands: 5, flowGroups: 4, links: 6, linkPrices: expect.any(Number) as number, tunnels: 4, violations: 0 },
      violations: [],
      utilizationMax: expect.closeTo(1, 9) as number,
    });
  });

  it.each(corruptions)("finds %s: %s", (_what, code, corrupt) => {
    const report = checkPlan(snapshot, { ...plan, ...corrupt(plan) });
    expect(report.verdict).toBe("fail");
    expect(report.violations.map((violation) => violation.code)).toContain(code);
  });

  it.each([
    ["a link down", (good: Snapshot["topology"]) => ({ links: good.links.map((link) => ({ ...link, operational: "down" as const })) })],
    ["a node drained", (good: Snapshot["topology"]) => ({ nodes: good.nodes.map((node) => ({ ...node, drain: "drained" as const })) })],
  ])("finds tunnels over %s", (_what, change) => {
    const after = { ...snapshot, topology: { ...snapshot.topology, ...change(snapshot.topology) } };
    const report = checkPlan(after, { ...plan, inputHash: canonicalHash(after) });
    expect(report.violations.map((violation) => violation.code)).toContain("tunnel-unusable");
  });

  it("finds tunnels above the latency bound", () => {
    const after = { ...snapshot, settings: { ...snapshot.settings, tunnels: { ...snapshot.settings.tunnels, latencyMsMax: 1.5 } } };
    const codes = checkPlan(after, { ...plan, inputHash: canonicalHash(after) }).violations.map((violation) => violation.code);
    expect(codes).toContain("tunnel-unusable");
  });

  it.each(["min-cost", "min-max-utilization", "max-concurrent"] as const)("recomputes the bound of %s", async (objective) => {
    // Twice the demand, so that links are full and every objective has prices.
    const twice = snapshot.demands.demands.map((demand) => ({ ...demand, rateBps: 2 * demand.rateBps }));
    const other = { ...snapshot, demands: { ...snapshot.demands, demands: twice }, settings: { ...snapshot.settings, objective } };
    const good = await planOf(other);
    const priced = good.classes.findIndex((item) => item.certificate.linkPrices.length > 0);
    expect(priced).toBeGreaterThanOrEqual(0);
    const { bound = 0, linkPrices } = good.classes[priced]?.certificate ?? { linkPrices: [] };
    expect(checkPlan(other, good).violations).toEqual([]);
    const codesOf = (changed: Partial<Plan>): readonly string[] =>
      checkPlan(other, { ...good, ...changed }).violations.map(({ code }) => code);
    expect(codesOf(withCertificate(good, priced, { bound: bound * 1.001 }))).toContain("certificate-wrong");
    const skewed = linkPrices.map((entry, i) => (i === 0 ? { ...entry, price: entry.price * 3 + 1 } : entry));
    expect(codesOf(withCertificate(good, priced, { linkPrices: skewed }))).toContain("certificate-wrong");
  });

  it("accepts a certificate over all paths only as one over all paths", async () => {
    const { classes } = plan;
    expect(checkPlan(snapshot, plan, { candidates: "all-paths" }).violations).toEqual([]);
    expect(classes[1]?.certificate.bound).toBeDefined();
    // With one candidate a pair the direct link is the bound; over all paths there is more to be had.
    const narrow = { ...snapshot, settings: { ...snapshot.settings, tunnels: { kind: "k-shortest" as const, k: 1 } } };
    const codes = checkPlan(narrow, await planOf(narrow), { candidates: "all-paths" }).violations.map(({ code }) => code);
    expect(codes).toContain("certificate-wrong");
  });

  it("lists no more than a hundred violations and counts them all", () => {
    const linkPrices = Array.from({ length: 500 }, () => ({ linkId: "a-z" as never, price: -1 }));
    const report = checkPlan(snapshot, { ...plan, ...withCertificate(plan, 0, { linkPrices }) });
    expect(report.violations).toHaveLength(100);
    expect(report.checked["violations"]).toBeGreaterThan(500);
  });

  it("imports nothing that takes part in solving", () => {
    const files = readdirSync(import.meta.dirname).filter((name) => /^check(-[a-z]+)*\.ts$/.test(name));
    expect(files).toEqual(
      expect.arrayContaining(["check-bound.ts", "check-paths.ts", "check-protection.ts", "check-report.ts", "check.ts"]),
    );
    const imported = files.flatMap((name) => {
      const text = readFileSync(`${import.meta.dirname}/${name}`, "utf8");
      return [...text.matchAll(/^(?:import .*|\}) from "([^"]+)";$/gm)].map((match) => match[1]);
    });
    const own = [/^\.\/check(-[a-z]+)+\.js$/, /^\.\/tunnels\/(candidate-tunnels|guarantee-candidates)\.js$/, /^@sluice\/model$/];
    expect(imported.filter((from) => !own.some((pattern) => pattern.test(from ?? "")))).toEqual([]);
  });
});
