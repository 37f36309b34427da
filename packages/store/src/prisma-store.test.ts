import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Pool } from "pg";
import { afterAll, beforeAll, describe } from "vitest";
import type { Result } from "@sluice/model";
import { describeStore } from "./contract.js";
import { migratedDatabase } from "./database.js";
import { openDirectory, openMemory, type EmbeddedDatabase } from "./embedded-database.js";
import { prismaStore, storeOn } from "./prisma-store.js";
import type { Store } from "./store.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

/** Opening a database takes a second, emptying one takes milliseconds: the stores of one suite follow each other in one. */
function describeEmbedded(version: string, open: () => Promise<EmbeddedDatabase>): void {
  describe(`embedded: ${version}`, () => {
    let database: EmbeddedDatabase;
    let pool: Pool;
    beforeAll(async () => {
      database = await open();
      pool = new Pool(database.connection);
    });
    afterAll(async () => {
      await pool.end();
      await database.close();
    });
    describeStore(version, async (): Promise<Store> => {
      await pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      const close = async () => Promise.resolve();
      return storeOn(value(await migratedDatabase(pool, { close, onCause: console.error })), console.error);
    });
  });
}

describeEmbedded("PGlite in memory", async () => value(await openMemory()));

const directory = mkdtemp(join(tmpdir(), "sluice-store-test-"));
afterAll(async () => rm(await directory, { recursive: true, force: true }));
describeEmbedded("PGlite in a directory", async () => value(await openDirectory(await directory)));

const serverUrl = process.env["SLUICE_TEST_DATABASE_URL"];
if (serverUrl === undefined) {
  console.warn("SKIPPED: the store contract on PostgreSQL. It runs by: node scripts/with-postgres.mjs npm test -- packages/store");
}
describe.skipIf(serverUrl === undefined)("a server (skipped unless SLUICE_TEST_DATABASE_URL names one)", () => {
  const made: string[] = [];
  async function administer(sql: string): Promise<void> {
    const client = new Client({ connectionString: serverUrl });
    await client.connect();
    await client.query(sql);
    await client.end();
  }
  afterAll(async () => {
    for (const database of made) await administer(`DROP DATABASE ${database} WITH (FORCE)`);
  });
  describeStore("PostgreSQL", async () => {
    const database = `sluice_test_${randomBytes(6).toString("hex")}`;
    await administer(`CREATE DATABASE ${database}`);
    made.push(database);
    const url = new URL(serverUrl ?? "");
    url.pathname = `/${database}`;
    return value(await prismaStore({ databaseUrl: url.href, onCause: console.error }));
  });
});
