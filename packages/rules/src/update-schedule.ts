/**
 * When each flow that an update changes goes from old to new. While flows change places a link may carry the larger of where each is and where it
 * goes; so flows go in as many steps as it takes for that to fit every link, and none is throttled. Only where there are no such steps some flows
 * shrink first, those of the least important class and by as little as makes steps possible.
 */
import type { NodeId, Topology } from "@sluice/model";
import { addedBps, flowMoves, stopOf, type Move, type MoveScene, type Place } from "./flow-moves.js";
import { interpolateSteps } from "./flow-interpolation.js";
import { flowLoads, stopWeightSumMax, type FlowStop } from "./flow-stop.js";
import { makeSteps, preferences, stepsMax, type Leg, type StepInput, type Stepping, type Throttle } from "./flow-steps.js";
import { stepCostMax, type Steps } from "./steps.js";
import { chooseThrottles, type Between, type FlowChange, type Throttles } from "./throttle.js";

/** What throttled flows keep of their rate, tried in this order; after the last one the meet of old and new. */
const keeps: readonly number[] = [15 / 16, 7 / 8, 3 / 4, 1 / 2, 1 / 4];
/** Two steps are the fewest where one does not fit: nothing better is looked for. */
const stepsFewest = 2;
/** Loads are compared with this relative tolerance: sums of a million floats. */
const tolerance = 1e-9;

/** A flow is at `stop`, or after where there is none, when step `step` is done. */
export interface FlowLeg {
  readonly step: number;
  readonly stop: FlowStop | undefined;
}

export interface Schedule {
  /** Flows that shrink, or go, before the first step. */
  readonly between: ReadonlyMap<FlowChange, Between>;
  /** Where flows go in which step; flows that are not here go in the first. The last leg of each leads to what it is after. */
  readonly legs: ReadonlyMap<FlowChange, readonly FlowLeg[]>;
  readonly steps: number;
  /** For each step, from 1, and node that raises the load of a crowded link in it: the nodes that make the room before. */
  readonly waitsFor: ReadonlyMap<number, ReadonlyMap<NodeId, ReadonlySet<NodeId>>>;
  /** Links for which flows had to be throttled. */
  readonly crowded: readonly number[];
}

export interface ScheduleInput extends MoveScene {
  readonly topology: Topology;
  readonly slack: number;
  /** Load of each link under the installed rules, holes in tunnels mended, bps. */
  readonly installedBps: Float64Array;
  /** The same while label rules change under flows that stay: more only where links are down and other failover groups repair. */
  readonly stayingBps: Float64Array;
  /** Load of each link under the target's rules, where that may be more than it has room for: packets that are being repaired. */
  readonly targetBps?: Float64Array | undefined;
  /** Whether a flow's meter or group is another one's, too, under the installed rules: then these cannot shrink for it alone. */
  readonly isSharedBefore: (change: FlowChange) => boolean;
}

export const atOnce: Schedule = { between: new Map(), legs: new Map(), steps: 1, waitsFor: new Map(), crowded: [] };

/**
 * The sum over flows of max(where it is, where it goes) stays within (1 + slack) x capacity in every step (or within what is carried today or will be
 * in the end, where that is more). Steps come from `makeSteps`; throttles where it finds none, by `keeps`, and in the end by the meet
 * (`chooseThrottles`). O(changes x hops), and for crowded links a bounded number of times O(steps x changes x hops).
 */
export function* scheduleFlows(input: ScheduleInput): Steps<Schedule> {
  const { topology, installedBps, stayingBps } = input;
  const limitBps = Float64Array.from(topology.links, (link, i) => {
    return Math.max(link.capacityBps * (1 + input.slack), installedBps[i] ?? 0, input.targetBps?.[i] ?? 0) * (1 + tolerance);
  });
  // A first look at all links; those that cannot become crowded, even by the rounding of weights, are not looked at again.
  const all = yield* flowMoves(input, () => true);
  const peakBps = Float64Array.from(stayingBps);
  const roundingBps = new Float64Array(limitBps.length);
  let cost = 0;
  for (const move of all) {
    const { changes, links, before, after, divides } = move;
    cost += links.length;
    if (cost >= stepCostMax) {
      yield cost;
      cost = 0;
    }
    const rateBps = divides ? (changes[0]?.before?.meter?.rateBps ?? 0) : 0;
    links.forEach((link, i) => {
      peakBps[link] = (peakBps[link] ?? 0) + Math.max(0, addedBps(move, before, after, i));
      roundingBps[link] = (roundingBps[link] ?? 0) + rateBps / stopWeightSumMax;
    });
  }
  if (limitBps.every((limit, link) => (peakBps[link] ?? 0) <= limit)) return atOnce;
  const moves = yield* flowMoves(input, (link) => (peakBps[link] ?? 0) + (roundingBps[link] ?? 0) > (limitBps[link] ?? 0));
  const pausedBps = pausedLoads(input, limitBps.length);
  const loadBps = stayingBps.map((bps, link) => bps - (pausedBps[link] ?? 0));
  const scene = { ...input, moves, limitBps, loadBps, throttled: new Map<Move, Throttle>(), stepsMax };

  const free = yield* fewestSteps(scene);
  if (free.isDone) return yield* scheduleOf(input, { moves, limitBps, stepping: free, throttled: scene.throttled, crowded: [] });
  const found = yield* leastThrottled(scene, free);
  if (found !== undefined) return yield* scheduleOf(input, { moves, limitBps, ...found, crowded: [...free.stuck] });
  const meets = yield* chooseThrottles({ ...input, isShared: input.isSharedBefore });
  return ofMeets(meets, [...free.stuck]);
}

