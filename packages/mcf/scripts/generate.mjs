/**
 * Compiles the WebAssembly kernels of assembly/ and writes them as modules, so that they are found wherever the program is installed
 * or bundled. They import one memory, shared where threads share the work, which the caller lays out (src/kernel, src/trie): no runtime,
 * no allocator, no checks.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createMemoryStream, main } from "assemblyscript/asc";

const packageDir = dirname(dirname(fileURLToPath(import.meta.url)));
const generatedDir = join(packageDir, "generated");

/** A memory's declared maximum, in pages of 64 KiB: what src/kernel/memory.ts declares, 4 GiB. */
const pagesMax = 65536;

/** @param {string} name of the file in assembly/, without its ending @param {readonly string[]} features */
async function compile(name, features) {
  /** @type {Uint8Array | undefined} */
  let wasm;
  const stderr = createMemoryStream();
  const { error } = await main(
    `${name}.ts --baseDir`
      .split(" ")
      .concat(join(packageDir, "assembly"))
      .concat("--outFile kernel.wasm --runtime stub --noAssert --optimizeLevel 3 --shrinkLevel 0 --use abort= --memoryBase 1024".split(" "))
      .concat(`--importMemory --initialMemory 1 --maximumMemory ${pagesMax} --enable ${features.join()}`.split(" "))
      .concat(features.includes("threads") ? ["--sharedMemory"] : []),
    {
      stderr,
      writeFile: (file, contents) => {
        if (file.endsWith(".wasm")) wasm = /** @type {Uint8Array} */ (contents);
      },
    },
  );
  if (error !== null || wasm === undefined) {
    process.stderr.write(`${Buffer.from(stderr.toBuffer()).toString()}${error?.message ?? ""}\n`);
    process.exit(1);
  }
  const text = Buffer.from(wasm).toString("base64");
  mkdirSync(generatedDir, { recursive: true });
  writeFileSync(
    join(generatedDir, `${name}.ts`),
    `/** Compiled from assembly/${name}.ts by scripts/generate.mjs: WebAssembly in base64. */\nexport const ${name}Wasm =\n  "${text}";\n`,
  );
}

await compile("sweep", ["simd", "threads"]);
await compile("dense", ["simd", "threads"]);
await compile("trie", ["simd"]);
