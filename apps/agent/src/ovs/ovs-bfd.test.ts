/** Links that fail though their ports stay up, on a real Open vSwitch over its dummy datapath: its own BFD sessions over cables that can be cut. */
import { setTimeout as sleep } from "node:timers/promises";
import { assert, type LinkId, type Rule } from "@sluice/model";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { contractLinks } from "../datapath-contract.js";
import { startDummyOvs, type DummyCable, type DummyOvs } from "../testing/dummy-ovs.js";
import { ovsMissing } from "../testing/ovs-daemons.js";
import { openOvsDatapath, type OvsDatapath } from "./ovs-datapath.js";

const missing = ovsMissing();
if (missing !== undefined) console.warn(`Open vSwitch's tests of BFD are skipped: ${missing}.`);

const [x, y] = contractLinks;
const sitePort = 9;
const portOf = new Map<LinkId, number>(contractLinks.map((linkId, i) => [linkId, i + 1]));
/** Ports of the dummy datapath take messages up to some 200 ms late. */
const intervalMs = 500;

describe.skipIf(missing !== undefined)("links that fail silently", { timeout: 60_000 }, () => {
  const repaired: readonly Rule[] = [
    { kind: "failover", failoverId: 40, buckets: [{ output: x }, { output: y, pushLabel: 40 }] },
    { kind: "label", match: { label: 20 }, action: { kind: "output", link: x, failoverId: 40 } },
  ];
  let ovs: DummyOvs;
  let cables: ReadonlyMap<LinkId, DummyCable>;
  const opened: OvsDatapath[] = [];
  beforeEach(() => {
    ovs = startDummyOvs("s1", [...portOf.values(), sitePort]);
    cables = new Map([...portOf].map(([linkId, port]) => [linkId, ovs.layCable(port)]));
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.stop();
    ovs.stop();
  });

  const bfdOf = (port: number): string => ovs.vsctl("get", "Interface", ovs.portName(port), "bfd").trim();
  const enableFarEnds = (): void => {
    for (const { farEnd } of cables.values())
      ovs.vsctl("set", "Interface", farEnd, "bfd:enable=true", `bfd:min_rx=${intervalMs}`, `bfd:min_tx=${intervalMs}`);
  };
  const open = async (bfdIntervalMs?: number): Promise<OvsDatapath> => {
    const datapath = await openOvsDatapath({
      place: ovs.place,
      ports: { links: new Map([...portOf].map(([linkId, port]) => [linkId, ovs.portName(port)])), deliver: ovs.portName(sitePort) },
      ruleCountMax: 100,
      readBackMs: 600_000,
      ...(bfdIntervalMs === undefined ? {} : { bfdIntervalMs }),
      log: { warn: () => undefined },
    });
    assert(datapath.ok, `the datapath opens: ${datapath.ok ? "" : datapath.faults[0].message}`);
    opened.push(datapath.value);
    return datapath.value;
  };
  const upLinks = (datapath: OvsDatapath): readonly string[] => datapath.links().flatMap(({ linkId, up }) => (up ? [linkId] : []));
  const way = async (): Promise<readonly string[]> => {
    const out = await ovs.send(sitePort, [{ kind: "labelled", labels: [20], mplsTc: 5 }]);
    return out.map(({ port, frame }) => `${[...portOf].find(([, number]) => number === port)?.[0]} ${frame.labels.join(" ")}`);
  };

  it("are found by BFD: packets go round, the agent hears of it, and both come back", async () => {
    enableFarEnds();
    const datapath = await open(intervalMs);
    // Sessions that begin are waited for.
    expect(upLinks(datapath)).toEqual([...contractLinks]);
    expect(await datapath.apply(repaired.map((rule) => ({ op: "put", rule })))).toEqual([]);
    expect(await way()).toEqual([`${x} 20`]);
    const changes: string[] = [];
    datapath.onLinkChange(({ linkId, up }) => changes.push(`${linkId} ${up ? "up" : "down"}`));

    cables.get(x)?.setCut(true);
    await expect.poll(() => changes, { timeout: 20_000 }).toEqual([`${x} down`]);
    expect(ovs.vsctl("get", "Interface", ovs.portName(portOf.get(x) ?? -1), "link_state").trim()).toBe("up");
    expect(await way()).toEqual([`${y} 40 20`]);
    // An agent that starts while the link is cut finds it so.
    expect(upLinks(await open(intervalMs))).not.toContain(x);

    cables.get(x)?.setCut(false);
    await expect.poll(() => changes, { timeout: 20_000 }).toEqual([`${x} down`, `${x} up`]);
    expect(await way()).toEqual([`${x} 20`]);
  });

  it("are found by nobody without it", async () => {
    const datapath = await open();
    await datapath.apply(repaired.map((rule) => ({ op: "put", rule })));
    cables.get(x)?.setCut(true);
    await sleep(4 * intervalMs);
    expect(upLinks(datapath)).toEqual([...contractLinks]);
    expect(await way()).toEqual([`${x} 20`]);
  });

  it("are no longer looked for when nobody asks any more, but for what others have set up", async () => {
    enableFarEnds();
    await (await open(intervalMs)).stop();
    const ports = [...portOf.values()];
    for (const port of ports) expect(bfdOf(port)).toContain(`min_rx="${intervalMs}"`);
    const [first = -1] = ports;
    await (await open()).stop();
    for (const port of ports) expect(bfdOf(port)).toBe("{}");
    ovs.vsctl("set", "Interface", ovs.portName(first), "bfd:enable=true");
    const datapath = await open();
    expect(bfdOf(first)).toBe('{enable="true"}');
    // Its session counts, whoever has set it up.
    await expect.poll(() => upLinks(datapath), { timeout: 20_000 }).toEqual([...contractLinks]);
    cables.get(x)?.setCut(true);
    await expect.poll(() => upLinks(datapath), { timeout: 20_000 }).toEqual(contractLinks.slice(1));
  });

  it("are down while the far end does not speak BFD", async () => {
    expect(upLinks(await open(intervalMs))).toEqual([]);
  });
});
