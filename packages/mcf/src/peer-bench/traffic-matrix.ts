/** A traffic matrix of the benchmark: n x n little-endian numbers, row-major, rate from row to column. Zeros and the diagonal are no demands. */
import { fault, ok, refuse, type Result } from "@sluice/model";
import type { Problem } from "../problem.js";

export interface MatrixShape {
  readonly n: number;
  readonly type: "f32" | "f64";
}

/** Demands in rising order of source, then destination. Faults: `out-of-range` (not n x n numbers), `not-finite`, `negative`. */
export function parseTrafficMatrix(
  bytes: Uint8Array,
  { n, type }: MatrixShape,
): Result<Pick<Problem, "demandCount" | "demandBps" | "demandSrc" | "demandDst">> {
  const width = type === "f32" ? 4 : 8;
  if (bytes.length !== n * n * width) {
    return refuse(fault("out-of-range", `${n} x ${n} ${type} numbers are ${n * n * width} bytes, and there are ${bytes.length}.`));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rateAt = (cell: number): number => (type === "f32" ? view.getFloat32(4 * cell, true) : view.getFloat64(8 * cell, true));
  const isDemand = (cell: number): boolean => Math.floor(cell / n) !== cell % n && rateAt(cell) !== 0;
  let demandCount = 0;
  for (let cell = 0; cell < n * n; cell++) {
    if (!isDemand(cell)) continue;
    const rate = rateAt(cell);
    if (!(rate > 0 && rate < Infinity)) {
      const code = rate < 0 ? "negative" : "not-finite";
      return refuse(fault(code, `The rate from ${Math.floor(cell / n)} to ${cell % n} is ${rate}.`));
    }
    demandCount += 1;
  }
  const demandBps = new Float64Array(demandCount);
  const demandSrc = new Int32Array(demandCount);
  const demandDst = new Int32Array(demandCount);
  for (let cell = 0, d = 0; cell < n * n; cell++) {
    if (!isDemand(cell)) continue;
    demandBps[d] = rateAt(cell);
    demandSrc[d] = Math.floor(cell / n);
    demandDst[d] = cell % n;
    d += 1;
  }
  return ok({ demandCount, demandBps, demandSrc, demandDst });
}
