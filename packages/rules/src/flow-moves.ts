/** Moves: flows of one switch that change over together, and what they put on the links that count. */
import { classMarking, type NodeId, type RuleKey } from "@sluice/model";
import { sameRule } from "./diff.js";
import type { Flow } from "./flow.js";
import { flowLoads, flowStop, stopLoads, type Course, type FlowStop, type FlowTracers, type Loads } from "./flow-stop.js";
import { numbersOf } from "./order-stages.js";
import { stepCostMax, type Steps } from "./steps.js";
import type { FlowChange } from "./throttle.js";

/** Shares at which a flow can stop: eighths. Finer ones cost more steps than they save. */
export const stopShares: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((eighth) => eighth / 8);

export interface Move {
  readonly nodeId: NodeId;
  /** Flows that have meters or groups in common, before or after, change over in one message; mostly it is one. A flow that goes is alone. */
  readonly changes: readonly FlowChange[];
  /** Of the most important of them: the queue that its packets are served from. */
  readonly importance: number;
  /** Links that count and that it loads before, after or in between; loads of a place are in this order. */
  readonly links: readonly number[];
  readonly before: Place;
  readonly after: Place;
  /** Where several flows change over, what each adds while the others have not left yet, bps; undefined for one. */
  readonly togetherBps: Float64Array | undefined;
  /** Whether it can stop on the way: one flow, there before and after under numbers of its own. */
  readonly divides: boolean;
  /** Whether it is admitted less after than before: to shrink at once withholds nothing. */
  readonly shrinks: boolean;
  readonly stops: Map<string, Place | undefined>;
}

/** Where a move is: before, at a stop on the way, or after. */
export interface Place {
  /** Of the move's links, in their order, bps. */
  readonly loadBps: Float64Array;
  readonly stop: FlowStop | undefined;
}

/** What a move from one place to another adds to the `i`-th of its links while it is made, bps; negative where it only takes. */
export function addedBps({ togetherBps }: Move, from: Place, to: Place, i: number): number {
  return togetherBps === undefined ? (to.loadBps[i] ?? 0) - (from.loadBps[i] ?? 0) : (togetherBps[i] ?? 0);
}

export interface MoveScene extends FlowTracers {
  readonly changes: readonly FlowChange[];
  /** Whether a flow, as it is before or after, shares its meter or group with another one. */
  readonly isShared: (change: FlowChange) => boolean;
}

/** O(changes x hops). `counts`: which links are looked at. */
export function* flowMoves(scene: MoveScene, counts: (link: number) => boolean): Steps<readonly Move[]> {
  const moves: Move[] = [];
  let cost = 0;
  for (const changes of bundles(scene.changes)) {
    if (cost >= stepCostMax) {
      yield cost;
      cost = 0;
    }
    const befores = changes.map((change) => (change.paused ? none : flowLoads(change.before, scene.traceInstalled)));
    const afters = changes.map((change) => flowLoads(change.after, scene.traceTarget));
    const before = summed(befores);
    const after = summed(afters);
    const links = [...new Set([...before.keys(), ...after.keys()])].filter(counts);
    cost += 2 * (before.size + after.size);
    const [only] = changes;
    const divides = only !== undefined && changes.length === 1 && isDivisible(only) && !scene.isShared(only);
    moves.push({
      nodeId: only?.nodeId ?? ("" as NodeId),
      changes,
      importance: Math.max(...changes.map(importanceOf)),
      links,
      before: { loadBps: aligned(links, before), stop: undefined },
      after: { loadBps: aligned(links, after), stop: undefined },
      togetherBps: changes.length === 1 ? undefined : aligned(links, summed(afters.map((loads, i) => excess(loads, befores[i] ?? none)))),
      divides,
      shrinks: divides && (only.after?.meter?.rateBps ?? 0) < (only.before?.meter?.rateBps ?? 0),
      stops: new Map(),
    });
  }
  return moves;
}

/** The stop at that point of a move's course, if it has one. O(buckets x hops), once. */
export function stopOf(scene: FlowTracers, move: Move, course: Course): Place | undefined {
  if (!move.divides) return undefined;
  const name = `${course.share} ${course.keep}`;
  if (move.stops.has(name)) return move.stops.get(name);
  const place = placeOf(scene, move, course);
  move.stops.set(name, place);
  return place;
}

function placeOf(scene: FlowTracers, { changes, links }: Move, course: Course): Place | undefined {
  const [change] = changes;
  if (change?.before === undefined || change.after === undefined) return undefined;
  const stop = flowStop(change.before, change.after, course);
  return stop === undefined ? undefined : { loadBps: aligned(links, stopLoads(change.before, change.after, stop, scene)), stop };
}

function isDivisible({ before, after, paused }: FlowChange): boolean {
  return (
    !paused &&
    before !== undefined &&
    after !== undefined &&
    sameRule(before.ingress, after.ingress) &&
    isComplete(before) &&
    isComplete(after)
  );
}

function isComplete({ meter, group }: Flow): boolean {
  return meter !== undefined && group !== undefined;
}

/**
 * Changes of one node that use a meter or group of the same number, before or after, are of one bundle. A flow that goes needs no other: without its
 * flow entry nothing uses its numbers.
 */
function bundles(changes: readonly FlowChange[]): readonly (readonly FlowChange[])[] {
  const bundleOf = new Map<string, FlowChange[]>();
  const all = new Set<FlowChange[]>();
  for (const change of changes) {
    let bundle: FlowChange[] = [change];
    all.add(bundle);
    if (change.after === undefined) continue;
    for (const key of keysOf(change)) {
      const name = `${change.nodeId} ${key}`;
      const there = bundleOf.get(name);
      if (there === undefined) bundleOf.set(name, bundle);
      else if (there !== bundle) bundle = merge(there, bundle);
    }
  }
  return [...all];

  function merge(kept: FlowChange[], gone: FlowChange[]): FlowChange[] {
    for (const change of gone) {
      kept.push(change);
      for (const key of keysOf(change)) bundleOf.set(`${change.nodeId} ${key}`, kept);
    }
    all.delete(gone);
    return kept;
  }
}

function keysOf({ before, after }: FlowChange): ReadonlySet<RuleKey> {
  return new Set([...(before === undefined ? [] : numbersOf(before)), ...(after === undefined ? [] : numbersOf(after))]);
}

const none: Loads = new Map();

function summed(all: readonly Loads[]): Loads {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const sum = new Map<number, number>();
  for (const loads of all) for (const [link, bps] of loads) sum.set(link, (sum.get(link) ?? 0) + bps);
  return sum;
}

/** What is more. */
function excess(loads: Loads, than: Loads): Loads {
  return new Map([...loads].map(([link, bps]) => [link, Math.max(0, bps - (than.get(link) ?? 0))]));
}

function aligned(links: readonly number[], loads: Loads): Float64Array {
  return Float64Array.from(links, (link) => loads.get(link) ?? 0);
}

const importance = new Map(Object.values(classMarking).map(({ dscp, mplsTc }) => [dscp, mplsTc]));

/** The queue that the flow's packets are served from; 0, the least, where the marking is of no class. */
export function importanceOf({ before, after }: FlowChange): number {
  const dscp = (before ?? after)?.ingress.match.dscp;
  return dscp === undefined ? 0 : (importance.get(dscp) ?? 0);
}
