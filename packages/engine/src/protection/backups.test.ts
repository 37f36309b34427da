import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cablesOf, tunnelId, type Backup, type Topology, type Tunnel } from "@sluice/model";
import { topologyOf } from "../testing/link-text.js";
import { arbitraryRiskyTopology } from "../testing/risky-network.js";
import { everyPath, nodeName } from "../testing/small-network.js";
import { planBackups } from "./backups.js";
import { DetourSearch } from "./detour-search.js";
import { riskGraph } from "./risk-graph.js";

function tunnelBy(topology: Topology, text: string): Tunnel {
  const path = text.split(" ") as unknown as Tunnel["path"];
  const [first, last] = [path[0], path.at(-1)].map((id) => topology.links.find((link) => link.id === id));
  if (first === undefined || last === undefined) throw new Error(`no such path: ${text}`);
  return { id: tunnelId(path), src: first.from, dst: last.to, path };
}

/** The first tunnel's backup, with the others beside it in the plan: `path | disjointness | shared`. */
function drawn(text: string, tunnels: readonly string[], latencyMsMax = Infinity): string {
  const topology = topologyOf(text);
  const all = tunnels.map((path) => tunnelBy(topology, path));
  const { backups, backupTunnels } = planBackups(new DetourSearch(riskGraph(topology)), {
    tunnels: all,
    inNeed: new Set(all.slice(0, 1).map(({ id }) => id)),
    latencyMsMax,
  });
  const [backup] = backups;
  if (backup === undefined) return "none";
  const path = [...all, ...backupTunnels].find(({ id }) => id === backup.backupId)?.path.join(" ") ?? "?";
  const shared = [...backup.sharedSrlgIds, ...backup.sharedLinkIds, ...backup.sharedNodeIds].join(" ");
  return [path, backup.disjointness, ...(shared === "" ? [] : [shared])].join(" | ");
}

