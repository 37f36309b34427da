/**
 * For developers: what separates a database from prisma/schema.prisma, as SQL. Prisma's command line needs a binary that it
 * downloads; the same engine exists as WebAssembly.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { ColumnTypeEnum, bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import { PrismaPg } from "@prisma/adapter-pg";
import type { DiffTarget, SchemaEngine as Engine } from "@prisma/schema-engine-wasm";
import { Pool, type QueryResult } from "pg";

export const schemaFile = fileURLToPath(new URL("../../../prisma/schema.prisma", import.meta.url));

/**
 * The system catalogues use PostgreSQL's type `"char"`, which the engine wants as a character and Prisma's adapter does not
 * know. The pool passes it off as a UUID, which is text on the wire too and which no catalogue has, and the adapter's answer
 * is corrected.
 */
const charObjectId = 18;
const uuidObjectId = 2950;

export class CataloguePool extends Pool {
  override readonly query = (async (...args: Parameters<Pool["query"]>): Promise<QueryResult> => {
    // pg types this overload by its callback form; without a callback it gives a promise.
    const result = await (super.query(...args) as unknown as Promise<QueryResult>);
    // Several statements in one text give a list of results.
    for (const field of [result].flat().flatMap(({ fields }) => fields))
      if (field.dataTypeID === charObjectId) field.dataTypeID = uuidObjectId;
    return result;
  }) as Pool["query"];
}

class CatalogueAdapter extends PrismaPg {
  override async connect() {
    const adapter = await super.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      const columnTypes = result.columnTypes.map((type) => (type === ColumnTypeEnum.Uuid ? ColumnTypeEnum.Character : type));
      return { ...result, columnTypes };
    };
    return adapter;
  }
}

/** SQL that brings the database behind `pool` to the schema file; empty when they agree. Prisma sees no triggers and no checks. */
export async function schemaDiff(pool: CataloguePool, schema: string): Promise<string> {
  const file = { path: schemaFile, content: schema };
  engineModule ??= loadEngine();
  const { SchemaEngine } = await engineModule;
  const engine = await SchemaEngine.new(
    { datamodels: [[file.path, file.content]] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(new CatalogueAdapter(pool)),
  );
  const from: DiffTarget = { tag: "schemaDatasource", files: [file], configDir: "" };
  const to: DiffTarget = { tag: "schemaDatamodel", files: [file] };
  const { stdout } = await engine.diff({ from, to, script: true, exitCode: null, filters: { externalTables: [], externalEnums: [] } });
  engine.free();
  return (stdout ?? "").replace("-- This is an empty migration.", "").trim();
}

interface WebAssemblyApi {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, unknown>,
  ): Promise<{ readonly instance: { readonly exports: Record<string, unknown> } }>;
}

interface EngineModule {
  readonly SchemaEngine: typeof Engine;
}

/** Loaded once: the bindings hold one instance only. */
let engineModule: Promise<EngineModule> | undefined;

/** The package is made for bundlers, which load WebAssembly by import; Node loads it by hand. */
async function loadEngine(): Promise<EngineModule> {
  const bindings = (await import("@prisma/schema-engine-wasm/schema_engine_bg")) as unknown as EngineModule & {
    __wbg_set_wasm(exports: Record<string, unknown>): void;
  };
  const require = createRequire(import.meta.url);
  const wasm = await readFile(require.resolve("@prisma/schema-engine-wasm").replace(/schema_engine\.js$/, "schema_engine_bg.wasm"));
  // Neither ES2023 nor Node's types declare WebAssembly.
  const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: WebAssemblyApi };
  const { instance } = await WebAssembly.instantiate(wasm, { "./schema_engine_bg.js": bindings });
  // Where the engine leaves the message of a panic.
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => console.error(message) } });
  bindings["__wbg_set_wasm"](instance.exports);
  const start = instance.exports["__wbindgen_start"];
  if (typeof start === "function") start();
  return bindings;
}
