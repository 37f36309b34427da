import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  buildDemandMatrix,
  cablesOf,
  canonicalJson,
  planSettingsDefault,
  protectionDefault,
  toId,
  topologyDocument,
  tunnelOf,
  unprotected,
  type LinkId,
  type NodeId,
  type Path,
  type Plan,
  type ProtectionSettings,
  type Snapshot,
  type Topology,
  type TopologyInput,
} from "@sluice/model";
import { optimize } from "../optimize.js";
import { options, planOf } from "../testing/planning.js";
import { hasResearchNetworks, researchNetwork, researchNetworkNames } from "../testing/research-networks.js";
import { snapshotOf, triangle } from "../testing/snapshot.js";
import { arbitrarySnapshot } from "../testing/small-network.js";
import { candidateTunnels } from "../tunnels/candidate-tunnels.js";
import { protectPlan } from "./protect-plan.js";

const none = { kind: "none" } as const;
const kept = { kind: "protected" } as const;

function settingsWith(protection: Partial<ProtectionSettings>): Partial<Snapshot["settings"]> {
  return { protection: { ...unprotected, ...protection } };
}

describe("a protected plan", () => {
  const demands = [
    ["a", "b", "interactive", 4e9],
    ["a", "c", "bulk", 6e9],
  ] as const;
  const pathsOf = ({ protection }: Plan): readonly (readonly string[])[] => (protection?.backupTunnels ?? []).map(({ path }) => path);

  it("passes the checker, with every kind of local repair and tunnel, on random networks", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitrarySnapshot(),
        fc.constantFrom("none", "link", "node"),
        fc.constantFrom("k-shortest", "edge-disjoint", "srlg-disjoint", "priced"),
        fc.option(fc.integer({ min: 0, max: 20 })),
        fc.boolean(),
        async (base, localRepair, kind, latency, isBulkLeftOut) => {
          const protection: ProtectionSettings = {
            ...unprotected,
            localRepair,
            guarantee: isBulkLeftOut ? { interactive: kept, elastic: kept, bulk: none } : kept,
          };
          const tunnels = { kind, k: 3, ...(latency === null ? {} : { latencyMsMax: latency }) };
          const plan = await planOf({ ...base, settings: { ...base.settings, tunnels, protection } });
          expect(plan.check.violations).toEqual([]);
          expect(plan.protection).toBeDefined();
        },
      ),
      { numRuns: 300 },
    );
  });

  it("has the same bytes for the same snapshot, and without protection those that it had before there was any", async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySnapshot(), async (base) => {
        const bare = await planOf(base);
        const idle = await planOf({ ...base, settings: { ...base.settings, protection: { ...unprotected, scenarios: ["link"] } } });
        expect(Object.hasOwn(bare, "protection")).toBe(false);
        expect(canonicalJson({ ...idle, inputHash: "" })).toBe(canonicalJson({ ...bare, inputHash: "" }));
        const asked = { ...base, settings: { ...base.settings, protection: protectionDefault } };
        const plan = await planOf(asked);
        expect(canonicalJson(await planOf(JSON.parse(JSON.stringify(asked)) as Snapshot))).toBe(canonicalJson(plan));
        expect(canonicalJson({ ...plan, inputHash: "", protection: undefined, check: undefined })).toBe(
          canonicalJson({ ...bare, inputHash: "", check: undefined }),
        );
      }),
      { numRuns: 40 },
    );
  });

  it("has backups for the classes that are promised anything, and bypasses for all", async () => {
    const plan = await planOf(
      snapshotOf(triangle, demands, settingsWith({ guarantee: { interactive: kept, elastic: none, bulk: none }, localRepair: "link" })),
    );
    expect(pathsOf(plan)).toEqual([["a-c", "c-b"]]);
    expect(plan.protection?.bypasses.map(({ protects }) => protects).sort()).toEqual(["a-b", "a-c", "c-b"]);
    expect(plan.check.checked).toMatchObject({ backups: 1, bypasses: 3 });
    const unrepaired = await planOf(snapshotOf(triangle, demands, settingsWith({ guarantee: kept })));
    expect(unrepaired.protection?.bypasses).toEqual([]);
    expect(unrepaired.protection?.backups.map(({ disjointness }) => disjointness)).toEqual(["srlg", "srlg"]);
    const unpromised = await planOf(snapshotOf(triangle, demands, settingsWith({ localRepair: "node" })));
    expect(unpromised.protection?.backups).toEqual([]);
    expect(unpromised.protection?.bypasses.map(({ protects }) => protects).sort()).toEqual(["a-b", "a-c"]);
  });

  it("says when it is protected, and how long that takes", async () => {
    const stages: string[] = [];
    const onStage = (stage: string): void => void stages.push(stage);
    const asked = await optimize(snapshotOf(triangle, demands, settingsWith({ guarantee: kept })), options({ onStage }));
    expect(stages.slice(-3)).toEqual(["protect", "check", "done"]);
    expect(asked.ok && Object.keys(asked.value.timings)).toContain("protect");
    stages.length = 0;
    const bare = await optimize(snapshotOf(triangle, demands), options({ onStage }));
    expect(stages).not.toContain("protect");
    expect(bare.ok && Object.keys(bare.value.timings)).not.toContain("protect");
  });

  it("is empty where nothing is carried: one node, no demand, no way", async () => {
    const empty = { bypasses: [], backupTunnels: [], backups: [] };
    const alone: TopologyInput = { name: "one", nodes: [{ id: "a" }], links: [] };
    const apart: TopologyInput = { name: "two", nodes: [{ id: "a" }, { id: "b" }], links: [] };
    for (const snapshot of [
      snapshotOf(alone, [], { protection: protectionDefault }),
      snapshotOf(triangle, [], { protection: protectionDefault }),
      snapshotOf(apart, [["a", "b", "bulk", 1e9]], { protection: protectionDefault }),
    ]) {
      expect((await planOf(snapshot)).protection).toEqual(empty);
    }
  });

  it("has neither bypass nor backup over drained links, and none for a leaf", async () => {
    // The leaf d hangs on b; c is drained.
    const drained: TopologyInput = {
      ...triangle,
      nodes: [{ id: "a" }, { id: "b" }, { id: "c", drain: "drained" }, { id: "d" }],
      links: [
        ...triangle.links,
        ...[
          ["b", "d"],
          ["d", "b"],
        ].map(([from = "", to = ""]) => ({ id: `${from}-${to}`, from, to, capacityBps: 10e9, latencyMs: 1, metric: 1 })),
      ],
    };
    const leaf = [["a", "d", "elastic", 1e9]] as const;
    expect((await planOf(snapshotOf(drained, leaf, { protection: protectionDefault }))).protection).toEqual({
      bypasses: [],
      backupTunnels: [],
      backups: [],
    });
    const open = { ...drained, nodes: drained.nodes.map(({ id }) => ({ id })) };
    const { protection } = await planOf(snapshotOf(open, leaf, { protection: protectionDefault }));
    expect(protection?.backups).toMatchObject([{ disjointness: "partial", sharedLinkIds: ["b-d"], sharedNodeIds: ["b"] }]);
    expect(protection?.bypasses.map(({ protects }) => protects).sort()).toEqual(["a-b", "a-c", "c-b"]);
  });
});

