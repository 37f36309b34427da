/** What REST tells about failures, against the plan and the topology themselves. */
import { assert, cablesOf, pathNodes, toId, type LinkId, type Path } from "@sluice/model";
import type { PublishedEvent } from "@sluice/control";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildRest } from "./server.js";
import { planInForce, type Fixture } from "./testing/plan-in-force.js";

let fixture: Fixture;
let app: FastifyInstance;
beforeAll(async () => {
  fixture = await planInForce();
  app = await buildRest(fixture.deps);
});
afterEach(() => fixture.show(fixture.full));
afterAll(async () => app.close());

async function get<T>(url: string): Promise<T> {
  const response = await app.inject(url);
  expect([url, response.statusCode]).toEqual([url, 200]);
  return response.json<T>();
}

interface Bypass {
  readonly id: string;
  readonly protects: string;
  readonly path: readonly string[];
  readonly latencyMs: number;
  readonly sharedSrlgIds: readonly string[];
}
interface Backup {
  readonly tunnelId: string;
  readonly src: string;
  readonly dst: string;
  readonly backupId: string;
  readonly path: readonly string[];
  readonly latencyMs: number;
  readonly disjointness: string;
  readonly sharedLinkIds: readonly string[];
}

function topology() {
  const { topology: there } = fixture.full;
  assert(there !== undefined, "the full view has a topology");
  return there;
}

