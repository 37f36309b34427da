/**
 * All ways that a packet can take while an update is under way. At each node the packet may meet any rule that its label has there
 * at some progress of the node, as far as that fits, in one reachable state, with what it met before.
 */
import type { LinkId, NodeId, Rule } from "@sluice/model";
import type { MessageOrder, OrderedMessage } from "./message-order.js";
import type { RuleTimeline } from "./rule-timeline.js";
import type { Ground } from "./ground.js";
import type { WayEnd } from "./way.js";

/** Most different ways of one bucket that are looked at; a sane update has one. */
export const waysMax = 10_000;

export interface Ways {
  /** Each kind of end at each node once. */
  readonly ends: readonly WayEnd[];
  /** Indices of all links that some way passes. */
  readonly links: readonly number[];
  /** Ways looked at, and whether there were more than `waysMax`. */
  readonly count: number;
  readonly undecided: boolean;
}

/** What is known about the state that a packet sees: some messages are obeyed, and some nodes are not further than a bound. */
interface Bounds {
  readonly obeyed: readonly OrderedMessage[];
  readonly notBeyond: readonly { readonly nodeId: NodeId; readonly progress: number }[];
}

/** Which states are looked at: all in which the ingress has obeyed `from` to `to` messages, or the first or the last state alone. */
export type When = { readonly kind: "span"; readonly from: number; readonly to: number } | { readonly kind: "installed" | "final" };

/**
 * The ways of one bucket's packets. O(ways x hops x bounds), where a way without touched rules has one branch and no bounds.
 */
export function exploreWays(
  { ground, timeline, order }: { readonly ground: Ground; readonly timeline: RuleTimeline; readonly order: MessageOrder },
  { ingress, output, label }: { readonly ingress: NodeId; readonly output: LinkId; readonly label: number },
  when: When,
): Ways {
  const key = `label/${label}`;
  const ends = new Map<string, WayEnd>();
  const links = new Set<number>();
  let count = 0;
  let undecided = false;
  const end = (wayEnd: WayEnd) => {
    count += 1;
    ends.set(`${wayEnd.kind} ${wayEnd.at}`, wayEnd);
  };
  const first = ground.linkFrom(ingress, output);
  const anything: Bounds = { obeyed: [], notBeyond: [] };
  const start = when.kind === "span" ? narrow(anything, { nodeId: ingress, from: when.from, to: when.to }) : anything;
  if (first === undefined) end({ kind: "dangling", at: ingress });
  else if (start !== undefined) follow(first, start, new Set());
  return { ends: [...ends.values()], links: [...links], count, undecided };

  /** Goes on until rules branch, then recurs: recursion is as deep as there are touched nodes on the way. */
  function follow(link: number, bounds: Bounds, passed: Set<NodeId>): void {
    let next = link;
    for (;;) {
      const at = ground.links[next]?.to;
      const tail = ground.links[next]?.from;
      if (at === undefined || tail === undefined) return;
      if (!ground.isUp(next)) return end({ kind: "lost", at: tail });
      links.add(next);
      if (passed.has(at)) return end({ kind: "loop", at });
      passed.add(at);
      const segments = segmentsAt(at);
      const [only] = segments;
      if (only !== undefined && segments.length === 1) {
        const on = step(at, only.rule);
        if (on === undefined) return;
        next = on;
        continue;
      }
      for (const segment of segments) {
        if (count >= waysMax) {
          undecided = true;
          return;
        }
        const narrowed = narrow(bounds, { nodeId: at, ...segment });
        if (narrowed === undefined) continue;
        const on = step(at, segment.rule);
        if (on !== undefined) follow(on, narrowed, new Set(passed));
      }
      return;
    }
  }

  function segmentsAt(at: NodeId) {
    const segments = timeline.segments(at, key);
    if (when.kind === "span") return segments;
    return when.kind === "installed" ? segments.slice(0, 1) : segments.slice(-1);
  }

  function step(at: NodeId, rule: Rule | undefined): number | undefined {
    if (rule?.kind !== "label") end({ kind: "blackhole", at });
    else if (rule.action.kind === "pop-deliver") end({ kind: "delivered", at });
    else {
      const on = ground.linkFrom(at, rule.action.link);
      if (on === undefined) end({ kind: "dangling", at });
      return on;
    }
    return undefined;
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
