/** What this package uses of the WebAssembly interface, which TypeScript declares only with all of the browser's. */
declare global {
  namespace WebAssembly {
    class Module {
      constructor(bytes: Uint8Array);
    }
    class Memory {
      constructor(options: { readonly initial: number; readonly maximum: number; readonly shared: boolean });
      readonly buffer: SharedArrayBuffer;
    }
    class Instance {
      constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, Memory>>>>);
      readonly exports: Readonly<Record<string, unknown>>;
    }
    function validate(bytes: Uint8Array): boolean;
  }
}

export {};
