/** Row-major square matrices of rates to demands: one matrix is a `DemandMatrix`, several are a `DemandSeries`. */
import {
  buildDemandMatrix,
  compareText,
  type Demand,
  type DemandMatrix,
  type DemandSeries,
  type FlowGroup,
  type NodeId,
} from "@sluice/model";
import type { Reading } from "./reading.js";

/** Where neither file nor options say: five minutes, the usual interval of link counters. */
export const intervalSecondsDefault = 300;

/**
 * `matrices[t][i * n + j]` is the rate from `order[i]` to `order[j]`, bps. Zero entries are no demands; diagonal entries are noted and
 * dropped. A series has a flow group for every pair that is above 0 at some time. O(t n^2).
 */
export function demandsOfMatrices(
  matrices: readonly Float64Array[],
  order: readonly NodeId[],
  reading: Reading,
): DemandMatrix | DemandSeries | undefined {
  const n = order.length;
  const trafficClass = reading.options.trafficClass ?? "elastic";
  if (reading.options.trafficClass === undefined) reading.note("defaulted", "traffic class not stated: elastic");
  noteDiagonals(matrices, order, reading);
  // Rows by id, so that the model's sort of up to millions of demands finds them sorted.
  const byId = order.map((_, i) => i).sort((a, b) => compareText(order[a] ?? "", order[b] ?? ""));
  const [single] = matrices;
  const cells: number[] = [];
  const flowGroups: FlowGroup[] = [];
  for (const i of byId) {
    for (const j of byId) {
      const src = order[i];
      const dst = order[j];
      const cell = i * n + j;
      if (i === j || src === undefined || dst === undefined || !matrices.some((matrix) => (matrix[cell] ?? 0) > 0)) continue;
      cells.push(cell);
      flowGroups.push({ src, dst, trafficClass });
    }
  }
  const { name } = reading.options;
  if (matrices.length === 1 && single !== undefined) {
    const demands = flowGroups.map((group, k): Demand => ({ ...group, rateBps: single[cells[k] ?? 0] ?? 0 }));
    return reading.admit(buildDemandMatrix(name, demands));
  }
  const intervalSeconds = reading.options.intervalSeconds ?? intervalSecondsDefault;
  if (reading.options.intervalSeconds === undefined) reading.note("defaulted", `interval not stated: ${intervalSeconds} s`);
  return {
    kind: "demand-series",
    name,
    intervalSeconds,
    flowGroups,
    ratesBps: matrices.map((matrix) => cells.map((cell) => matrix[cell] ?? 0)),
  };
}

function noteDiagonals(matrices: readonly Float64Array[], order: readonly NodeId[], reading: Reading): void {
  const n = order.length;
  for (const matrix of matrices) {
    for (let i = 0; i < n; i += 1) {
      if ((matrix[i * n + i] ?? 0) > 0) reading.note("ignored", "demand of a node to itself", order[i]);
    }
  }
}
