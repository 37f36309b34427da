/** Soft drains: traffic is kept off an element where another way exists, and still uses it where nothing else carries the demand. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  protectionDefault,
  type Guarantee,
  type LinkId,
  type ObjectiveName,
  type Plan,
  type Snapshot,
  type TopologyDocument,
} from "@sluice/model";
import { checkPlan } from "./check.js";
import { linkLoads } from "./link-loads.js";
import { planOf } from "./testing/planning.js";
import { snapshotOf, triangle } from "./testing/snapshot.js";
import { arbitrarySnapshot } from "./testing/small-network.js";

type Drain = TopologyDocument["links"][number]["drain"];
interface Chosen {
  readonly links: readonly string[];
  readonly nodes: readonly string[];
}

function drained(snapshot: Snapshot, { links, nodes }: Chosen, drain: Drain): Snapshot {
  const set =
    <T extends { readonly id: string; readonly drain: Drain }>(ids: readonly string[]) =>
    (element: T): T =>
      ids.includes(element.id) && element.drain === "active" ? { ...element, drain } : element;
  const { topology } = snapshot;
  return { ...snapshot, topology: { ...topology, nodes: topology.nodes.map(set(nodes)), links: topology.links.map(set(links)) } };
}

/** bps over links that are soft-drained, or end at a node that is. */
function softLoad({ topology }: Snapshot, plan: Plan): number {
  const soft = new Set<string>(topology.nodes.filter(({ drain }) => drain === "soft-drained").map(({ id }) => id));
  const isSoft = new Map(
    topology.links.map((link) => [link.id, link.drain === "soft-drained" || soft.has(link.from) || soft.has(link.to)]),
  );
  return linkLoads(topology, plan).reduce((sum, { linkId, loadBps }) => sum + (isSoft.get(linkId) === true ? loadBps : 0), 0);
}

const loadOf = (snapshot: Snapshot, plan: Plan, linkId: string): number =>
  linkLoads(snapshot.topology, plan).find((load) => load.linkId === (linkId as LinkId))?.loadBps ?? Number.NaN;
const allotted = (plan: Plan): number => plan.classes.reduce((sum, each) => sum + each.allottedBps, 0);

/** In gaps of the solver and rounding of its sums. */
const tolerance = 1e-5;

/** One class: of several, the higher ones' choice among equals decides what the lower ones get. */
const questions = fc
  .record({
    snapshot: arbitrarySnapshot({ demandsMax: 10 }),
    links: fc.array(fc.nat(13), { minLength: 1, maxLength: 3 }),
    nodes: fc.array(fc.nat(5), { maxLength: 1 }),
  })
  .map(({ snapshot, links, nodes }) => ({
    snapshot: {
      ...snapshot,
      demands: { ...snapshot.demands, demands: snapshot.demands.demands.filter(({ trafficClass }) => trafficClass === "elastic") },
      settings: { ...snapshot.settings, splitWeightSumMax: 256 },
    },
    chosen: { links: links.map((i) => `l${String(i).padStart(2, "0")}`), nodes: nodes.map((i) => `n${i}`) },
  }));

function withObjective(snapshot: Snapshot, objective: ObjectiveName): Snapshot {
  return { ...snapshot, settings: { ...snapshot.settings, objective } };
}