if (!hasResearchNetworks) console.warn("SKIPPED: no shared research data; backups on Abilene, GEANT, B4 and IBM were not tested.");

describe.runIf(hasResearchNetworks)("on research networks", () => {
  it.each(researchNetworkNames)("%s: an SRLG-disjoint backup exists wherever the maximum flow says that it can", (name) => {
    const topology = researchNetwork(name);
    const plan = allCandidates(topology);
    const { backups, backupTunnels } = protectPlan(topology, protectionDefault, plan);
    const byTunnel = new Map(backups.map((backup) => [backup.tunnelId, backup]));
    const paths = new Map([...plan.tunnels, ...backupTunnels].map(({ id, path }) => [id, path]));
    const counts = { can: 0, cannot: 0 };
    for (const tunnel of plan.tunnels) {
      const apart = linksApart(topology, tunnel.path);
      const flow = maximumFlow(topology, apart, tunnel.src, tunnel.dst);
      const backup = byTunnel.get(tunnel.id);
      expect(backup?.disjointness === "srlg").toBe(flow >= 1);
      expect(paths.get(backup?.backupId ?? tunnel.id)?.every((id) => apart.has(id))).toBe(flow >= 1);
      counts[flow >= 1 ? "can" : "cannot"]++;
    }
    // What the networks are known for: nearly everywhere there is one, but for Abilene's node that hangs on one cable.
    expect(counts).toEqual(expected[name]);
  });

  it.each(researchNetworkNames)("%s: a plan of all pairs passes the checker with every kind of local repair", async (name) => {
    const topology = researchNetwork(name);
    const capacityBps = topology.links.reduce((sum, link) => sum + link.capacityBps, 0);
    const pairs = pairsOf(topology);
    const matrix = buildDemandMatrix(
      name,
      pairs.map(({ src, dst }, i) => ({
        src,
        dst,
        trafficClass: (["interactive", "elastic", "bulk"] as const)[i % 3] ?? "bulk",
        rateBps: (0.3 * capacityBps) / pairs.length,
      })),
    );
    if (!matrix.ok) throw new Error(JSON.stringify(matrix.faults));
    for (const localRepair of ["link", "node"] as const) {
      const plan = await planOf({
        topology: topologyDocument(topology),
        demands: matrix.value,
        settings: { ...planSettingsDefault, protection: { ...protectionDefault, localRepair } },
      });
      expect(plan.check.violations).toEqual([]);
      expect(plan.protection?.bypasses.length).toBeGreaterThan(0);
    }
  });
});

