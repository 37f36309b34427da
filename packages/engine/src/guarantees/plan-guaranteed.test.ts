/** Whole plans with guarantees: what is promised is held against every failure, by plain enumeration; and what the checker sees of it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cablesOf,
  guaranteeOf,
  protectionOf,
  trafficClasses,
  unprotected,
  type ClassPlan,
  type Guarantee,
  type Plan,
  type Snapshot,
} from "@sluice/model";
import { checkPlan } from "../check.js";
import { planOf } from "../testing/planning.js";
import { snapshotOf, triangle } from "../testing/snapshot.js";
import { arbitraryPromise, coveredFailures, underFailure } from "./promised-network.js";

const nameOf = ({ src, dst, trafficClass }: Plan["groups"][number]): string => `${src}>${dst}/${trafficClass}`;

function promising(guarantee: Guarantee, more: Partial<Snapshot["settings"]> = {}): Partial<Snapshot["settings"]> {
  return { protection: { ...unprotected, guarantee }, ...more };
}

function classOf(plan: Plan, trafficClass: string): ClassPlan {
  const found = plan.classes.find((item) => item.trafficClass === trafficClass);
  if (found === undefined) throw new Error("unreachable");
  return found;
}

/** Nothing that a class was promised is broken in any covered failure; `undefined` where all is well. */
function brokenPromise(snapshot: Snapshot, plan: Plan): string | undefined {
  for (const trafficClass of trafficClasses) {
    const guarantee = guaranteeOf(protectionOf(snapshot.settings), trafficClass);
    if (guarantee.kind !== "guaranteed") continue;
    const groups = plan.groups.filter((group) => group.trafficClass === trafficClass);
    const path = new Map<string, readonly string[]>(plan.tunnels.map((tunnel) => [tunnel.id, tunnel.path]));
    for (const { down, nodes } of coveredFailures(snapshot, guarantee.failures)) {
      const { overloaded, dead } = underFailure(snapshot, plan, trafficClass, down);
      for (const group of groups) {
        if (nodes.has(group.src) || nodes.has(group.dst)) continue;
        const what = `${nameOf(group)} under ${[...down].join(" ")}`;
        if (dead.has(nameOf(group))) return `${what}: dead`;
        if (group.members.some(({ tunnelId }) => path.get(tunnelId)?.some((id) => overloaded.has(id)))) return `${what}: congested`;
      }
    }
  }
  return undefined;
}

/** The least share of time for which a group of the class is carried, over all of the 2^cables states of the network. */
function availabilityOf(snapshot: Snapshot, plan: Plan, trafficClass: (typeof trafficClasses)[number]): number {
  const cables = cablesOf(snapshot.topology);
  const p = protectionOf(snapshot.settings).failureProbability;
  const path = new Map<string, readonly string[]>(plan.tunnels.map((tunnel) => [tunnel.id, tunnel.path]));
  const groups = plan.groups.filter((group) => group.trafficClass === trafficClass);
  const carried = groups.map(() => 0);
  for (let bits = 0; bits < 2 ** cables.length; bits++) {
    const failed = cables.filter((_, i) => ((bits >> i) & 1) === 1);
    const down = new Set<string>(failed.flatMap(({ linkIds }) => linkIds));
    const share = p ** failed.length * (1 - p) ** (cables.length - failed.length);
    const { overloaded, dead } = underFailure(snapshot, plan, trafficClass, down);
    groups.forEach((group, i) => {
      const blocked = group.members.some(({ tunnelId }) => path.get(tunnelId)?.some((id) => overloaded.has(id)));
      if (!dead.has(nameOf(group)) && !blocked) carried[i] = (carried[i] ?? 0) + share;
    });
  }
  return Math.min(...carried);
}

