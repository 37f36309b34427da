/** Fluid traffic where ports are dead, and where switches do not know it yet. */
import {
  assert as invariant,
  failureScenarios,
  pairScenario,
  toId,
  trafficClasses,
  type LinkId,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { withBypasses } from "./bypass-rules.js";
import { diamond, diamondPlan, gbps, group } from "./diamond.js";
import { forwardFluid, switchesOf, type FluidReport, type OfferedTraffic } from "./fluid.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { failureWalker } from "./walk-failures.js";

const bypasses = fc.record({ avoidNodes: fc.boolean(), pick: fc.nat({ max: 7 }) });

function compiled(topology: Topology, plans: Parameters<typeof rulesOfPlans>[1]): RuleSet {
  const [rules] = rulesOfPlans(topology, plans);
  invariant(rules !== undefined, "compiled");
  return rules;
}

function expectConserved(report: FluidReport): void {
  for (const flow of report.flows) {
    const parts = [flow.deliveredBps, flow.policedBps, flow.queueDroppedBps, flow.blackholedBps, flow.lostBps];
    expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
    const sum = parts.reduce((total, part) => total + part, 0);
    expect(Math.abs(sum - flow.offeredBps)).toBeLessThanOrEqual(flow.offeredBps * 1e-9);
  }
  for (const link of report.links) expect(link.carriedBps).toBeLessThanOrEqual(link.capacityBps * (1 + 1e-9));
  const lost = report.links.reduce((sum, { lostBps }) => sum + lostBps, 0);
  expect(report.flows.reduce((sum, flow) => sum + flow.lostBps, 0)).toBeCloseTo(lost, 0);
  expect(report.isSettled).toBe(true);
}

describe("forwardFluid with failover groups", () => {
  const topology = diamond();
  const { rules } = withBypasses(topology, compiled(topology, [diamondPlan(group("interactive", 6, { abd: 1 }))]), {
    avoidNodes: false,
    pick: 0,
  });
  const switches = switchesOf(rules);
  const offered: OfferedTraffic[] = [{ src: toId("a"), dst: toId("d"), trafficClass: "interactive", rateBps: 6 * gbps }];
  const isLinkUp = (id: LinkId): boolean => id !== "bd";
  const carried = ({ links }: FluidReport): readonly unknown[] =>
    links.filter(({ carriedBps }) => carriedBps > 0).map(({ linkId, carriedBps }) => [linkId, carriedBps / gbps]);

  it("loses traffic at a dead link until the switch notices, and then goes around it", () => {
    const unnoticed = forwardFluid({ topology, switches, offered, isLinkUp, isPortLive: () => true });
    expect(unnoticed.flows[0]).toMatchObject({ lostBps: 6 * gbps, deliveredBps: 0 });
    expect(unnoticed.links.find(({ linkId }) => linkId === "bd")?.lostBps).toBe(6 * gbps);
    const noticed = forwardFluid({ topology, switches, offered, isLinkUp });
    expect(noticed.flows[0]).toMatchObject({ lostBps: 0, deliveredBps: 6 * gbps });
    expect(carried(noticed)).toEqual([
      ["ab", 6],
      ["ac", 6],
      ["ba", 6],
      ["cd", 6],
    ]);
    const recovered = forwardFluid({ topology, switches, offered, isPortLive: isLinkUp });
    expect(carried(recovered)).toEqual(carried(noticed));
  });

  it("drops what a failover group knows no live port for, at the protected link", () => {
    const none = forwardFluid({ topology, switches, offered, isPortLive: (id) => id !== "bd" && id !== "ba" });
    expect(none.links.find(({ linkId }) => linkId === "bd")?.lostBps).toBe(6 * gbps);
  });

  it("serves a link twice where a repaired way passes it twice", () => {
    // From a over b and c to d: around cd by c-a-b-d, so that ab carries what arrives and what came back.
    const plan = diamondPlan(group("bulk", 8, { abcd: 1 }));
    const set = withBypasses(topology, compiled(topology, [plan]), { avoidNodes: false, pick: 0 }).rules;
    const report = forwardFluid({
      topology,
      switches: switchesOf(set),
      offered: [{ src: toId("a"), dst: toId("d"), trafficClass: "bulk", rateBps: 8 * gbps }],
      isLinkUp: (id) => id !== "cd",
    });
    expectConserved(report);
    // A share p passes ab each time: 8 p + 8 p^2 = 10.
    const share = (Math.sqrt(6) - 1) / 2;
    expect((report.flows[0]?.deliveredBps ?? 0) / gbps).toBeCloseTo(8 * share * share, 9);
    expect((report.links.find(({ linkId }) => linkId === "ab")?.carriedBps ?? 0) / gbps).toBeCloseTo(10, 9);
  });

  it("conserves traffic and never overfills a link, whatever is down and whatever switches believe", () => {
    let [dropping, losing, doubling] = [0, 0, 0];
    fc.assert(
      fc.property(
        arbitraryNetwork({ plans: 1 }),
        bypasses,
        fc.array(fc.nat(), { maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 4 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (network, choice, down, dead, narrow) => {
          const { rules: set } = withBypasses(network.topology, compiled(network.topology, network.plans), choice);
          const idsOf = (which: readonly number[]) =>
            new Set(which.map((i) => network.topology.links[i % network.topology.links.length]?.id));
          const [downIds, deadIds] = [idsOf(down), idsOf(dead)];
          const narrowed = {
            ...network.topology,
            links: network.topology.links.map((link) => ({ ...link, capacityBps: link.capacityBps * narrow })),
          };
          const report = forwardFluid({
            topology: narrowed,
            switches: switchesOf(set),
            offered: network.plans[0]?.groups.map((each) => ({ ...each, rateBps: each.admittedBps * 1.5 })) ?? [],
            isLinkUp: (id) => !downIds.has(id),
            isPortLive: (id) => !deadIds.has(id),
          });
          expectConserved(report);
          expect(report.flows.every(({ blackholedBps }) => blackholedBps === 0)).toBe(true);
          for (const link of report.links) expect(downIds.has(link.linkId) && link.carriedBps > 0).toBe(false);
          dropping += report.links.some(({ droppedBps }) => droppedBps > 0) ? 1 : 0;
          losing += report.links.some(({ lostBps }) => lostBps > 0) ? 1 : 0;
          doubling += report.links.some(({ droppedBps, linkId }) => droppedBps > 0 && deadIds.size > 0 && !deadIds.has(linkId)) ? 1 : 0;
        },
      ),
      { numRuns: 400 },
    );
    for (const count of [dropping, losing, doubling]) expect(count).toBeGreaterThan(30);
  });

  it("is what the failure walk says, where links are wide and switches know the truth", () => {
    let repaired = 0;
    fc.assert(
      fc.property(arbitraryNetwork({ plans: 1, nodesMax: 5 }), bypasses, (network, choice) => {
        const { rules: set } = withBypasses(network.topology, compiled(network.topology, network.plans), choice);
        const wide = { ...network.topology, links: network.topology.links.map((link) => ({ ...link, capacityBps: 2 ** 50 })) };
        const walker = failureWalker(network.topology, set);
        const tables = switchesOf(set);
        const all = failureScenarios(network.topology, ["link", "node"]);
        for (const scenario of [...all, ...all.slice(1).map((each) => pairScenario(each, all[0] ?? each))]) {
          const gone = new Set<LinkId>(scenario.linkIds);
          const walk = walker.walk(scenario);
          const report = forwardFluid({
            topology: wide,
            switches: tables,
            offered: network.plans[0]?.groups.map((each) => ({ ...each, rateBps: each.admittedBps * 2 })) ?? [],
            isLinkUp: (id) => !gone.has(id),
          });
          const loads = report.links
            .filter(({ carriedBps }) => carriedBps > 0)
            .map(({ linkId, carriedBps }) => [linkId, Math.round(carriedBps)]);
          expect(loads).toEqual(walk.linkLoads.map(({ linkId, loadBps }) => [linkId, Math.round(loadBps)]));
          for (const name of trafficClasses) {
            const of = report.flows.filter(({ trafficClass }) => trafficClass === name);
            expect(of.reduce((sum, { deliveredBps }) => sum + deliveredBps, 0)).toBeCloseTo(walk.deliveredBps[name], 2);
            expect(of.reduce((sum, { lostBps }) => sum + lostBps, 0)).toBeCloseTo(walk.lostBps[name] + walk.endsLostBps[name], 2);
          }
          if (walk.repairedBps > 0) repaired += 1;
        }
      }),
      { numRuns: 100 },
    );
    expect(repaired).toBeGreaterThan(100);
  });
});