type Scene = Omit<StepInput, "preference" | "inParts">;

/** By several preferences, whole flows and parts; the fewest steps, of these the fewest legs. */
function* fewestSteps(scene: Scene): Steps<Stepping> {
  let best: Stepping | undefined;
  for (const inParts of [false, true]) {
    for (const preference of preferences) {
      const found = yield* makeSteps({ ...scene, preference, inParts });
      if (best === undefined || isBetter(found, best)) best = found;
      if (best.isDone && best.steps <= stepsFewest) return best;
    }
  }
  const { steps = stepsMax, isDone = false } = best ?? {};
  // The whole network in equal parts costs more messages: only where that is shorter.
  const even = yield* interpolateSteps({ ...scene, preference: "ratio", inParts: true, stepsMax: isDone ? steps - 1 : stepsMax });
  if (even !== undefined) return even;
  return best ?? { legs: new Map(), steps: 0, isDone: false, stuck: new Set() };
}

function isBetter(a: Stepping, b: Stepping): boolean {
  if (a.isDone !== b.isDone) return a.isDone;
  return a.steps !== b.steps ? a.steps < b.steps : legCount(a) < legCount(b);
}

function legCount({ legs }: Stepping): number {
  let count = 0;
  for (const ofMove of legs.values()) count += ofMove.length;
  return count;
}

/**
 * Flows that leave links which are stuck keep a part of their rate until they arrive, which makes the room that steps need: first those of the least
 * important class, of them by as little as suffices, then the next class with them. Undefined where that does not help.
 */
function* leastThrottled(
  scene: Scene,
  free: Stepping,
): Steps<{ readonly stepping: Stepping; readonly throttled: ReadonlyMap<Move, Throttle> } | undefined> {
  const classes = [...new Set(scene.moves.map(({ importance }) => importance))].sort((a, b) => a - b);
  for (const importanceMax of classes) {
    for (const keep of keeps) {
      const throttled = new Map<Move, Throttle>();
      let { stuck } = free;
      for (;;) {
        const more = leaving(scene, stuck, { importanceMax, keep }).filter(([move]) => !throttled.has(move));
        yield scene.moves.length;
        if (more.length === 0) break;
        for (const [move, throttle] of more) throttled.set(move, throttle);
        const stepping = yield* makeSteps({
          ...scene,
          throttled,
          loadBps: throttledLoads(scene.loadBps, throttled),
          preference: "ratio",
          inParts: true,
        });
        if (stepping.isDone) return { stepping, throttled };
        ({ stuck } = stepping);
      }
    }
  }
  return undefined;
}

/** Moves up to that class that leave one of the links, each with what it is throttled to. */
function leaving(
  scene: Scene,
  stuck: ReadonlySet<number>,
  { importanceMax, keep }: { readonly importanceMax: number; readonly keep: number },
): readonly (readonly [Move, Throttle])[] {
  return scene.moves.flatMap((move) => {
    if (move.importance > importanceMax || !move.divides) return [];
    const leaves = move.links.some((link, i) => stuck.has(link) && (move.after.loadBps[i] ?? 0) < (move.before.loadBps[i] ?? 0));
    const place = leaves ? stopOf(scene, move, { share: 0, keep }) : undefined;
    return place === undefined ? [] : [[move, { keep, place }] as const];
  });
}

function throttledLoads(loadBps: Float64Array, throttled: ReadonlyMap<Move, Throttle>): Float64Array {
  const less = Float64Array.from(loadBps);
  for (const [move, { place }] of throttled) {
    move.links.forEach((link, i) => {
      less[link] = (less[link] ?? 0) + (place.loadBps[i] ?? 0) - (move.before.loadBps[i] ?? 0);
    });
  }
  return less;
}

/** What flows load links with that pause before anything else happens. */
function pausedLoads({ changes, traceInstalled }: ScheduleInput, links: number): Float64Array {
  const pausedBps = new Float64Array(links);
  for (const { before, paused } of changes) {
    if (!paused) continue;
    for (const [link, bps] of flowLoads(before, traceInstalled)) pausedBps[link] = (pausedBps[link] ?? 0) + bps;
  }
  return pausedBps;
}

