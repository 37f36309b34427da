/** Builds a sparse program piece by piece: the schemes add columns, rows and entries in whatever order reads best. */
import type { LinearProgram } from "./program.js";

export interface Column {
  /** Objective coefficient. Default 0. */
  readonly cost?: number;
  /** Default 0. */
  readonly lower?: number;
  /** Default +Infinity. */
  readonly upper?: number;
}

export interface Row {
  /** Default -Infinity. */
  readonly lower?: number;
  /** Default +Infinity. */
  readonly upper?: number;
}

/**
 * Entries may come in any order; entries of the same row and column are added up. `build` takes
 * O(columns + rows + entries) time and gives each column's entries by rising row.
 */
export class ProgramBuilder {
  readonly #sense: LinearProgram["sense"];
  readonly #cost = new NumberList(Float64Array);
  readonly #columnLower = new NumberList(Float64Array);
  readonly #columnUpper = new NumberList(Float64Array);
  readonly #rowLower = new NumberList(Float64Array);
  readonly #rowUpper = new NumberList(Float64Array);
  readonly #entryRow = new NumberList(Int32Array);
  readonly #entryColumn = new NumberList(Int32Array);
  readonly #entryValue = new NumberList(Float64Array);

  constructor(sense: LinearProgram["sense"]) {
    this.#sense = sense;
  }

  get columnCount(): number {
    return this.#cost.length;
  }

  get rowCount(): number {
    return this.#rowLower.length;
  }

  /** Returns the index of the new column. */
  addColumn({ cost = 0, lower = 0, upper = Infinity }: Column): number {
    this.#cost.push(cost);
    this.#columnLower.push(lower);
    return this.#columnUpper.push(upper);
  }

  /** Returns the index of the new row. */
  addRow({ lower = -Infinity, upper = Infinity }: Row): number {
    this.#rowLower.push(lower);
    return this.#rowUpper.push(upper);
  }

  /** The row and the column must have been added. Throws RangeError where they have not. */
  addEntry(row: number, column: number, value: number): void {
    if (!(row >= 0 && row < this.rowCount)) throw new RangeError(`row ${row} of ${this.rowCount}`);
    if (!(column >= 0 && column < this.columnCount)) throw new RangeError(`column ${column} of ${this.columnCount}`);
    if (value === 0) return;
    this.#entryRow.push(row);
    this.#entryColumn.push(column);
    this.#entryValue.push(value);
  }

  build(): LinearProgram {
    const byRow = bucketSort(this.#entryRow.values(), this.rowCount);
    const entryRow = this.#entryRow.values();
    const entryColumn = this.#entryColumn.values();
    const entryValue = this.#entryValue.values();
    const columnOfSorted = byRow.map((entry) => entryColumn[entry] ?? 0);
    const order = bucketSort(columnOfSorted, this.columnCount).map((position) => byRow[position] ?? 0);

    const columnStart = new Int32Array(this.columnCount + 1);
    const rowIndex = new Int32Array(order.length);
    const value = new Float64Array(order.length);
    let written = 0;
    let column = 0;
    for (const entry of order) {
      const entryAt = entryColumn[entry] ?? 0;
      while (column < entryAt) columnStart[++column] = written;
      const row = entryRow[entry] ?? 0;
      const previous = written - 1;
      if (written > (columnStart[column] ?? 0) && rowIndex[previous] === row) {
        value[previous] = (value[previous] ?? 0) + (entryValue[entry] ?? 0);
      } else {
        rowIndex[written] = row;
        value[written] = entryValue[entry] ?? 0;
        written += 1;
      }
    }
    while (column < this.columnCount) columnStart[++column] = written;

    return {
      sense: this.#sense,
      columnCount: this.columnCount,
      rowCount: this.rowCount,
      cost: this.#cost.values(),
      columnLower: this.#columnLower.values(),
      columnUpper: this.#columnUpper.values(),
      rowLower: this.#rowLower.values(),
      rowUpper: this.#rowUpper.values(),
      columnStart,
      rowIndex: rowIndex.slice(0, written),
      value: value.slice(0, written),
    };
  }
}

/** Stable order of `keys` (each in 0..keyCount-1) by rising key: the positions, sorted. */
function bucketSort(keys: Int32Array, keyCount: number): Int32Array {
  const next = new Int32Array(keyCount + 1);
  for (const key of keys) next[key + 1] = (next[key + 1] ?? 0) + 1;
  for (let key = 0; key < keyCount; key++) next[key + 1] = (next[key + 1] ?? 0) + (next[key] ?? 0);
  const order = new Int32Array(keys.length);
  keys.forEach((key, position) => {
    const slot = next[key] ?? 0;
    next[key] = slot + 1;
    order[slot] = position;
  });
  return order;
}

/** A typed array that grows by doubling: a program of ten million entries stays flat in memory. */
class NumberList<A extends Float64Array | Int32Array> {
  #data: A;
  #length = 0;
  readonly #type: new (length: number) => A;

  constructor(type: new (length: number) => A) {
    this.#type = type;
    this.#data = new type(64);
  }

  get length(): number {
    return this.#length;
  }

  /** Returns the index of what was pushed. */
  push(item: number): number {
    if (this.#length === this.#data.length) {
      const larger = new this.#type(this.#length * 2);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.#length] = item;
    return this.#length++;
  }

  /** A copy of what was pushed. */
  values(): A {
    return this.#data.slice(0, this.#length) as A;
  }
}
