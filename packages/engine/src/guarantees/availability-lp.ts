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
 * Failures that were not looked at (p_rest) count as total loss. With a column u_q for the largest loss in q most rows go: what a demand loses in q
 * it mostly loses in a part of q already, and u_q is no less than the u of its parts.
 *
 *   s_q >= u_q - alpha,    u_q >= u_(q less one cable),    u_q >= 1 - sum of a_t that survive q / D_d    where that is more than in every part
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
  /** Per failure: of the demands that it touches the paths it takes; demands that it kills, and those without a promise, left out. */
  readonly touched: readonly ReadonlyMap<number, number>[];
  /** Those that are promised something. */
  readonly demands: readonly number[];
  readonly beta: number;
}

/** Per failure, the largest share of a demand that is lost; or why that was not found. O(rows) beside the solver's work. */
export async function lossesByFailure(
  { problem, likely, touched, demands, beta }: LossQuestion,
  { lp, timeLimitSeconds }: { readonly lp: LpBackend; readonly timeLimitSeconds: number },
): Promise<Float64Array | string> {
  const parts = partsOf(likely);
  // What a failure takes of a demand and no part of it takes already.
  const rowsOf = touched.map((each, q) =>
    [...each].filter(([demand, mask]) => !(parts[q] ?? []).some((part) => touched[part]?.get(demand) === mask)),
  );
  const rowCount = rowsOf.reduce((sum, each, q) => sum + each.length + (parts[q]?.length ?? 0) + 1, demands.length + problem.linkCount);
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
  const addLoss = (loss: number, demand: number, mask: number): void => {
    const row = builder.addRow({ lower: 1 });
    builder.addEntry(row, loss, 1);
    const first = problem.pathStart[demand] as number;
    for (let path = first; path < (problem.pathStart[demand + 1] as number); path++) {
      if (((mask >> (path - first)) & 1) === 0) {
        builder.addEntry(row, columnOfPath[path] as number, unitBps / (problem.demandBps[demand] as number));
      }
    }
  };
  const addAtLeast = (column: number, least: number, plus = -1): void => {
    const row = builder.addRow({ lower: 0 });
    builder.addEntry(row, column, 1);
    builder.addEntry(row, least, -1);
    if (plus >= 0) builder.addEntry(row, plus, 1);
  };
  const losses = likely.failures.map(({ probability }, q) => {
    const loss = builder.addColumn({});
    const excess = builder.addColumn({ cost: tail * probability });
    addAtLeast(excess, loss, alpha);
    if (q === 0) for (const d of demands) addLoss(loss, d, 0);
    for (const [demand, mask] of rowsOf[q] ?? []) addLoss(loss, demand, mask);
    return loss;
  });
  parts.forEach((each, q) => {
    for (const part of each) addAtLeast(losses[q] ?? 0, losses[part] ?? 0);
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
  return Float64Array.from(touched, (each) => [...each].reduce((most, [demand, mask]) => Math.max(most, lossOf(demand, mask)), least));
}

/** Per failure: the failures of one cable less. All are there, since failures come by size. */
function partsOf({ failures }: LikelyFailures): readonly (readonly number[])[] {
  const at = new Map(failures.map(({ cables }, q) => [cables.join(), q]));
  return failures.map(({ cables }) =>
    cables.flatMap((_, i) => {
      const part = at.get(cables.toSpliced(i, 1).join());
      return part === undefined ? [] : [part];
    }),
  );
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
