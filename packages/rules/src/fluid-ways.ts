/** The ways of a fluid through tables 1 of the switches, with what failover groups do about ports that they take for dead. */
import { isUp, type Bucket, type LinkId, type NodeId, type Topology } from "@sluice/model";
import type { FluidInput } from "./fluid.js";

/** Most labels on a packet; one that is to get another is dropped. */
const labelsMax = 3;

export type FluidEnd =
  | { readonly kind: "delivered"; readonly at: NodeId }
  | { readonly kind: "blackholed" }
  /** At a link that is down, by its index. */
  | { readonly kind: "lost"; readonly link: number };

export interface FluidWay {
  /** Indices of links in the order of travel; a way that was repaired may pass one twice. */
  readonly links: readonly number[];
  readonly end: FluidEnd;
}

interface Exit {
  readonly output: LinkId;
  readonly failoverId?: number | undefined;
}

/** Follows each tunnel from each of its ingresses once. A loop is gone round once, then it counts as a blackhole. */
export function fluidWays({
  topology,
  switches,
  isLinkUp,
  isPortLive,
}: Pick<FluidInput, "topology" | "switches" | "isLinkUp" | "isPortLive">): (from: NodeId, bucket: Bucket) => FluidWay {
  const index = new Map<LinkId, number>(topology.links.map((link, i) => [link.id, i]));
  const carries = isLinkUp ?? ((linkId: LinkId) => isOperational(topology, linkId));
  const isLive = isPortLive ?? carries;
  const known = new Map<LinkId, Map<string, FluidWay>>();
  return (from, bucket) => {
    const { output, pushLabel, failoverId } = bucket;
    let ofLink = known.get(output);
    if (ofLink === undefined) known.set(output, (ofLink = new Map()));
    const key = `${pushLabel} ${failoverId ?? ""} ${from}`;
    let way = ofLink.get(key);
    if (way === undefined) ofLink.set(key, (way = follow(from, bucket)));
    return way;
  };

  function follow(from: NodeId, bucket: Bucket): FluidWay {
    const links: number[] = [];
    const passed = new Set<string>();
    const labels: number[] = [bucket.pushLabel];
    let at = from;
    let exit: Exit = bucket;
    for (;;) {
      const taken = leave(at, exit);
      const position = index.get(taken.output);
      const link = position === undefined ? undefined : topology.links[position];
      if (position === undefined || link?.from !== at) return { links, end: { kind: "blackholed" } };
      if (taken.isDropped || !carries(link.id)) return { links, end: { kind: "lost", link: position } };
      if (taken.pushLabel !== undefined && labels.push(taken.pushLabel) > labelsMax) return { links, end: { kind: "blackholed" } };
      links.push(position);
      at = link.to;
      const state = `${labels.join(" ")} ${at}`;
      const top = labels.at(-1);
      const rule = passed.has(state) || top === undefined ? undefined : switches.get(at)?.lookupLabel(top);
      if (rule === undefined) return { links, end: { kind: "blackholed" } };
      passed.add(state);
      const { action } = rule;
      if (action.kind === "pop-deliver") {
        return { links, end: labels.length === 1 ? { kind: "delivered", at } : { kind: "blackholed" } };
      }
      exit = action.kind === "output" ? { output: action.link, failoverId: action.failoverId } : { output: action.link };
      if (action.kind === "pop-output") labels.pop();
      if (labels.length === 0) return { links, end: { kind: "blackholed" } };
    }
  }

  /** The link that the switch sends a packet to: of a failover group the first that it takes for live. */
  function leave(at: NodeId, { output, failoverId }: Exit): { output: LinkId; pushLabel?: number | undefined; isDropped: boolean } {
    if (failoverId === undefined) return { output, isDropped: false };
    const group = switches.get(at)?.lookupFailover(failoverId);
    const bucket = group?.buckets.find((each) => isLive(each.output));
    return bucket === undefined ? { output, isDropped: true } : { ...bucket, isDropped: false };
  }
}

function isOperational(topology: Topology, linkId: LinkId): boolean {
  const link = topology.linkById.get(linkId);
  return link !== undefined && isUp(topology, link);
}
