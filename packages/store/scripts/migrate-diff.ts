/**
 * For developers: `pnpm --filter @sluice/store migrate-diff NAME` writes the SQL that is missing between prisma/migrations and
 * prisma/schema.prisma as a new migration. Look at it, and add what Prisma does not know: checks and triggers.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { migrations } from "../generated/migrations.js";
import { openMemory } from "../src/embedded-database.js";
import { migrate } from "../src/migrator.js";
import { CataloguePool, schemaDiff, schemaFile } from "./schema-diff.js";

const [name = ""] = process.argv.slice(2);
if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new Error("say what the migration does, in words joined by _, e.g. add_forecast_quantile");

const database = await openMemory();
if (!database.ok) throw new Error(database.faults[0].message);
const pool = new CataloguePool(database.value.connection);
try {
  const client = await pool.connect();
  const migrated = await migrate(client, migrations);
  client.release();
  if (!migrated.ok) throw new Error(migrated.faults[0].message);
  const sql = await schemaDiff(pool, await readFile(schemaFile, "utf8"));
  if (sql === "") {
    console.log("The migrations agree with the schema: nothing to write.");
  } else {
    const stamp = new Date().toISOString().replaceAll(/\D/g, "").slice(0, 14);
    const directory = join(dirname(schemaFile), "migrations", `${stamp}_${name}`);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "migration.sql"), `${sql}\n`);
    console.log(`Written: prisma/migrations/${stamp}_${name}/migration.sql. Now run the generate script.`);
  }
} finally {
  await pool.end();
  await database.value.close();
}
