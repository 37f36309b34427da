import { assert as invariant, classMarking, toId, trafficClasses, type LinkId, type NodeId, type Rule, type RuleSet } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitraryNetwork } from "./arbitrary.js";
import { diamond, diamondPlan, gbps, group } from "./diamond.js";
import { counterIncrements, forwardFluid, switchesOf, type FluidReport, type OfferedTraffic } from "./fluid.js";
import { rulesOfPlans } from "./rules-of-plans.js";
import { walkRules } from "./walk.js";

function offer(src: string, dst: string, trafficClass: OfferedTraffic["trafficClass"], rateGbps: number): OfferedTraffic {
  return { src: toId(src), dst: toId(dst), trafficClass, rateBps: rateGbps * gbps };
}

function inGbps({ flows }: FluidReport): readonly (readonly number[])[] {
  const round = (bps: number) => Math.round((bps / gbps) * 1e6) / 1e6;
  return flows.map((flow) => [flow.deliveredBps, flow.policedBps, flow.queueDroppedBps, flow.blackholedBps, flow.lostBps].map(round));
}

const plan = diamondPlan(group("interactive", 6, { abd: 2, acd: 1 }), group("bulk", 3, { abcd: 1 }));
const [rules] = rulesOfPlans(diamond(), [plan]);
invariant(rules !== undefined, "compiled");
const switches = switchesOf(rules);
const traffic = [offer("a", "d", "interactive", 9), offer("a", "d", "bulk", 2), offer("b", "a", "bulk", 1)];

