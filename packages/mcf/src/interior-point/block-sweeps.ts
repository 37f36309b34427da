/** The two passes over all demands that a solve of Newton's equations takes (elimination.ts has the formulas): down to rows, and back. */
import type { Point, StepLengths } from "./point.js";
import type { ReducedProgram } from "./reduced-program.js";
import type { Residuals } from "./residuals.js";

/** Changes wanted of the products of primal and dual variables. */
export interface Targets {
  /** k_x, k_s, k_u. */
  readonly slot: Float64Array;
  readonly row: Float64Array;
  readonly block: Float64Array;
}

export interface BlockSweeps {
  /** Per slot: Theta and 1 / r; per block: 1 / H. Written by the caller. */
  readonly weights: Float64Array;
  readonly inverseCost: Float64Array;
  readonly inverseTotal: Float64Array;
  /** A (q - Theta G / H), per row. Leaves q and G in the direction's flow and demand price for `extend`. */
  readonly reduce: (point: Point, residuals: Residuals, targets: Targets, direction: Point, perRow: Float64Array) => void;
  /** The direction of slots and blocks, from that of the link prices. */
  readonly extend: (point: Point, residuals: Residuals, targets: Targets, direction: Point) => StepLengths;
}

export function blockSweeps(program: ReducedProgram, weights: Float64Array): BlockSweeps {
  const { trie, groupBlock, slotStart, slotNode, nodeRow, rowLink, rate, utilization } = program;
  const { groupCount, nodeStart, parent, nodesMax } = trie;
  // One entry more than there are rows, for the roots.
  const rowFigure = new Float64Array(rowLink.length + 1);
  const nodeFigure = new Float64Array(nodesMax);
  const inverseTotal = new Float64Array(rate.length);
  const inverseCost = new Float64Array(weights.length);

  /** Slots of one group, onto its nodes. */
  const reduceGroup = (group: number, point: Point, residuals: Residuals, targets: Targets, direction: Point): void => {
    const { flow, demandPrice } = point;
    const q = direction.flow;
    const blockEnd = groupBlock[group + 1] as number;
    for (let k = groupBlock[group] as number; k < blockEnd; k++) {
      const from = slotStart[k] as number;
      const end = slotStart[k + 1] as number;
      let sum = (utilization ? 0 : (targets.block[k] as number) / (demandPrice[k] as number)) - (residuals.block[k] as number);
      for (let slot = from; slot < end; slot++) {
        const v =
          ((targets.slot[slot] as number) - (flow[slot] as number) * (residuals.slot[slot] as number)) * (inverseCost[slot] as number);
        q[slot] = v;
        sum += v;
      }
      direction.demandPrice[k] = sum;
      const share = sum * (inverseTotal[k] as number);
      for (let slot = from; slot < end; slot++) {
        const node = slotNode[slot] as number;
        nodeFigure[node] = (nodeFigure[node] as number) + (q[slot] as number) - (weights[slot] as number) * share;
      }
    }
  };

  const reduce: BlockSweeps["reduce"] = (point, residuals, targets, direction, perRow) => {
    rowFigure.fill(0);
    for (let g = 0; g < groupCount; g++) {
      const base = nodeStart[g] as number;
      const nodes = (nodeStart[g + 1] as number) - base;
      nodeFigure.fill(0, 0, nodes);
      reduceGroup(g, point, residuals, targets, direction);
      for (let i = nodes - 1; i > 0; i--) {
        const sum = nodeFigure[i] as number;
        const row = nodeRow[base + i] as number;
        const above = parent[base + i] as number;
        rowFigure[row] = (rowFigure[row] as number) + sum;
        nodeFigure[above] = (nodeFigure[above] as number) + sum;
      }
    }
    for (let row = 0; row < perRow.length; row++) perRow[row] = rowFigure[row] as number;
  };

  // Inverse step lengths of the primal and the dual direction.
  const shortest = { primal: 1, dual: 1 };

  /** From nodes to the slots of one group. */
  const extendGroup = (group: number, point: Point, residuals: Residuals, targets: Targets, direction: Point): void => {
    const { flow, reducedCost, slack, demandPrice } = point;
    const dx = direction.flow;
    const dr = direction.reducedCost;
    let { primal, dual } = shortest;
    const blockEnd = groupBlock[group + 1] as number;
    for (let k = groupBlock[group] as number; k < blockEnd; k++) {
      const from = slotStart[k] as number;
      const end = slotStart[k + 1] as number;
      let sum = direction.demandPrice[k] as number;
      for (let slot = from; slot < end; slot++) {
        const along = nodeFigure[slotNode[slot] as number] as number;
        dr[slot] = along;
        sum -= (weights[slot] as number) * along;
      }
      const dz = sum * (inverseTotal[k] as number);
      direction.demandPrice[k] = dz;
      for (let slot = from; slot < end; slot++) {
        const change = (dr[slot] as number) + dz;
        const x = (dx[slot] as number) - (weights[slot] as number) * change;
        const r = change + (residuals.slot[slot] as number);
        dx[slot] = x;
        dr[slot] = r;
        if (-x > primal * (flow[slot] as number)) primal = -x / (flow[slot] as number);
        if (-r > dual * (reducedCost[slot] as number)) dual = -r / (reducedCost[slot] as number);
      }
      if (utilization) continue;
      const z = demandPrice[k] as number;
      const u = slack[k] as number;
      const du = ((targets.block[k] as number) - u * dz) / z;
      direction.slack[k] = du;
      if (-du > primal * u) primal = -du / u;
      if (-dz > dual * z) dual = -dz / z;
    }
    shortest.primal = primal;
    shortest.dual = dual;
  };

  const extend: BlockSweeps["extend"] = (point, residuals, targets, direction) => {
    rowFigure.set(direction.linkPrice);
    shortest.primal = 1;
    shortest.dual = 1;
    for (let g = 0; g < groupCount; g++) {
      const base = nodeStart[g] as number;
      const nodes = (nodeStart[g + 1] as number) - base;
      nodeFigure[0] = 0;
      for (let i = 1; i < nodes; i++) {
        nodeFigure[i] = (nodeFigure[parent[base + i] as number] as number) + (rowFigure[nodeRow[base + i] as number] as number);
      }
      extendGroup(g, point, residuals, targets, direction);
    }
    return { primal: 1 / shortest.primal, dual: 1 / shortest.dual };
  };
  return { weights, inverseCost, inverseTotal, reduce, extend };
}
