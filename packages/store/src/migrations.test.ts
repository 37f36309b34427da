import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Result } from "@sluice/model";
import { migrations } from "../generated/migrations.js";
import { CataloguePool, schemaDiff, schemaFile } from "../scripts/schema-diff.js";
import { openMemory, type EmbeddedDatabase } from "./embedded-database.js";
import { migrate, type Migration } from "./migrator.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

describe("migrations", () => {
  let database: EmbeddedDatabase;
  let pool: CataloguePool;
  beforeAll(async () => {
    database = value(await openMemory());
    pool = new CataloguePool(database.connection);
  });
  beforeEach(async () => {
    await pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  });
  afterAll(async () => {
    await pool.end();
    await database.close();
  });

  async function run(list: readonly Migration[]): Promise<Result<readonly string[]>> {
    const client = await pool.connect();
    try {
      return await migrate(client, list);
    } finally {
      client.release();
    }
  }

  const one = { name: "1_one", sql: "CREATE TABLE one (x INTEGER); INSERT INTO one VALUES (1);" };
  const two = { name: "2_two", sql: "CREATE TABLE two (x INTEGER);" };

  it("are built in as they stand in prisma/migrations (else run the generate script)", async () => {
    const directory = join(dirname(schemaFile), "migrations");
    const entries = await readdir(directory, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const files = names.sort().map(async (name) => ({ name, sql: await readFile(join(directory, name, "migration.sql"), "utf8") }));
    expect(migrations).toEqual(await Promise.all(files));
  });

  it("make exactly the schema of prisma/schema.prisma", async () => {
    value(await run(migrations));
    const schema = await readFile(schemaFile, "utf8");
    expect(await schemaDiff(pool, schema)).toBe("");
    const changed = schema.replace("  holder     String", "  holder     String\n  room       Int?");
    expect(await schemaDiff(pool, changed)).toContain('ALTER TABLE "term" ADD COLUMN     "room" INTEGER');
  });

  it("forbid to change history, whoever tries", async () => {
    value(await run(migrations));
    for (const table of ["term", "document", "cycle_input", "plan", "event"]) {
      for (const sql of [`DELETE FROM "${table}"`, `TRUNCATE "${table}" CASCADE`]) {
        await expect(pool.query(sql)).rejects.toThrow(/is append-only/);
      }
    }
    await expect(pool.query("UPDATE event SET kind = 'x'")).rejects.toThrow(/is append-only/);
    await pool.query("UPDATE leadership SET term = 3");
    await expect(pool.query("UPDATE leadership SET term = 2")).rejects.toThrow(/never falls/);
    await expect(pool.query("DELETE FROM leadership")).rejects.toThrow(/never falls/);
    await pool.query("UPDATE lease SET term = 3");
    await expect(pool.query("UPDATE lease SET term = 2")).rejects.toThrow(/never falls/);
    await expect(pool.query("DELETE FROM lease")).rejects.toThrow(/never falls/);
    await expect(pool.query("INSERT INTO leadership (id, term) VALUES (2, 9)")).rejects.toThrow(/leadership_single/);
  });

  it("are applied once each, in order", async () => {
    expect(value(await run([one]))).toEqual(["1_one"]);
    expect(value(await run([one, two]))).toEqual(["2_two"]);
    expect(value(await run([one, two]))).toEqual([]);
    expect((await pool.query("SELECT * FROM one")).rows).toEqual([{ x: 1 }]);
  });

  it("are applied whole or not at all, and can be tried again", async () => {
    const broken = { name: "2_two", sql: "CREATE TABLE two (x INTEGER); SELECT no_such_function();" };
    expect(await run([one, broken])).toMatchObject({ ok: false, faults: [{ code: "store-failed", data: { migration: "2_two" } }] });
    expect((await pool.query("SELECT to_regclass('one') AS one, to_regclass('two') AS two")).rows).toEqual([{ one: "one", two: null }]);
    expect(value(await run([one, two]))).toEqual(["2_two"]);
  });

  it("refuse a history that is not the beginning of theirs, and touch nothing", async () => {
    value(await run([one, two]));
    const table: readonly [readonly Migration[], string, RegExp][] = [
      [[one], "2_two", /unknown to this program/],
      [[{ ...one, sql: `${one.sql} ` }, two], "1_one", /was changed after it had been applied/],
      [[one, { name: "15_between", sql: "SELECT 1" }, two], "15_between", /missing in the database/],
    ];
    for (const [list, migration, why] of table) {
      const refused = await run([...list, { name: "3_three", sql: "CREATE TABLE three (x INTEGER)" }]);
      expect(refused).toMatchObject({ ok: false, faults: [{ code: "store-failed", data: { migration } }] });
      expect(refused.ok ? "" : refused.faults[0].message).toMatch(why);
    }
    await pool.query(`UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '2_two'`);
    expect(await run([one, two])).toMatchObject({ ok: false, faults: [{ data: { migration: "2_two" } }] });
    await pool.query(`UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '2_two'`);
    await pool.query("DROP TABLE two");
    expect(value(await run([one, two]))).toEqual(["2_two"]);
    expect((await pool.query("SELECT to_regclass('three') AS three")).rows).toEqual([{ three: null }]);
  });
});
