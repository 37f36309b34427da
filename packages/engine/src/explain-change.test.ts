/** The smallest change, against brute force over whole Gb/s on small networks, and by hand. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalHash,
  flowGroupId,
  type Demand,
  type FlowGroup,
  type LinkId,
  type ObjectiveName,
  type Plan,
  type Result,
  type Snapshot,
} from "@sluice/model";
import { withCapacity } from "./explain-added-capacity.js";
import { smallestChange } from "./explain-change.js";
import type { SmallestChange } from "./explain-change-scene.js";
import { options, planOf } from "./testing/planning.js";
import { snapshotOf, triangle } from "./testing/snapshot.js";
import { arbitrarySnapshot } from "./testing/small-network.js";

const gbps = 1e9;

function group(src: string, dst: string, trafficClass: FlowGroup["trafficClass"] = "elastic"): FlowGroup {
  return { src: src as never, dst: dst as never, trafficClass };
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

async function changeOf(snapshot: Snapshot, flowGroup: FlowGroup): Promise<SmallestChange | undefined> {
  return value(await smallestChange(snapshot, await planOf(snapshot), flowGroup, options()));
}

function allottedOf(plan: Plan, id: string): number {
  return plan.groups.find((each) => flowGroupId(each) === id)?.members.reduce((sum, { allottedBps }) => sum + allottedBps, 0) ?? 0;
}

/** Every way to add so many Gb/s in all to these links, in whole Gb/s. */
function* waysToAdd(links: readonly LinkId[], total: number): Generator<readonly { linkId: LinkId; extraBps: number }[]> {
  const [first, ...rest] = links;
  if (first === undefined) {
    if (total === 0) yield [];
    return;
  }
  for (let here = 0; here <= total; here++) {
    for (const others of waysToAdd(rest, total - here)) yield here === 0 ? others : [{ linkId: first, extraBps: here * gbps }, ...others];
  }
}

