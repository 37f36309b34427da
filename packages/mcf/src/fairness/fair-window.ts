/**
 * One window of fair shares [low, high]: the rates that alpha-fairness (Mo and Walrand 2000) gives within it, for alpha so large that they
 * are nearly the max-min fair ones. Over flows x_p >= 0 with r_k the sum over the paths of demand k
 *
 *   maximize   sum over k of U_k(r_k)      subject to   load(e) <= c_e,   r_k <= what k is due at `high`
 *
 * where U_k' at the rate due at share s is (low / s)^alpha, but at most `giveWay`; and `giveWay` throughout for demands that are settled:
 * they keep their rate unless it does not fit at all. Prices within a window span few orders of magnitude, so that a first-order
 * method finds them all: the whole range of shares would span hundreds.
 *
 * The method is the primal-dual one of Chambolle and Pock with reflected Halpern steps and restarts, as for the linear programs
 * (Lu and Yang 2024), with the proximal step of a demand in closed form but for one scalar, its share. Steps are scaled per demand and
 * link (Pock and Chambolle 2011). A sweep costs O(nodes of the tries + paths).
 */
import { addUp, stateOf, type WindowProgram, type WindowState } from "./window-state.js";
import { project } from "./demand-step.js";
import { shareOfPrice } from "./fair-utility.js";
import { dueBps } from "./share-curves.js";

/** Sweeps between looks at how far it is. */
const sweepsPerCheck = 20;
/** Restart when the step has shrunk to this, or to `restartStalled` but grows again, or this part of all sweeps was since the last. */
const restartShrunk = 0.4;
const restartStalled = 0.8;
const restartLate = 0.2;
/** Of the ratio of dual to primal steps: prices and flows are scaled so that 1 is natural, and beyond these a window may run away. */
const primalWeightMin = 0.01;
const primalWeightMax = 20;
/** So many sweeps are done before a restart can be late. */
const sweepsEarly = 50;

export interface WindowLimits {
  readonly sweepsMax: number;
  /** Stop when rising demands have, in the mean, this near (as a logarithm) to what their prices say. */
  readonly shareError: number;
  /** And the flow over capacity, summed over links, is at most this part of the sum of all rates. */
  readonly overload: number;
  readonly stopped: () => boolean;
}

export interface WindowAnswer {
  /** Per path, bps, >= 0: nearly within capacity. */
  readonly flowBps: Float64Array;
  /** Per link, >= 0. */
  readonly linkPrice: Float64Array;
  readonly sweeps: number;
  /** False when it was stopped before it was near. */
  readonly converged: boolean;
}

export function solveWindow(program: WindowProgram, flowBps: Float64Array, limits: WindowLimits): WindowAnswer {
  const state = stateOf(program, flowBps);
  let converged = false;
  let sweeps = 0;
  while (sweeps < limits.sweepsMax && !converged && !limits.stopped()) {
    sweeps++;
    const idle = step(state, sweeps);
    converged = idle || (sweeps % sweepsPerCheck === 0 && isNear(state, limits));
  }
  const fitted = new Float64Array(program.problem.pathCount);
  state.slotPath.forEach((p, j) => (fitted[p] = state.fitted[j] as number));
  const linkPrice = state.price.slice(0, program.problem.linkCount).map((price) => Math.max(0, price));
  return { flowBps: fitted, linkPrice, sweeps, converged };
}

/** One step of the method. True where nothing is scarce and nothing moves: that is a solution. */
function step(state: WindowState, sweep: number): boolean {
  const a = (state.sinceRestart + 1) / (state.sinceRestart + 2);
  const movedFlow = sweepFlows(state, a);
  const { moved: movedPrice, scarce } = stepPrices(state, a);
  state.sinceRestart++;
  const move = Math.sqrt(state.primalWeight * movedFlow + movedPrice / state.primalWeight);
  if (state.sinceRestart === 1) state.firstMove = move;
  const late = sweep > sweepsEarly && state.sinceRestart >= restartLate * sweep;
  const shrunk = move <= restartShrunk * state.firstMove || (move <= restartStalled * state.firstMove && move > state.lastMove);
  state.lastMove = move;
  if (state.sinceRestart > 1 && (late || shrunk)) restart(state);
  return !scarce && sweep > 1;
}

