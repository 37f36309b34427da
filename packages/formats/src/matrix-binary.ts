/** Binary matrices of the peers' benchmark: n x n little-endian floats of 32 or 64 bits, row-major, rate from row to column. */
import type { DemandMatrix, DemandSeries, Topology } from "@sluice/model";
import { toBps } from "./decimal.js";
import { nodeOrderOf } from "./node-order.js";
import type { Reading } from "./reading.js";
import { demandsOfMatrices } from "./square-matrix.js";
import { rateUnitBps } from "./units.js";

/** Which float the length speaks for; undefined where it fits neither. */
export function dtypeOfLength(bytes: number, n: number): "f32" | "f64" | undefined {
  if (bytes === n * n * 4) return "f32";
  return bytes === n * n * 8 ? "f64" : undefined;
}

export function readMatrixBinary(bytes: Uint8Array, topology: Topology, reading: Reading): DemandMatrix | DemandSeries | undefined {
  const n = topology.nodes.length;
  const fitting = dtypeOfLength(bytes.length, n);
  const dtype = reading.options.dtype ?? fitting;
  if (dtype === undefined || dtype !== fitting) {
    return reading.refuse(
      "out-of-range",
      `The file has ${bytes.length} bytes; a matrix of ${n} nodes has ${n * n * 4} (f32) or ${n * n * 8} (f64).`,
      "/length",
    );
  }
  if (reading.options.dtype === undefined) reading.note("inferred", `number format from the length: ${dtype}`);
  const order = nodeOrderOf(topology, reading);
  if (order === undefined) return undefined;
  const unitBps = rateUnitBps({ unitBps: 1e6, why: "rate unit not stated: read as Mb/s, as the peers' benchmark has it" }, reading);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const matrix = new Float64Array(n * n);
  for (let cell = 0; cell < n * n && !reading.exhausted; cell += 1) {
    const value = dtype === "f32" ? view.getFloat32(cell * 4, true) : view.getFloat64(cell * 8, true);
    if (Number.isFinite(value) && value >= 0 && value * unitBps <= Number.MAX_SAFE_INTEGER) {
      matrix[cell] = value * unitBps;
      continue;
    }
    const pointer = `/row/${Math.floor(cell / n)}/column/${cell % n}`;
    if (!Number.isFinite(value)) reading.refuse("not-finite", `${pointer}: the number is not finite.`, pointer);
    else if (value < 0) reading.refuse("negative", `${pointer}: ${value} is below 0.`, pointer);
    else toBps(value, unitBps, reading, pointer);
  }
  return reading.refused ? undefined : demandsOfMatrices([matrix], order, reading);
}
