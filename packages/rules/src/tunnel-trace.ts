/** Where a label leads under given rules: the planner's view. The packet walk has its own, so that one checks the other. */
import { isUp, type FailoverRule, type LinkId, type NodeId, type Rule, type RuleKey, type Topology } from "@sluice/model";
import { sameWay } from "./diff.js";

export interface TunnelTrace {
  /**
   * Indices into `topology.links` of the links that packets take, up to the first one that is down and not repaired, in travel order where there is one
   * way. A link is there as often as the way that passes it most often does so: a detour may pass one twice.
   */
  readonly links: readonly number[];
}

/** Where a packet leaves: a bucket of a select group, or a label rule that outputs. */
export interface Hop {
  readonly output: LinkId;
  readonly failoverId?: number | undefined;
}

export type TunnelTracer = (bucket: Hop & { readonly pushLabel: number }) => TunnelTrace;
export type RuleLookup = (nodeId: NodeId, key: RuleKey) => Rule | undefined;

/** Different ways of one bucket that are looked at, while failover groups change at two failures at once; the links of others are left out. */
const waysMax = 64;
/** Labels that a packet can carry; sane rules need two, the tunnel's and a bypass's. A packet that would need more is dropped. */
const labelsMax = 3;

/** Where buckets lead before, while and after rules change. */
export interface TunnelTracers {
  /** A hole in an installed tunnel may be mended before its ingress changes over: its traffic then goes all the way. */
  readonly installed: TunnelTracer;
  /**
   * The same while the update lasts. Where every link is up nothing changes under a flow that stays; where links are down, label rules may
   * change their failover groups under it, and each node may have changed or not.
   */
  readonly meanwhile: TunnelTracer;
  readonly target: TunnelTracer;
}

/**
 * Tracers that follow labels, over the first live bucket of failover groups where links are down, and remember what they found: each tunnel is
 * followed once, and once for all three where its way does not change and nothing repairs it.
 */
export function tunnelTracers(
  topology: Topology,
  { before, after }: { readonly before: RuleLookup; readonly after: RuleLookup },
): TunnelTracers {
  const linkIndex = new Map<LinkId, number>(topology.links.map((link, i) => [link.id, i]));
  const up = Uint8Array.from(topology.links, (link) => (isUp(topology, link) ? 1 : 0));
  const scene = { topology, linkIndex, up, before, after };
  const tracedOf = tracedTunnels((bucket) => straightWay(scene, bucket));
  const mended: RuleLookup = (nodeId, key) => before(nodeId, key) ?? after(nodeId, key);
  const changed: RuleLookup = (nodeId, key) => after(nodeId, key) ?? before(nodeId, key);
  const tracer = (time: "installed" | "meanwhile" | "target", lookups: readonly RuleLookup[], needs: "either" | "after"): TunnelTracer => {
    const trace = (bucket: LabelledHop, way: StraightWay | undefined): TunnelTrace => {
      if (way !== undefined && (needs === "either" || way.isAfter)) return way;
      return { links: linksOfWays({ ...scene, lookups }, bucket, bucket.pushLabel) };
    };
    return (bucket) => {
      const traced = tracedOf(bucket);
      return (traced[time] ??= trace(bucket, traced.straight));
    };
  };
  const installed = tracer("installed", [mended], "either");
  const isAllUp = up.every((each) => each === 1);
  return {
    installed,
    meanwhile: isAllUp ? installed : tracer("meanwhile", [mended, changed], "either"),
    target: tracer("target", [after], "after"),
  };
}

type LabelledHop = Hop & { readonly pushLabel: number };

/** What is known of the ways of one bucket. */
interface Traced {
  readonly bucket: LabelledHop;
  readonly straight: StraightWay | undefined;
  installed?: TunnelTrace;
  meanwhile?: TunnelTrace;
  target?: TunnelTrace;
}

function tracedTunnels(straightOf: (bucket: LabelledHop) => StraightWay | undefined): (bucket: LabelledHop) => Traced {
  const known = new Map<number, Traced[]>();
  return (bucket) => {
    let ofLabel = known.get(bucket.pushLabel);
    if (ofLabel === undefined) known.set(bucket.pushLabel, (ofLabel = []));
    for (const each of ofLabel) if (each.bucket.output === bucket.output && each.bucket.failoverId === bucket.failoverId) return each;
    const made: Traced = { bucket, straight: straightOf(bucket) };
    ofLabel.push(made);
    return made;
  };
}

interface StraightWay extends TunnelTrace {
  /** Each rule on the way is there after. */
  readonly isAfter: boolean;
}

interface StraightScene {
  readonly topology: Topology;
  readonly linkIndex: ReadonlyMap<LinkId, number>;
  /** 1 for each link, by index, that carries packets. */
  readonly up: Uint8Array;
  readonly before: RuleLookup;
  readonly after: RuleLookup;
}

interface TraceScene extends StraightScene {
  /** A packet may meet the rules of any of them at each node. */
  readonly lookups: readonly RuleLookup[];
}

/**
 * The one way of packets that meet rules of one way at each node before and after, or the only rule that is there, and nothing that repairs or
 * pops; undefined where it is not so plain.
 */