describe("backups", () => {
  it("share no SRLG where they can, though it is further", () => {
    expect(drawn("a-b[x] a-c[x] c-b a-d:5 d-b:5", ["a>b"])).toBe("a>d d>b | srlg");
  });

  it("share fewest nodes among those that share no SRLG", () => {
    expect(drawn("a-m m-b a-m#2 m-b#2 a-d:5 d-b:5", ["a>m m>b"])).toBe("a>d d>b | srlg");
    expect(drawn("a-m m-b a-m#2 m-b#2", ["a>m m>b"])).toBe("a>m#2 m>b#2 | srlg | m");
  });

  it("share no node, else no cable, where an SRLG cannot be helped; fewest SRLGs first", () => {
    expect(drawn("a-b[x,y] a-c[x,y] c-b a-d[x]:5 d-b:5", ["a>b"])).toBe("a>d d>b | node | x");
    expect(drawn("a-m[x] m-b a-m#2[x] m-b#2", ["a>m m>b"])).toBe("a>m#2 m>b#2 | link | x m");
    // The node-disjoint way is taken though the other shares as few SRLGs and is faster.
    expect(drawn("a-m[x] m-b a-m#2[x] m-b#2 a-d[x]:5 d-b:5", ["a>m m>b"])).toBe("a>d d>b | node | x");
  });

  it("are as disjoint as can be across a bridge, and say what is shared", () => {
    expect(drawn("s-a a-b[k] b-d s-x x-a b-y y-d", ["s>a a>b b>d"])).toBe("s>x x>a a>b b>y y>d | partial | k a>b a b");
  });

  it("count a cable that is used the other way as shared", () => {
    // The only other way from s to d goes over b-a against the tunnel's a-b.
    expect(drawn("s-a[k] a-b b-d[l] s-b a-d", ["s>a a>b b>d"])).toBe("s>b b>a a>d | partial | a>b a b");
  });

  it("are none where there is no other path, or none within the bound", () => {
    expect(drawn("a-b b-c", ["a>b b>c"])).toBe("none");
    expect(drawn("a-b a-c:5 c-b:5", ["a>b"], 9)).toBe("none");
    expect(drawn("a-b a-c:5 c-b:5", ["a>b"], 10)).toBe("a>c c>b | srlg");
  });

  it("keep the bound even where less would be shared beyond it", () => {
    expect(drawn("a-b[x] a-c[x] c-b a-d:5 d-b:5", ["a>b"], 9)).toBe("a>c c>b | node | x");
    expect(drawn("a-m m-b a-m#2 m-b#2 a-d:5 d-b:5", ["a>m m>b"], 9)).toBe("a>m#2 m>b#2 | srlg | m");
    // The shortest path within the bound is the tunnel itself.
    expect(drawn("s-a a-d s-a#2:3 a-d#2[k]:9 s-e:9 e-d:9", ["s>a a>d"], 5)).toBe("s>a#2 a>d | partial | a>d a");
  });

  it("are tunnels of the plan where these are as far apart, even if slower", () => {
    const square = "a-b a-c c-b a-d:5 d-b:5";
    expect(drawn(square, ["a>b", "a>d d>b"])).toBe("a>d d>b | srlg");
    expect(drawn(square, ["a>b", "a>d d>b", "a>c c>b"])).toBe("a>c c>b | srlg");
    expect(drawn(square, ["a>b", "a>d d>b"], 9)).toBe("a>c c>b | srlg");
    expect(drawn("a-b[x] a-c[x] c-b a-d d-b", ["a>b", "a>c c>b"])).toBe("a>d d>b | srlg");
  });

  it("are one for several tunnels, and installed once, in order", () => {
    const topology = topologyOf("a-b a-b#2 a-c[k] c-b a-d[k] d-b");
    const tunnels = ["a>c c>b", "a>d d>b"].map((path) => tunnelBy(topology, path));
    const { backups, backupTunnels } = planBackups(new DetourSearch(riskGraph(topology)), {
      tunnels,
      inNeed: new Set(tunnels.map(({ id }) => id)),
      latencyMsMax: Infinity,
    });
    expect(backupTunnels.map(({ path }) => path)).toEqual([["a>b"]]);
    expect(backups.map(({ tunnelId: id }) => id)).toEqual(tunnels.map(({ id }) => id).sort());
  });

  it("are the best of all loopless paths, and exact in what they say, on random networks", () => {
    fc.assert(
      fc.property(arbitraryRiskyTopology(), (topology) => {
        for (const { tunnel, others } of everyTunnel(topology)) {
          const { backups, backupTunnels } = planBackups(new DetourSearch(riskGraph(topology)), {
            tunnels: [tunnel],
            inNeed: new Set([tunnel.id]),
            latencyMsMax: Infinity,
          });
          const best = others.map((path) => judged(topology, tunnel, path)).sort((a, b) => compareNumbers(a.rank, b.rank))[0];
          expect(backupTunnels[0]?.path).toEqual(best?.path);
          expect(backups[0]).toEqual(
            best === undefined ? undefined : { ...best.backup, tunnelId: tunnel.id, backupId: backupTunnels[0]?.id },
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  it("are of the best kind within a bound on latency, and there is one whenever a path keeps it", () => {
    fc.assert(
      fc.property(arbitraryRiskyTopology(), fc.integer({ min: 0, max: 14 }), (topology, latencyMsMax) => {
        for (const { tunnel, others } of everyTunnel(topology)) {
          const { backups, backupTunnels } = planBackups(new DetourSearch(riskGraph(topology)), {
            tunnels: [tunnel],
            inNeed: new Set([tunnel.id]),
            latencyMsMax,
          });
          const kept = others.map((path) => judged(topology, tunnel, path)).filter(({ latencyMs }) => latencyMs <= latencyMsMax);
          const best = kept.sort((a, b) => compareNumbers(a.rank, b.rank))[0];
          const found = kept.find(({ path }) => path.join() === backupTunnels[0]?.path.join());
          expect(backups[0]?.disjointness).toBe(best?.backup.disjointness);
          expect(found?.backup.disjointness).toBe(best?.backup.disjointness);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("take tunnels of the plan only where these are as far apart as the best path, on random networks", () => {
    fc.assert(
      fc.property(arbitraryRiskyTopology(), fc.integer({ min: 0, max: 1000 }), (topology, seed) => {
        for (const { tunnel, others } of everyTunnel(topology)) {
          const beside = others.filter((_, i) => (seed >> (i % 10)) % 2 === 1).map((path) => tunnelBy(topology, path.join(" ")));
          const { backups, backupTunnels } = planBackups(new DetourSearch(riskGraph(topology)), {
            tunnels: [tunnel, ...beside],
            inNeed: new Set([tunnel.id]),
            latencyMsMax: Infinity,
          });
          const sharing = (path: Tunnel["path"]): readonly number[] => judged(topology, tunnel, path).rank.slice(0, 4);
          const best = others.map(sharing).sort(compareNumbers)[0];
          const chosen = [...beside, ...backupTunnels].find(({ id }) => id === backups[0]?.backupId);
          expect(chosen === undefined ? undefined : sharing(chosen.path)).toEqual(best);
          const isThere = beside.some(({ path }) => compareNumbers(sharing(path), best ?? []) === 0);
          expect(backupTunnels.length).toBe(best === undefined || isThere ? 0 : 1);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** Each path from the first node to the last, with the others. */
function everyTunnel(topology: Topology): readonly { readonly tunnel: Tunnel; readonly others: readonly Tunnel["path"][] }[] {
  const [src, dst] = [nodeName(0), nodeName(topology.nodes.length - 1)];
  const paths = everyPath(topology, src, dst).map((path) => path.flatMap((link) => topology.links[link]?.id ?? []));
  return paths
    .slice(0, 12)
    .map((path) => ({ tunnel: { id: tunnelId(path), src, dst, path }, others: paths.filter((other) => other !== path) }));
}

/** What a path shares with a tunnel, and its place in the order, from the definition. */
function judged(topology: Topology, tunnel: Tunnel, path: Tunnel["path"]) {
  const linksOf = (ids: Tunnel["path"]) => ids.flatMap((id) => topology.linkById.get(id) ?? []);
  const cableOf = new Map(cablesOf(topology).flatMap(({ id, linkIds }) => linkIds.map((linkId) => [linkId, id])));
  const [own, other] = [linksOf(tunnel.path), linksOf(path)];
  const sharedLinkIds = tunnel.path.filter((id) => path.some((one) => cableOf.get(one) === cableOf.get(id))).sort();
  const sharedNodeIds = own
    .slice(1)
    .map(({ from }) => from)
    .filter((node) => other.slice(1).some(({ from }) => from === node))
    .sort();
  const srlgs = new Set(own.flatMap(({ srlgIds }) => srlgIds));
  const sharedSrlgIds = [...srlgs].filter((srlg) => other.some(({ srlgIds }) => srlgIds.includes(srlg))).sort();
  const kinds = [sharedLinkIds.length + sharedSrlgIds.length, sharedLinkIds.length + sharedNodeIds.length, sharedLinkIds.length, 0];
  const kind = kinds.indexOf(0);
  const disjointness = (["srlg", "node", "link", "partial"] as const)[kind] ?? "partial";
  const latencyMs = other.reduce((sum, link) => sum + link.latencyMs, 0);
  const indices = path.map((id) => topology.links.findIndex((link) => link.id === id));
  return {
    path,
    latencyMs,
    backup: { disjointness, sharedLinkIds, sharedNodeIds, sharedSrlgIds } satisfies Omit<Backup, "tunnelId" | "backupId">,
    rank: [kind, sharedSrlgIds.length, sharedLinkIds.length, sharedNodeIds.length, latencyMs, path.length, ...indices],
  };
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  const first = a.findIndex((item, i) => item !== b[i]);
  return first < 0 ? 0 : (a[first] ?? 0) - (b[first] ?? 0);
}
