/** Somebody with all rights in the database changes the audit log: nothing keeps them from it, and it is found. */
import { Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { assert, verifyAudit, type AuditDraft, type AuditVerification, type Result } from "@sluice/model";
import { migratedDatabase } from "./database.js";
import { openMemory, type EmbeddedDatabase } from "./embedded-database.js";
import { storeOn } from "./prisma-store.js";
import type { Store } from "./store.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

let database: EmbeddedDatabase;
let pool: Pool;
let store: Store;
beforeAll(async () => {
  database = value(await openMemory());
  pool = new Pool(database.connection);
  store = storeOn(value(await migratedDatabase(pool, { close: async () => Promise.resolve(), onCause: console.error })), console.error);
  value(await store.acquireTerm("a test"));
});
afterAll(async () => {
  await pool.end();
  await database.close();
});

function draft(i: number): AuditDraft {
  const request = { requestId: `r${i}`, actor: "alice", role: "operator", method: "POST", route: "/v1/drains", resource: "/v1/drains" };
  return { at: new Date(Date.UTC(2026, 2, 1) + i).toISOString(), phase: "both", ...request, status: 200 };
}

/** As the one who owns the tables does it. */
async function tamper(sql: string): Promise<void> {
  await pool.query(`ALTER TABLE audit_entry DISABLE TRIGGER USER; ${sql}; ALTER TABLE audit_entry ENABLE TRIGGER USER`);
}

async function verified(known?: { readonly sequence: number; readonly hash: string }): Promise<AuditVerification> {
  return verifyAudit(value(await store.listAudit({ order: "oldest-first", limit: 1000 })), known === undefined ? {} : { known });
}

describe("an audit log in the database", () => {
  let head: { readonly sequence: number; readonly hash: string };
  beforeEach(async () => {
    await tamper("TRUNCATE audit_entry");
    value(
      await store.appendAudit(
        1,
        Array.from({ length: 6 }, (_, i) => draft(i + 1)),
      ),
    );
    const untouched = await verified();
    assert(untouched.verdict === "intact" && untouched.checked === 6, "the six entries are intact before anybody touches them");
    ({ head } = untouched);
  });

  it.each([
    "UPDATE audit_entry SET actor = 'bob' WHERE sequence = 3",
    "DELETE FROM audit_entry WHERE sequence = 3",
    "TRUNCATE audit_entry",
  ])("refuses %s as long as its trigger stands", async (sql) => {
    await expect(pool.query(sql)).rejects.toThrow(/is append-only/);
    expect(await verified()).toMatchObject({ verdict: "intact", checked: 6 });
  });

  const columns = {
    actor: "'bob'",
    role: "'admin'",
    method: "'GET'",
    route: "'/'",
    resource: "'/'",
    request_id: "'r0'",
    at: "at + interval '1 millisecond'",
    phase: "'request'",
    term: "2",
    status: "403",
    code: "'forbidden'",
    body_hash: "repeat('a', 64)",
    of: "1",
  };
  it.each(Object.entries(columns))("shows that %s of an entry was changed, and which entry", async (column, changed) => {
    await tamper(`UPDATE audit_entry SET "${column}" = ${changed} WHERE sequence = 3`);
    const { verdict, breaks } = await verified();
    expect([verdict, breaks[0]?.sequence, breaks[0]?.reason]).toEqual(["broken", 3, "content"]);
  });

  it.each([
    ["one taken out", "DELETE FROM audit_entry WHERE sequence = 3", 3, "sequence"],
    [
      "one taken out and the rest moved up",
      "DELETE FROM audit_entry WHERE sequence = 3; UPDATE audit_entry SET sequence = sequence - 1 WHERE sequence > 3",
      3,
      "previous-hash",
    ],
    ["the first ones taken out", "DELETE FROM audit_entry WHERE sequence < 3", 1, "sequence"],
    ["a hash of its own", "UPDATE audit_entry SET hash = repeat('b', 64) WHERE sequence = 3", 3, "content"],
    [
      "one put in",
      "INSERT INTO audit_entry SELECT sequence + 1, term, at, phase, request_id, 'bob', role, method, route, resource, body_hash, \"of\", status, code, hash, repeat('c', 64) FROM audit_entry WHERE sequence = 6",
      7,
      "content",
    ],
  ])("shows %s", async (_, sql, sequence, reason) => {
    await tamper(sql);
    const { verdict, breaks } = await verified();
    expect([verdict, breaks[0]?.sequence, breaks[0]?.reason]).toEqual(["broken", sequence, reason]);
  });

  it("shows an end that was cut off to those who noted it, even when more was written since", async () => {
    await tamper("DELETE FROM audit_entry WHERE sequence > 4");
    expect(await verified()).toMatchObject({ verdict: "intact", checked: 4 });
    expect(await verified(head)).toMatchObject({ verdict: "broken", breaks: [{ sequence: 5, reason: "known-position" }] });
    value(await store.appendAudit(1, [draft(7), draft(8)]));
    expect(await verified()).toMatchObject({ verdict: "intact", checked: 6 });
    expect(await verified(head)).toMatchObject({ verdict: "broken", breaks: [{ sequence: 6, reason: "known-position" }] });
  });
});
