/**
 * All ways that a packet can take while an update is under way. At each node the packet may meet any rule that its label has there
 * at some progress of the node, and where its link is down any failover group, as far as that fits, in one reachable state, with what it
 * met before.
 */
import type { LabelAction, LinkId, NodeId, Rule, RuleKey } from "@sluice/model";
import type { Ground } from "./ground.js";
import type { MessageOrder, OrderedMessage } from "./message-order.js";
import type { RuleTimeline } from "./rule-timeline.js";
import { protectsLink, stackDepthMax, type FirstHop, type WayEnd } from "./way.js";

/** Most different ways of one bucket that are looked at; a sane update has one. */
export const waysMax = 10_000;

export interface Ways {
  /** Each kind of end at each node once. */
  readonly ends: readonly WayEnd[];
  /** By index: all links that some way passes, with how often the way that passes it most often does so. */
  readonly links: ReadonlyMap<number, number>;
  /** Ways looked at, and whether there were more than `waysMax`. */
  readonly count: number;
  readonly undecided: boolean;
}

/** What is known about the state that a packet sees: some messages are obeyed, and some nodes are not further than a bound. */
interface Bounds {
  readonly obeyed: readonly OrderedMessage[];
  readonly notBeyond: readonly { readonly nodeId: NodeId; readonly progress: number }[];
}

/** A packet on a link. */
interface Packet {
  readonly link: number;
  /** Its labels, the top one last, and the key of the rules for that. */
  readonly stack: readonly number[];
  readonly key: RuleKey;
  readonly bounds: Bounds;
}

/** What a packet has behind it. */
interface Track {
  /** Whether it was ever under more labels than one. */
  isStacked: boolean;
  /** Nodes passed under the tunnel's label alone; deeper, nodes with their stacks. */
  readonly passed: Set<string>;
  /** Links passed, in order. */
  readonly links: number[];
}

/**
 * The way of one bucket's packets where it is one and the same in every state: each link on it is up, and each rule that may be met on it sends packets on by
 * one link. Undefined where it is not so plain. O(hops).
 */
export function plainWay(
  { ground, timeline }: { readonly ground: Ground; readonly timeline: RuleTimeline },
  { ingress, bucket }: { readonly ingress: NodeId; readonly bucket: FirstHop },
): Ways | undefined {
  const key = `label/${bucket.pushLabel}`;
  const isTouched = timeline.isLabelTouched(key);
  const { passed } = ground;
  passed.clear();
  const links = new Map<number, number>();
  let link = ground.linkFrom(ingress, bucket.output);
  for (;;) {
    const at = link === undefined ? undefined : ground.links[link]?.to;
    if (link === undefined || at === undefined || !ground.isUp(link) || !passed.add(ground.ends[link] ?? 0)) return undefined;
    links.set(link, 1);
    const action = isTouched ? actionAlways(timeline, at, key) : actionOf(timeline.installed(at, key));
    if (action?.kind === "pop-deliver") return { ends: [{ kind: "delivered", at }], links, count: 1, undecided: false };
    if (action?.kind !== "output") return undefined;
    link = ground.linkFrom(at, action.link);
  }
}

function actionOf(rule: Rule | undefined): LabelAction | undefined {
  return rule?.kind === "label" ? rule.action : undefined;
}

/** What a label rule does with packets, where it does the same in every state and no link is down. */
function actionAlways(timeline: RuleTimeline, at: NodeId, key: RuleKey): LabelAction | undefined {
  const segments = timeline.touchedSegments(at, key);
  if (segments === undefined) return actionOf(timeline.installed(at, key));
  const first = actionOf(segments[0]?.rule);
  for (const { rule } of segments) {
    const action = actionOf(rule);
    if (action === undefined || action.kind !== first?.kind) return undefined;
    if (action.kind !== "pop-deliver" && first.kind !== "pop-deliver" && action.link !== first.link) return undefined;
  }
  return first;
}

