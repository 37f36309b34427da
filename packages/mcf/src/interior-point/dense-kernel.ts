/**
 * The linear algebra of the interior point: forms the Schur complement over the link rows, factors it, solves with the factors.
 * In WebAssembly, or in plain TypeScript where that does not run.
 */
import { denseWasm } from "../../generated/dense.js";
import { memoryPool } from "../kernel/memory-pool.js";
import { wasmModule } from "../kernel/wasm-module.js";
import * as reference from "./dense-reference.js";
import type { SchurTerms } from "./schur-terms.js";

export type DenseKind = "wasm" | "reference";

export interface DenseShape extends SchurTerms {
  /** Slots of block k: `slotStart[k] .. slotStart[k + 1]`. */
  readonly slotStart: Int32Array;
}

export interface DenseKernel {
  /** Per slot, x / r; per block, u / z (0 where all is carried); per row, s / y. Written by the caller before `form`. */
  readonly weights: Float64Array;
  readonly slacks: Float64Array;
  readonly diagonal: Float64Array;
  /** The complement's lower triangle. Blocks and entries of at most `skip` are left out. False where `isOver`, asked now and then, ended it. */
  readonly form: (skip: number, isOver: () => boolean) => boolean;
  /** Adds weight vector vector'. One number a row. */
  readonly addOuter: (vector: Float64Array, weight: number) => void;
  /** In place: before the next `form`, only `solve` makes sense. Overwrites `diagonal`. */
  readonly factor: () => void;
  /** In place. One number a row. */
  readonly solve: (rhs: Float64Array) => void;
  /** Entry of row i and column j <= i, as it stands. */
  readonly entry: (i: number, j: number) => number;
  /** Gives the memory back: nothing of the kernel may be used any more. */
  readonly release: () => void;
}

/** Doubles that `form` wants beside its records of runs: the weights of 16 paths and a slack. */
const scratchHead = 17;
const runRecordDoubles = 3;
/** Demands added to the complement between two looks at the clock: about 20 ms. */
const blocksAtOnce = 32_768;
/** Below this the module keeps its own constants. */
const firstByte = 65_536;

interface DenseExports {
  readonly form: (...figures: readonly number[]) => void;
  readonly addOuter: (...figures: readonly number[]) => void;
  readonly fold: (...figures: readonly number[]) => void;
  readonly factor: (...figures: readonly number[]) => void;
  readonly solve: (...figures: readonly number[]) => void;
}

const denseModule = wasmModule(denseWasm);
const memories = memoryPool(denseModule, { shared: true });

export function denseKernel(shape: DenseShape, kind: DenseKind): DenseKernel {
  return kind === "wasm" ? wasmKernel(shape) : reference.denseReference(shape);
}

export const denseWasmRuns = denseModule.runs;

function wasmKernel({ rowLink, chains, slotStart, termStart, terms, runsMax }: DenseShape): DenseKernel {
  const rows = rowLink.length;
  const chainCount = chains.length / 2;
  const blocks = slotStart.length - 1;
  const slots = slotStart[blocks] as number;
  const stride = evenOf(rows + chainCount);
  let end = firstByte;
  const take = (bytes: number): number => {
    const at = end;
    end += Math.ceil(bytes / 64) * 64;
    return at;
  };
  const at = {
    slotStart: take(4 * slotStart.length),
    termStart: take(4 * termStart.length),
    terms: take(2 * terms.length),
    chains: take(4 * chains.length),
    weights: take(8 * slots),
    slacks: take(8 * blocks),
    diagonal: take(8 * rows),
    rhs: take(8 * (rows + 2)),
    scratch: take(8 * (scratchHead + runRecordDoubles * runsMax)),
    matrix: take(8 * stride * (rows + chainCount)),
  };
  const lent = memories.take(end);
  const call = lent.kernels() as unknown as DenseExports;
  const { buffer } = lent.memory;
  new Uint8Array(buffer, firstByte, at.matrix - firstByte).fill(0);
  new Int32Array(buffer, at.slotStart, slotStart.length).set(slotStart);
  new Int32Array(buffer, at.termStart, termStart.length).set(termStart);
  new Uint16Array(buffer, at.terms, terms.length).set(terms);
  new Int32Array(buffer, at.chains, chains.length).set(chains);
  const matrix = new Float64Array(buffer, at.matrix, stride * (rows + chainCount));
  const rhsView = new Float64Array(buffer, at.rhs, rows);
  return {
    weights: new Float64Array(buffer, at.weights, slots),
    slacks: new Float64Array(buffer, at.slacks, blocks),
    diagonal: new Float64Array(buffer, at.diagonal, rows),
    form: (skip, isOver) => {
      matrix.fill(0);
      for (let from = 0; from < blocks; from += blocksAtOnce) {
        if (isOver()) return false;
        const to = Math.min(blocks, from + blocksAtOnce);
        call.form(from, to, at.slotStart, at.termStart, at.terms, at.weights, at.slacks, at.matrix, stride, skip, at.scratch);
      }
      call.fold(at.matrix, rows, stride, at.chains, chainCount, at.diagonal);
      return true;
    },
    addOuter: (vector, weight) => {
      rhsView.set(vector);
      call.addOuter(at.matrix, rows, stride, at.rhs, weight);
    },
    factor: () => call.factor(at.matrix, rows, stride, at.diagonal),
    solve: (rhs) => {
      rhsView.set(rhs);
      call.solve(at.matrix, rows, stride, at.rhs);
      rhs.set(rhsView);
    },
    entry: (i, j) => matrix[i * stride + j] as number,
    release: () => memories.giveBack(lent),
  };
}

function evenOf(count: number): number {
  return count + (count & 1);
}
