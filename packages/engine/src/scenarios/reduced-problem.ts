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
import { startsOf, type Runs } from "./runs.js";

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
  const hasRoom = Uint8Array.from(roomBps, (bps) => (bps > 0 ? 1 : 0));
  const stranded: number[] = [];
  const closedOut: number[] = [];
  const open: Choice[] = [];
  for (const group of groups) {
    const survivors = installedTunnels(index, group).filter((tunnel) => failure.deadTunnel[tunnel] === 0);
    const tunnels = survivors.filter((tunnel) => isOver(index, tunnel, hasRoom));
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

/** Whether all links of a tunnel are marked. */
function isOver({ linksOfTunnel: { start, items } }: PlanIndex, tunnel: number, marked: Uint8Array): boolean {
  for (let k = start[tunnel] as number; k < (start[tunnel + 1] as number); k++) if (marked[items[k] as number] === 0) return false;
  return true;
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
  const { start, items } = index.linksOfTunnel;
  const count = ({ group, tunnels }: Choice, sign: 1 | -1, turn: number): void => {
    const bps = sign * (index.admittedBps[group] as number);
    for (const tunnel of tunnels) {
      for (let k = start[tunnel] as number; k < (start[tunnel + 1] as number); k++) {
        const e = items[k] as number;
        if (countedFor[e] === turn) continue;
        countedFor[e] = turn;
        potentialBps[e] = (potentialBps[e] as number) + bps;
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
      const free = choice.tunnels.filter((tunnel) => isOver(index, tunnel, isFree));
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
  const tunnels = Int32Array.from(contested.flatMap((choice) => choice.tunnels));
  const { links, paths } = contestedLinks(index, tunnels, isFree);
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
      pathStart: startsOf(contested.map((choice) => choice.tunnels.length)),
      linkStart: paths.start,
      pathLinks: paths.items,
    },
  };
}

/** Links of tunnels that can fill, and by tunnel which of them it crosses. */
function contestedLinks(index: PlanIndex, tunnels: Int32Array, isFree: Uint8Array): { readonly links: Int32Array; readonly paths: Runs } {
  const { start, items } = index.linksOfTunnel;
  const rowOf = new Int32Array(isFree.length).fill(-1);
  let hops = 0;
  for (const tunnel of tunnels) {
    for (let k = start[tunnel] as number; k < (start[tunnel + 1] as number); k++) {
      const e = items[k] as number;
      if (isFree[e] === 1) continue;
      rowOf[e] = 0;
      hops++;
    }
  }
  const links = Int32Array.from([...rowOf.keys()].filter((e) => rowOf[e] === 0));
  links.forEach((e, row) => (rowOf[e] = row));
  const pathStart = new Int32Array(tunnels.length + 1);
  const rows = new Int32Array(hops);
  let at = 0;
  tunnels.forEach((tunnel, p) => {
    for (let k = start[tunnel] as number; k < (start[tunnel + 1] as number); k++) {
      const row = rowOf[items[k] as number] as number;
      if (row >= 0) rows[at++] = row;
    }
    pathStart[p + 1] = at;
  });
  return { links, paths: { start: pathStart, items: rows } };
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