describe("a soft drain", () => {
  it("costs nothing: no more is admitted with a hard drain, nor without any", async () => {
    await fc.assert(
      fc.asyncProperty(questions, async ({ snapshot, chosen }) => {
        const soft = allotted(await planOf(drained(snapshot, chosen, "soft-drained")));
        expect(soft).toBeGreaterThanOrEqual(allotted(await planOf(drained(snapshot, chosen, "drained"))) * (1 - tolerance));
        expect(soft).toBeGreaterThanOrEqual(allotted(await planOf(snapshot)) * (1 - tolerance));
      }),
      { seed: 91, numRuns: 150 },
    );
  });

  it("costs no fraction that all demands can have at once", async () => {
    const fraction = (plan: Plan): number => plan.classes[1]?.certificate.value ?? 0;
    await fc.assert(
      fc.asyncProperty(questions, async ({ snapshot, chosen }) => {
        const question = withObjective(snapshot, "max-concurrent");
        const soft = drained(question, chosen, "soft-drained");
        expect(fraction(await planOf(soft))).toBeGreaterThanOrEqual(fraction(await planOf(question)) * (1 - tolerance));
      }),
      { seed: 94, numRuns: 80 },
    );
  });

  it("leaves nothing on a link where draining it hard would admit the same", async () => {
    let spared = 0;
    await fc.assert(
      fc.asyncProperty(questions, async ({ snapshot, chosen }) => {
        const soft = drained(snapshot, chosen, "soft-drained");
        const plan = await planOf(soft);
        const hard = await planOf(drained(snapshot, chosen, "drained"));
        if (allotted(hard) < allotted(plan) * (1 - 1e-9)) return;
        expect(softLoad(soft, plan)).toBe(0);
        // Whether there was anything to spare: the plain network's plan uses what is drained here.
        if (softLoad(soft, await planOf(snapshot)) > 0) spared += 1;
      }),
      { seed: 92, numRuns: 150 },
    );
    expect(spared).toBeGreaterThan(0);
  });

  it("passes the check with every objective and policy, and that of the candidates derived anew", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitrarySnapshot(),
        fc.array(fc.nat(13), { minLength: 1, maxLength: 4 }),
        fc.constantFrom<ObjectiveName>(
          "max-throughput",
          "min-cost",
          "min-max-utilization",
          "max-concurrent",
          "max-min-fair",
          "shortest-path",
        ),
        fc.constantFrom(...(["k-shortest", "edge-disjoint", "srlg-disjoint", "priced"] as const)),
        async (base, links, objective, kind) => {
          const chosen = { links: links.map((i) => `l${String(i).padStart(2, "0")}`), nodes: [] };
          const soft = drained({ ...base, settings: { ...base.settings, objective, tunnels: { kind, k: 3 } } }, chosen, "soft-drained");
          const plan = await planOf(soft);
          expect(plan.check.violations).toEqual([]);
          expect(checkPlan(soft, plan).violations).toEqual([]);
          expect(plan.softDrained === "avoided" ? softLoad(soft, plan) : 0).toBe(0);
        },
      ),
      { seed: 93, numRuns: 200 },
    );
  });

  it("passes the check where failures are prepared for and guaranteed against, too", async () => {
    const kinds = fc.constantFrom<Guarantee>({ kind: "none" }, { kind: "protected" }, { kind: "guaranteed", failures: 1 });
    await fc.assert(
      fc.asyncProperty(
        arbitrarySnapshot({ demandsMax: 5 }),
        fc.array(fc.nat(13), { minLength: 1, maxLength: 3 }),
        fc.record({ interactive: kinds, elastic: kinds, bulk: kinds }),
        async (base, links, guarantee) => {
          const protection = { ...protectionDefault, guarantee };
          const chosen = { links: links.map((i) => `l${String(i).padStart(2, "0")}`), nodes: [] };
          const soft = drained({ ...base, settings: { ...base.settings, protection } }, chosen, "soft-drained");
          const plan = await planOf(soft);
          expect(checkPlan(soft, plan).violations).toEqual([]);
          expect(plan.softDrained === "avoided" ? softLoad(soft, plan) : 0).toBe(0);
        },
      ),
      { seed: 95, numRuns: 60 },
    );
  });

  const linkAb: Chosen = { links: ["a-b"], nodes: [] };
  const planned = async (demandBps: number, chosen: Chosen, settings: Partial<Snapshot["settings"]> = {}) => {
    const snapshot = drained(snapshotOf(triangle, [["a", "b", "elastic", demandBps]], settings), chosen, "soft-drained");
    return { snapshot, plan: await planOf(snapshot) };
  };

  it("sends what fits the other way", async () => {
    const { snapshot, plan } = await planned(8e9, linkAb);
    expect(plan.softDrained).toBe("avoided");
    expect([loadOf(snapshot, plan, "a-b"), loadOf(snapshot, plan, "a-c")]).toEqual([0, 8e9]);
  });

  it.each(["max-throughput", "max-concurrent", "max-min-fair"] as const)(
    "uses the link for just what does not fit, under %s",
    async (objective) => {
      const { snapshot, plan } = await planned(12e9, linkAb, { objective });
      expect(plan.softDrained).toBe("used");
      expect((plan.classes[1]?.admittedBps ?? 0) / 1e9).toBeCloseTo(12, 6);
      expect(loadOf(snapshot, plan, "a-b") / 1e9).toBeCloseTo(2, 6);
      expect(plan.classes[1]?.notes.join(" ")).toContain("Soft-drained links carry up to 2 Gb/s each");
    },
  );

  it("goes around a node, and still serves it", async () => {
    const node: Chosen = { links: [], nodes: ["c"] };
    const { snapshot, plan } = await planned(8e9, node);
    expect(loadOf(snapshot, plan, "a-c")).toBe(0);
    const served = drained(
      snapshotOf(triangle, [
        ["a", "b", "elastic", 9e9],
        ["a", "c", "elastic", 4e9],
      ]),
      node,
      "soft-drained",
    );
    const both = await planOf(served);
    expect(both.classes[1]?.admittedBps).toBeCloseTo(13e9, 0);
    expect(loadOf(served, both, "a-c") / 1e9).toBeCloseTo(4, 6);
    expect(loadOf(served, both, "b-c")).toBe(0);
  });

  it("moves other demands to make room", async () => {
    // a>b fits the detour only if a>c leaves it for a way of its own.
    const topology = {
      ...triangle,
      nodes: [...triangle.nodes, { id: "d" }],
      links: [
        ...triangle.links,
        ...[
          ["a", "d"],
          ["d", "c"],
        ].map(([from = "", to = ""]) => ({ id: `${from}-${to}`, from, to, capacityBps: 10e9, latencyMs: 1, metric: 1 })),
      ],
    };
    const snapshot = drained(
      snapshotOf(topology, [
        ["a", "b", "elastic", 10e9],
        ["a", "c", "elastic", 10e9],
      ]),
      linkAb,
      "soft-drained",
    );
    const plan = await planOf(snapshot);
    expect(plan.classes[1]?.admittedBps).toBeCloseTo(20e9, 0);
    expect(loadOf(snapshot, plan, "a-b")).toBe(0);
  });

  it("adds nothing to latencies: a bound that the link itself keeps is kept", async () => {
    const { snapshot, plan } = await planned(8e9, linkAb, { tunnels: { kind: "k-shortest", k: 4, latencyMsMax: 1 } });
    expect(loadOf(snapshot, plan, "a-b")).toBe(8e9);
    expect(plan.classes[1]?.admittedBps).toBe(8e9);
    const cost = await planned(8e9, linkAb, { objective: "min-cost" });
    expect(cost.plan.classes[1]?.certificate.value).toBeCloseTo(2 * 8e9, 0);
  });

  it("takes nothing from lower classes that they would have had", async () => {
    // Interactive could leave a-b for a-c-b, which bulk of a>c and c>b has use for: the direct link serves nobody else.
    const demands = [
      ["a", "b", "interactive", 6e9],
      ["a", "c", "bulk", 10e9],
      ["c", "b", "bulk", 10e9],
    ] as const;
    const snapshot = drained(snapshotOf(triangle, demands), linkAb, "soft-drained");
    const plan = await planOf(snapshot);
    expect(plan.classes.map(({ admittedBps }) => admittedBps / 1e9)).toEqual([6, 0, 20].map((gbps) => expect.closeTo(gbps, 6)));
    expect(loadOf(snapshot, plan, "a-b")).toBe(6e9);
    const light = drained(snapshotOf(triangle, [demands[0], ["a", "c", "bulk", 3e9], ["c", "b", "bulk", 3e9]]), linkAb, "soft-drained");
    expect(loadOf(light, await planOf(light), "a-b")).toBe(0);
  });

  it("is no hard drain: that cuts the demand off", async () => {
    const alone = drained(
      snapshotOf({ ...triangle, links: triangle.links.slice(0, 2) }, [["a", "b", "elastic", 5e9]]),
      linkAb,
      "soft-drained",
    );
    expect((await planOf(alone)).classes[1]?.admittedBps).toBe(5e9);
    const hard = drained(snapshotOf({ ...triangle, links: triangle.links.slice(0, 2) }, [["a", "b", "elastic", 5e9]]), linkAb, "drained");
    expect((await planOf(hard)).unroutable).toHaveLength(1);
  });
});
