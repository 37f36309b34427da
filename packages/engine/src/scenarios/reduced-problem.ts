/**
 * The program that a scenario leaves for one class: the groups that have to change, on the tunnels that survive, in the room that is left. Most of
 * it settles itself. A link that all of these groups together could not fill binds nobody, and a group with a tunnel over such links only
 * has all that it is admitted, whatever the others do; without it further links can no longer fill, and so on. What remains is the core,
 * and the optimum of the whole is that of the core and what settled.
 */
import type { Problem } from "@sluice/mcf";
import { assert, type BandwidthFunction } from "@sluice/model";
import type { Failure } from "./failure.js";
import type { PlanIndex } from "./plan-index.js";
import { fits } from "./room.js";
import { runsOf } from "./runs.js";

export interface Touched {
  readonly index: PlanIndex;
  readonly failure: Failure;
  /** In rising order. */
  readonly groups: readonly number[];
  /** Per link: what these groups may put on it together, bps. */
  readonly roomBps: Float64Array;
}

export interface Reduced {
  /** Groups that fit whatever the others do, each with its tunnels over links that cannot fill, shortest first. */
  readonly settled: readonly Choice[];
  /** Groups with tunnels that survive, none of which has room. */
  readonly closedOut: readonly number[];
  /** Groups whose every tunnel is gone. */
  readonly stranded: readonly number[];
  readonly core: Core;
}

export interface Choice {
  readonly group: number;
  readonly tunnels: readonly number[];
}

/** What has to be solved. Paths have only the links that can fill. */
export interface Core {
  readonly problem: Problem;
  /** Per demand of the problem. */
  readonly groups: readonly number[];
  /** Per path, and per link of the problem: its number in the plan's index. */
  readonly tunnels: Int32Array;
  readonly links: Int32Array;
}

/** Times that links are looked at for whether they still can fill. Three find nearly all. */
const roundsMax = 32;

/** O(rounds x links of the groups' tunnels). Bandwidth functions are per group, and matter where the class is fair. */
export function reduceProblem(touched: Touched, bandwidthFunctionOf: (group: number) => BandwidthFunction | undefined): Reduced {
  const { index, failure, groups, roomBps } = touched;
  const stranded: number[] = [];
  const closedOut: number[] = [];
  const open: Choice[] = [];
  for (const group of groups) {
    const survivors = installedTunnels(index, group).filter((tunnel) => failure.deadTunnel[tunnel] === 0);
    const tunnels = survivors.filter((tunnel) => linksOf(index, tunnel).every((e) => (roomBps[e] as number) > 0));
    if (survivors.length === 0) stranded.push(group);
    else if (tunnels.length === 0) closedOut.push(group);
    else open.push({ group, tunnels });
  }
  const { settled, contested, isFree } = settle(touched, open);
  return { settled, closedOut, stranded, core: coreOf(touched, contested, isFree, bandwidthFunctionOf) };
}

/** All tunnels between a group's ends, whichever class they were made for: they are installed. Shortest first. */
export function installedTunnels({ pairOfGroup, tunnelsOfPair: { start, items } }: PlanIndex, group: number): number[] {
  const pair = pairOfGroup[group] as number;
  return Array.from(items.subarray(start[pair], start[pair + 1]));
}

interface Settling {
  readonly settled: readonly Choice[];
  readonly contested: readonly Choice[];
  /** Per link, 1: it cannot fill. */
  readonly isFree: Uint8Array;
}

