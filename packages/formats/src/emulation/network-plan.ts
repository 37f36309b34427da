/** What `mininet/sluice_lab.py` is told to build: names, ports and addresses of everything. Pure; follows from the topology alone. */
import { assert, cablesOf, prefixRange, type LinkId, type NodeId, type Topology } from "@sluice/model";

export interface NetworkPlan {
  readonly switches: readonly { readonly id: NodeId; readonly name: string; readonly prefix: string; readonly managementAddress: string }[];
  readonly hosts: readonly { readonly node: NodeId; readonly name: string; readonly address: string; readonly mac: string }[];
  readonly cables: readonly {
    readonly id: LinkId;
    readonly bps: number;
    readonly ends: readonly { readonly node: NodeId; readonly port: number; readonly links: readonly LinkId[] }[];
  }[];
  readonly management: { readonly address: string };
  readonly runDir: string;
}

/** The controller's address on the management network, and its first two bytes everywhere: no host's prefix may lie in it. */
export const managementAddress = "10.254.0.1";
/** The port toward the site; links come after it. */
const firstLinkPort = 2;
/** The host's place in its prefix, where the prefix is that large. */
const hostOffset = 10;
/** A /16 of management addresses, 250 to each third byte. */
const perByte = 250;

/** `runDir`: where the switches keep their databases and sockets. O(nodes + links). */
export function networkPlanOf(topology: Pick<Topology, "nodes" | "links">, runDir: string): NetworkPlan {
  const switches = topology.nodes.map(({ id, prefix }, i) => ({
    id,
    name: `s${i + 1}`,
    prefix,
    managementAddress: `10.254.${1 + Math.floor(i / perByte)}.${1 + (i % perByte)}/16`,
  }));
  const hosts = topology.nodes.map(({ id, prefix }, i) => ({
    node: id,
    name: `h${i + 1}`,
    address: hostAddress(prefix),
    mac: macOf(i + 1),
  }));
  const nextPort = new Map<NodeId, number>(topology.nodes.map(({ id }) => [id, firstLinkPort]));
  const portAt = (node: NodeId): number => {
    const port = nextPort.get(node) ?? firstLinkPort;
    nextPort.set(node, port + 1);
    return port;
  };
  const linkById = new Map(topology.links.map((link) => [link.id, link]));
  const cables = cablesOf(topology).map(({ id, linkIds }) => {
    const links = linkIds.flatMap((linkId) => linkById.get(linkId) ?? []);
    const [there] = links;
    assert(there !== undefined, `cable ${id} has a link`);
    const ends = [there.from, there.to].map((node) => ({
      node,
      port: portAt(node),
      links: links.filter(({ from }) => from === node).map((link) => link.id),
    }));
    return { id, bps: Math.max(...links.map(({ capacityBps }) => capacityBps)), ends };
  });
  return { switches, hosts, cables, management: { address: `${managementAddress}/16` }, runDir };
}

function hostAddress(prefix: string): string {
  const range = prefixRange(prefix);
  assert(range !== undefined, `${prefix} is a prefix`);
  const address = Math.min(range.first + hostOffset, range.last);
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

function macOf(number: number): string {
  const [high, low] = [Math.floor(number / 256), number % 256].map((byte) => byte.toString(16).padStart(2, "0"));
  return `02:00:00:00:${high}:${low}`;
}
