/**
 * The emulated network under the agents: a switch with a rule table for each node, links that can be cut, and fluid traffic that goes
 * where the installed rules send it. It knows no plan.
 */
import { memoryDatapath, type MemoryDatapath } from "@sluice/agent";
import { assert, type DemandMatrix, type GroupCounters, type LinkCounters, type LinkId, type NodeId, type Topology } from "@sluice/model";
import { counterIncrements, forwardFluid, type FluidReport, type OfferedTraffic } from "@sluice/rules";

interface LabSwitch {
  readonly datapath: MemoryDatapath;
  readonly links: Map<LinkId, LinkCounters>;
  readonly groups: Map<number, GroupCounters>;
}

export class FluidNetwork {
  readonly #topology: Topology;
  readonly #switches: ReadonlyMap<NodeId, LabSwitch>;
  readonly #linksDown: Set<LinkId>;
  #offered: readonly OfferedTraffic[] = [];

  /** `detectionMs`: how long switches take to notice that a link went down or came up. */
  constructor(topology: Topology, { detectionMs = 0 }: { readonly detectionMs?: number } = {}) {
    this.#topology = topology;
    this.#linksDown = new Set(topology.links.filter((link) => link.operational === "down").map((link) => link.id));
    const outgoing = new Map<NodeId, { linkId: LinkId; up: boolean }[]>(topology.nodes.map((node) => [node.id, []]));
    for (const { id, from } of topology.links) outgoing.get(from)?.push({ linkId: id, up: this.isLinkUp(id) });
    this.#switches = new Map(
      topology.nodes.map(({ id }) => [
        id,
        { datapath: memoryDatapath({ links: outgoing.get(id) ?? [], detectionMs }), links: new Map(), groups: new Map() },
      ]),
    );
  }

  /** One for each node, in the order of their ids. */
  get datapaths(): readonly { readonly nodeId: NodeId; readonly datapath: MemoryDatapath }[] {
    return [...this.#switches].map(([nodeId, { datapath }]) => ({ nodeId, datapath }));
  }

  /** From now on the sites send this much. */
  offer({ demands }: DemandMatrix): void {
    this.#offered = demands;
  }

  /** Traffic sent there is lost from now on; the switch at the link's start notices after the detection time, and tells its agent. */
  setLink(linkId: LinkId, up: boolean): void {
    const link = this.#topology.linkById.get(linkId);
    assert(link !== undefined, `link ${linkId} is in the topology`);
    if (up) this.#linksDown.delete(linkId);
    else this.#linksDown.add(linkId);
    this.#switches.get(link.from)?.datapath.setLink(linkId, up);
  }

  isLinkUp(linkId: LinkId): boolean {
    return !this.#linksDown.has(linkId);
  }

  /** What the switch at its start believes. */
  isPortLive(linkId: LinkId): boolean {
    const link = this.#topology.linkById.get(linkId);
    return link !== undefined && this.#switches.get(link.from)?.datapath.isPortLive(linkId) === true;
  }

  /** Told when the switch at the link's start has noticed a change of it; the function returned ends that. */
  onNotice(linkId: LinkId, listener: () => void): () => void {
    const link = this.#topology.linkById.get(linkId);
    const datapath = link === undefined ? undefined : this.#switches.get(link.from)?.datapath;
    return datapath?.onLinkChange((change) => change.linkId === linkId && listener()) ?? (() => undefined);
  }

  /** Forwards what is offered through the rules as they stand, and counts `seconds` of it. */
  forward(seconds: number): FluidReport {
    const report = forwardFluid({
      topology: this.#topology,
      switches: new Map([...this.#switches].map(([nodeId, { datapath }]) => [nodeId, datapath.table])),
      offered: this.#offered,
      isLinkUp: (linkId) => this.isLinkUp(linkId),
      isPortLive: (linkId) => this.isPortLive(linkId),
    });
    for (const [nodeId, { datapath, links, groups }] of this.#switches) {
      const increments = counterIncrements(report, { nodeId, seconds });
      for (const { linkId, transmittedBytes, droppedBytes } of increments.links) {
        const before = links.get(linkId) ?? { linkId, transmittedBytes: 0, droppedBytes: 0 };
        links.set(linkId, {
          linkId,
          transmittedBytes: before.transmittedBytes + transmittedBytes,
          droppedBytes: before.droppedBytes + droppedBytes,
        });
      }
      for (const { groupId, offeredBytes, admittedBytes } of increments.groups) {
        const before = groups.get(groupId) ?? { groupId, offeredBytes: 0, admittedBytes: 0 };
        groups.set(groupId, {
          groupId,
          offeredBytes: before.offeredBytes + offeredBytes,
          admittedBytes: before.admittedBytes + admittedBytes,
        });
      }
      // Counters of switches are whole bytes; the fractions stay here, so that nothing is lost over time.
      datapath.setCounters({
        links: [...links.values()].map((each) => ({
          ...each,
          transmittedBytes: Math.floor(each.transmittedBytes),
          droppedBytes: Math.floor(each.droppedBytes),
        })),
        groups: [...groups.values()].map((each) => ({
          ...each,
          offeredBytes: Math.floor(each.offeredBytes),
          admittedBytes: Math.floor(each.admittedBytes),
        })),
      });
    }
    return report;
  }
}
