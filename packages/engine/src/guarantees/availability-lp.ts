/**
 * Which failures an availability covers, by TEAVAR (Bogle, Bhatia, Ghobadi, Menache, Bjorner, Valadarsky and Schapira, "TEAVAR: Striking the Right
 * Utilization-Availability Balance in WAN Traffic Engineering", SIGCOMM 2019, section 4, formulation (4)-(9)): reservations that make the
 * conditional value at risk of the largest relative loss least,
 *
 *   minimize  alpha + 1 / (1 - beta) x (sum of p_q s_q + p_rest (1 - alpha))
 *
 *   s_q >= 1 - sum of a_t that survive q / D_d - alpha    for each failure q and demand d,    s >= 0,  0 <= alpha <= 1
 *   sum of a_t over t through e <= c_e                    for each link e,                    a >= 0
 *
 * Failures that were not looked at (p_rest) count as total loss. Losses that a failure causes follow from the reservations.
 */
import { ProgramBuilder, type LpBackend } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";
import { unitBpsOf } from "../flow-model.js";
import type { LikelyFailures } from "./likely-failures.js";

/** Larger programs are not begun. */
const rowsMax = 50_000;

export interface LossQuestion {
  readonly problem: Problem;
  readonly likely: LikelyFailures;
  /** Per failure: the demands that it touches with the mask of paths it takes; demands that it kills, and those without a promise, left out. */
  readonly touched: readonly (readonly { readonly demand: number; readonly mask: number }[])[];
  /** Those that are promised something. */
  readonly demands: readonly number[];
  readonly beta: number;
}

/** Per failure, the largest share of a demand that is lost; or why that was not found. O(rows) beside the solver's work. */
export async function lossesByFailure(
  { problem, likely, touched, demands, beta }: LossQuestion,
  { lp, timeLimitSeconds }: { readonly lp: LpBackend; readonly timeLimitSeconds: number },
): Promise<Float64Array | string> {
  const rowCount = touched.reduce((sum, each) => sum + each.length + 1, demands.length + problem.linkCount);
  if (rowCount > rowsMax) return `the program of the conditional value at risk has ${rowCount} rows, more than ${rowsMax}`;
  const unitBps = unitBpsOf(problem);
  const builder = new ProgramBuilder("minimize");
  const columnOfPath = new Int32Array(problem.pathCount).fill(-1);
  for (const d of demands) {
    const upper = (problem.demandBps[d] as number) / unitBps;
    for (let path = problem.pathStart[d] as number; path < (problem.pathStart[d + 1] as number); path++) {
      columnOfPath[path] = builder.addColumn({ upper });
    }
  }
  const tail = 1 / (1 - beta);
  const alpha = builder.addColumn({ cost: 1 - tail * (1 - likely.probability), upper: 1 });
  // The largest loss of a demand that nothing touches: no failure's is less.
  const untouched = builder.addColumn({});
  const addLoss = (loss: number, demand: number, mask: number, withAlpha: boolean): void => {
    const row = builder.addRow({ lower: 1 });
    builder.addEntry(row, loss, 1);
    if (withAlpha) builder.addEntry(row, alpha, 1);
    const first = problem.pathStart[demand] as number;
    for (let path = first; path < (problem.pathStart[demand + 1] as number); path++) {
      if (((mask >> (path - first)) & 1) === 0) {
        builder.addEntry(row, columnOfPath[path] as number, unitBps / (problem.demandBps[demand] as number));
      }
    }
  };
  for (const d of demands) addLoss(untouched, d, 0, false);
  likely.failures.forEach(({ probability }, q) => {
    const excess = builder.addColumn({ cost: tail * probability });
    const row = builder.addRow({ lower: 0 });
    builder.addEntry(row, excess, 1);
    builder.addEntry(row, alpha, 1);
    builder.addEntry(row, untouched, -1);
    for (const { demand, mask } of touched[q] ?? []) addLoss(excess, demand, mask, true);
  });
  addCapacityRows(builder, problem, columnOfPath, unitBps);
  const { status, primal } = await lp.solve(builder.build(), { timeLimitSeconds });
  if (status !== "optimal" || primal === undefined) return `the program of the conditional value at risk ended with status ${status}`;
  const lossOf = (demand: number, mask: number): number => {
    const first = problem.pathStart[demand] as number;
    let left = 0;
    for (let path = first; path < (problem.pathStart[demand + 1] as number); path++) {
      if (((mask >> (path - first)) & 1) === 0) left += (primal[columnOfPath[path] as number] as number) * unitBps;
    }
    return 1 - left / (problem.demandBps[demand] as number);
  };
  const least = demands.reduce((most, d) => Math.max(most, lossOf(d, 0)), 0);
  return Float64Array.from(touched, (each) => each.reduce((most, { demand, mask }) => Math.max(most, lossOf(demand, mask)), least));
}

/** Capacity:  sum of a_t over t through e <= c_e   for each link e. */
function addCapacityRows(builder: ProgramBuilder, problem: Problem, columnOfPath: Int32Array, unitBps: number): void {
  const rows = new Int32Array(problem.linkCount).fill(-1);
  for (let path = 0; path < problem.pathCount; path++) {
    const column = columnOfPath[path] as number;
    if (column < 0) continue;
    for (let k = problem.linkStart[path] as number; k < (problem.linkStart[path + 1] as number); k++) {
      const e = problem.pathLinks[k] as number;
      if ((rows[e] as number) < 0) rows[e] = builder.addRow({ upper: (problem.capacityBps[e] as number) / unitBps });
      builder.addEntry(rows[e] as number, column, 1);
    }
  }
}
