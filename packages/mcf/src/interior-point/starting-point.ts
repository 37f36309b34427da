/**
 * Points to start from. Reduced costs are right, demands met and links kept from the start: iterations take no detour around
 * constraints.
 */
import type { FlowStart } from "../flow-program.js";
import { centerBlocks } from "./block-center.js";
import type { Incidence } from "./incidence.js";
import { emptyPoint, type Point } from "./point.js";
import type { ReducedProgram } from "./reduced-program.js";

export interface Start {
  readonly point: Point;
  /** w of limit "utilization": the scale of prices there. */
  readonly worth: number;
}

/** The sum of products at the start, relative to the rate of all demands. */
const gapShare = 5;
/** Prices are set as if rows had this much room, in capacities. */
const roomShare = 0.5;
/** Flows are scaled to leave this share of their fullest link free. */
const freeShare = 0.5;
/** The least slack of a demand at the start, relative. */
const restMin = 1e-9;
/** How much above the largest utilization of an even split the start's is. */
const utilizationShare = 0.1;

export function coldStart(program: ReducedProgram, incidence: Incidence): Start {
  const { capacity, rate, slotStart, utilization } = program;
  const point = emptyPoint(program);
  if (!utilization) {
    const mu = (gapShare * sumOf(rate)) / productsOf(program);
    for (let row = 0; row < capacity.length; row++) point.linkPrice[row] = mu / (roomShare * (capacity[row] as number));
    centerBlocks(program, incidence, point, mu);
    takeRoom(program, incidence, point, freeShare);
    return { point, worth: 0 };
  }
  for (let k = 0; k < rate.length; k++) {
    const from = slotStart[k] as number;
    const end = slotStart[k + 1] as number;
    point.flow.fill((rate[k] as number) / (end - from), from, end);
  }
  takeUtilization(program, incidence, point, utilizationShare);
  for (let row = 0; row < capacity.length; row++) point.linkPrice[row] = 1 / (point.room[row] as number);
  centerBlocks(program, incidence, point, 1);
  return { point, worth: dot(capacity, point.linkPrice) };
}

/** How far a warm start is pulled inside: of its flows, the share that is spread anew; and of its links, the share that is freed. */
const pull = 0.01;
/** The sum of products that its prices are centered for, relative to the rate of all demands (or to the utilization). */
const warmGapShare = 0.01;

/**
 * From a point at the boundary, where iterations cannot move: its flows are mixed with those that its prices, a little raised, would have in
 * the middle.
 */
export function warmStart(program: ReducedProgram, incidence: Incidence, { flowBps, linkPrice }: FlowStart): Start {
  const { capacity, rate, slotStart, slotPath, rowLink, unitBps, utilization } = program;
  const point = emptyPoint(program);
  const given = new Float64Array(slotPath.length);
  for (let slot = 0; slot < given.length; slot++) given[slot] = positive(flowBps[slotPath[slot] as number]) / unitBps;
  const price = Float64Array.from(rowLink, (e) => positive(linkPrice[e]) * (utilization ? unitBps : 1));
  const spent = dot(capacity, price);
  const scale = utilization && spent > 0 ? 1 / spent : 1;
  fitRates(program, given);
  point.flow.set(given);
  if (utilization) takeUtilization(program, incidence, point, pull);
  const mu = (warmGapShare * (utilization ? point.utilization : sumOf(rate))) / productsOf(program);
  for (let row = 0; row < capacity.length; row++) {
    const room = utilization ? (point.room[row] as number) : roomShare * (capacity[row] as number);
    point.linkPrice[row] = scale * (price[row] as number) + mu / room;
  }
  centerBlocks(program, incidence, point, mu);
  for (let k = 0; k < rate.length; k++) {
    for (let slot = slotStart[k] as number; slot < (slotStart[k + 1] as number); slot++) {
      point.flow[slot] = pull * (point.flow[slot] as number) + (1 - pull) * (given[slot] as number);
    }
  }
  if (utilization) takeUtilization(program, incidence, point, pull);
  else takeRoom(program, incidence, point, pull);
  return { point, worth: utilization ? dot(capacity, point.linkPrice) : 0 };
}

function positive(value: number | undefined): number {
  return value !== undefined && value > 0 && value < Infinity ? value : 0;
}

/** Flows that carry at most, or all of, each demand; an even split where there are none. */
function fitRates({ slotStart, rate, utilization }: ReducedProgram, flow: Float64Array): void {
  for (let k = 0; k < rate.length; k++) {
    const from = slotStart[k] as number;
    const end = slotStart[k + 1] as number;
    const wanted = rate[k] as number;
    let sum = 0;
    for (let slot = from; slot < end; slot++) sum += flow[slot] as number;
    if (sum === 0) flow.fill(utilization ? wanted / (end - from) : 0, from, end);
    else if (utilization || sum > wanted) for (let slot = from; slot < end; slot++) flow[slot] = (flow[slot] as number) * (wanted / sum);
  }
}

/** Flows scaled so that the share `free` of each link stays, and the room and slack that leaves. */
function takeRoom({ capacity, rate, slotStart }: ReducedProgram, incidence: Incidence, { flow, room, slack }: Point, free: number): void {
  const load = new Float64Array(capacity.length);
  const most = new Float64Array(flow.length);
  incidence.across(flow, load);
  incidence.most(
    load.map((sum, row) => sum / ((1 - free) * (capacity[row] as number))),
    most,
  );
  for (let slot = 0; slot < flow.length; slot++) flow[slot] = (flow[slot] as number) / Math.max(1, most[slot] as number);
  incidence.across(flow, load);
  for (let row = 0; row < capacity.length; row++) {
    room[row] = Math.max((capacity[row] as number) - (load[row] as number), free * (capacity[row] as number));
  }
  for (let k = 0; k < rate.length; k++) {
    let left = rate[k] as number;
    for (let slot = slotStart[k] as number; slot < (slotStart[k + 1] as number); slot++) left -= flow[slot] as number;
    slack[k] = Math.max(left, restMin * (rate[k] as number));
  }
}

/** The utilization that leaves every link room, `free` of the fullest one's load. */
function takeUtilization({ capacity }: ReducedProgram, incidence: Incidence, point: Point, free: number): void {
  const load = new Float64Array(capacity.length);
  incidence.across(point.flow, load);
  point.utilization = (1 + free) * load.reduce((most, sum, row) => Math.max(most, sum / (capacity[row] as number)), 0);
  for (let row = 0; row < capacity.length; row++) point.room[row] = point.utilization * (capacity[row] as number) - (load[row] as number);
}

function productsOf({ slotPath, capacity, rate, utilization }: ReducedProgram): number {
  return slotPath.length + capacity.length + (utilization ? 0 : rate.length);
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}
