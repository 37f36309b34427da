/** What this package uses of the WebAssembly interface, which TypeScript declares only with all of the browser's. */
declare namespace WebAssembly {
  interface Module {
    readonly [Symbol.toStringTag]: "WebAssembly.Module";
  }
  interface Memory {
    readonly buffer: SharedArrayBuffer;
  }
  interface Instance {
    readonly exports: Readonly<Record<string, unknown>>;
  }
  const Module: new (bytes: Uint8Array) => Module;
  const Memory: new (options: { readonly initial: number; readonly maximum: number; readonly shared: boolean }) => Memory;
  const Instance: new (module: Module, imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>) => Instance;
  function validate(bytes: Uint8Array): boolean;
}
