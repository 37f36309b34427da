import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalHash, type FlowGroup, type LinkId, type ObjectiveName, type Plan, type Snapshot } from "@sluice/model";
import { explainDemand } from "./explain-demand.js";
import { explainLink, measureLinkGain } from "./explain-link.js";
import { rateText } from "./rate-text.js";
import { options, planOf } from "./testing/planning.js";
import { snapshotOf, triangle } from "./testing/snapshot.js";
import { arbitrarySnapshot } from "./testing/small-network.js";

function group(src: string, dst: string, trafficClass: FlowGroup["trafficClass"] = "elastic"): FlowGroup {
  return { src: src as never, dst: dst as never, trafficClass };
}

function link(id: string): LinkId {
  return id as LinkId;
}

describe("explainDemand", () => {
  it("says that a demand is met, and on which tunnels", async () => {
    const snapshot = snapshotOf(triangle, [["a", "b", "elastic", 15e9]]);
    const explained = explainDemand(snapshot, await planOf(snapshot), group("a", "b"));
    expect(explained).toMatchObject({ reason: "met", rejectedShare: 0, sentence: "a>b/elastic: all 15 Gb/s admitted." });
    expect(explained.tunnels.map((tunnel) => tunnel.rateBps).reduce((a, b) => a + b)).toBeCloseTo(15e9, 0);
  });

  it("names the links that bind a demand, with their prices", async () => {
    const snapshot = snapshotOf(triangle, [["a", "b", "elastic", 30e9]]);
    const explained = explainDemand(snapshot, await planOf(snapshot), group("a", "b"));
    expect(explained.reason).toBe("capacity");
    expect(explained.rejectedShare).toBeCloseTo(1 / 3, 6);
    expect(explained.sentence).toMatch(/^a>b\/elastic: 20 Gb\/s of 30 Gb\/s admitted: its 2 tunnels are bound by a-b, (a-c|c-b)\.$/);
    for (const tunnel of explained.tunnels) {
      expect(tunnel.price).toBeCloseTo(1, 6);
      expect(tunnel.bottleneck.spareBps).toBeLessThan(1e4);
    }
  });

  it("says why there is no tunnel", async () => {
    const bounded = snapshotOf(triangle, [["a", "b", "elastic", 1e9]], { tunnels: { kind: "k-shortest", k: 4, latencyMsMax: 0.5 } });
    expect(explainDemand(bounded, await planOf(bounded), group("a", "b"))).toMatchObject({
      reason: "latency-bound",
      sentence: "a>b/elastic: no path keeps the latency bound of 0.5 ms.",
    });

    const cut = snapshotOf(
      {
        ...triangle,
        nodes: [{ id: "a" }, { id: "b" }, { id: "c", drain: "drained" }],
        links: triangle.links.map((item) => (item.id === "a-b" ? { ...item, operational: "down" as const } : item)),
      },
      [["a", "b", "elastic", 1e9]],
    );
    expect(explainDemand(cut, await planOf(cut), group("a", "b"))).toMatchObject({
      reason: "drained-or-down",
      unusable: ["link a-b is down"],
    });

    const island = snapshotOf({ ...triangle, nodes: [...triangle.nodes, { id: "z" }] }, [["a", "z", "elastic", 1e9]]);
    const plan = await planOf(island);
    expect(explainDemand(island, plan, group("a", "z"))).toMatchObject({ reason: "disconnected", rejectedShare: 1 });
    expect(explainDemand(island, plan, group("a", "b"))).toMatchObject({ reason: "no-demand" });
  });

  it("names rounding where rounding is what costs", async () => {
    const uneven = { ...triangle, links: triangle.links.map((item) => (item.id === "a-b" ? { ...item, capacityBps: 7.3e9 } : item)) };
    const snapshot = snapshotOf(uneven, [["a", "b", "elastic", 17.3e9]], { splitWeightSumMax: 2 });
    expect(explainDemand(snapshot, await planOf(snapshot), group("a", "b"))).toMatchObject({ reason: "quantization" });
  });
});