function straightWay({ topology, linkIndex, up, before, after }: StraightScene, first: LabelledHop): StraightWay | undefined {
  const links: number[] = [];
  const visited = new Set<NodeId>();
  const key = `label/${first.pushLabel}`;
  let isAfter = true;
  let { output } = first;
  let isRepaired = first.failoverId !== undefined;
  for (;;) {
    const index = linkIndex.get(output);
    const link = index === undefined ? undefined : topology.links[index];
    if (index === undefined || link === undefined) return { links, isAfter };
    if (up[index] !== 1) return isRepaired ? undefined : { links, isAfter };
    links.push(index);
    if (visited.has(link.to)) return { links, isAfter };
    visited.add(link.to);
    const old = before(link.to, key);
    const next = after(link.to, key);
    if (old !== undefined && next !== undefined && !sameWay(old, next)) return undefined;
    if (next === undefined && old !== undefined) isAfter = false;
    const rule = old ?? next;
    if (rule?.kind !== "label" || rule.action.kind === "pop-deliver") return { links, isAfter };
    if (rule.action.kind === "pop-output") return undefined;
    output = rule.action.link;
    isRepaired = hasFailover(old) || hasFailover(next);
  }
}

function hasFailover(rule: Rule | undefined): boolean {
  return rule?.kind === "label" && rule.action.kind === "output" && rule.action.failoverId !== undefined;
}

function linksOfWays(scene: TraceScene, first: Hop, label: number): readonly number[] {
  const ways: (readonly number[])[] = [];
  visit({ hop: first, stack: [label] }, [], new Set());
  const [only] = ways;
  return only !== undefined && ways.length === 1 ? only : mostOften(ways);

  function visit({ hop, stack }: StackedHop, links: readonly number[], passed: ReadonlySet<string>): void {
    const outs = liveWays(scene, hop);
    if (outs.length === 0) ways.push(links);
    for (const { index, link, pushLabel } of outs) {
      if (ways.length >= waysMax) return;
      const under = pushLabel === undefined ? stack : [...stack, pushLabel];
      const state = JSON.stringify([link.to, under]);
      const next = passed.has(state) || under.length > labelsMax ? [] : hopsAt(scene, link.to, under);
      if (next.length === 0) ways.push([...links, index]);
      for (const on of next) visit(on, [...links, index], new Set([...passed, state]));
    }
  }
}

interface StackedHop {
  readonly hop: Hop;
  /** Labels, the top one last. */
  readonly stack: readonly number[];
}

/** What a node may do with packets under these labels; nothing where it sends them no further. */
function hopsAt({ lookups }: TraceScene, nodeId: NodeId, stack: readonly number[]): readonly StackedHop[] {
  const hops = new Map<string, StackedHop>();
  for (const lookup of lookups) {
    const rule = lookup(nodeId, `label/${stack.at(-1)}`);
    if (rule?.kind !== "label" || rule.action.kind === "pop-deliver") continue;
    const { action } = rule;
    if (action.kind === "pop-output" && stack.length === 1) continue;
    const failoverId = action.kind === "output" ? action.failoverId : undefined;
    const name = JSON.stringify([action.kind, action.link, failoverId]);
    hops.set(name, { hop: { output: action.link, failoverId }, stack: action.kind === "output" ? stack : stack.slice(0, -1) });
  }
  return [...hops.values()];
}

/** The links that may take packets of a hop now, and what is pushed on them. */
function liveWays({ topology, linkIndex, up, lookups }: TraceScene, { output, failoverId }: Hop) {
  const indexOf = (id: LinkId) => {
    const index = linkIndex.get(id);
    const link = index === undefined ? undefined : topology.links[index];
    return index === undefined || link === undefined ? undefined : { index, link };
  };
  const first = indexOf(output);
  if (first === undefined) return [];
  if (up[first.index] === 1) return [{ ...first, pushLabel: undefined }];
  const ways = lookups.flatMap((lookup) => {
    for (const bucket of failoverAt(first.link.from, failoverId, lookup)?.buckets ?? []) {
      const way = indexOf(bucket.output);
      if (way !== undefined && up[way.index] === 1) return [{ ...way, pushLabel: bucket.pushLabel }];
    }
    return [];
  });
  return ways.filter(({ index, pushLabel }, i) => ways.findIndex((each) => each.index === index && each.pushLabel === pushLabel) === i);
}

/** Each link as often as the way that has it most often. */
function mostOften(ways: readonly (readonly number[])[]): readonly number[] {
  const most = new Map<number, number>();
  for (const way of ways) {
    const times = new Map<number, number>();
    for (const link of way) times.set(link, (times.get(link) ?? 0) + 1);
    for (const [link, count] of times) most.set(link, Math.max(count, most.get(link) ?? 0));
  }
  return [...most].flatMap(([link, count]) => Array<number>(count).fill(link));
}

/** The failover group of that number at a node. */
export function failoverAt(nodeId: NodeId, failoverId: number | undefined, lookup: RuleLookup): FailoverRule | undefined {
  const rule = failoverId === undefined ? undefined : lookup(nodeId, `failover/${failoverId}`);
  return rule?.kind === "failover" ? rule : undefined;
}

/** Whether every link of the network is up: then no failover group sends packets anywhere but over its first link. */
export function isWhole(topology: Topology): boolean {
  return topology.links.every((link) => isUp(topology, link));
}