describe("smallestChange", () => {
  it("adds nothing to a demand that is met, or that asks for nothing", async () => {
    const snapshot = snapshotOf(triangle, [["a", "b", "elastic", 15e9]]);
    expect(await changeOf(snapshot, group("a", "b"))).toBeUndefined();
    expect(await changeOf(snapshot, group("b", "a"))).toBeUndefined();
  });

  it("adds to the one link of the short way, not to both of the long one", async () => {
    expect(await changeOf(snapshotOf(triangle, [["a", "b", "elastic", 27e9]]), group("a", "b"))).toEqual({
      kind: "capacity",
      additions: [{ linkId: "a-b", extraBps: 7e9 }],
      additionBps: 7e9,
      additionBpsMin: 7e9,
      additionsMin: [{ linkId: "a-b", extraBps: 7e9 }],
      admittedBps: 27e9,
      isEnough: true,
      sentence: "a>b/elastic: with 7 Gb/s more on a-b, all 27 Gb/s would be admitted.",
    });
  });

  it("moves others aside where that costs less than adding beside them", async () => {
    // a>c could go straight; it does so once a>b needs a-c, c-b.
    const snapshot = snapshotOf(triangle, [
      ["a", "b", "elastic", 22e9],
      ["a", "c", "elastic", 3e9],
    ]);
    const change = await changeOf(snapshot, group("a", "b"));
    expect(change?.additionBps).toBe(change?.additionBpsMin);
    // 25 Gb/s leave a over 20.
    expect(change).toMatchObject({ kind: "capacity", additionBps: 5e9, isEnough: true });
  });

  it("adds for those who would take it first", async () => {
    // Throughput is worth the same to both: what is added for a>c alone the two short demands may take.
    const line = { ...triangle, links: triangle.links.filter(({ id }) => id === "a-b" || id === "b-c") };
    const snapshot = snapshotOf(line, [
      ["a", "b", "elastic", 12e9],
      ["b", "c", "elastic", 12e9],
      ["a", "c", "elastic", 4e9],
    ]);
    const change = await changeOf(snapshot, group("a", "c"));
    expect(change).toMatchObject({ kind: "capacity", additionBpsMin: 8e9, isEnough: true });
    // All of all is 6 Gb/s more on either link.
    expect(change?.additionBps).toBeGreaterThan(8e9);
    expect(change?.additionBps).toBeLessThanOrEqual(12e9);
  });

  it("counts what the classes above take as taken", async () => {
    const snapshot = snapshotOf(triangle, [
      ["a", "b", "interactive", 8e9],
      ["a", "b", "bulk", 20e9],
    ]);
    expect(await changeOf(snapshot, group("a", "b", "bulk"))).toMatchObject({ additionBps: 8e9, additionBpsMin: 8e9, isEnough: true });
  });

  it("raises the latency bound, or brings up what is down, where no capacity helps", async () => {
    const bounded = snapshotOf(triangle, [["a", "b", "elastic", 1e9]], { tunnels: { kind: "k-shortest", k: 4, latencyMsMax: 0.5 } });
    expect(await changeOf(bounded, group("a", "b"))).toMatchObject({
      kind: "latency-bound",
      latencyMsMax: expect.closeTo(1, 6) as number,
      isEnough: true,
    });
    const cut = snapshotOf(
      {
        ...triangle,
        nodes: [{ id: "a" }, { id: "b" }, { id: "c", drain: "drained" }],
        links: triangle.links.map((item) => (item.id === "a-b" ? { ...item, operational: "down" as const } : item)),
      },
      [["a", "b", "elastic", 1e9]],
    );
    expect(await changeOf(cut, group("a", "b"))).toMatchObject({ kind: "restore", linkIds: ["a-b"], nodeIds: [], isEnough: true });
    const island = snapshotOf({ ...triangle, nodes: [...triangle.nodes, { id: "z" }] }, [["a", "z", "elastic", 1e9]]);
    expect(await changeOf(island, group("a", "z"))).toMatchObject({ kind: "none", isEnough: false });
  });

  it("finds an addition that is enough for a class that sets capacity aside for failures", async () => {
    const settings = {
      protection: {
        guarantee: { kind: "guaranteed" as const, failures: 1 },
        localRepair: "none" as const,
        scenarios: [],
        drains: [],
        failureProbability: 0.001,
      },
    };
    const snapshot = snapshotOf(triangle, [["a", "b", "elastic", 14e9]], settings);
    const change = await changeOf(snapshot, group("a", "b"));
    expect(change).toMatchObject({ kind: "capacity", isEnough: true });
    const again = await planOf(withCapacity(snapshot, change?.additions ?? []));
    expect(allottedOf(again, "a>b/elastic")).toBeGreaterThan(14e9 * (1 - 1e-5));
  });

  it(
    "is enough when planned again, and no smaller one exists with which nobody of its class loses: by brute force",
    { timeout: 240_000 },
    async () => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(
          arbitrarySnapshot({ nodesMax: 4, linksMax: 7, demandsMax: 4, allUsable: true }),
          fc.constantFrom<ObjectiveName>("max-throughput", "max-min-fair", "min-cost", "max-concurrent"),
          fc.nat(),
          async (base, objective, pick) => {
            // One class: brute force leaves no class above where it is.
            const demands = base.demands.demands.map((demand): Demand => ({ ...demand, trafficClass: "elastic" }));
            const byId = new Map(demands.map((demand) => [flowGroupId(demand), demand]));
            const snapshot: Snapshot = {
              ...base,
              demands: { ...base.demands, demands: [...byId.values()] },
              settings: { ...base.settings, objective },
            };
            const hash = canonicalHash(snapshot);
            const plan = await planOf(snapshot);
            const asked = [...byId.values()].filter(({ rateBps }) => rateBps > 0);
            const demand = asked[pick % Math.max(1, asked.length)];
            if (demand === undefined) return;
            const change = value(await smallestChange(snapshot, plan, demand, options()));
            expect(canonicalHash(snapshot)).toBe(hash);
            if (change?.kind !== "capacity") return;
            expect(change.isEnough).toBe(true);
            const again = await planOf(withCapacity(snapshot, change.additions));
            expect(allottedOf(again, flowGroupId(demand))).toBeGreaterThanOrEqual(demand.rateBps * (1 - 1e-5));
            const { additionBpsMin = Number.NaN } = change;
            // Additions are rounded up to kb/s link by link.
            expect(change.additionBps).toBeGreaterThanOrEqual(additionBpsMin - 1e4);
            // No way to add less, in whole Gb/s, does it without a loss for another one.
            const links = snapshot.topology.links.map(({ id }) => id);
            for (let total = 0; total < Math.min(3, additionBpsMin / gbps - 1e-6); total++) {
              for (const additions of waysToAdd(links, total)) {
                const tried = await planOf(withCapacity(snapshot, additions));
                const losers = asked.filter((one) => allottedOf(tried, flowGroupId(one)) < allottedOf(plan, flowGroupId(one)) * (1 - 1e-6));
                const isMet = allottedOf(tried, flowGroupId(demand)) >= demand.rateBps * (1 - 1e-6);
                expect({ additions, isMet: isMet && losers.length === 0 }).toEqual({ additions, isMet: false });
                compared += 1;
              }
            }
          },
        ),
        { numRuns: 60, seed: 20261121 },
      );
      expect(compared).toBeGreaterThan(100);
    },
  );
});
