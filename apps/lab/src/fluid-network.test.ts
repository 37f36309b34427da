import { parseTopology, toId, type DemandMatrix, type LinkId, type NodeId, type RuleOperation } from "@sluice/model";
import { expect, test } from "vitest";
import { FluidNetwork } from "./fluid-network.js";

/** a ── b, 1 Gb/s; b is 10.0.1.0/24. */
function pair(): FluidNetwork {
  const topology = parseTopology({
    name: "pair",
    nodes: [
      { id: "a", prefix: "10.0.0.0/24" },
      { id: "b", prefix: "10.0.1.0/24" },
    ],
    links: [{ id: "a-b", from: "a", to: "b", capacityBps: 1e9, latencyMs: 1, metric: 1 }],
  });
  if (!topology.ok) throw new Error("the topology is valid");
  return new FluidNetwork(topology.value);
}

const link = toId<LinkId>("a-b");
const demand = (rateBps: number): DemandMatrix => ({
  kind: "demand-matrix",
  name: "one",
  demands: [{ src: toId<NodeId>("a"), dst: toId<NodeId>("b"), trafficClass: "elastic", rateBps }],
});
const ingress: readonly RuleOperation[] = [
  { op: "put", rule: { kind: "meter", meterId: 1, rateBps: 6e8, burstBits: 1e6 } },
  { op: "put", rule: { kind: "group", groupId: 1, buckets: [{ weight: 1, pushLabel: 16, mplsTc: 2, output: link }] } },
  { op: "put", rule: { kind: "ingress", match: { dstPrefix: "10.0.1.0/24", dscp: 18 }, meterId: 1, groupId: 1 } },
];
const egress: readonly RuleOperation[] = [{ op: "put", rule: { kind: "label", match: { label: 16 }, action: { kind: "pop-deliver" } } }];

test("traffic goes where the rules send it, and the counters count it", async () => {
  const network = pair();
  network.offer(demand(8e8));
  expect(network.forward(1).flows[0]).toMatchObject({ deliveredBps: 0, blackholedBps: 8e8 });
  const [a, b] = network.datapaths;
  expect(await a?.datapath.apply(ingress)).toEqual([]);
  expect(await b?.datapath.apply(egress)).toEqual([]);
  expect(network.forward(2).flows[0]).toMatchObject({ deliveredBps: 6e8, policedBps: 2e8 });
  expect(await a?.datapath.counters()).toEqual({
    links: [{ linkId: link, transmittedBytes: 1.5e8, droppedBytes: 0 }],
    groups: [{ groupId: 1, offeredBytes: 2e8, admittedBytes: 1.5e8 }],
  });
});

test("a cut link is told to its switch, loses what is sent there, and carries again when repaired", async () => {
  const network = pair();
  network.offer(demand(4e8));
  const [a, b] = network.datapaths;
  await a?.datapath.apply(ingress);
  await b?.datapath.apply(egress);
  const told: unknown[] = [];
  a?.datapath.onLinkChange((change) => told.push(change));
  network.setLink(link, false);
  expect(network.forward(1).flows[0]).toMatchObject({ deliveredBps: 0, lostBps: 4e8 });
  expect(await a?.datapath.counters()).toMatchObject({ links: [{ transmittedBytes: 0, droppedBytes: 5e7 }] });
  network.setLink(link, true);
  expect(network.forward(1).flows[0]).toMatchObject({ deliveredBps: 4e8, lostBps: 0 });
  expect(told).toEqual([
    { linkId: link, up: false },
    { linkId: link, up: true },
  ]);
});

test("fractions of bytes add up", async () => {
  const network = pair();
  network.offer(demand(4));
  const [a, b] = network.datapaths;
  await a?.datapath.apply(ingress);
  await b?.datapath.apply(egress);
  for (let i = 0; i < 10; i += 1) network.forward(1);
  expect(await a?.datapath.counters()).toMatchObject({ links: [{ transmittedBytes: 5 }] });
});

test("a cut is noticed after the detection time, and not before", async () => {
  const topology = parseTopology({
    name: "pair",
    nodes: [{ id: "a" }, { id: "b" }],
    links: [{ id: "a-b", from: "a", to: "b", capacityBps: 1e9, latencyMs: 1, metric: 1 }],
  });
  if (!topology.ok) throw new Error("the topology is valid");
  const network = new FluidNetwork(topology.value, { detectionMs: 5 });
  const noticed = new Promise<void>((resolve) => void network.onNotice(link, resolve));
  network.setLink(link, false);
  expect([network.isLinkUp(link), network.isPortLive(link)]).toEqual([false, true]);
  await noticed;
  expect(network.isPortLive(link)).toBe(false);
});
