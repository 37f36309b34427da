import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cablesOf, isUsable, type Bypass, type LinkId, type NodeId, type Path, type Topology } from "@sluice/model";
import { topologyOf, type LinkTextOptions } from "../testing/link-text.js";
import { arbitraryRiskyTopology } from "../testing/risky-network.js";
import { everyPath } from "../testing/small-network.js";
import { planBypasses } from "./bypasses.js";
import { DetourSearch } from "./detour-search.js";
import { riskGraph } from "./risk-graph.js";
import type { Width } from "./widest-detour.js";

type Repair = "link" | "node";

function bypassesOf(topology: Topology, localRepair: Repair, paths: readonly (readonly string[])[], widths: readonly Width[] = []) {
  return planBypasses(new DetourSearch(riskGraph(topology)), { localRepair, paths: paths as readonly Path[], widths });
}

/** By protected link (and avoided node): the path and what it shares. */
function drawn(text: string, paths: readonly (readonly string[])[], localRepair: Repair = "link", options: LinkTextOptions = {}) {
  return new Map(
    bypassesOf(topologyOf(text, options), localRepair, paths).map(({ protects, avoids, path, sharedSrlgIds }) => [
      avoids === undefined ? protects : `${protects} not ${avoids}`,
      [path.join(" "), ...sharedSrlgIds].join(" | "),
    ]),
  );
}