describe("a plan with guarantees", () => {
  it("keeps them in every failure that they cover, and the checker agrees", async () => {
    let promised = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryPromise(), async (snapshot) => {
        const plan = await planOf(snapshot);
        expect(plan.check.violations).toEqual([]);
        expect(brokenPromise(snapshot, plan)).toBeUndefined();
        for (const { trafficClass, guarantee, admittedBps, allottedBps } of plan.classes) {
          const asked = guaranteeOf(protectionOf(snapshot.settings), trafficClass);
          expect(guarantee?.guarantee).toEqual(asked.kind === "none" ? undefined : asked);
          if (guarantee === undefined || admittedBps === 0) continue;
          promised++;
          expect(guarantee.withoutBps).toBeGreaterThanOrEqual(Math.max(admittedBps, allottedBps));
          if (asked.kind !== "availability") continue;
          const truth = availabilityOf(snapshot, plan, trafficClass);
          expect(truth).toBeGreaterThanOrEqual(asked.target - 1e-12);
          expect(guarantee.availability).toBeLessThanOrEqual(truth + 1e-12);
          expect(guarantee.availability).toBeGreaterThanOrEqual(asked.target - 1e-12);
        }
      }),
      { numRuns: 150, seed: 45 },
    );
    expect(promised).toBeGreaterThan(60);
  });

  it("reserves no less than the classes need in any failure that one of them is guaranteed against", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryPromise(), async (snapshot) => {
        const plan = await planOf(snapshot);
        const path = new Map<string, readonly string[]>(plan.tunnels.map((tunnel) => [tunnel.id, tunnel.path]));
        trafficClasses.forEach((trafficClass, at) => {
          const reserved = new Map<string, number>(
            classOf(plan, trafficClass).guarantee?.reservedBps.map(({ linkId, bps }) => [linkId, bps]),
          );
          if (classOf(plan, trafficClass).guarantee === undefined) return;
          const failures = trafficClasses.slice(at).map((each) => guaranteeOf(protectionOf(snapshot.settings), each));
          const most = Math.max(0, ...failures.map((each) => (each.kind === "guaranteed" ? each.failures : 0)));
          for (const { down } of most === 0 ? [] : coveredFailures(snapshot, most)) {
            const load = new Map<string, number>();
            for (const group of plan.groups.filter((each) => each.trafficClass === trafficClass)) {
              const alive = group.members.filter(({ tunnelId }) => path.get(tunnelId)?.every((id) => !down.has(id)));
              const sum = alive.reduce((total, { weight }) => total + weight, 0);
              for (const { tunnelId, weight } of alive) {
                for (const id of path.get(tunnelId) ?? []) load.set(id, (load.get(id) ?? 0) + (group.admittedBps * weight) / sum);
              }
            }
            for (const [id, bps] of load) expect(bps).toBeLessThanOrEqual((reserved.get(id) ?? 0) * (1 + 1e-9));
          }
        });
      }),
      { numRuns: 100, seed: 46 },
    );
  });

  it("is the same bytes in every run", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryPromise(), async (snapshot) => {
        expect(JSON.stringify(await planOf(snapshot))).toBe(JSON.stringify(await planOf(snapshot)));
      }),
      { numRuns: 25, seed: 47 },
    );
  });

  it("keeps its guarantee on the greedy rung", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryPromise(), async (snapshot) => {
        const plan = await planOf(snapshot, { greedyOnly: true });
        expect(brokenPromise(snapshot, plan)).toBeUndefined();
      }),
      { numRuns: 100, seed: 48 },
    );
  });

  it("admits half of the triangle's capacity under one failure, and nothing under two", async () => {
    const demands = [["a", "b", "interactive", 12e9]] as const;
    const one = await planOf(snapshotOf(triangle, demands, promising({ kind: "guaranteed", failures: 1 })));
    expect(classOf(one, "interactive").admittedBps).toBeCloseTo(10e9, 0);
    expect(classOf(one, "interactive").guarantee?.withoutBps).toBeCloseTo(12e9, 0);
    expect(classOf(one, "interactive").guarantee?.reservedBps.map(({ bps }) => bps)).toEqual([10e9, 10e9, 10e9]);
    const two = await planOf(snapshotOf(triangle, demands, promising({ kind: "guaranteed", failures: 2 })));
    expect(two.groups).toEqual([]);
    expect(classOf(two, "interactive").notes.join()).toContain("1 of 1 flow groups are admitted nothing");
    expect(two.unroutable).toEqual([]);
  });

  it("leaves lower classes what is reserved and not used, and guaranteed ones what is not reserved", async () => {
    const demands = [
      ["a", "b", "interactive", 10e9],
      ["a", "b", "elastic", 20e9],
      ["a", "b", "bulk", 20e9],
    ] as const;
    const guarantee = {
      interactive: { kind: "guaranteed" as const, failures: 1 },
      elastic: { kind: "guaranteed" as const, failures: 1 },
      bulk: { kind: "none" as const },
    };
    const plan = await planOf(snapshotOf(triangle, demands, { protection: { ...unprotected, guarantee } }));
    expect(plan.classes.map(({ admittedBps }) => Math.round(admittedBps / 1e9))).toEqual([10, 0, 10]);
  });

  it("admits nothing over a bridge, nor with weights too few to split, and is well without demand", async () => {
    const bridge = { ...triangle, links: triangle.links.filter(({ id }) => id === "a-b" || id === "b-a") };
    const guaranteed = promising({ kind: "guaranteed", failures: 1 });
    const alone = await planOf(snapshotOf(bridge, [["a", "b", "interactive", 1e9]], guaranteed));
    expect(alone.groups).toEqual([]);
    const unsplit = await planOf(snapshotOf(triangle, [["a", "b", "interactive", 1e9]], { ...guaranteed, splitWeightSumMax: 1 }));
    expect(unsplit.groups).toEqual([]);
    expect(classOf(unsplit, "interactive").notes.join()).toContain("1 flow groups that could survive are admitted nothing");
    const idle = await planOf(snapshotOf(triangle, [["a", "b", "interactive", 0]], guaranteed));
    expect([idle.rung, idle.groups.length]).toEqual(["optimal", 0]);
    const available = await planOf(snapshotOf(triangle, [["a", "b", "interactive", 0]], promising({ kind: "availability", target: 0.9 })));
    expect(available.groups).toEqual([]);
  });

  it("gives an availability over a bridge that is up often enough, and refuses it where it is not", async () => {
    const bridge = { ...triangle, links: triangle.links.filter(({ id }) => id === "a-b" || id === "b-a") };
    const at = async (target: number): Promise<ClassPlan> =>
      classOf(
        await planOf(snapshotOf(bridge, [["a", "b", "interactive", 1e9]], promising({ kind: "availability", target }))),
        "interactive",
      );
    const often = await at(0.99);
    expect(often.admittedBps).toBe(1e9);
    expect(often.guarantee?.availability).toBeCloseTo(0.999, 12);
    const seldom = await at(0.9999);
    expect(seldom.admittedBps).toBe(0);
    expect(seldom.notes.join()).toContain("cannot have an availability");
    expect(seldom.guarantee?.availability).toBeUndefined();
  });

  it("says which objective took the place of one that has no form with a guarantee", async () => {
    const settings = promising({ kind: "guaranteed", failures: 1 }, { objective: "min-cost" });
    const plan = await planOf(snapshotOf(triangle, [["a", "b", "interactive", 1e9]], settings));
    expect(classOf(plan, "interactive").certificate.objective).toBe("max-throughput");
    expect(classOf(plan, "interactive").notes.join()).toContain("min-cost has no form with a guarantee");
  });
});