describe("protection over REST", () => {
  it("shows bypasses that lead around their links, all and by link", async () => {
    const { epoch, total, items } = await get<{ epoch: number; total: number; items: Bypass[] }>("/v1/protection/bypasses");
    expect([epoch, total]).toEqual([3, items.length]);
    expect(items.length).toBeGreaterThan(0);
    for (const { protects, path, latencyMs } of items) {
      const link = topology().linkById.get(toId<LinkId>(protects));
      const nodes = pathNodes(topology(), path as Path);
      expect([nodes[0], nodes.at(-1)]).toEqual([link?.from, link?.to]);
      expect(path).not.toContain(protects);
      expect(latencyMs).toBe(5 * path.length);
    }
    const one = await get<{ total: number; items: Bypass[] }>(`/v1/protection/bypasses?link=${items[0]?.protects}`);
    expect(one.items).toEqual(items.filter(({ protects }) => protects === items[0]?.protects));
    expect(await get<object>("/v1/protection/bypasses?link=no-such")).toEqual({ epoch: 3, total: 0, items: [] });
  });

  it("shows backups that join the ends of their tunnels, and truly share what they are said to", async () => {
    const { items } = await get<{ items: Backup[] }>("/v1/protection/backups");
    const { items: tunnels } = await get<{ items: { id: string; src: string; dst: string; path: string[] }[] }>("/v1/tunnels");
    expect(items.length).toBeGreaterThan(0);
    for (const { tunnelId, src, dst, path, latencyMs, disjointness, sharedLinkIds } of items) {
      const tunnel = tunnels.find(({ id }) => id === tunnelId);
      const nodes = pathNodes(topology(), path as Path);
      expect([tunnel?.src, tunnel?.dst, nodes[0], nodes.at(-1)]).toEqual([src, dst, src, dst]);
      expect(latencyMs).toBe(5 * path.length);
      const cableOf = new Map<string, string>(cablesOf(topology()).flatMap(({ id, linkIds }) => linkIds.map((linkId) => [linkId, id])));
      const used = new Set(path.map((id) => cableOf.get(id)));
      expect(sharedLinkIds).toEqual(tunnel?.path.filter((id) => used.has(cableOf.get(id))).sort());
      expect(disjointness === "partial" || sharedLinkIds.length === 0).toBe(true);
    }
    const [first] = items;
    const ofPair = await get<{ items: Backup[] }>(`/v1/protection/backups?src=${encodeURIComponent(first?.src ?? "")}`);
    expect(ofPair.items).toEqual(items.filter(({ src }) => src === first?.src));
  });

  it("shows for each failure what its split changes and what it gives up", async () => {
    interface Scenario {
      readonly scenarioId: string;
      readonly kind: string;
      readonly linkIds: readonly string[];
      readonly active: boolean;
      readonly crowded: boolean;
      readonly groupCount: number;
      readonly ingresses: number;
      readonly lostBps: Readonly<Record<string, number>>;
    }
    interface Split extends Omit<Scenario, "groupCount"> {
      readonly epoch: number;
      readonly groups: readonly {
        readonly src: string;
        readonly dst: string;
        readonly trafficClass: string;
        readonly plannedBps: number;
        readonly admittedBps: number;
        readonly members: readonly {
          readonly tunnelId: string;
          readonly path: readonly string[];
          readonly weight: number;
          readonly backup: boolean;
        }[];
      }[];
    }
    const { epoch, items, refused } = await get<{ epoch: number; items: Scenario[]; refused: { scenarioId: string; fault: object }[] }>(
      "/v1/protection/scenarios",
    );
    expect(epoch).toBe(3);
    expect(items.map(({ scenarioId }) => scenarioId)).toEqual(items.map(({ scenarioId }) => scenarioId).sort());
    expect(items.map(({ scenarioId }) => scenarioId)).toEqual(
      expect.arrayContaining(["link:a-b", "link:a-c", "link:b-c", "link:c-x>y/z", "node:a", "node:x>y/z"]),
    );
    expect(items.filter(({ active }) => active).map(({ scenarioId }) => scenarioId)).toEqual(["link:a-b"]);
    expect(items.filter(({ crowded }) => crowded).map(({ scenarioId }) => scenarioId)).toEqual(["link:a-b"]);
    expect(refused).toMatchObject([{ scenarioId: "drain:everything", fault: { code: "walk-failed" } }]);
    const { items: ofNodes } = await get<{ items: Scenario[] }>("/v1/protection/scenarios?kind=node");
    expect(ofNodes).toEqual(items.filter(({ kind }) => kind === "node"));

    const { items: tunnels } = await get<{ items: { id: string; path: string[] }[] }>("/v1/tunnels");
    let backups = 0;
    for (const { groupCount, ...scenario } of items) {
      const { epoch: of, groups, ...rest } = await get<Split>(`/v1/protection/split?scenario=${encodeURIComponent(scenario.scenarioId)}`);
      expect([of, rest, groups.length]).toEqual([3, scenario, groupCount]);
      expect(new Set(groups.map(({ src }) => src)).size).toBe(scenario.ingresses);
      for (const { plannedBps, admittedBps, members } of groups) {
        expect(admittedBps).toBeLessThanOrEqual(plannedBps);
        for (const { tunnelId, path, backup } of members) {
          // A group that nothing is left for keeps its members, and is admitted nothing.
          const dead = admittedBps === 0 ? [] : path.filter((linkId) => scenario.linkIds.includes(linkId));
          expect(dead).toEqual([]);
          expect(tunnels.some(({ id }) => id === tunnelId)).toBe(!backup);
          expect(path.length).toBeGreaterThan(0);
          if (backup) backups += 1;
        }
      }
    }
    expect(backups).toBeGreaterThan(0);
    // The bridge: nothing that its ingress can do would help.
    const bridge = items.find(({ scenarioId }) => scenarioId === "link:c-x>y/z");
    expect(bridge?.lostBps["elastic"]).toBeCloseTo(5e8, -6);
  });

  it("says why there is no split", async () => {
    const unknown = await app.inject("/v1/protection/split?scenario=link:no-such");
    expect(unknown.json()).toMatchObject({ code: "not-found", detail: "Nothing is prepared for a scenario link:no-such." });
    const refused = await app.inject("/v1/protection/split?scenario=drain:everything");
    expect(refused.json<{ detail: string }>().detail).toContain("Link a-b is over its capacity.");
  });

  it("sums up, and says which links and tunnels nothing stands in for", async () => {
    const summary = await get<{
      epoch: number;
      settings: object;
      bypasses: { total: number; linksWithout: string[] };
      backups: { total: number; byDisjointness: Record<string, number>; tunnelsWithout: number };
      scenarios: object;
      active: object;
      linksDamped: object[];
      frozen: object;
    }>("/v1/protection");
    const { items: bypasses } = await get<{ items: Bypass[] }>("/v1/protection/bypasses");
    const { items: backups } = await get<{ items: Backup[] }>("/v1/protection/backups");
    const { items: tunnels } = await get<{ items: { id: string; path: string[] }[] }>("/v1/tunnels");
    expect([summary.epoch, summary.bypasses.total, summary.backups.total]).toEqual([3, bypasses.length, backups.length]);
    expect(summary.settings).toEqual(fixture.full.settings.protection);
    // The cable to x>y/z is a bridge.
    expect(summary.bypasses.linksWithout).toEqual(tunnels.some(({ path }) => path.includes("x>y/z-c")) ? ["x>y/z-c"] : []);
    expect(summary.bypasses.linksWithout).not.toEqual([]);
    expect(Object.values(summary.backups.byDisjointness).reduce((a, b) => a + b, 0)).toBe(backups.length);
    expect(summary.backups.tunnelsWithout).toBe(tunnels.filter(({ id }) => backups.every(({ tunnelId }) => tunnelId !== id)).length);
    const prepared = fixture.full.protection?.splits.length ?? 0;
    expect(summary.scenarios).toEqual({
      phase: "ready",
      epoch: 3,
      asked: prepared + 1,
      prepared,
      refused: 1,
      crowded: 1,
      operations: 17,
      agents: { concerned: 2, holdingAll: 1, withoutRoom: 1 },
    });
    expect(summary.active).toEqual({ scenarioId: "link:a-b", since: "2026-03-01T12:00:00.000Z", programmed: false });
    expect(summary.linksDamped).toEqual([{ linkId: "a-b", penalty: 2_600.5, suppressed: true, heldDown: false }]);
    expect(summary.frozen).toEqual({ since: "2026-03-01T12:00:00.000Z", missing: ["a", "apart"] });
  });

  it("has nothing to show before there is a plan, and where nothing is promised", async () => {
    fixture.show(fixture.empty);
    const nothing = {
      epoch: 0,
      bypasses: { total: 0, sharing: 0, linksWithout: [] },
      backups: { total: 0, byDisjointness: { srlg: 0, node: 0, link: 0, partial: 0 }, tunnelsWithout: 0 },
      scenarios: {
        phase: "none",
        epoch: 0,
        asked: 0,
        prepared: 0,
        refused: 0,
        crowded: 0,
        operations: 0,
        agents: { concerned: 0, holdingAll: 0, withoutRoom: 0 },
      },
      linksDamped: [],
    };
    expect(await get<object>("/v1/protection")).toEqual(nothing);

    const { planInForce: inForce, protection: ____, linksDamped: _, frozen: __, ...rest } = fixture.full;
    assert(inForce !== undefined, "the full view has a plan");
    const { protection: ___, ...plan } = inForce.record.plan;
    fixture.show({ ...rest, linksDamped: [], planInForce: { ...inForce, record: { ...inForce.record, plan } } });
    expect(await get<object>("/v1/protection/bypasses")).toEqual({ epoch: 3, total: 0, items: [] });
    expect(await get<object>("/v1/protection/backups")).toEqual({ epoch: 3, total: 0, items: [] });
    expect(await get<{ backups: { tunnelsWithout: number } }>("/v1/protection")).toMatchObject({
      backups: { total: 0, tunnelsWithout: plan.tunnels.length },
    });
  });
});

