/** Products with the incidence of rows and paths, by sweeps over the suffix tries. Each is O(nodes + slots). */
import type { ReducedProgram } from "./reduced-program.js";

export interface Incidence {
  /** The sum of `figure` (per row) over the rows of each slot's path. */
  readonly along: (figure: Float64Array, perSlot: Float64Array) => void;
  /** The largest of `figure` (per row, none negative) over the rows of each slot's path; 0 where it crosses none. */
  readonly most: (figure: Float64Array, perSlot: Float64Array) => void;
  /** The sum of `amount` (per slot) over the paths that cross each row. */
  readonly across: (amount: Float64Array, perRow: Float64Array) => void;
}

export function incidenceOf(program: ReducedProgram): Incidence {
  const { trie, groupBlock, slotStart, slotNode, nodeRow, rowLink } = program;
  const { groupCount, nodeStart, parent, nodesMax } = trie;
  // One entry more than there are rows, for the roots.
  const rowFigure = new Float64Array(rowLink.length + 1);
  const nodeFigure = new Float64Array(nodesMax);
  const gather = (figure: Float64Array, perSlot: Float64Array, sweepDown: typeof sumDown): void => {
    rowFigure.set(figure);
    nodeFigure[0] = 0;
    for (let g = 0; g < groupCount; g++) {
      sweepDown(g, program, rowFigure, nodeFigure);
      const end = slotStart[groupBlock[g + 1] as number] as number;
      for (let slot = slotStart[groupBlock[g] as number] as number; slot < end; slot++) {
        perSlot[slot] = nodeFigure[slotNode[slot] as number] as number;
      }
    }
  };
  return {
    along: (figure, perSlot) => gather(figure, perSlot, sumDown),
    most: (figure, perSlot) => gather(figure, perSlot, mostDown),
    across: (amount, perRow) => {
      rowFigure.fill(0);
      for (let g = 0; g < groupCount; g++) {
        const base = nodeStart[g] as number;
        const nodes = (nodeStart[g + 1] as number) - base;
        nodeFigure.fill(0, 0, nodes);
        const end = slotStart[groupBlock[g + 1] as number] as number;
        for (let slot = slotStart[groupBlock[g] as number] as number; slot < end; slot++) {
          const node = slotNode[slot] as number;
          nodeFigure[node] = (nodeFigure[node] as number) + (amount[slot] as number);
        }
        for (let i = nodes - 1; i > 0; i--) {
          const sum = nodeFigure[i] as number;
          const row = nodeRow[base + i] as number;
          const above = parent[base + i] as number;
          rowFigure[row] = (rowFigure[row] as number) + sum;
          nodeFigure[above] = (nodeFigure[above] as number) + sum;
        }
      }
      for (let row = 0; row < perRow.length; row++) perRow[row] = rowFigure[row] as number;
    },
  };
}

function sumDown(group: number, { trie, nodeRow }: ReducedProgram, rowFigure: Float64Array, nodeFigure: Float64Array): void {
  const { nodeStart, parent } = trie;
  const base = nodeStart[group] as number;
  const nodes = (nodeStart[group + 1] as number) - base;
  for (let i = 1; i < nodes; i++) {
    nodeFigure[i] = (nodeFigure[parent[base + i] as number] as number) + (rowFigure[nodeRow[base + i] as number] as number);
  }
}

function mostDown(group: number, { trie, nodeRow }: ReducedProgram, rowFigure: Float64Array, nodeFigure: Float64Array): void {
  const { nodeStart, parent } = trie;
  const base = nodeStart[group] as number;
  const nodes = (nodeStart[group + 1] as number) - base;
  for (let i = 1; i < nodes; i++) {
    nodeFigure[i] = Math.max(nodeFigure[parent[base + i] as number] as number, rowFigure[nodeRow[base + i] as number] as number);
  }
}
