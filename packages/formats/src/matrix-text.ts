/**
 * Whitespace matrices: each line a row-major n x n matrix (a series: the weeks of Abilene and GEANT, the demands of ARROW), or n lines
 * of n numbers (one matrix), or a multiple of n such lines (a series).
 */
import type { DemandMatrix, DemandSeries, Topology } from "@sluice/model";
import { readDecimal, toBps } from "./decimal.js";
import { nodeOrderOf } from "./node-order.js";
import type { Reading } from "./reading.js";
import { demandsOfMatrices } from "./square-matrix.js";
import { rateUnitBps } from "./units.js";

/** How much of a first line is looked at to tell the format. */
const probeLength = 65_536;

/** What stands in a matrix: a number, or what a broken file has in its place. */
const cellPattern = /^[+-]?(?:[\d.][\w.+-]*|nan|inf|infinity)$/i;

/** Whether the first line is nothing but numbers parted by blanks. */
export function isMatrixText(text: string): boolean {
  const start = text.search(/\S/);
  const probe = text.slice(start, start + probeLength);
  const [line = ""] = probe.split(/[\r\n]/, 1);
  const cells = line.trim().split(/\s+/);
  // A line longer than the probe may be cut within its last cell.
  return (line.length === probeLength ? cells.slice(0, -1) : cells).every((cell) => cellPattern.test(cell));
}

export function readMatrixText(text: string, topology: Topology, reading: Reading): DemandMatrix | DemandSeries | undefined {
  const order = nodeOrderOf(topology, reading);
  if (order === undefined) return undefined;
  const n = order.length;
  const unitBps = rateUnitBps({ unitBps: 1, why: "rate unit not stated: read as bps" }, reading);
  const rows: Float64Array[] = [];
  let width: number | undefined;
  const lines = text.split(/\r\n|\n|\r/);
  for (const [i, line] of lines.entries()) {
    const trimmed = line.trim();
    if (trimmed === "") continue;
    const tokens = trimmed.split(/\s+/);
    width ??= [n, n * n, (n + 1) ** 2].find((fitting) => fitting === tokens.length);
    if (tokens.length !== width) {
      const expected = width === undefined ? `${n} or ${n * n} (the topology has ${n} nodes)` : String(width);
      return reading.refuse("out-of-range", `Line ${i + 1} has ${tokens.length} numbers; ${expected} are expected.`, `/line/${i + 1}`);
    }
    rows.push(numbersOf(tokens, i + 1, unitBps, reading));
    if (reading.exhausted) return undefined;
  }
  if (reading.refused) return undefined;
  if (width === n * n) return demandsOfMatrices(rows, order, reading);
  if (width === (n + 1) ** 2)
    return demandsOfMatrices(
      rows.map((row) => withoutLastNode(row, n, reading)),
      order,
      reading,
    );
  if (rows.length === 0 || rows.length % n !== 0) {
    return reading.refuse(
      "out-of-range",
      `The file has ${rows.length} rows of ${n} numbers: not a multiple of ${n}.`,
      `/line/${lines.length}`,
    );
  }
  const matrices = Array.from({ length: rows.length / n }, (_, t) => {
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i += 1) matrix.set(rows[t * n + i] ?? [], i * n);
    return matrix;
  });
  return demandsOfMatrices(matrices, order, reading);
}

/** ARROW's IBM network has 17 nodes and matrices of 18: the last row and column belong to no node. Their demands are noted, and left out. */
function withoutLastNode(row: Float64Array, n: number, reading: Reading): Float64Array {
  const kept = new Float64Array(n * n);
  for (let i = 0; i < n; i += 1) kept.set(row.subarray(i * (n + 1), i * (n + 1) + n), i * n);
  const left = Array.from({ length: n + 1 }, (_, i) => [row[i * (n + 1) + n], row[n * (n + 1) + i]]).flat();
  reading.note(
    "ignored",
    "demand of the last row or column: the matrix has one node more than the topology",
    undefined,
    left.filter((rate) => (rate ?? 0) > 0).length,
  );
  return kept;
}

function numbersOf(tokens: readonly string[], line: number, unitBps: number, reading: Reading): Float64Array {
  const numbers = new Float64Array(tokens.length);
  for (const [k, token] of tokens.entries()) {
    const pointer = `/line/${line}/${k + 1}`;
    const value = readDecimal(token, reading, pointer);
    numbers[k] = value === undefined ? 0 : (toBps(value, unitBps, reading, pointer) ?? 0);
  }
  return numbers;
}
