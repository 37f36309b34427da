/**
 * What every datapath under an agent keeps (after openconfig's gRIBI compliance tests): stages whole or not at all, in order; what was
 * programmed outlives the agent; groups split by weight, failover groups by liveness; full tables say so.
 */
import { toId, type LinkId, type NodeRules, type Rule, type RuleOperation } from "@sluice/model";
import { applyOperations, diffRules, digestOf, RuleTable } from "@sluice/rules";
import { arbitraryRule } from "@sluice/rules/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Datapath } from "./datapath.js";
import type { SeenFrame, TestPacket } from "./testing/packet.js";

/** A switch with three links and a site behind it. */
export interface SwitchUnderTest {
  readonly links: readonly [LinkId, LinkId, LinkId];
  readonly datapath: Datapath;
  /** Ends this datapath and opens another one on the same switch: an agent that restarts. */
  reopen(): Promise<Datapath>;
  /** Resolves when the datapath has noticed. */
  setLink(linkId: LinkId, up: boolean): Promise<void>;
  /** Packets from the site, or from a link where they are labelled; by what each leaves, in no order. */
  send(packets: readonly TestPacket[]): Promise<readonly { readonly by: LinkId | "site"; readonly frame: SeenFrame }[]>;
  close(): Promise<void>;
}

export interface DatapathContract {
  readonly open: () => Promise<SwitchUnderTest>;
  /** Random stages that are tried: real switches take longer. */
  readonly runs: number;
}

/** The links that a `SwitchUnderTest` has. */
export const contractLinks = ["x", "y", "z"].map((id) => toId<LinkId>(id)) as unknown as SwitchUnderTest["links"];
const [x, y, z] = contractLinks;
const ruleCountMax = 10_000;

const flow: readonly Rule[] = [
  { kind: "meter", meterId: 7, rateBps: 1e9, burstBits: 1e8 },
  { kind: "failover", failoverId: 40, buckets: [{ output: x }, { output: z, pushLabel: 40 }] },
  {
    kind: "group",
    groupId: 7,
    buckets: [
      { weight: 3, pushLabel: 16, mplsTc: 5, output: x, failoverId: 40 },
      { weight: 1, pushLabel: 17, mplsTc: 5, output: y },
    ],
  },
  { kind: "ingress", match: { dstPrefix: "10.0.3.0/24", dscp: 46 }, meterId: 7, groupId: 7 },
];
const transit: readonly Rule[] = [
  { kind: "failover", failoverId: 41, buckets: [{ output: y }, { output: x }] },
  { kind: "label", match: { label: 20 }, action: { kind: "output", link: y, failoverId: 41 } },
  { kind: "label", match: { label: 21 }, action: { kind: "output", link: z } },
  { kind: "label", match: { label: 22 }, action: { kind: "pop-deliver" } },
  { kind: "label", match: { label: 23 }, action: { kind: "pop-output", link: x } },
];
const puts = (rules: readonly Rule[]): readonly RuleOperation[] => rules.map((rule) => ({ op: "put", rule }));
const sitePackets = (count: number, dstAddress = "10.0.3.9"): readonly TestPacket[] =>
  Array.from({ length: count }, (_, i) => ({ kind: "site", dstAddress, dscp: 46, srcPort: 1024 + 7 * i }));
const labelled = (...labels: readonly number[]): TestPacket => ({ kind: "labelled", labels, mplsTc: 5 });

