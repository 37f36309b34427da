/** Flows that fit, from flows that nearly do. */
import type { Incidence } from "./incidence.js";
import type { ReducedProgram } from "./reduced-program.js";

/** What is left of a demand, relative, that is not worth a walk over its paths. */
const restMin = 1e-12;

export interface Repair {
  /** In place: fits flows (per slot) to demands and, with limit "capacity", to links; what is left of links then goes to demands that want it. */
  readonly repair: (flow: Float64Array) => void;
}

export function repairOf(program: ReducedProgram, incidence: Incidence): Repair {
  const { capacity, utilization } = program;
  const load = new Float64Array(capacity.length);
  const share = new Float64Array(capacity.length);
  const perSlot = new Float64Array(program.slotPath.length);
  return {
    repair: (flow) => {
      fitDemands(program, flow);
      if (utilization) return;
      incidence.across(flow, load);
      let overload = 0;
      for (let row = 0; row < load.length; row++) {
        const ratio = (load[row] as number) / (capacity[row] as number);
        share[row] = ratio;
        overload = Math.max(overload, ratio - 1);
      }
      if (overload > 0) {
        incidence.most(share, perSlot);
        for (let slot = 0; slot < flow.length; slot++) flow[slot] = (flow[slot] as number) / Math.max(1, perSlot[slot] as number);
        incidence.across(flow, load);
      }
      for (let row = 0; row < load.length; row++) load[row] = Math.max(0, (capacity[row] as number) - (load[row] as number));
      fill(program, flow, load);
    },
  };
}

/** No flow negative, no demand passed; with limit "utilization", each demand met. */
function fitDemands({ slotStart, rate, utilization }: ReducedProgram, flow: Float64Array): void {
  for (let k = 0; k < rate.length; k++) {
    const from = slotStart[k] as number;
    const end = slotStart[k + 1] as number;
    const wanted = rate[k] as number;
    let sum = 0;
    for (let slot = from; slot < end; slot++) {
      flow[slot] = Math.max(0, flow[slot] as number);
      sum += flow[slot] as number;
    }
    if (sum <= wanted && !utilization) continue;
    const factor = wanted / sum;
    if (factor === Infinity) flow[from] = wanted;
    else for (let slot = from; slot < end; slot++) flow[slot] = (flow[slot] as number) * factor;
  }
}

/** Gives demands what is left of links, one after the other, each by its paths in order. */
function fill({ trie, groupBlock, slotStart, slotNode, nodeRow, rate }: ReducedProgram, flow: Float64Array, left: Float64Array): void {
  const { groupCount, nodeStart, parent } = trie;
  for (let g = 0; g < groupCount; g++) {
    const base = nodeStart[g] as number;
    for (let k = groupBlock[g] as number; k < (groupBlock[g + 1] as number); k++) {
      const from = slotStart[k] as number;
      const end = slotStart[k + 1] as number;
      let rest = rate[k] as number;
      for (let slot = from; slot < end; slot++) rest -= flow[slot] as number;
      if (rest <= restMin * (rate[k] as number)) continue;
      for (let slot = from; slot < end && rest > 0; slot++) {
        let room = rest;
        for (let i = slotNode[slot] as number; i > 0 && room > 0; i = parent[base + i] as number) {
          room = Math.min(room, left[nodeRow[base + i] as number] as number);
        }
        if (room <= 0) continue;
        flow[slot] = (flow[slot] as number) + room;
        rest -= room;
        for (let i = slotNode[slot] as number; i > 0; i = parent[base + i] as number) {
          const row = nodeRow[base + i] as number;
          left[row] = Math.max(0, (left[row] as number) - room);
        }
      }
    }
  }
}