describe("explainLink", () => {
  const snapshot = snapshotOf(triangle, [["a", "b", "elastic", 27e9]]);

  it("gives the shadow price in words, and solving again agrees within its range", async () => {
    const plan = await planOf(snapshot);
    const explained = explainLink(snapshot, plan, link("a-b"), 5e9);
    expect(explained.sentence).toBe(
      "a-b carries 10 Gb/s of 10 Gb/s (100.0 %). 5 Gb/s more on a-b would admit at most 5 Gb/s more of elastic.",
    );
    const gain = await measureLinkGain(snapshot, plan, { linkId: link("a-b"), extraBps: 5e9 }, options());
    expect(gain).toMatchObject({ ok: true, value: { sentence: "5 Gb/s more on a-b would admit 5 Gb/s more." } });
    // Beyond the 7 Gb/s that are refused now, solving again is what tells.
    const wide = await measureLinkGain(snapshot, plan, { linkId: link("a-b"), extraBps: 10e9 }, options());
    expect(wide).toMatchObject({ ok: true, value: { sentence: "10 Gb/s more on a-b would admit 7 Gb/s more." } });
    const idle = await measureLinkGain(snapshot, plan, { linkId: link("b-a"), extraBps: 10e9 }, options());
    expect(idle).toMatchObject({ ok: true, value: { sentence: "10 Gb/s more on b-a would admit nothing more." } });
    expect(explainLink(snapshot, plan, link("b-a")).sentence).toContain("More capacity on b-a would admit no more of any class.");
    expect(await measureLinkGain(snapshot, plan, { linkId: link("z"), extraBps: 1 }, options())).toMatchObject({
      ok: false,
      faults: [{ code: "not-found" }],
    });
  });

  it("never promises less than solving again gives, for any objective, link and amount", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitrarySnapshot({ demandsMax: 6 }),
        fc.constantFrom<ObjectiveName>("max-throughput", "min-cost", "min-max-utilization", "max-concurrent"),
        fc.nat(),
        fc.integer({ min: 1, max: 20 }),
        async (base, objective, pick, extra) => {
          // One class: prices speak of one class, with those above it where they are.
          const demands = base.demands.demands.filter((demand) => demand.trafficClass === "interactive");
          const one: Snapshot = { ...base, demands: { ...base.demands, demands }, settings: { ...base.settings, objective } };
          const { links } = one.topology;
          const chosen = links[pick % Math.max(1, links.length)];
          if (chosen === undefined) return;
          const plan: Plan = await planOf(one);
          const price = explainLink(one, plan, chosen.id, extra * 1e9).classes[0];
          // Zero capacity counts as no link at all in bounds: what adding some gives, prices cannot tell, and do not.
          expect(price?.price === undefined).toBe(chosen.capacityBps === 0 && (plan.classes[0]?.demandBps ?? 0) > 0);
          if (price?.price === undefined) return;
          const gain = await measureLinkGain(one, plan, { linkId: chosen.id, extraBps: extra * 1e9 }, options());
          const { before = 0, after = 0 } = gain.ok ? (gain.value.objectives[0] ?? {}) : {};
          const improvement = plan.classes[0]?.certificate.sense === "maximize" ? after - before : before - after;
          expect(improvement).toBeLessThanOrEqual((price.gainMax ?? Number.NaN) + 1e-5 * Math.max(Math.abs(before), Math.abs(after)));
        },
      ),
      { numRuns: 150 },
    );
  });

  it("leaves the plan's input as it was", async () => {
    const before = canonicalHash(snapshot);
    await measureLinkGain(snapshot, await planOf(snapshot), { linkId: link("a-b"), extraBps: 1e9 }, options());
    expect(canonicalHash(snapshot)).toBe(before);
  });
});

describe("rateText", () => {
  it.each([
    [7.3e9, "7.3 Gb/s"],
    [1.23456e12, "1.23 Tb/s"],
    [950e3, "950 kb/s"],
    [12, "12 b/s"],
    [0, "0 b/s"],
  ])("%d is %s", (bps, text) => {
    expect(rateText(bps)).toBe(text);
  });
});
