/**
 * The way of a packet through installed rules, one look-up after the other. A packet carries a stack of labels: its tunnel's, and on top
 * of it those of the bypasses that it is on.
 */
import type { FailoverRule, LinkId, NodeId, Rule, RuleKey } from "@sluice/model";
import type { Ground, LinkStates } from "./ground.js";

/** Most labels on a packet: a tunnel's and two bypasses'. Rules of the documented shape need two, for no bypass is repaired. */
export const stackDepthMax = 3;

/** Where a way ends. `delivered` says where; whether that is right depends on the packet. */
export interface WayEnd {
  readonly kind: "delivered" | "lost" | "loop" | "blackhole" | "dangling" | "stack";
  readonly at: NodeId;
}

export interface Way extends WayEnd {
  /** Indices of the links passed, in order; a repaired way may pass one twice. */
  readonly links: readonly number[];
  /** How many failover groups sent the packet another way than by their first bucket. */
  readonly repairs: number;
}

/** What sends a packet on: a bucket of a select group, without its weight. */
export interface FirstHop {
  readonly output: LinkId;
  readonly pushLabel: number;
  readonly failoverId?: number | undefined;
}

export interface WayScene {
  readonly ground: Ground;
  readonly up: LinkStates;
  readonly lookup: (nodeId: NodeId, key: RuleKey) => Rule | undefined;
  /** False: as if there were no failover groups. */
  readonly repairs: boolean;
}

/**
 * Follows a packet from the ingress that sends it on by `hop`. It ends: nothing swaps labels, so what is below the top of the stack stays
 * as it is while there is more on top of it, and a packet that is met twice at one node under one stack goes round for ever. Without
 * that, of n nodes at most n are passed under the tunnel's label alone, at most n + 1 bypasses begin there, on each at most n nodes are
 * passed under two labels, and so on: at most n + n (n + 1) + n (n + 1)^2 hops under three labels. Under rules of the documented shape
 * every bypass ends further along a loopless tunnel: at most (n - 1)^2 hops.
 */
export function followWay(scene: WayScene, from: NodeId, hop: FirstHop): Way {
  const { ground, lookup } = scene;
  const links: number[] = [];
  const { passed } = ground;
  passed.clear();
  let passedDeeper: Set<string> | undefined;
  const stack: number[] = [hop.pushLabel];
  let key: RuleKey = `label/${hop.pushLabel}`;
  let repairs = 0;
  let at = from;
  let output: LinkId = hop.output;
  let { failoverId } = hop;
  for (;;) {
    let link = ground.linkFrom(at, output);
    if (link === undefined) return { kind: "dangling", at, links, repairs };
    if (scene.up[link] !== 1) {
      const repair = repairOf(scene, at, { output, failoverId });
      if (typeof repair === "string") return { kind: repair, at, links, repairs };
      repairs += 1;
      link = repair.link;
      if (repair.pushLabel !== undefined) {
        if (stack.length === stackDepthMax) return { kind: "stack", at, links, repairs };
        stack.push(repair.pushLabel);
        key = `label/${repair.pushLabel}`;
      }
    }
    links.push(link);
    at = ground.links[link]?.to ?? at;
    if (stack.length === 1) {
      if (!passed.add(ground.ends[link] ?? 0)) return { kind: "loop", at, links, repairs };
    } else {
      const state = `${stack.join(" ")} ${at}`;
      passedDeeper ??= new Set();
      if (passedDeeper.has(state)) return { kind: "loop", at, links, repairs };
      passedDeeper.add(state);
    }
    const rule = lookup(at, key);
    if (rule?.kind !== "label") return { kind: "blackhole", at, links, repairs };
    const { action } = rule;
    if (action.kind === "pop-deliver") return { kind: stack.length === 1 ? "delivered" : "stack", at, links, repairs };
    if (action.kind === "pop-output") {
      stack.pop();
      if (stack.length === 0) return { kind: "stack", at, links, repairs };
      key = `label/${stack.at(-1)}`;
      failoverId = undefined;
    } else failoverId = action.failoverId;
    output = action.link;
  }
}

/** The bucket that takes a packet whose link is down. */
export function repairOf(
  { ground, up, lookup, repairs }: WayScene,
  at: NodeId,
  { output, failoverId }: { readonly output: LinkId; readonly failoverId: number | undefined },
): { readonly link: number; readonly pushLabel: number | undefined } | "lost" | "dangling" {
  if (failoverId === undefined || !repairs) return "lost";
  const rule = lookup(at, `failover/${failoverId}`);
  if (rule?.kind !== "failover" || !protectsLink(rule, output)) return "dangling";
  for (const bucket of rule.buckets) {
    const link = ground.linkFrom(at, bucket.output);
    if (link === undefined) return "dangling";
    if (up[link] === 1) return { link, pushLabel: bucket.pushLabel };
  }
  return "lost";
}

/** Whether a failover group is for packets that leave by this link: its first bucket does just that. */
export function protectsLink({ buckets: [first] }: FailoverRule, output: LinkId): boolean {
  return first?.output === output && first.pushLabel === undefined;
}

/** The way of an (ingress, bucket), found once. */
export interface FoundWay {
  readonly from: NodeId;
  readonly hop: FirstHop;
  readonly way: Way;
  /** For whoever counts what is sent on it. */
  rateBps: number;
}

/** Follows each (ingress, bucket) once; `found`, in the order in which they were asked for. */
export function wayFinder(scene: WayScene) {
  const byLabel = new Map<number, FoundWay | FoundWay[]>();
  const found: FoundWay[] = [];
  return {
    found: found as readonly FoundWay[],
    find(from: NodeId, hop: FirstHop): FoundWay {
      const there = byLabel.get(hop.pushLabel);
      if (there !== undefined && !Array.isArray(there) && isOf(there, from, hop)) return there;
      const known = Array.isArray(there) ? there.find((each) => isOf(each, from, hop)) : undefined;
      if (known !== undefined) return known;
      const made: FoundWay = { from, hop, way: followWay(scene, from, hop), rateBps: 0 };
      found.push(made);
      // Nearly every label is pushed by one ingress in one way.
      if (there === undefined) byLabel.set(hop.pushLabel, made);
      else if (Array.isArray(there)) there.push(made);
      else byLabel.set(hop.pushLabel, [there, made]);
      return made;
    },
  };
}

function isOf({ from, hop: { output, failoverId } }: FoundWay, ingress: NodeId, hop: FirstHop): boolean {
  return from === ingress && output === hop.output && failoverId === hop.failoverId;
}