describe("forwardFluid", () => {
  it("polices at the meter, splits by weight, and finds no rule where there is none", () => {
    const report = forwardFluid({ topology: diamond(), switches, offered: traffic });
    expect(inGbps(report)).toEqual([
      [6, 3, 0, 0, 0],
      [2, 0, 0, 0, 0],
      [0, 0, 0, 1, 0],
    ]);
    const ab = report.links.find(({ linkId }) => linkId === "ab");
    expect(ab?.carriedBpsByClass).toEqual({ interactive: 4 * gbps, elastic: 0, bulk: 2 * gbps });
  });

  it("serves classes by strict priority and drops the lower one", () => {
    const report = forwardFluid({ topology: diamond({ capacityGbps: { ab: 5 } }), switches, offered: traffic });
    expect(inGbps(report)[0]).toEqual([6, 3, 0, 0, 0]);
    expect(inGbps(report)[1]).toEqual([1, 0, 1, 0, 0]);
  });

  it("drops within a class in proportion, and what is dropped upstream does not arrive downstream", () => {
    const twoFlows = diamondPlan(group("bulk", 6, { abd: 1 }), group("bulk", 3, { bd: 1 }));
    const topology = diamond({ capacityGbps: { ab: 3, bd: 4 } });
    const [compiled] = rulesOfPlans(topology, [twoFlows]);
    const offered = [offer("a", "d", "bulk", 6), offer("b", "d", "bulk", 3)];
    const report = forwardFluid({ topology, switches: switchesOf(compiled ?? new Map()), offered });
    // 3 of 6 pass ab; then 3 + 3 share the 4 of bd.
    expect(inGbps(report)).toEqual([
      [2, 0, 4, 0, 0],
      [2, 0, 1, 0, 0],
    ]);
    expect(report.links.find(({ linkId }) => linkId === "bd")?.droppedBps).toBeCloseTo(2 * gbps, 0);
  });

  it("gives lower classes what the higher ones leave after their own loss", () => {
    const topology = diamond({ capacityGbps: { ab: 3, bd: 5 } });
    const [compiled] = rulesOfPlans(topology, [diamondPlan(group("interactive", 6, { abd: 1 }), group("bulk", 4, { bd: 1 }))]);
    const offered = [offer("a", "d", "interactive", 6), offer("b", "d", "bulk", 4)];
    const report = forwardFluid({ topology, switches: switchesOf(compiled ?? new Map()), offered });
    // Only 3 of the 6 reach bd, so 2 are left there.
    expect(inGbps(report)).toEqual([
      [3, 0, 3, 0, 0],
      [2, 0, 2, 0, 0],
    ]);
  });

  it("settles where loss runs in a circle", () => {
    // Each of the three flows takes two of the three links ab, bc, ca: every link's arrivals hang on the loss of the one before.
    const ring = diamondPlan(group("bulk", 8, { abc: 1 }), group("bulk", 8, { bca: 1 }), group("bulk", 8, { cab: 1 }));
    const [compiled] = rulesOfPlans(diamond(), [ring]);
    const offered = [offer("a", "c", "bulk", 8), offer("b", "a", "bulk", 8), offer("c", "b", "bulk", 8)];
    const report = forwardFluid({ topology: diamond(), switches: switchesOf(compiled ?? new Map()), offered });
    expect(report.isSettled).toBe(true);
    // By symmetry p = 10 / (8 + 8 p), so p = (sqrt(6) - 1) / 2 and each gets 8 p^2.
    const share = (Math.sqrt(6) - 1) / 2;
    for (const flow of report.flows) expect(flow.deliveredBps / gbps).toBeCloseTo(8 * share * share, 9);
  });

  it("loses traffic at links that are down, by the topology or by what the switch sees", () => {
    const expected = [4, 3, 0, 0, 2];
    expect(inGbps(forwardFluid({ topology: diamond({ down: ["cd"] }), switches, offered: traffic }))[0]).toEqual(expected);
    const report = forwardFluid({ topology: diamond(), switches, offered: traffic, isLinkUp: (id) => id !== "cd" });
    expect(inGbps(report)[0]).toEqual(expected);
    expect(inGbps(report)[1]).toEqual([0, 0, 0, 0, 2]);
    expect(report.links.find(({ linkId }) => linkId === "cd")?.lostBps).toBeCloseTo(4 * gbps, 0);
  });

  it("counts loops and wrong deliveries as blackholed", () => {
    const label = [...(rules.get(toId<NodeId>("b"))?.keys() ?? [])].sort();
    const spoilt = (action: Extract<Rule, { kind: "label" }>["action"]): RuleSet =>
      new Map([
        ...rules,
        [toId<NodeId>("b"), new Map(label.map((key) => [key, { kind: "label", match: { label: Number(key.slice(6)) }, action } as const]))],
      ]);
    for (const action of [{ kind: "pop-deliver" } as const, { kind: "output", link: toId<LinkId>("ba") } as const]) {
      const report = forwardFluid({ topology: diamond(), switches: switchesOf(spoilt(action)), offered: traffic });
      expect(inGbps(report).slice(0, 2)).toEqual([
        [2, 3, 0, 4, 0],
        [0, 0, 0, 2, 0],
      ]);
    }
  });

  it("gives agents their counters in bytes", () => {
    const report = forwardFluid({ topology: diamond({ capacityGbps: { ab: 5 } }), switches, offered: traffic });
    const counters = counterIncrements(report, { nodeId: toId("a"), seconds: 8 });
    expect(counters.groups).toEqual([
      { groupId: 1, offeredBytes: 9 * gbps, admittedBytes: 6 * gbps },
      { groupId: 2, offeredBytes: 2 * gbps, admittedBytes: 2 * gbps },
    ]);
    expect(counters.links.find(({ linkId }) => linkId === "ab")).toEqual({ linkId: "ab", transmittedBytes: 5 * gbps, droppedBytes: gbps });
  });

  const offers = fc.array(
    fc.record({ pair: fc.nat(), trafficClass: fc.constantFrom(...trafficClasses), kbps: fc.integer({ min: 0, max: 300_000 }) }),
    {
      maxLength: 12,
    },
  );

  it("conserves traffic and never overfills a link, whatever is offered, down or missing", () => {
    let dropping = 0;
    fc.assert(
      fc.property(
        arbitraryNetwork({ plans: 2 }),
        offers,
        fc.array(fc.nat()),
        fc.array(fc.nat(), { maxLength: 3 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        ({ topology, plans }, choices, down, holes, narrow) => {
          const [set] = rulesOfPlans(topology, plans);
          invariant(set !== undefined, "compiled");
          const harmed = new Map([...set].map(([id, ofNode]) => [id, new Map(ofNode)]));
          for (const hole of holes) {
            const labels = [...harmed].flatMap(([id, ofNode]) =>
              [...ofNode.keys()].filter((key) => key.startsWith("label/")).map((key) => ({ id, key })),
            );
            const hit = labels[hole % Math.max(1, labels.length)];
            if (hit !== undefined) harmed.get(hit.id)?.delete(hit.key);
          }
          const offered = choices.flatMap(({ pair, trafficClass, kbps }) => {
            const src = topology.nodes[pair % topology.nodes.length];
            const dst = topology.nodes[(pair + 1 + (pair % (topology.nodes.length - 1))) % topology.nodes.length];
            return src === undefined || dst === undefined ? [] : [{ src: src.id, dst: dst.id, trafficClass, rateBps: kbps * 1000 }];
          });
          const planned = plans[0]?.groups.map((each) => ({ ...each, rateBps: each.admittedBps * 1.5 })) ?? [];
          const downIds = new Set(down.map((i) => topology.links[i % topology.links.length]?.id));
          const narrowed = { ...topology, links: topology.links.map((link) => ({ ...link, capacityBps: link.capacityBps * narrow })) };
          const report = forwardFluid({
            topology: narrowed,
            switches: switchesOf(harmed),
            offered: [...offered, ...planned],
            isLinkUp: (id) => !downIds.has(id),
          });
          for (const flow of report.flows) {
            const parts = [flow.deliveredBps, flow.policedBps, flow.queueDroppedBps, flow.blackholedBps, flow.lostBps];
            expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
            const sum = parts.reduce((total, part) => total + part, 0);
            expect(Math.abs(sum - flow.offeredBps)).toBeLessThanOrEqual(flow.offeredBps * 1e-9);
          }
          for (const link of report.links) expect(link.carriedBps).toBeLessThanOrEqual(link.capacityBps * (1 + 1e-9));
          const dropped = report.links.reduce((sum, { droppedBps }) => sum + droppedBps, 0);
          const lost = report.links.reduce((sum, { lostBps }) => sum + lostBps, 0);
          expect(report.flows.reduce((sum, { queueDroppedBps }) => sum + queueDroppedBps, 0)).toBeCloseTo(dropped, 0);
          expect(report.flows.reduce((sum, flow) => sum + flow.lostBps, 0)).toBeCloseTo(lost, 0);
          expect(report.isSettled).toBe(true);
          if (dropped > 0) dropping += 1;
        },
      ),
      { numRuns: 300 },
    );
    expect(dropping).toBeGreaterThan(50);
  });

  it("carries what the packet walk predicts when every meter is full", () => {
    fc.assert(
      fc.property(arbitraryNetwork({ plans: 1 }), ({ topology, plans }) => {
        const [set] = rulesOfPlans(topology, plans);
        invariant(set !== undefined, "compiled");
        const offered = plans[0]?.groups.map((each) => ({ ...each, rateBps: each.admittedBps * 2 })) ?? [];
        const report = forwardFluid({ topology, switches: switchesOf(set), offered });
        const walk = walkRules(topology, set);
        const carried = report.links
          .filter(({ carriedBps }) => carriedBps > 0)
          .map(({ linkId, carriedBps }) => [linkId, Math.round(carriedBps)]);
        expect(carried).toEqual(walk.linkLoads.map(({ linkId, loadBps }) => [linkId, Math.round(loadBps)]));
        expect(classMarking.interactive.mplsTc).toBeGreaterThan(classMarking.bulk.mplsTc);
      }),
      { numRuns: 100 },
    );
  });
});
