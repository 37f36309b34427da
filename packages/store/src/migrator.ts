/**
 * Applies prisma/migrations and keeps the book of them as Prisma's own tool does (`_prisma_migrations`), so that either
 * can take over from the other. Each file is one transaction. A history that is not a beginning of ours is refused:
 * a database that a newer program has migrated, or a file that was changed after it ran, needs a person.
 */
import { randomUUID } from "node:crypto";
import { fault, ok, refuse, type Fault, type Result } from "@sluice/model";
import { sha256 } from "./document.js";

export interface Migration {
  /** Name of its directory, e.g. `20260301000000_first`: sorts by time. */
  readonly name: string;
  readonly sql: string;
}

/** What the migrator needs of a connection; `pg.ClientBase` has it. */
export interface SqlConnection {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
}

/** Key of the advisory lock under which one process migrates at a time: the one that Prisma's tool takes. */
const advisoryLockKey = 72_707_369;

const createBook = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;

/** Returns the names of the migrations that it applied. Faults: `store-failed` with the migration's name in `data`. */
export async function migrate(connection: SqlConnection, migrations: readonly Migration[]): Promise<Result<readonly string[]>> {
  await connection.query("SELECT pg_advisory_lock($1)", [advisoryLockKey]);
  try {
    await connection.query(createBook);
    const { rows } = await connection.query(
      `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished FROM "_prisma_migrations"
       WHERE rolled_back_at IS NULL ORDER BY migration_name COLLATE "C"`,
    );
    const broken = faultOfHistory(rows, migrations);
    if (broken !== undefined) return refuse(broken);
    const pending = migrations.slice(rows.length);
    for (const migration of pending) {
      const failed = await apply(connection, migration);
      if (failed !== undefined) return refuse(failed);
    }
    return ok(pending.map(({ name }) => name));
  } finally {
    await connection.query("SELECT pg_advisory_unlock($1)", [advisoryLockKey]);
  }
}

function faultOfHistory(rows: readonly Record<string, unknown>[], migrations: readonly Migration[]): Fault | undefined {
  for (const [i, { migration_name: name, checksum, finished }] of rows.entries()) {
    const expected = migrations[i];
    if (finished !== true) return unfit(name, "was begun but never finished; repair the database, then mark it in _prisma_migrations");
    if (expected === undefined || !migrations.some((migration) => migration.name === name)) {
      return unfit(name, "is unknown to this program: the database was migrated by another version, use that one or a newer one");
    }
    if (expected.name !== name) return unfit(expected.name, "is missing in the database, although a later one was applied");
    if (checksum !== sha256(expected.sql))
      return unfit(name, "was changed after it had been applied: restore its file, and put the change into a new one");
  }
  return undefined;
}

async function apply(connection: SqlConnection, { name, sql }: Migration): Promise<Fault | undefined> {
  await connection.query("BEGIN");
  try {
    await connection.query(sql);
    await connection.query(
      `INSERT INTO "_prisma_migrations" (id, checksum, migration_name, finished_at, applied_steps_count) VALUES ($1, $2, $3, now(), 1)`,
      [randomUUID(), sha256(sql), name],
    );
    await connection.query("COMMIT");
    return undefined;
  } catch (cause) {
    await connection.query("ROLLBACK");
    return unfit(name, `failed and was rolled back: ${cause instanceof Error ? cause.message : "no reason given"}`);
  }
}

function unfit(name: unknown, why: string): Fault {
  return fault("store-failed", `The database cannot be used: migration ${String(name)} ${why}.`, { data: { migration: String(name) } });
}