describe("bypasses", () => {
  it("go around the link by the fastest way, whatever the hops", () => {
    expect(drawn("a-b a-c:3 c-b:3 a-x:1 x-y:1 y-b:1", [["a>b"]])).toEqual(new Map([["a>b", "a>x x>y y>b"]]));
  });

  it("take fewer hops, then the first link ids, where ways are as fast", () => {
    expect(drawn("a-b a-c:2 c-b:2 a-x:1 x-y:1 y-b:2", [["a>b"]])).toEqual(new Map([["a>b", "a>c c>b"]]));
    expect(drawn("a-b a-d d-b a-c c-b", [["a>b"]])).toEqual(new Map([["a>b", "a>c c>b"]]));
    // d is nearer to b, and looked at before c.
    expect(drawn("a-b a-c:1 c-b:3 a-d:3 d-b:1", [["a>b"]])).toEqual(new Map([["a>b", "a>c c>b"]]));
  });

  it("do not exist for a bridge, nor where everything else is drained or down", () => {
    expect(drawn("a-b b-c c-a c-d d-e e-f f-d", [["a>c", "c>d", "d>e"]])).toEqual(
      new Map([
        ["a>c", "a>b b>c"],
        ["d>e", "d>f f>e"],
      ]),
    );
    const triangle = "a-b a-c c-b";
    for (const options of [{ drained: ["c"] }, { down: ["c"] }, { drained: ["a>c"] }, { down: ["c>b"] }]) {
      expect(drawn(triangle, [["a>b"]], "link", options)).toEqual(new Map());
    }
    expect(drawn(triangle, [["a>b"]], "link", { drained: ["b>c"] })).toEqual(new Map([["a>b", "a>c c>b"]]));
  });

  it("do not exist towards or from a node of degree one, and a node alone has no links", () => {
    expect(
      drawn("a-b b-c c-d d-b", [
        ["a>b", "b>c"],
        ["c>b", "b>a"],
      ]),
    ).toEqual(
      new Map([
        ["b>c", "b>d d>c"],
        ["c>b", "c>d d>b"],
      ]),
    );
    expect(bypassesOf(topologyOf("a-b", { down: ["b"] }), "node", [])).toEqual([]);
  });

  it("are one hop over a parallel link, unless it is in the same SRLG and there is another way", () => {
    expect(drawn("a-b a-b#2 a-c c-b", [["a>b"]])).toEqual(new Map([["a>b", "a>b#2"]]));
    expect(drawn("a-b[x] a-b#2[x] a-c c-b", [["a>b"]])).toEqual(new Map([["a>b", "a>c c>b"]]));
    expect(drawn("a-b[x] a-b#2[x]", [["a>b"]])).toEqual(new Map([["a>b", "a>b#2 | x"]]));
  });

  it("never use the cable of the link, whichever way", () => {
    expect(drawn("a-b[p,q] a-b#2[p,q]", [["a>b"], ["b>a"]])).toEqual(
      new Map([
        ["a>b", "a>b#2 | p | q"],
        ["b>a", "b>a#2 | p | q"],
      ]),
    );
  });

  it("share as few SRLGs as can be, each counted once however often it is met", () => {
    // Three links of one SRLG are better than two of two.
    expect(drawn("a-b[x,y,z] a-c[x] c-d[x] d-b[x] a-e[y] e-b[z]", [["a>b"]])).toEqual(new Map([["a>b", "a>c c>d d>b | x"]]));
  });

  it("share few SRLGs where there are too many sets of them to try", () => {
    // Three stages of four links, each in an SRLG of its own that a-b is in as well: 3 of 12 are met at least, and there are 299 smaller sets and such.
    const stages = [
      ["a", "m"],
      ["m", "n"],
      ["n", "b"],
    ].flatMap(([from = "", to = ""], stage) => [0, 1, 2, 3].map((i) => `${from}-${to}#${i + 1}[s${stage}${i}]`));
    const all = [0, 1, 2].flatMap((stage) => [0, 1, 2, 3].map((i) => `s${stage}${i}`));
    expect(drawn(`a-b[${all.join(",")}] ${stages.join(" ")}`, [["a>b"]])).toEqual(
      new Map([["a>b", "a>m#1 m>n#1 n>b#1 | s00 | s10 | s20"]]),
    );
  });

  it("go around the next node where asked, and around the link as well", () => {
    expect(drawn("a-b b-c a-x x-c x-b", [["a>b", "b>c"]], "node")).toEqual(
      new Map([
        ["a>b", "a>x x>b"],
        ["a>b not b", "a>x x>c"],
        ["b>c", "b>x x>c"],
      ]),
    );
    // c hangs on b alone: no way around b.
    expect(drawn("a-b b-c a-x x-b", [["a>b", "b>c"]], "node")).toEqual(new Map([["a>b", "a>x x>b"]]));
  });

  it("prefer room for what the link carries to speed, each width in turn, and SRLGs to both", () => {
    const topology = topologyOf("a-b[s] a-c c-b a-d:2 d-b:2 a-e[s] e-b");
    const perLink = (bps: (id: string) => number): Float64Array => Float64Array.from(topology.links, ({ id }) => bps(id));
    const through = (node: string, room: number) => (id: string) => (id.includes(node) ? room : 10);
    const pathOf = (...widths: Width[]): string => bypassesOf(topology, "link", [["a>b"]], widths)[0]?.path.join(" ") ?? "";
    const need = perLink(() => 8);
    expect(pathOf()).toBe("a>c c>b");
    expect(pathOf({ roomBps: perLink(through("c", 7)), needBps: need })).toBe("a>d d>b");
    expect(pathOf({ roomBps: perLink((id) => (/[cd]/.test(id) ? 7 : 10)), needBps: need })).toBe("a>c c>b");
    expect(pathOf({ roomBps: perLink(through("c", 9)), needBps: need })).toBe("a>c c>b");
    expect(pathOf({ roomBps: perLink(through("d", 7)), needBps: need }, { roomBps: perLink(through("c", 0)), needBps: need })).toBe(
      "a>c c>b",
    );
    expect(pathOf({ roomBps: perLink(() => 10), needBps: need }, { roomBps: perLink(through("c", 0)), needBps: need })).toBe("a>d d>b");
  });

  it("are the best of all loopless paths, on random networks", () => {
    fc.assert(
      fc.property(
        arbitraryRiskyTopology(),
        fc.constantFrom<Repair>("link", "node"),
        fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 36, maxLength: 36 }),
        (topology, localRepair, numbers) => {
          const paths = topology.nodes
            .flatMap((a) => topology.nodes.flatMap((b) => everyPath(topology, a.id, b.id)))
            .map((path) => idsOf(topology, path));
          const widths = [0, 18].map((from): Width => ({
            roomBps: Float64Array.from(topology.links, (_, i) => numbers[(from + i) % 36] ?? 0),
            needBps: Float64Array.from(topology.links, (_, i) => numbers[(from + 7 * i) % 36] ?? 0),
          }));
          const found = new Map(bypassesOf(topology, localRepair, paths, widths).map((bypass) => [keyOf(topology, bypass), bypass]));
          const wanted = new Map<string, readonly [link: number, avoided: NodeId | undefined, merge: NodeId]>();
          topology.links.forEach((link, i) => {
            if (!isUsable(topology, link)) return;
            wanted.set(`${link.id} ${link.to}`, [i, undefined, link.to]);
            for (const next of localRepair === "node" ? topology.links : []) {
              if (next.from !== link.to || next.to === link.from || !isUsable(topology, next)) continue;
              wanted.set(`${link.id} ${next.to}`, [i, link.to, next.to]);
            }
          });
          for (const [key, [link, avoided, merge]] of wanted) {
            const best = bruteForce(topology, { link, avoided, merge }, widths);
            const bypass = found.get(key);
            expect(bypass?.path).toEqual(best?.path);
            expect(bypass?.sharedSrlgIds).toEqual(best?.shared);
            expect(bypass?.avoids).toBe(best === undefined ? undefined : avoided);
          }
          expect([...found.keys()].every((key) => wanted.has(key))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});

function idsOf(topology: Topology, path: readonly number[]): readonly LinkId[] {
  return path.flatMap((link) => topology.links[link]?.id ?? []);
}

function keyOf(topology: Topology, { protects, path }: Bypass): string {
  return `${protects} ${topology.linkById.get(path.at(-1) ?? protects)?.to ?? ""}`;
}

/** The definition, by looking at every loopless path. */
function bruteForce(
  topology: Topology,
  { link, avoided, merge }: { readonly link: number; readonly avoided: NodeId | undefined; readonly merge: NodeId },
  widths: readonly Width[],
) {
  const own = topology.links[link];
  if (own === undefined) return undefined;
  const cable = cablesOf(topology).find(({ linkIds }) => linkIds.includes(own.id))?.linkIds ?? [];
  const ranked = everyPath(topology, own.from, merge)
    .map((path) => {
      const links = path.flatMap((e) => topology.links[e] ?? []);
      const shared = own.srlgIds.filter((srlg) => links.some(({ srlgIds }) => srlgIds.includes(srlg)));
      const width = widths.map(({ roomBps, needBps }) => {
        const need = needBps[link] ?? 0;
        return Math.min(32, ...path.map((e) => (need === 0 ? 32 : Math.floor((32 * (roomBps[e] ?? 0)) / need + 1e-6))));
      });
      const latencyMs = links.reduce((sum, item) => sum + item.latencyMs, 0);
      return {
        links,
        path: idsOf(topology, path),
        shared,
        rank: [shared.length, ...width.map((w) => -w), latencyMs, path.length, ...path],
      };
    })
    .filter(({ links, path }) => !path.some((id) => cable.includes(id)) && !links.some(({ to }) => to === avoided));
  return ranked.sort((a, b) => compareNumbers(a.rank, b.rank))[0];
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  const first = a.findIndex((item, i) => item !== b[i]);
  return first < 0 ? 0 : (a[first] ?? 0) - (b[first] ?? 0);
}