function settle({ index, roomBps }: Touched, open: readonly Choice[]): Settling {
  const isFree = new Uint8Array(roomBps.length);
  const potentialBps = new Float64Array(roomBps.length);
  const countedFor = new Int32Array(roomBps.length).fill(-1);
  const count = ({ group, tunnels }: Choice, sign: 1 | -1, turn: number): void => {
    for (const tunnel of tunnels) {
      for (const e of linksOf(index, tunnel)) {
        if (countedFor[e] === turn) continue;
        countedFor[e] = turn;
        potentialBps[e] = (potentialBps[e] as number) + sign * (index.admittedBps[group] as number);
      }
    }
  };
  let turn = 0;
  for (const choice of open) count(choice, 1, turn++);
  const settled: Choice[] = [];
  let contested = open;
  for (let round = 0; round < roundsMax; round++) {
    for (let e = 0; e < isFree.length; e++) {
      if (fits(potentialBps[e] as number, roomBps[e] as number, index.capacityBps[e] as number)) isFree[e] = 1;
    }
    const still: Choice[] = [];
    for (const choice of contested) {
      const free = choice.tunnels.filter((tunnel) => linksOf(index, tunnel).every((e) => isFree[e] === 1));
      if (free.length === 0) {
        still.push(choice);
        continue;
      }
      settled.push({ group: choice.group, tunnels: free });
      count(choice, -1, turn++);
    }
    const settledSome = still.length < contested.length;
    contested = still;
    if (!settledSome) break;
  }
  return { settled: settled.sort((a, b) => a.group - b.group), contested, isFree };
}

function coreOf(
  { index, roomBps }: Touched,
  contested: readonly Choice[],
  isFree: Uint8Array,
  bandwidthFunctionOf: (group: number) => BandwidthFunction | undefined,
): Core {
  const links = Int32Array.from(
    new Set(contested.flatMap(({ tunnels }) => tunnels.flatMap((tunnel) => [...linksOf(index, tunnel)].filter((e) => isFree[e] === 0)))),
  ).sort();
  const rowOf = new Map<number, number>(Array.from(links, (e, row) => [e, row]));
  const tunnels = Int32Array.from(contested.flatMap((choice) => choice.tunnels));
  const paths = runsOf(
    Array.from(tunnels, (tunnel) => Array.from(linksOf(index, tunnel), (e) => rowOf.get(e) ?? -1).filter((row) => row >= 0)),
  );
  const ends = endsOf(index);
  const functions = contested.map(({ group }) => bandwidthFunctionOf(group));
  return {
    groups: contested.map(({ group }) => group),
    tunnels,
    links,
    problem: {
      nodeCount: index.nodeCount,
      linkCount: links.length,
      linkFrom: links.map((e) => index.linkFrom[e] as number),
      linkTo: links.map((e) => index.linkTo[e] as number),
      capacityBps: Float64Array.from(links, (e) => roomBps[e] as number),
      latencyMs: Float64Array.from(links, (e) => index.latencyMs[e] as number),
      metric: Float64Array.from(links, (e) => index.metric[e] as number),
      demandCount: contested.length,
      demandBps: Float64Array.from(contested, ({ group }) => index.admittedBps[group] as number),
      demandSrc: Int32Array.from(contested, ({ group }) => ends(group).src),
      demandDst: Int32Array.from(contested, ({ group }) => ends(group).dst),
      bandwidthFunctions: functions.some((each) => each !== undefined) ? functions : [],
      pathCount: tunnels.length,
      pathStart: runsOf(contested.map((choice) => choice.tunnels as number[])).start,
      linkStart: paths.start,
      pathLinks: paths.items,
    },
  };
}

/** Node numbers of a group's ends: those of any of its tunnels. */
function endsOf(index: PlanIndex): (group: number) => { readonly src: number; readonly dst: number } {
  return (group) => {
    const links = linksOf(index, index.members.items[index.members.start[group] as number] as number);
    const first = links[0];
    const last = links.at(-1);
    assert(first !== undefined && last !== undefined, "a tunnel has links");
    return { src: index.linkFrom[first] as number, dst: index.linkTo[last] as number };
  };
}

export function linksOf({ linksOfTunnel: { start, items } }: PlanIndex, tunnel: number): Int32Array {
  return items.subarray(start[tunnel], start[tunnel + 1]);
}