export function describeDatapath(name: string, { open, runs }: DatapathContract): void {
  describe(`what a datapath keeps: ${name}`, () => {
    let under: SwitchUnderTest;
    beforeEach(async () => {
      under = await open();
    });
    afterEach(() => under.close());

    const held = async (): Promise<NodeRules> => (await under.reopen()).rules();

    it("holds after random stages what it was told, and a restart finds it", async () => {
      const batches = fc.array(fc.array(arbitraryRule(contractLinks), { maxLength: 12 }), { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(batches, async (lists) => {
          let expected: NodeRules = under.datapath.rules();
          for (const list of lists) {
            const target = accepted(list);
            const operations = diffRules(expected, target);
            expect(await under.datapath.apply(operations)).toEqual([]);
            expected = target;
          }
          const found = await held();
          expect(new Map(found)).toEqual(new Map(expected));
          expect(digestOf(found)).toBe(digestOf(expected));
        }),
        { numRuns: runs, seed: 1 },
      );
    });

    it("does nothing new when it is told the same again", async () => {
      const stage = puts([...flow, ...transit]);
      for (const _ of [1, 2]) expect(await under.datapath.apply(stage)).toEqual([]);
      expect(await under.datapath.apply([{ op: "delete", key: "label/999" }])).toEqual([]);
      expect(new Map(await held())).toEqual(new Map(applyOperations(new Map(), stage)));
    });

    it("takes a stage whole or not at all, and says what it refused", async () => {
      expect(await under.datapath.apply(puts(transit))).toEqual([]);
      const unsplit: Rule = { kind: "ingress", match: { dstPrefix: "10.0.5.0/24", dscp: 18 }, meterId: 7, groupId: 99 };
      const refused = await under.datapath.apply([...puts(flow), { op: "delete", key: "label/21" }, ...puts([unsplit])]);
      expect(refused.map(({ key, code }) => ({ key, code }))).toEqual([{ key: "ingress/18/10.0.5.0/24", code: "rule-refused" }]);
      expect(new Map(await held())).toEqual(new Map(applyOperations(new Map(), puts(transit))));
    });

    it("sends on by label, pops at the end of a tunnel and of a bypass, and drops what it does not know", async () => {
      await under.datapath.apply(puts(transit));
      const one = async (packet: TestPacket) => (await under.send([packet])).map(({ by, frame }) => [by, ...frame.labels]);
      expect(await one(labelled(21))).toEqual([[z, 21]]);
      expect(await one(labelled(20))).toEqual([[y, 20]]);
      expect(await one(labelled(22))).toEqual([["site"]]);
      expect(await one(labelled(23, 22))).toEqual([[x, 22]]);
      expect(await one(labelled(99))).toEqual([]);
      expect(await under.send(sitePackets(1))).toEqual([]);
    });

    it("matches prefix and DSCP, splits by weight, keeps flows together, and marks the class", async () => {
      await under.datapath.apply(puts(flow));
      const packets = sitePackets(200);
      const out = await under.send(packets);
      expect(out).toHaveLength(200);
      const byX = out.filter(({ by }) => by === x);
      expect(new Set(out.map(({ by, frame }) => `${by} ${frame.labels.join(" ")} ${frame.mplsTc}`))).toEqual(
        new Set([`${x} 16 5`, `${y} 17 5`]),
      );
      // 150 expected; hashes in 64 slots and 200 draws: a deviation of 30 is five times the standard one.
      expect(Math.abs(byX.length - 150)).toBeLessThan(31);
      const again = await under.send([...packets.slice(0, 20), ...packets.slice(0, 20)]);
      expect(again.filter(({ by }) => by === x).length % 2).toBe(0);
      expect(await under.send(sitePackets(1, "10.0.4.1"))).toEqual([]);
      expect(await under.send([{ kind: "site", dstAddress: "10.0.3.9", dscp: 18, srcPort: 1 }])).toEqual([]);
    });

    it("goes round a dead port by the failover group, and back when it lives again", async () => {
      await under.datapath.apply(puts([...flow, ...transit]));
      const ways = async (packets: readonly TestPacket[]) =>
        [...new Set((await under.send(packets)).map(({ by, frame }) => [by, ...frame.labels].join(" ")))].sort();
      expect(await ways([...sitePackets(40), labelled(20)])).toEqual([`${x} 16`, `${y} 17`, `${y} 20`]);
      await under.setLink(x, false);
      expect(await ways([...sitePackets(40), labelled(20)])).toEqual([`${y} 17`, `${y} 20`, `${z} 40 16`]);
      expect(under.datapath.links().find(({ linkId }) => linkId === x)?.up).toBe(false);
      await under.setLink(y, false);
      // Both buckets of 41 are dead: what would leave by it is dropped.
      expect(await ways([labelled(20)])).toEqual([]);
      await under.setLink(y, true);
      await under.setLink(x, true);
      expect(await ways([...sitePackets(40), labelled(20)])).toEqual([`${x} 16`, `${y} 17`, `${y} 20`]);
    });

    it("leads over another bypass when a failover group changes, and nothing that goes through it does", async () => {
      await under.datapath.apply(puts([...flow, ...transit]));
      const ways = async () =>
        [...new Set((await under.send([...sitePackets(40), labelled(20)])).map(({ by, frame }) => [by, ...frame.labels].join(" ")))].sort();
      const around = (failoverId: number, by: LinkId, pushLabel: number): Rule => ({
        kind: "failover",
        failoverId,
        buckets: [{ output: failoverId === 40 ? x : y }, { output: by, pushLabel }],
      });
      // While its link is live, and while it is not.
      expect(await under.datapath.apply(puts([around(41, z, 60)]))).toEqual([]);
      expect(await ways()).toEqual([`${x} 16`, `${y} 17`, `${y} 20`]);
      await under.setLink(x, false);
      expect(await ways()).toEqual([`${y} 17`, `${y} 20`, `${z} 40 16`]);
      expect(await under.datapath.apply(puts([around(40, y, 61)]))).toEqual([]);
      expect(await ways()).toEqual([`${y} 17`, `${y} 20`, `${y} 61 16`]);
      await under.setLink(x, true);
      await under.setLink(y, false);
      // What has no failover group is sent to the dead port.
      expect(await ways()).toEqual([`${x} 16`, `${y} 17`, `${z} 60 20`]);
      await under.setLink(y, true);
      const rules = await held();
      expect([rules.size, rules.get("failover/40"), rules.get("failover/41")]).toEqual([9, around(40, y, 61), around(41, z, 60)]);
    });

    it("tells when a link goes and comes", async () => {
      const changes: string[] = [];
      const end = under.datapath.onLinkChange(({ linkId, up }) => changes.push(`${linkId} ${up ? "up" : "down"}`));
      await under.setLink(z, false);
      await under.setLink(z, true);
      end();
      expect(changes).toEqual([`${z} down`, `${z} up`]);
    });

    it("changes a group in place: packets meet the old split or the new one", async () => {
      await under.datapath.apply(puts(flow));
      const moved: Rule = { kind: "group", groupId: 7, buckets: [{ weight: 1, pushLabel: 18, mplsTc: 5, output: z }] };
      expect(await under.datapath.apply(puts([moved]))).toEqual([]);
      const out = await under.send(sitePackets(20));
      expect(out.map(({ by, frame }) => [by, ...frame.labels].join(" "))).toEqual(Array.from({ length: 20 }, () => `${z} 18`));
    });
  });
}

/** Those of the rules that a table takes one after the other, without ingress rules over what is missing. */
function accepted(list: readonly Rule[]): NodeRules {
  const table = new RuleTable(ruleCountMax);
  for (const rule of list) table.apply([{ op: "put", rule }]);
  return new Map(table.rules);
}