describe("metrics of protection", () => {
  it("follow the view, and count failures as they come", async () => {
    const watchers = new Set<(event: PublishedEvent) => void>();
    const watch = (watcher: (event: PublishedEvent) => void) => {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    };
    const server = await buildRest({ ...fixture.deps, watch });
    const publish = (kind: PublishedEvent["kind"], data: PublishedEvent["data"]) => watchers.forEach((watcher) => watcher({ kind, data }));
    const metrics = async () => (await server.inject("/metrics")).body;
    publish("scenario-activated", { scenarioId: "link:a-b", ingresses: 2, msFromEvent: 12 });
    publish("scenario-programmed", { scenarioId: "link:a-b", ingresses: 2, msFromEvent: 42 });
    publish("scenario-activated", { scenarioId: "link:b-c", ingresses: 1, msFromEvent: 10 });
    publish("plan-applied", { epoch: 4, msFromEvent: 1 });
    const body = await metrics();
    const { splits = [] } = fixture.full.protection ?? {};
    for (const line of [
      `sluice_protection_bypasses ${fixture.full.planInForce?.record.plan.protection?.bypasses.length}`,
      `sluice_protection_backups ${fixture.full.planInForce?.record.plan.protection?.backups.length}`,
      `sluice_protection_scenarios{state="prepared"} ${splits.length}`,
      'sluice_protection_scenarios{state="refused"} 1',
      'sluice_protection_scenarios{state="missing"} 0',
      'sluice_protection_agents{state="holding"} 1',
      'sluice_protection_agents{state="lacking"} 1',
      "sluice_protection_scenario_active 1",
      'sluice_links_damped{state="penalized"} 1',
      'sluice_links_damped{state="suppressed"} 1',
      'sluice_links_damped{state="held-down"} 0',
      "sluice_control_network_frozen 1",
      "sluice_scenario_activations_total 2",
      'sluice_scenario_activation_seconds_bucket{le="0.02"} 0',
      'sluice_scenario_activation_seconds_bucket{le="0.05"} 1',
      "sluice_scenario_activation_seconds_sum 0.042",
      "sluice_scenario_activation_seconds_count 1",
    ]) {
      expect(body.split("\n")).toContain(line);
    }
    fixture.show(fixture.empty);
    const later = await metrics();
    expect(later).toContain("sluice_control_network_frozen 0");
    expect(later).toContain('sluice_protection_scenarios{state="prepared"} 0');
    expect(later).toContain("sluice_scenario_activations_total 2");
    await server.close();
    expect(watchers.size).toBe(0);
  });
});