/** Tunnels (four shortest paths of all pairs) by whether an SRLG-disjoint path exists. */
const expected: Readonly<Record<(typeof researchNetworkNames)[number], { readonly can: number; readonly cannot: number }>> = {
  abilene: { can: 320, cannot: 202 },
  geant: { can: 1826, cannot: 22 },
  B4: { can: 522, cannot: 6 },
  IBM: { can: 1021, cannot: 67 },
};

function pairsOf({ nodes }: Topology): readonly { readonly src: NodeId; readonly dst: NodeId }[] {
  return nodes.flatMap((a) => nodes.filter((b) => b !== a).map((b) => ({ src: a.id, dst: b.id })));
}

function allCandidates(topology: Topology): Pick<Plan, "tunnels" | "groups"> {
  const pairs = pairsOf(topology);
  const { pairs: found } = candidateTunnels(topology, pairs, { kind: "k-shortest", k: 4 });
  const tunnels = [...found.values()].flat().map((path) => tunnelOf(topology, path));
  const groups = tunnels.map(({ id, src, dst }) => ({
    src: toId<NodeId>(src),
    dst: toId<NodeId>(dst),
    trafficClass: "elastic" as const,
    demandBps: 1e9,
    admittedBps: 1e9,
    members: [{ tunnelId: id, allottedBps: 1e9, weight: 1 }],
  }));
  return { tunnels, groups };
}

/** What is left of the network without the path's cables and all links of its SRLGs. */
function linksApart({ links, linkById, ...topology }: Topology, path: Path): ReadonlySet<LinkId> {
  const cables = cablesOf({ ...topology, links });
  const gone = new Set(cables.filter(({ linkIds }) => linkIds.some((id) => path.includes(id))).flatMap(({ linkIds }) => linkIds));
  const srlgs = new Set(path.flatMap((id) => linkById.get(id)?.srlgIds ?? []));
  return new Set(links.filter(({ id, srlgIds }) => !gone.has(id) && !srlgIds.some((srlg) => srlgs.has(srlg))).map(({ id }) => id));
}

/** Of unit capacities: augmenting paths by breadth-first search (Edmonds and Karp 1972), written plainly. */
function maximumFlow({ links }: Topology, allowed: ReadonlySet<LinkId>, src: NodeId, dst: NodeId): number {
  const used = new Set<LinkId>();
  for (let flow = 0; ; flow++) {
    const via = new Map<NodeId, { readonly id: LinkId; readonly back: NodeId }>();
    const queue = [src];
    for (let node = queue.shift(); node !== undefined && !via.has(dst); node = queue.shift()) {
      for (const { id, from, to } of links) {
        if (!allowed.has(id)) continue;
        const other = from === node && !used.has(id) ? to : to === node && used.has(id) ? from : undefined;
        if (other === undefined || other === src || via.has(other)) continue;
        via.set(other, { id, back: node });
        queue.push(other);
      }
    }
    if (!via.has(dst)) return flow;
    for (let node = dst; node !== src;) {
      const step = via.get(node);
      if (step === undefined) throw new Error("the way back is known");
      if (used.has(step.id)) used.delete(step.id);
      else used.add(step.id);
      node = step.back;
    }
  }
}