/** The proximal step of every demand, and the loads that it gives. Returns the squared length of the step. */
function sweepFlows(state: WindowState, a: number): number {
  const { program, slotStart, slotLeaf, flow, anchorFlow, fitted, stepOf, price, fittedLoad, nodeValue, nodeFlow, projected } = state;
  const { groupCount, nodeStart, parent, link, demandStart } = program.trie;
  const back = 1 - a;
  const inverseWeight = 1 / state.primalWeight;
  let moved = 0;
  fittedLoad.fill(0);
  for (let g = 0; g < groupCount; g++) {
    const base = nodeStart[g] as number;
    const nodes = (nodeStart[g + 1] as number) - base;
    nodeValue[0] = 0;
    for (let v = 1; v < nodes; v++)
      nodeValue[v] = (nodeValue[parent[base + v] as number] as number) + (price[link[base + v] as number] as number);
    const end = demandStart[g + 1] as number;
    for (let i = demandStart[g] as number; i < end; i++) {
      const begin = slotStart[i] as number;
      const width = (slotStart[i + 1] as number) - begin;
      const t = (stepOf[i] as number) * inverseWeight;
      for (let j = 0; j < width; j++) projected[j] = (flow[begin + j] as number) - t * (nodeValue[slotLeaf[begin + j] as number] as number);
      project(state, i, width, t);
      let movedHere = 0;
      for (let j = 0; j < width; j++) {
        const slot = begin + j;
        const before = flow[slot] as number;
        const after = projected[j] as number;
        const leaf = slotLeaf[slot] as number;
        movedHere += (after - before) * (after - before);
        nodeFlow[leaf] = (nodeFlow[leaf] as number) + after;
        fitted[slot] = after;
        flow[slot] = a * (2 * after - before) + back * (anchorFlow[slot] as number);
      }
      moved += movedHere / (stepOf[i] as number);
    }
    for (let v = nodes - 1; v > 0; v--) addUp(fittedLoad, nodeFlow, link[base + v] as number, parent[base + v] as number, v);
    nodeFlow[0] = 0;
  }
  return moved;
}

function stepPrices(state: WindowState, a: number): { readonly moved: number; readonly scarce: boolean } {
  const { program, price, anchorPrice, load, anchorLoad, fittedLoad, linkScale, primalWeight } = state;
  const { linkCount, capacityBps } = program.problem;
  const back = 1 - a;
  let moved = 0;
  let scarce = false;
  for (let e = 0; e < linkCount; e++) {
    const scale = linkScale[e] as number;
    if (!(scale > 0)) continue;
    const before = price[e] as number;
    const fittedLoadOf = fittedLoad[e] as number;
    const capacity = capacityBps[e] as number;
    const after = Math.max(0, before + (primalWeight / scale) * (2 * fittedLoadOf - (load[e] as number) - capacity));
    if (after > 0 || fittedLoadOf > capacity) scarce = true;
    moved += (after - before) * (after - before) * scale;
    price[e] = a * (2 * after - before) + back * (anchorPrice[e] as number);
    load[e] = a * (2 * fittedLoadOf - (load[e] as number)) + back * (anchorLoad[e] as number);
  }
  return { moved, scarce };
}

/** Goes on from here, with steps balanced by how far flows and prices have come. */
function restart(state: WindowState): void {
  const { flow, anchorFlow, price, anchorPrice, load, anchorLoad, slotStart, stepOf, linkScale } = state;
  let flows = 0;
  for (let i = 0; i < stepOf.length; i++) {
    for (let j = slotStart[i] as number; j < (slotStart[i + 1] as number); j++)
      flows += ((flow[j] as number) - (anchorFlow[j] as number)) ** 2 / (stepOf[i] as number);
  }
  let prices = 0;
  for (let e = 0; e < price.length; e++) prices += ((price[e] as number) - (anchorPrice[e] as number)) ** 2 * (linkScale[e] as number);
  if (flows > 0 && prices > 0) {
    const balanced = Math.sqrt(state.primalWeight * Math.sqrt(prices / flows));
    state.primalWeight = Math.min(primalWeightMax, Math.max(primalWeightMin, balanced));
  }
  anchorFlow.set(flow);
  anchorPrice.set(price);
  anchorLoad.set(load);
  state.sinceRestart = 0;
  state.lastMove = Infinity;
}

function isNear(state: WindowState, { shareError, overload }: WindowLimits): boolean {
  const { program, slotStart, slotLeaf, fitted, most, price, fittedLoad, nodeValue } = state;
  const { trie, problem, settled, curves, demandOf, shareLow } = program;
  const { groupCount, nodeStart, parent, link, demandStart, demands } = trie;
  let over = 0;
  for (let e = 0; e < problem.linkCount; e++) over += Math.max(0, (fittedLoad[e] as number) - (problem.capacityBps[e] as number));
  let all = 0;
  for (let i = 0; i < most.length; i++) all += most[i] as number;
  if (over > overload * all) return false;
  let error = 0;
  let rising = 0;
  for (let g = 0; g < groupCount; g++) {
    const base = nodeStart[g] as number;
    const nodes = (nodeStart[g + 1] as number) - base;
    nodeValue[0] = 0;
    for (let v = 1; v < nodes; v++)
      nodeValue[v] = (nodeValue[parent[base + v] as number] as number) + Math.max(0, price[link[base + v] as number] as number);
    for (let i = demandStart[g] as number; i < (demandStart[g + 1] as number); i++) {
      const k = demands[i] as number;
      if (settled[k] === 1) continue;
      let rate = 0;
      let least = Infinity;
      for (let j = slotStart[i] as number; j < (slotStart[i + 1] as number); j++) {
        rate += fitted[j] as number;
        least = Math.min(least, nodeValue[slotLeaf[j] as number] as number);
      }
      const due = Math.min(most[i] as number, dueBps(curves, demandOf[k] as number, shareOfPrice(least, shareLow)));
      rising++;
      error += Math.min(1, Math.abs(rate - due) / Math.max(rate, due, Number.MIN_VALUE));
    }
  }
  return error <= shareError * rising;
}