interface Made {
  readonly moves: readonly Move[];
  readonly limitBps: Float64Array;
  readonly stepping: Stepping;
  readonly throttled: ReadonlyMap<Move, Throttle>;
  readonly crowded: readonly number[];
}

function* scheduleOf(input: ScheduleInput, made: Made): Steps<Schedule> {
  const legs = new Map<FlowChange, readonly FlowLeg[]>();
  const between = new Map<FlowChange, Between>();
  for (const [move, ofMove] of made.stepping.legs) {
    // What loads no link that counts goes with the first step.
    if (move.links.length === 0) continue;
    const flowLegs = ofMove.map(({ step, place: { stop } }) => ({ step, stop }));
    for (const change of move.changes) legs.set(change, flowLegs);
  }
  for (const [{ changes }, { place }] of made.throttled) {
    for (const change of changes) if (place.stop !== undefined) between.set(change, { kind: "meet", meet: place.stop });
  }
  return { between, legs, steps: made.stepping.steps, waitsFor: yield* waitsOf(input, made), crowded: made.crowded };
}

/**
 * A node that raises a link's load in a step waits for the nodes that lower it in earlier ones (pauses and throttles are step 0), but where all that
 * may be there until then fits anyway. O(legs x links + nodes x nodes x links).
 */
function* waitsOf(input: ScheduleInput, { moves, limitBps, stepping, throttled }: Made): Steps<Schedule["waitsFor"]> {
  const lowered = new Map<number, Map<NodeId, number>>();
  const raised = new Map<number, Map<NodeId, Set<number>>>();
  const lower = (link: number, nodeId: NodeId, step: number) => {
    let ofLink = lowered.get(link);
    if (ofLink === undefined) lowered.set(link, (ofLink = new Map()));
    ofLink.set(nodeId, Math.min(step, ofLink.get(nodeId) ?? Infinity));
  };
  // What each link may carry when the raises up to a step have begun and nothing has been lowered.
  const peaksBps: Float64Array[] = [Float64Array.from(input.stayingBps)];
  for (let step = 1; step <= stepping.steps; step += 1) peaksBps.push(new Float64Array(limitBps.length));
  for (const { nodeId, before, paused } of input.changes) {
    if (paused) for (const link of flowLoads(before, input.traceInstalled).keys()) lower(link, nodeId, 0);
  }
  let cost = 0;
  for (const move of moves) {
    cost += 4 * move.links.length;
    if (cost >= stepCostMax) {
      yield cost;
      cost = 0;
    }
    const first: readonly Leg[] = throttled.has(move) ? [{ step: 0, place: throttled.get(move)?.place ?? move.before }] : [];
    let place: Place = move.before;
    const most = Float64Array.from(place.loadBps);
    for (const leg of [...first, ...(stepping.legs.get(move) ?? [])]) {
      const { step } = leg;
      move.links.forEach((link, i) => {
        const [was, is] = [place.loadBps[i] ?? 0, leg.place.loadBps[i] ?? 0];
        const addsBps = Math.max(0, addedBps(move, place, leg.place, i));
        if (is < was + addsBps) lower(link, move.nodeId, step);
        if (addsBps === 0) return;
        const nodes = raised.get(step) ?? new Map<NodeId, Set<number>>();
        raised.set(step, nodes.set(move.nodeId, (nodes.get(move.nodeId) ?? new Set()).add(link)));
        const more = was + addsBps - (most[i] ?? 0);
        if (more <= 0) return;
        most[i] = was + addsBps;
        const peakBps = peaksBps[step];
        if (peakBps !== undefined) peakBps[link] = (peakBps[link] ?? 0) + more;
      });
      place = leg.place;
    }
  }
  const peakBps = Float64Array.from(peaksBps[0] ?? []);
  const waitsFor = new Map<number, Map<NodeId, Set<NodeId>>>();
  for (let step = 1; step <= stepping.steps; step += 1) {
    peaksBps[step]?.forEach((bps, link) => {
      peakBps[link] = (peakBps[link] ?? 0) + bps;
    });
    const ofStep = new Map<NodeId, Set<NodeId>>();
    for (const [nodeId, links] of raised.get(step) ?? []) {
      const nodes = new Set<NodeId>();
      for (const link of links) {
        if ((peakBps[link] ?? 0) <= (limitBps[link] ?? 0)) continue;
        for (const [other, since] of lowered.get(link) ?? []) if (since < step) nodes.add(other);
      }
      if (nodes.size > 0) ofStep.set(nodeId, nodes);
    }
    waitsFor.set(step, ofStep);
    yield stepCostMax;
  }
  return waitsFor;
}

function ofMeets({ between, waitsFor }: Throttles, crowded: readonly number[]): Schedule {
  return { ...atOnce, between, waitsFor: new Map([[1, waitsFor]]), crowded };
}
