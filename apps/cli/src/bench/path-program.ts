/**
 * A flow program as the sparse linear program that a general solver is given, written straight into its arrays: a column a path, a row a
 * demand, a row a link that could fill. Paths of demands that ask for nothing and paths over links without capacity are fixed at 0.
 *
 *   limit "capacity"      maximize sum x_p     load(e) <= c_e      sum over the paths of d <= D_d
 *   limit "utilization"   minimize u           load(e) / c_e <= u  sum over the paths of d = D_d     (u is the last column)
 */
import type { LinearProgram } from "@sluice/lp";
import type { FlowProgram, Problem } from "@sluice/mcf";

export interface PathProgram {
  readonly program: LinearProgram;
  /** Per link: its row, or -1 where it needs none and has the price 0. */
  readonly linkRow: Int32Array;
}

/** O(links of all paths). Path costs are not known here. */
export function pathProgram({ problem, limit }: Pick<FlowProgram, "problem" | "limit">): PathProgram {
  const utilization = limit === "utilization";
  const { demandCount, linkCount, pathCount, capacityBps } = problem;
  const paths = openPaths(problem);
  const { potentialBps } = paths;
  const linkRow = new Int32Array(linkCount).fill(-1);
  let rowCount = demandCount;
  for (let e = 0; e < linkCount; e++) {
    const needsRow = utilization ? (potentialBps[e] as number) > 0 : (potentialBps[e] as number) > (capacityBps[e] as number);
    if (needsRow) linkRow[e] = rowCount++;
  }
  const columnCount = utilization ? pathCount + 1 : pathCount;
  const cost = new Float64Array(columnCount).fill(utilization ? 0 : 1);
  if (utilization) cost[pathCount] = 1;
  const columnUpper = new Float64Array(columnCount).fill(Infinity);
  for (let p = 0; p < pathCount; p++) if (paths.open[p] === 0) columnUpper[p] = 0;
  return {
    program: {
      sense: utilization ? "minimize" : "maximize",
      columnCount,
      rowCount,
      cost,
      columnLower: new Float64Array(columnCount),
      columnUpper,
      ...rowBounds(problem, { utilization, linkRow, rowCount, open: paths.open }),
      ...entries(problem, { utilization, linkRow, columnCount, open: paths.open }),
    },
    linkRow,
  };
}

interface Rows {
  readonly utilization: boolean;
  readonly linkRow: Int32Array;
  readonly open: Uint8Array;
}

/** A demand none of whose paths is open has nothing to carry, not even where all is to be carried. */
function rowBounds(
  { demandCount, demandBps, linkCount, capacityBps, pathStart }: Problem,
  { utilization, linkRow, rowCount, open }: Rows & { readonly rowCount: number },
): Pick<LinearProgram, "rowLower" | "rowUpper"> {
  const rowLower = new Float64Array(rowCount).fill(-Infinity);
  const rowUpper = new Float64Array(rowCount);
  for (let d = 0; d < demandCount; d++) {
    rowUpper[d] = demandBps[d] as number;
    if (utilization && open.subarray(pathStart[d], pathStart[d + 1]).includes(1)) rowLower[d] = demandBps[d] as number;
  }
  for (let e = 0; e < linkCount; e++) {
    const row = linkRow[e] as number;
    if (row >= 0) rowUpper[row] = utilization ? 0 : (capacityBps[e] as number);
  }
  return { rowLower, rowUpper };
}

/** Column by column: an open path's demand and its links; last the utilization. */
function entries(
  { demandCount, linkCount, pathCount, capacityBps, pathStart, linkStart, pathLinks }: Problem,
  { utilization, linkRow, columnCount, open }: Rows & { readonly columnCount: number },
): Pick<LinearProgram, "columnStart" | "rowIndex" | "value"> {
  const most = (linkStart[pathCount] as number) + pathCount + linkCount;
  const columnStart = new Int32Array(columnCount + 1);
  const rowIndex = new Int32Array(most);
  const value = new Float64Array(most).fill(1);
  let count = 0;
  for (let d = 0; d < demandCount; d++) {
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      if (open[p] === 1) {
        rowIndex[count++] = d;
        for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
          const e = pathLinks[k] as number;
          const row = linkRow[e] as number;
          if (row < 0) continue;
          if (utilization) value[count] = 1 / (capacityBps[e] as number);
          rowIndex[count++] = row;
        }
      }
      columnStart[p + 1] = count;
    }
  }
  for (let e = 0; utilization && e < linkCount; e++) {
    const row = linkRow[e] as number;
    if (row < 0) continue;
    rowIndex[count] = row;
    value[count++] = -1;
  }
  columnStart[columnCount] = count;
  return { columnStart, rowIndex: rowIndex.slice(0, count), value: value.slice(0, count) };
}

/** Paths of a demand with a rate over links with capacity; and per link the sum of the demands with such a path over it. */
function openPaths(problem: Problem): { readonly open: Uint8Array; readonly potentialBps: Float64Array } {
  const { demandCount, linkCount, pathCount, capacityBps, demandBps, pathStart, linkStart, pathLinks } = problem;
  const open = new Uint8Array(pathCount);
  const potentialBps = new Float64Array(linkCount);
  const countedFor = new Int32Array(linkCount).fill(-1);
  for (let d = 0; d < demandCount; d++) {
    const demand = demandBps[d] as number;
    if (!(demand > 0)) continue;
    for (let p = pathStart[d] as number; p < (pathStart[d + 1] as number); p++) {
      const end = linkStart[p + 1] as number;
      let isOpen = 1;
      for (let k = linkStart[p] as number; k < end; k++) if (!((capacityBps[pathLinks[k] as number] as number) > 0)) isOpen = 0;
      open[p] = isOpen;
      if (isOpen === 0) continue;
      for (let k = linkStart[p] as number; k < end; k++) {
        const e = pathLinks[k] as number;
        if (countedFor[e] === d) continue;
        countedFor[e] = d;
        potentialBps[e] = (potentialBps[e] as number) + demand;
      }
    }
  }
  return { open, potentialBps };
}
