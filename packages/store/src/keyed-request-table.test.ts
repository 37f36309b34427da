import type { Result } from "@sluice/model";
import { Pool } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { migratedDatabase } from "./database.js";
import { openMemory, type EmbeddedDatabase } from "./embedded-database.js";
import { keyedRequestsMax } from "./keyed-request.js";
import { storeOn } from "./prisma-store.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

let database: EmbeddedDatabase;
let pool: Pool;
beforeAll(async () => {
  database = value(await openMemory());
  pool = new Pool(database.connection);
});
afterAll(async () => {
  await pool.end();
  await database.close();
});

it("forgets the oldest requests where there are too many", async () => {
  const store = storeOn(value(await migratedDatabase(pool, { close: () => Promise.resolve(), onCause: console.error })), console.error);
  const term = value(await store.acquireTerm("a test"));
  const fingerprint = "a".repeat(64);
  await pool.query(
    `INSERT INTO keyed_request (actor, key, fingerprint, term, at)
     SELECT 'a', 'k' || i, '${fingerprint}', ${term}, '2026-03-01T00:00:00Z'::timestamptz + i * interval '1 millisecond'
     FROM generate_series(1, ${keyedRequestsMax}) AS i`,
  );
  expect(value(await store.beginRequest(term, { actor: "a", key: "newest", fingerprint, at: "2026-03-01T01:00:00Z" }))).toBeUndefined();
  const { rows } = await pool.query<{ count: string; oldest: string }>(
    "SELECT count(*), (SELECT key FROM keyed_request ORDER BY at LIMIT 1) AS oldest FROM keyed_request",
  );
  expect(rows).toMatchObject([{ count: String(keyedRequestsMax), oldest: "k2" }]);
  await store.close();
});
