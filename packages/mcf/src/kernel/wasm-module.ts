/** One of the generated WebAssembly modules, looked at and compiled once a process, on first use. */
export interface WasmModule {
  /** Whether it runs here: it may need SIMD and threads. */
  readonly runs: () => boolean;
  readonly compiled: () => WebAssembly.Module;
}

/** `base64` as in generated/. */
export function wasmModule(base64: string): WasmModule {
  let runs: boolean | undefined;
  let compiled: WebAssembly.Module | undefined;
  return {
    runs: () => (runs ??= typeof WebAssembly === "object" && WebAssembly.validate(Buffer.from(base64, "base64"))),
    compiled: () => (compiled ??= new WebAssembly.Module(Buffer.from(base64, "base64"))),
  };
}
