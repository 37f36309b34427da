import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FlowProgram } from "../flow-program.js";
import { randomProgram } from "../testing/random-program.js";
import { ringProgram } from "../testing/ring-program.js";
import { problemOf } from "../testing/written-problem.js";
import { buildTrie } from "../trie/path-trie.js";
import { addLoads, makeKernel, type Kernel, type KernelKind } from "./kernel.js";
import { double, layOut, linkDouble } from "./layout.js";

/** Runs every kernel some rounds on figures that are made up, and returns all that they leave behind. */
function traceOf(program: FlowProgram, kind: KernelKind, threads: number): readonly Float64Array[] {
  const { problem } = program;
  const trie = buildTrie(problem, { fillable: 0 });
  const kernel = makeKernel(layOut(program, trie, problem.demandBps), { kind, threads });
  const { layout } = kernel;
  const trace: Float64Array[] = [];
  const load = new Float64Array(problem.linkCount + 1);
  const record = (): void => {
    addLoads(layout, load);
    trace.push(
      layout.flow.slice(),
      layout.fitted.slice(),
      layout.leastPrice.slice(),
      layout.linkFigure.slice(),
      load.slice(),
      sumsOf(kernel),
    );
  };
  layout.flow.forEach((_, s) => (layout.flow[s] = (layout.pathAt[s] as number) < 0 ? 0 : ((s * 37) % 11) - 3));
  layout.anchor.set(layout.flow);
  for (let round = 0; round < 4; round++) {
    for (let e = 0; e < problem.linkCount; e++) {
      layout.price[e] = (((e + 3 * round) * 29) % 17) / 40 - 0.02;
      layout.linkFigure[e] = Math.max(0, layout.price[e] as number);
    }
    for (const partition of layout.partitions) {
      const at = partition.record / 8;
      layout.doubles[at + double.stepSize] = 0.9;
      layout.doubles[at + double.stepShare] = (round + 1) / (round + 2);
      layout.doubles[at + double.anchorShare] = 1 / (round + 2);
      layout.doubles[at + double.reflection] = 1;
    }
    kernel.sweep();
    record();
    const onLinks = layout.linkRecord / 8;
    layout.capacity.set(problem.capacityBps);
    Object.assign(layout.doubles, {
      [onLinks + linkDouble.size]: 0.4,
      [onLinks + linkDouble.newShare]: 1.2,
      [onLinks + linkDouble.oldShare]: -0.6,
      [onLinks + linkDouble.anchorShare]: 0.4,
    });
    for (const call of [kernel.stepPrices, kernel.averageLinks]) {
      call();
      trace.push(layout.price.slice(), layout.priceNew.slice(), layout.load.slice(), layout.loadNew.slice());
      trace.push(layout.doubles.slice(onLinks + linkDouble.movement, onLinks + linkDouble.coupling + 1));
    }
    kernel.distance();
    record();
    kernel.price();
    record();
    trace.push(Float64Array.of(kernel.worthBeyond(1), kernel.worthBeyond(0.7), kernel.worthFall(1, 1), kernel.worthFall(4, 3)));
    kernel.fit();
    record();
    for (let e = 0; e <= problem.linkCount; e++) layout.linkFigure[e] = ((e * 13 + round) % 7) / 6;
    kernel.scale();
    record();
    for (let e = 0; e < problem.linkCount; e++) layout.linkFigure[e] = problem.capacityBps[e] as number;
    kernel.fill();
    record();
    trace.push(Float64Array.of(kernel.worthOf()));
  }
  kernel.release();
  return trace;
}

function sumsOf({ layout }: Kernel): Float64Array {
  return Float64Array.from(
    layout.partitions.flatMap(({ record }) => [double.dualSum, double.movement].map((at) => layout.doubles[record / 8 + at] as number)),
  );
}

/** A demand with each number of paths from 1 to 16, so that every width class is full, half full and over its edge. */
function everyWidth(limit: FlowProgram["limit"]): FlowProgram {
  const links = Array.from({ length: 16 }, (_, e) => ({ from: 0, to: 1, capacity: 3 + (e % 5) }));
  const demands = Array.from({ length: 16 }, (_, k) => ({
    src: 0,
    dst: 1,
    rate: 2 + k,
    paths: Array.from({ length: k + 1 }, (_unused, e) => [e]),
  }));
  return { problem: problemOf({ links, demands }), limit };
}

describe("the kernel in WebAssembly", () => {
  it.each(["capacity", "utilization"] as const)("gives the reference's bits on every width of demand, limit %s", (limit) => {
    const program = everyWidth(limit);
    expect(traceOf(program, "wasm", 1)).toEqual(traceOf(program, "reference", 1));
  });

  it("gives the reference's bits on any program", () => {
    fc.assert(
      fc.property(randomProgram(), (program) => {
        expect(traceOf(program, "wasm", 1)).toEqual(traceOf(program, "reference", 1));
      }),
      { numRuns: 150 },
    );
  });

  it.each(["capacity", "utilization"] as const)("gives the same bits on two threads as on one, limit %s", (limit) => {
    const program = ringProgram(140, limit);
    expect(isSame(traceOf(program, "wasm", 2), traceOf(program, "wasm", 1))).toBe(true);
  });
});

/** To the bit; comparing arrays of this size one by one takes the test framework long. */
function isSame(a: readonly Float64Array[], b: readonly Float64Array[]): boolean {
  const bytes = (array: Float64Array): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  return a.length === b.length && a.every((array, i) => bytes(array).equals(bytes(b[i] ?? new Float64Array())));
}
