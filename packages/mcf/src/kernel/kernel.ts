/**
 * Runs the kernels on all partitions of a layout: in WebAssembly, on one thread or on two, or in plain TypeScript. Results are the same to
 * the bit, whichever it is.
 */
import { sweepMemories, sweepModule, type Layout, type Partition } from "./layout.js";
import { averageLinks, stepPrices } from "./links-reference.js";
import { distance, fill, fit, price, scale, sweep } from "./sweep-reference.js";
import { worthBeyond, worthFall, worthOf } from "./worth-reference.js";
import { crewOf, type Crew, type SharedOperation } from "./thread-pool.js";

/** Work (trie nodes and slots) below which waking a second thread costs more than it saves. */
const threadWorkMin = 10_000;

export type KernelKind = "wasm" | "reference";

export interface Kernel {
  readonly layout: Layout;
  /** One primal-dual step of all flows; leaves link loads in each partition. */
  readonly sweep: () => void;
  readonly price: () => void;
  readonly fit: () => void;
  readonly scale: () => void;
  readonly distance: () => void;
  /** Partition after partition, always on this thread: they share what is left of each link. */
  readonly fill: () => void;
  /** New prices from the loads of the last sweep, with limit "capacity". */
  readonly stepPrices: () => void;
  /** Moves prices and loads of links as the last sweep moved flows. */
  readonly averageLinks: () => void;
  /** sum D_k max(0, 1 - scale m_k), with m_k the demands' least prices of the last `price`. */
  readonly worthBeyond: (scale: number) => number;
  /** sum D_k m_k over demands with scale m_k < 1, of every `stride`-th pair of demands: by how much the above falls as the scale rises. */
  readonly worthFall: (scale: number, stride: number) => number;
  /** Of the fitted flows, less what they cost: bps. */
  readonly worthOf: () => number;
  /** Gives the memory back: neither kernel nor layout may be used any more. */
  readonly release: () => void;
}

type Operation = SharedOperation | "fill";
type LinkOperation = "stepPrices" | "averageLinks";

const reference: Readonly<Record<Operation, (layout: Layout, partition: Partition) => void>> = { sweep, price, fit, scale, distance, fill };
const referenceOnLinks: Readonly<Record<LinkOperation, (layout: Layout) => void>> = { stepPrices, averageLinks };

export const wasmRuns = sweepModule.runs;

/** `threads`: this one included. */
export function makeKernel(layout: Layout, { kind, threads }: { readonly kind: KernelKind; readonly threads: number }): Kernel {
  if (kind === "reference") return kernelOf(layout, referenceCalls(layout));
  const calls = layout.lent.kernels() as unknown as Exports;
  const work = layout.parent.length + layout.pathAt.length;
  return kernelOf(layout, compiledCalls(layout, calls), threads > 1 && work >= threadWorkMin ? crewOf(sweepModule, layout) : undefined);
}

/** What either kind of kernel is called by. */
interface Calls {
  readonly run: (operation: Operation, partition: Partition) => void;
  readonly onLinks: (operation: LinkOperation) => void;
  readonly worthBeyond: (scale: number) => number;
  readonly worthFall: (scale: number, stride: number) => number;
  readonly worthOf: () => number;
}

interface Exports extends Readonly<Record<Operation | LinkOperation, (record: number) => void>> {
  readonly worthBeyond: (least: number, demands: number, count: number, scale: number) => number;
  readonly worthFall: (least: number, demands: number, count: number, stride: number, scale: number) => number;
  readonly worthOf: (fitted: number, costs: number, count: number) => number;
}

function referenceCalls(layout: Layout): Calls {
  return {
    run: (operation, partition) => reference[operation](layout, partition),
    onLinks: (operation) => referenceOnLinks[operation](layout),
    worthBeyond: (by) => worthBeyond(layout, by),
    worthFall: (by, stride) => worthFall(layout, by, stride),
    worthOf: () => worthOf(layout),
  };
}

function compiledCalls({ linkRecord, leastPrice, demand, fitted, cost, positionCount }: Layout, exports: Exports): Calls {
  const costs = cost.length === 0 ? 0 : cost.byteOffset;
  return {
    run: (operation, { record }) => exports[operation](record),
    onLinks: (operation) => exports[operation](linkRecord),
    worthBeyond: (by) => exports.worthBeyond(leastPrice.byteOffset, demand.byteOffset, positionCount, by),
    worthFall: (by, stride) => exports.worthFall(leastPrice.byteOffset, demand.byteOffset, positionCount, stride, by),
    worthOf: () => exports.worthOf(fitted.byteOffset, costs, fitted.length),
  };
}

function kernelOf(layout: Layout, { run, onLinks, ...sums }: Calls, crew?: Crew): Kernel {
  const [first, ...others] = layout.partitions as [Partition, ...Partition[]];
  const onAll = (operation: SharedOperation) => (): void => {
    const runPart = (i: number): void => run(operation, others[i] as Partition);
    crew?.start(operation);
    run(operation, first);
    if (crew === undefined) for (let i = 0; i < others.length; i++) runPart(i);
    else crew.finish(runPart);
  };
  return {
    layout,
    sweep: onAll("sweep"),
    price: onAll("price"),
    fit: onAll("fit"),
    scale: onAll("scale"),
    distance: onAll("distance"),
    fill: () => {
      for (const partition of layout.partitions) run("fill", partition);
    },
    stepPrices: () => onLinks("stepPrices"),
    averageLinks: () => onLinks("averageLinks"),
    ...sums,
    release: () => sweepMemories.giveBack(layout.lent),
  };
}

/** Sum of what the partitions put on each link. */
export function addLoads({ partitions }: Layout, into: Float64Array): void {
  const [first, ...others] = partitions;
  if (first !== undefined) into.set(first.load);
  for (const { load } of others) for (let e = 0; e < into.length; e++) into[e] = (into[e] as number) + (load[e] as number);
}
