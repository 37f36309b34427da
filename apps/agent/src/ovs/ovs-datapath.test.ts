/** The contract on a real Open vSwitch over its dummy datapath, and what only a switch with a life of its own can do. */
import { assert, toId, type LinkId, type NodeRules, type Rule } from "@sluice/model";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { contractLinks, describeDatapath, type SwitchUnderTest } from "../datapath-contract.js";
import { startDummyOvs, type DummyOvs } from "../testing/dummy-ovs.js";
import { ovsMissing } from "../testing/ovs-daemons.js";
import { openOvsDatapath, type OvsDatapath } from "./ovs-datapath.js";

const sitePort = 9;
/** Packets of other switches come in here: none is sent back by the port that it came by. */
const otherPort = 8;
const portOf = new Map<LinkId, number>(contractLinks.map((linkId, i) => [linkId, i + 1]));
const missing = ovsMissing();
if (missing !== undefined) console.warn(`Open vSwitch's tests are skipped: ${missing}.`);

const quiet = { warn: () => undefined };

async function openOn(
  ovs: DummyOvs,
  readBackMs = 600_000,
  log: { warn(data: object, message: string): void } = quiet,
): Promise<OvsDatapath> {
  const opened = await openOvsDatapath({
    place: ovs.place,
    ports: { links: new Map([...portOf].map(([linkId, port]) => [linkId, ovs.portName(port)])), deliver: ovs.portName(sitePort) },
    ruleCountMax: 10_000,
    readBackMs,
    log,
  });
  assert(opened.ok, `the datapath opens: ${opened.ok ? "" : opened.faults[0].message}`);
  return opened.value;
}

async function openSwitch(): Promise<SwitchUnderTest> {
  const ovs = startDummyOvs("s1", [...portOf.values(), otherPort, sitePort]);
  const datapath = await openOn(ovs);
  const others: OvsDatapath[] = [];
  return {
    links: contractLinks,
    datapath,
    async reopen() {
      const again = await openOn(ovs);
      others.push(again);
      return again;
    },
    async setLink(linkId, up) {
      ovs.setPort(portOf.get(linkId) ?? -1, up);
      for (let i = 0; i < 200 && datapath.links().find((link) => link.linkId === linkId)?.up !== up; i++) await sleep(10);
    },
    async send(packets) {
      const fromSite = packets.filter(({ kind }) => kind === "site");
      const labelled = packets.filter(({ kind }) => kind === "labelled");
      const seen = [...(await ovs.send(sitePort, fromSite)), ...(await ovs.send(otherPort, labelled))];
      return seen.map(({ port, frame }) => {
        const linkId = [...portOf].find(([, number]) => number === port)?.[0];
        return { by: linkId ?? ("site" as const), frame };
      });
    },
    async close() {
      for (const each of [datapath, ...others]) await each.stop();
      ovs.stop();
    },
  };
}

describe.skipIf(missing !== undefined)("Open vSwitch", { timeout: 120_000 }, () => {
  describeDatapath("Open vSwitch", { open: openSwitch, runs: 15 });

  describe("a switch with a life of its own", () => {
    const label: Rule = { kind: "label", match: { label: 20 }, action: { kind: "output", link: contractLinks[0] } };
    let ovs: DummyOvs;
    let datapath: OvsDatapath;
    const warnings: string[] = [];
    beforeEach(async () => {
      ovs = startDummyOvs("s1", [...portOf.values(), otherPort, sitePort]);
      datapath = await openOn(ovs, 100, { warn: (_, message) => void warnings.push(message) });
      await datapath.apply([{ op: "put", rule: label }]);
    });
    afterEach(async () => {
      await datapath.stop();
      ovs.stop();
    });

    const found = (): Promise<NodeRules> => new Promise((resolve) => datapath.onRulesFound(resolve));

    it("is found when its rules are changed behind our back", async () => {
      const next = found();
      ovs.ofctl("--strict", "del-flows", "s1", "table=1,priority=1000,mpls,mpls_label=20");
      expect((await next).size).toBe(0);
    });

    it("sends a labelled packet back by the port that it came by, as repairs may have to", async () => {
      const [by] = [...portOf.values()];
      const out = await ovs.send(by ?? -1, [{ kind: "labelled", labels: [20], mplsTc: 5 }]);
      expect(out.map(({ port, frame }) => [port, ...frame.labels])).toEqual([[by, 20]]);
    });

    it("gets its pipeline back, be it the only thing that was lost", async () => {
      ovs.ofctl("--strict", "del-flows", "s1", "table=0,priority=65535,mpls");
      await expect.poll(async () => ovs.ofctl("dump-flows", "s1"), { timeout: 20_000 }).toContain("mpls actions=");
    });

    it("is found when it restarts without its tables, and takes rules again", async () => {
      const next = found();
      ovs.restartSwitch();
      expect((await next).size).toBe(0);
      expect(await datapath.apply([{ op: "put", rule: label }])).toEqual([]);
      const again = await datapath.readBack();
      expect(again.ok && again.value).toMatchObject({ rules: [label], hasPipeline: true });
    });

    it("keeps what others put there", async () => {
      const other = "table=0,priority=7,arp,actions=drop";
      ovs.ofctl("add-flow", "s1", `cookie=0x77,${other}`);
      await datapath.apply([{ op: "delete", key: "label/20" }]);
      expect(ovs.ofctl("dump-flows", "--no-stats", "s1", "cookie=0x77/-1")).toContain("priority=7,arp");
      const again = await datapath.readBack();
      expect(again.ok && again.value).toEqual({ rules: [], foreign: [], hasPipeline: true });
    });

    it("counts what its ports send and its meters let in", async () => {
      const ingress: readonly Rule[] = [
        { kind: "meter", meterId: 7, rateBps: 1e9, burstBits: 1e8 },
        { kind: "group", groupId: 7, buckets: [{ weight: 1, pushLabel: 16, mplsTc: 5, output: contractLinks[0] }] },
        { kind: "ingress", match: { dstPrefix: "10.0.3.0/24", dscp: 46 }, meterId: 7, groupId: 7 },
      ];
      expect(await datapath.apply(ingress.map((rule) => ({ op: "put", rule })))).toEqual([]);
      await ovs.send(sitePort, [{ kind: "site", dstAddress: "10.0.3.1", dscp: 46, srcPort: 5 }]);
      const { links, groups } = await datapath.counters();
      expect(links.find(({ linkId }) => linkId === contractLinks[0])?.transmittedBytes).toBeGreaterThan(60);
      expect(groups).toEqual([{ groupId: 7, offeredBytes: expect.any(Number) as number, admittedBytes: expect.any(Number) as number }]);
    });

    it("is refused by name where it has not the ports", async () => {
      const opened = await openOvsDatapath({
        place: ovs.place,
        ports: { links: new Map([[toId<LinkId>("x"), "nowhere"]]), deliver: ovs.portName(sitePort) },
        ruleCountMax: 10,
        readBackMs: 1_000,
        log: quiet,
      });
      expect(opened).toMatchObject({ ok: false, faults: [{ code: "not-found", message: expect.stringContaining("nowhere") as string }] });
    });
  });
});
