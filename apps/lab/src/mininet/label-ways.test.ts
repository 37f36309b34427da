import { assert } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { labelSets } from "./label-meter.js";
import { labelAccount, pairKey, pairsAstray, type LabelCounts } from "./label-ways.js";

const nodes = ["a", "b", "c", "d", "e"];
const ends = new Map(nodes.flatMap((from) => nodes.flatMap((to) => (from === to ? [] : [[`${from}${to}`, { from, to }] as const]))));

/** Tunnels under labels of their own, each a loopless path, with what was sent through each. */
const tunnels = fc.uniqueArray(
  fc.record({
    label: fc.integer({ min: 16, max: 2 ** 20 - 1 }),
    path: fc.shuffledSubarray(nodes, { minLength: 2 }),
    packets: fc.integer({ min: 1, max: 1000 }),
  }),
  { selector: ({ label }) => label, minLength: 2, maxLength: 12 },
);
type Tunnel = { readonly label: number; readonly path: readonly string[]; readonly packets: number };

const linksOf = (path: readonly string[]): readonly string[] => path.slice(1).map((to, i) => `${path[i]}${to}`);

function counted(list: readonly Tunnel[]): Map<string, Map<number, number>> {
  const counts = new Map<string, Map<number, number>>([...ends.keys()].map((linkId) => [linkId, new Map()]));
  for (const { label, path, packets } of list) for (const linkId of linksOf(path)) counts.get(linkId)?.set(label, packets);
  return counts;
}
const add = (counts: Map<string, Map<number, number>>, linkId: string, label: number, packets: number): void => {
  const labels = counts.get(linkId);
  labels?.set(label, (labels.get(label) ?? 0) + packets);
};
const sent = (list: readonly Tunnel[]): ReadonlyMap<string, number> => {
  const pairs = new Map<string, number>();
  for (const { path, packets } of list) {
    const key = pairKey({ src: path[0] ?? "", dst: path.at(-1) ?? "" });
    pairs.set(key, (pairs.get(key) ?? 0) + packets);
  }
  return pairs;
};
const isKept = (counts: LabelCounts, wanted: ReadonlyMap<string, number>): boolean => {
  const account = labelAccount(counts, ends);
  return account.astray.length === 0 && pairsAstray(account, wanted).length === 0;
};

describe("the account of labels", () => {
  it("finds the way of every label where all packets keep to their tunnels", () => {
    fc.assert(
      fc.property(tunnels, (list) => {
        const account = labelAccount(counted(list), ends);
        expect(account.astray).toEqual([]);
        const byLabel = new Map(account.ways.map((way) => [way.label, way]));
        for (const { label, path, packets } of list)
          expect(byLabel.get(label)).toEqual({ label, src: path[0], dst: path.at(-1), linkIds: linksOf(path), packets });
        expect(account.ways).toHaveLength(list.length);
        expect(pairsAstray(account, sent(list))).toEqual([]);
      }),
      { seed: 1 },
    );
  });

  it("finds a packet that changes into another version at any node of its way, though it arrives", () => {
    fc.assert(
      fc.property(tunnels, fc.nat(), (list, pick) => {
        // Of two tunnels that meet at a node and end together: a packet of the first goes on under the label of the second from there.
        const changes = list.flatMap((from) =>
          list.flatMap((to) =>
            from === to || from.path.at(-1) !== to.path.at(-1)
              ? []
              : from.path.slice(1, -1).flatMap((node) => (to.path.slice(0, -1).includes(node) ? [{ from, to, node }] : [])),
          ),
        );
        fc.pre(changes.length > 0);
        const change = changes[pick % changes.length];
        assert(change !== undefined, "there is one");
        const { from, to, node } = change;
        const counts = counted(list);
        for (const linkId of linksOf(from.path.slice(from.path.indexOf(node)))) add(counts, linkId, from.label, -1);
        for (const linkId of linksOf(to.path.slice(to.path.indexOf(node)))) add(counts, linkId, to.label, 1);
        // The last packet of the first label may have been its only one: then the second has one too many.
        expect(isKept(counts, sent(list))).toBe(false);
      }),
      { seed: 1 },
    );
  });

  it("finds a packet that is lost, doubled, or parts from the way of its label", () => {
    fc.assert(
      fc.property(tunnels, fc.nat(), fc.nat(), fc.constantFrom(-1, 1), (list, pick, at, by) => {
        const tunnel = list[pick % list.length];
        assert(tunnel !== undefined, "there is one");
        const linkId = [...ends.keys()][at % ends.size] ?? "";
        fc.pre(by === 1 || linksOf(tunnel.path).includes(linkId));
        const counts = counted(list);
        add(counts, linkId, tunnel.label, by);
        expect(isKept(counts, sent(list))).toBe(false);
      }),
      { seed: 1 },
    );
  });

  it("says why", () => {
    const reasonOf = (links: Readonly<Record<string, number>>): string | undefined =>
      labelAccount(new Map(Object.entries(links).map(([linkId, packets]) => [linkId, new Map([[16, packets]])])), ends).astray[0]?.reason;
    expect(reasonOf({ ab: 5, bc: 4 })).toBe("5 packets on ab, 4 on bc");
    expect(reasonOf({ ab: 5, ac: 1 })).toBe("two ways leave a");
    expect(reasonOf({ ab: 5, cb: 1 })).toBe("two ways come into b");
    expect(reasonOf({ ab: 5, cd: 5 })).toBe("it begins at a and c");
    expect(reasonOf({ ab: 5, ba: 5 })).toBe("it goes in a circle");
    expect(reasonOf({ ab: 5, cd: 5, dc: 5 })).toBe("part of it goes in a circle");
    expect(reasonOf({ ab: 5, bc: 5 })).toBeUndefined();
  });
});

describe("what nft prints of labels", () => {
  it("is read: classes of a label together, empty sets, and nothing else", () => {
    const elem = (val: number, packets: number) => ({ elem: { val, counter: { packets, bytes: 68 * packets } } });
    // Label 20 in two classes, label 70,000; bottom of stack.
    const full = {
      family: "netdev",
      name: "s1-p2",
      table: "sluice-labels",
      type: "integer",
      elem: [elem(331, 3), elem(325, 2), elem(1_120_011, 5)],
    };
    const text = JSON.stringify({
      nftables: [{ metainfo: { version: "1.0.6" } }, { set: full }, { set: { name: "s1-p3" } }, { chain: {} }],
    });
    expect(labelSets(text)).toEqual(
      new Map([
        [
          "s1-p2",
          new Map([
            [20, 5],
            [70_000, 5],
          ]),
        ],
        ["s1-p3", new Map()],
      ]),
    );
    expect(labelSets("{}")).toBeUndefined();
  });
});