describe("the checker", () => {
  const snapshot = snapshotOf(triangle, [["a", "b", "interactive", 12e9]], promising({ kind: "guaranteed", failures: 1 }));
  const codesOf = (given: Snapshot, plan: Plan): readonly string[] => checkPlan(given, plan).violations.map(({ code }) => code);
  const withClass = (plan: Plan, change: (item: ClassPlan) => ClassPlan): Plan => ({
    ...plan,
    classes: plan.classes.map((item, i) => (i === 0 ? change(item) : item)),
  });

  it("finds a promise that the weights do not keep", async () => {
    const plan = await planOf(snapshot);
    expect(codesOf(snapshot, plan)).toEqual([]);
    // One tunnel less: carried while nothing fails, lost with the other.
    const [group] = plan.groups;
    if (group === undefined) throw new Error("unreachable");
    const lame = { ...group, members: group.members.slice(0, 1) };
    const tunnels = plan.tunnels.filter(({ id }) => id === lame.members[0]?.tunnelId);
    expect(codesOf(snapshot, { ...plan, groups: [lame], tunnels })).toContain("protection-wrong");
    // 12 of 12 fit while nothing fails, and 10 a tunnel do not carry them when one does.
    const greedy = { ...group, admittedBps: 12e9 };
    const more = withClass({ ...plan, groups: [greedy] }, (item) => ({
      ...item,
      admittedBps: 12e9,
      guarantee: item.guarantee === undefined ? undefined : { ...item.guarantee, withoutBps: 12e9 },
    }));
    // Without a-b two links are too full, without either of these a-b is.
    expect(codesOf(snapshot, more)).toEqual(Array.from({ length: 4 }, () => "protection-wrong"));
  });

  it("finds figures that are not so", async () => {
    const plan = await planOf(snapshot);
    const figures = (more: Partial<NonNullable<ClassPlan["guarantee"]>>): Plan =>
      withClass(plan, (item) => (item.guarantee === undefined ? item : { ...item, guarantee: { ...item.guarantee, ...more } }));
    expect(codesOf(snapshot, figures({ withoutBps: 9e9 }))).toContain("protection-wrong");
    expect(codesOf(snapshot, figures({ withoutBps: NaN }))).toContain("not-finite");
    expect(codesOf(snapshot, figures({ reservedBps: [] }))).toContain("protection-wrong");
    expect(codesOf(snapshot, figures({ guarantee: { kind: "guaranteed", failures: 2 } }))).toContain("protection-wrong");
    expect(
      codesOf(
        snapshot,
        withClass(plan, (item) => ({ ...item, guarantee: undefined })),
      ),
    ).toContain("protection-wrong");
    const cheaper = withClass(plan, (item) => ({ ...item, certificate: { ...item.certificate, bound: 11e9 } }));
    expect(codesOf(snapshot, cheaper)).toContain("certificate-wrong");
    const unpromised = { ...snapshot, settings: { ...snapshot.settings, protection: unprotected } };
    expect(codesOf(unpromised, plan)).toContain("protection-wrong");
  });

  it("adds availabilities up by itself", async () => {
    const given = snapshotOf(triangle, [["a", "b", "interactive", 12e9]], promising({ kind: "availability", target: 0.998 }));
    const plan = await planOf(given);
    expect(codesOf(given, plan)).toEqual([]);
    const said = (availability: number): Plan =>
      withClass(plan, (item) => (item.guarantee === undefined ? item : { ...item, guarantee: { ...item.guarantee, availability } }));
    expect(codesOf(given, said(0.9999999))).toContain("protection-wrong");
    const stricter = snapshotOf(triangle, [["a", "b", "interactive", 12e9]], promising({ kind: "availability", target: 0.999_99 }));
    const strict = withClass({ ...plan, inputHash: "" }, (item) =>
      item.guarantee === undefined
        ? item
        : { ...item, guarantee: { ...item.guarantee, guarantee: { kind: "availability", target: 0.999_99 } } },
    );
    expect(
      checkPlan(stricter, strict)
        .violations.map(({ message }) => message)
        .join(),
    ).toContain("of the time, not 0.99999");
  });

  // 26 pairs of nodes with four cables each: of 104 cables three may fail in 182,104 ways.
  it("judges by sums where failures are too many to walk", async () => {
    const pairs = Array.from({ length: 26 }, (_, i) => [`x${i}`, `y${i}`] as const);
    const manifold = {
      name: "manifold",
      nodes: pairs.flatMap(([a, b]) => [{ id: a }, { id: b }]),
      links: pairs.flatMap(([a, b]) =>
        [0, 1, 2, 3].flatMap((i) =>
          [`${a}-${i}`, `${b}-${i}`].map((id, way) => ({
            id,
            from: way === 0 ? a : b,
            to: way === 0 ? b : a,
            capacityBps: 10e9,
            latencyMs: 1,
            metric: 1,
          })),
        ),
      ),
    };
    const given = snapshotOf(
      manifold,
      pairs.map(([a, b]) => [a, b, "interactive", 30e9] as const),
      promising({ kind: "guaranteed", failures: 3 }),
    );
    const plan = await planOf(given);
    expect(plan.check.violations).toEqual([]);
    plan.groups.forEach(({ admittedBps }) => expect(admittedBps).toBeCloseTo(10e9, 0));
    const [first, ...rest] = plan.groups;
    if (first === undefined) throw new Error("unreachable");
    const spoilt = (group: typeof first): readonly string[] =>
      checkPlan(given, { ...plan, groups: [group, ...rest] }).violations.map(({ message }) => message);
    expect(spoilt({ ...first, admittedBps: 11e9 }).join()).toContain("In 3 failures interactive may need 11000000000 bps of 10000000000");
    expect(spoilt({ ...first, members: first.members.slice(1) }).join()).toContain("does not survive 3 failures");
  });
});
