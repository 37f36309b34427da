/**
 * Memories of the compiled kernels, kept from one solve to the next. The system hands out memory in pages that it clears on first touch:
 * on the peers' instances of 70 to 200 nodes that, and giving it back, was a quarter of a solve.
 */
import type { WasmModule } from "./wasm-module.js";

const pageBytes = 65_536;
/** The declared maximum, 4 GiB: the kernel modules declare the same. */
const pagesMax = 65_536;
/** A memory is made this much larger than asked for, so that a problem which grew a little fits as well. Pages never touched cost nothing. */
const slack = 1.25;
/** Most that is kept between solves, pages of 64 KiB: 1 GiB, of which pages that no solve touched take nothing. */
const pagesKeptMax = 16384;

/** A memory that one solve has to itself, with the module's kernels on it. What stands in it is left from whoever had it before. */
export interface LentMemory {
  readonly memory: WebAssembly.Memory;
  readonly kernels: () => Readonly<Record<string, unknown>>;
  /** Called when the memory is not kept: who watches it shall let go of it. */
  onDropped?: () => void;
}

export interface MemoryPool {
  /** Room for addresses below `bytes`. */
  readonly take: (bytes: number) => LentMemory;
  /** Nobody may look at it any more. */
  readonly giveBack: (lent: LentMemory) => void;
}

/** Keeps one memory, the largest. Throws a RangeError above 4 GiB. */
export function memoryPool(module: WasmModule, { shared }: { readonly shared: boolean }): MemoryPool {
  let kept: LentMemory | undefined;
  return {
    take(bytes) {
      const lent = kept;
      if (lent !== undefined && lent.memory.buffer.byteLength >= bytes) {
        kept = undefined;
        return lent;
      }
      const pages = Math.ceil(bytes / pageBytes);
      return makeMemory(module, { pages: Math.max(pages, Math.min(pagesMax, Math.ceil(slack * pages))), shared });
    },
    giveBack(lent) {
      const [larger, smaller] = kept === undefined || sizeOf(kept) < sizeOf(lent) ? [lent, kept] : [kept, lent];
      smaller?.onDropped?.();
      kept = sizeOf(larger) <= pagesKeptMax * pageBytes ? larger : undefined;
      if (kept === undefined) larger.onDropped?.();
    },
  };
}

function sizeOf({ memory }: LentMemory): number {
  return memory.buffer.byteLength;
}

function makeMemory(module: WasmModule, { pages, shared }: { readonly pages: number; readonly shared: boolean }): LentMemory {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pagesMax, shared });
  let kernels: Readonly<Record<string, unknown>> | undefined;
  return { memory, kernels: () => (kernels ??= new WebAssembly.Instance(module.compiled(), { env: { memory } }).exports) };
}