/** Which states are looked at: all in which the ingress has obeyed `from` to `to` messages, or the first or the last state alone. */
export type When = { readonly kind: "span"; readonly from: number; readonly to: number } | { readonly kind: "installed" | "final" };

/**
 * The ways of one bucket's packets. O(ways x hops x bounds), where a way without touched rules has one branch and no bounds; failover groups
 * are looked at only where a link is down.
 */
export function exploreWays(
  { ground, timeline, order }: { readonly ground: Ground; readonly timeline: RuleTimeline; readonly order: MessageOrder },
  { ingress, bucket }: { readonly ingress: NodeId; readonly bucket: FirstHop },
  when: When,
): Ways {
  const ends = new Map<string, WayEnd>();
  const links = new Map<number, number>();
  let count = 0;
  let undecided = false;
  const anything: Bounds = { obeyed: [], notBeyond: [] };
  const start = when.kind === "span" ? narrow(anything, { nodeId: ingress, from: when.from, to: when.to }) : anything;
  if (start !== undefined) {
    const track: Track = { isStacked: false, passed: new Set(), links: [] };
    const stack = [bucket.pushLabel];
    branch(leave(ingress, bucket, { stack, key: `label/${bucket.pushLabel}`, bounds: start }, track), track);
  }
  return { ends: [...ends.values()], links, count, undecided };

  /** Goes on until rules branch, then recurs: recursion is as deep as there are touched nodes on the way. */
  function follow(packet: Packet, track: Track): void {
    let current = packet;
    for (;;) {
      const at = ground.links[current.link]?.to;
      if (at === undefined) return;
      track.links.push(current.link);
      const { stack } = current;
      track.isStacked ||= stack.length > 1;
      const state = stack.length === 1 ? at : `${stack.join(" ")}\n${at}`;
      if (track.passed.has(state)) return end({ kind: "loop", at }, track);
      track.passed.add(state);
      const straight = linkStraightOn(at, current.key);
      if (straight !== undefined) {
        current = { ...current, link: straight };
        continue;
      }
      const next = onward(at, current, track);
      const [only] = next;
      if (only === undefined) return;
      if (next.length > 1) return branch(next, track);
      current = only;
    }
  }

  function branch(packets: readonly Packet[], track: Track): void {
    for (const [i, packet] of packets.entries()) {
      if (count >= waysMax) {
        undecided = true;
        return;
      }
      follow(packet, i === packets.length - 1 ? track : { ...track, passed: new Set(track.passed), links: [...track.links] });
    }
  }

  /** Where all that a label can meet at a node is one rule that no message touches, and the link that it names is up: that link. */
  function linkStraightOn(at: NodeId, key: RuleKey): number | undefined {
    const rule = timeline.touchedSegments(at, key) === undefined ? timeline.installed(at, key) : undefined;
    if (rule?.kind !== "label" || rule.action.kind !== "output") return undefined;
    const link = ground.linkFrom(at, rule.action.link);
    return link !== undefined && ground.isUp(link) ? link : undefined;
  }

  /** How a packet may go on from a node, by every rule that it may meet there. */
  function onward(at: NodeId, packet: Packet, track: Track): readonly Packet[] {
    const next: Packet[] = [];
    for (const { rule, bounds } of versions(at, packet.key, packet.bounds)) {
      if (rule?.kind !== "label") {
        end({ kind: "blackhole", at }, track);
        continue;
      }
      const { action } = rule;
      if (action.kind === "output") {
        const { stack, key } = packet;
        next.push(...leave(at, { output: action.link, failoverId: action.failoverId }, { stack, key, bounds }, track));
      } else if (action.kind === "pop-output" && packet.stack.length > 1) {
        const stack = packet.stack.slice(0, -1);
        next.push(...leave(at, { output: action.link }, { stack, key: `label/${stack.at(-1)}`, bounds }, track));
      } else end({ kind: action.kind === "pop-deliver" && packet.stack.length === 1 ? "delivered" : "stack", at }, track);
    }
    return next;
  }

  /** The link by which a packet leaves a node, or those of the failover groups that it may meet there. */
  function leave(
    at: NodeId,
    { output, failoverId }: { readonly output: LinkId; readonly failoverId?: number | undefined },
    packet: Omit<Packet, "link">,
    track: Track,
  ): readonly Packet[] {
    const link = ground.linkFrom(at, output);
    if (link === undefined) {
      end({ kind: "dangling", at }, track);
      return [];
    }
    if (ground.isUp(link)) return [{ link, ...packet }];
    if (failoverId === undefined) {
      end({ kind: "lost", at }, track);
      return [];
    }
    const next: Packet[] = [];
    for (const { rule, bounds } of versions(at, `failover/${failoverId}`, packet.bounds)) {
      const taken = rule?.kind === "failover" && protectsLink(rule, output) ? liveBucket(at, rule.buckets) : "dangling";
      if (typeof taken === "string") end({ kind: taken, at }, track);
      else if (taken.pushLabel === undefined) next.push({ ...packet, link: taken.link, bounds });
      else if (packet.stack.length === stackDepthMax) end({ kind: "stack", at }, track);
      else {
        next.push({ link: taken.link, stack: [...packet.stack, taken.pushLabel], key: `label/${taken.pushLabel}`, bounds });
      }
    }
    return next;
  }

  function liveBucket(at: NodeId, buckets: Extract<Rule, { kind: "failover" }>["buckets"]) {
    for (const { output, pushLabel } of buckets) {
      const link = ground.linkFrom(at, output);
      if (link === undefined) return "dangling";
      if (ground.isUp(link)) return { link, pushLabel };
    }
    return "lost";
  }

  function end(wayEnd: WayEnd, track: Track): void {
    count += 1;
    ends.set(`${wayEnd.kind} ${wayEnd.at}`, wayEnd);
    // Under one stack a packet comes to each node once, so a link twice takes two stacks, or the last step of a loop.
    const isOnce = wayEnd.kind !== "loop" && !track.isStacked;
    for (const link of track.links) {
      const times = isOnce ? 1 : track.links.reduce((sum, other) => (other === link ? sum + 1 : sum), 0);
      if (times > (links.get(link) ?? 0)) links.set(link, times);
    }
  }

  /** What a key may hold for a packet: in each state within its bounds one of these. */
  function versions(at: NodeId, key: RuleKey, bounds: Bounds): readonly { readonly rule: Rule | undefined; readonly bounds: Bounds }[] {
    const all = timeline.touchedSegments(at, key);
    if (all === undefined) return [{ rule: timeline.installed(at, key), bounds }];
    if (when.kind !== "span") return [{ rule: (when.kind === "installed" ? all[0] : all.at(-1))?.rule, bounds }];
    const found: { rule: Rule | undefined; bounds: Bounds }[] = [];
    for (const { from, to, rule } of all) {
      const narrowed = narrow(bounds, { nodeId: at, from, to });
      if (narrowed !== undefined) found.push({ rule, bounds: narrowed });
    }
    return found;
  }

  /** The bounds with one more node, or undefined where no reachable state is within them. */
  function narrow(
    bounds: Bounds,
    { nodeId, from: least, to: most }: { readonly nodeId: NodeId; readonly from: number; readonly to: number },
  ): Bounds | undefined {
    const message = least > 0 ? order.messagesOf(nodeId)[least - 1] : undefined;
    if (bounds.obeyed.some((obeyed) => order.requires(obeyed, nodeId) > most)) return undefined;
    if (message !== undefined && bounds.notBeyond.some((bound) => order.requires(message, bound.nodeId) > bound.progress)) return undefined;
    return {
      obeyed: message === undefined ? bounds.obeyed : [...bounds.obeyed, message],
      notBeyond: most < timeline.end(nodeId) ? [...bounds.notBeyond, { nodeId, progress: most }] : bounds.notBeyond,
    };
  }
}
