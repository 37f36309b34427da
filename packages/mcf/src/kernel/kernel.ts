/**
 * Runs the kernels on all partitions of a layout: in WebAssembly, on one thread or on two, or in plain TypeScript. Results are the same to
 * the bit, whichever it is.
 */
import { sweepMemories, sweepModule, type Layout, type Partition } from "./layout.js";
import { distance, fill, fit, price, scale, sweep } from "./sweep-reference.js";
import { crewOf, type Crew, type SharedOperation } from "./thread-pool.js";

/** Work (trie nodes and slots) below which waking a second thread costs more than it saves. */
const threadWorkMin = 30_000;

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
  /** Gives the memory back: neither kernel nor layout may be used any more. */
  readonly release: () => void;
}

type Operation = SharedOperation | "fill";

const reference: Readonly<Record<Operation, (layout: Layout, partition: Partition) => void>> = { sweep, price, fit, scale, distance, fill };

export const wasmRuns = sweepModule.runs;

/** `threads`: this one included. */
export function makeKernel(layout: Layout, { kind, threads }: { readonly kind: KernelKind; readonly threads: number }): Kernel {
  if (kind === "reference") {
    return kernelOf(layout, (operation, partition) => reference[operation](layout, partition));
  }
  const call = layout.lent.kernels() as Readonly<Record<Operation, (record: number) => void>>;
  const work = layout.parent.length + layout.pathAt.length;
  const crew = threads > 1 && work >= threadWorkMin ? crewOf(sweepModule, layout) : undefined;
  return kernelOf(layout, (operation, { record }) => call[operation](record), crew);
}

function kernelOf(layout: Layout, run: (operation: Operation, partition: Partition) => void, crew?: Crew): Kernel {
  const [first, ...others] = layout.partitions as [Partition, ...Partition[]];
  const onAll = (operation: SharedOperation) => (): void => {
    crew?.start(operation);
    run(operation, first);
    if (crew === undefined) for (const partition of others) run(operation, partition);
    else crew.wait();
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
    release: () => sweepMemories.giveBack(layout.lent),
  };
}

/** Sum of what the partitions put on each link. */
export function addLoads({ partitions }: Layout, into: Float64Array): void {
  const [first, ...others] = partitions;
  if (first !== undefined) into.set(first.load);
  for (const { load } of others) for (let e = 0; e < into.length; e++) into[e] = (into[e] as number) + (load[e] as number);
}
