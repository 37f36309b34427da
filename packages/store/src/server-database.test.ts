/** What only a server can show: several controllers on one database, and connections that break. */
import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planSettingsDefault, type Result } from "@sluice/model";
import { prismaStore } from "./prisma-store.js";
import type { Store } from "./store.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

function codesOf(result: Result<unknown>): readonly string[] {
  return result.ok ? [] : result.faults.map(({ code }) => code);
}

const serverUrl = process.env["SLUICE_TEST_DATABASE_URL"];

describe.skipIf(serverUrl === undefined)(
  "two controllers on one PostgreSQL (skipped unless SLUICE_TEST_DATABASE_URL names a server)",
  () => {
    const database = `sluice_test_${randomBytes(6).toString("hex")}`;
    let administrator: Client;
    let stores: readonly [Store, Store];
    beforeAll(async () => {
      administrator = new Client({ connectionString: serverUrl });
      await administrator.connect();
      await administrator.query(`CREATE DATABASE ${database}`);
      const url = new URL(serverUrl ?? "");
      url.pathname = `/${database}`;
      // At once: both want to migrate, one does.
      const [one, two] = await Promise.all([prismaStore({ databaseUrl: url.href }), prismaStore({ databaseUrl: url.href })]);
      stores = [value(one), value(two)];
    });
    afterAll(async () => {
      for (const store of stores) await store.close();
      await administrator.query(`DROP DATABASE ${database} WITH (FORCE)`);
      await administrator.end();
    });

    it("never share a term", async () => {
      const terms = await Promise.all(Array.from({ length: 12 }, (_, i) => stores[i % 2 === 0 ? 0 : 1].acquireTerm(`holder ${i}`)));
      expect(terms.map(value).sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    });

    it("are fenced: nothing of the old term commits after the new one was handed out", async () => {
      const [one, two] = stores;
      const old = value(await one.acquireTerm("one"));
      const event = { at: "2026-03-01T00:00:00.000Z", kind: "written", data: {} };
      const racing = Array.from({ length: 20 }, () => one.appendEvents(old, [event]));
      const taken = two.acquireTerm("two");
      const outcomes = await Promise.all(racing);
      const term = value(await taken);
      expect(term).toBe(old + 1);
      expect(outcomes.flatMap(codesOf).filter((code) => code !== "stale-term")).toEqual([]);
      const written = outcomes.filter(({ ok }) => ok).length;
      const count = value(await two.listEvents({ limit: 1000 })).length;
      expect(count).toBe(written);
      for (const late of [one.appendEvents(old, [event]), one.putSettings(old, planSettingsDefault)]) {
        expect(await late).toMatchObject({ ok: false, faults: [{ code: "stale-term" }] });
      }
      expect(value(await two.listEvents({ limit: 1000 }))).toHaveLength(count);
    });

    it("take the lease from one another: the writes that race with its end are all before it, or refused", async () => {
      const [one, two] = stores;
      const asked = (holder: string, durationMs: number) => ({ holder, restAddress: `http://${holder}`, grpcAddress: holder, durationMs });
      // The tests before led without a lease.
      const first = value(await one.acquireLease(asked("one", 200)));
      if (first.kind !== "acquired") throw new Error("the lease was free");
      const count = async () => value(await two.listEvents({ limit: 1000 })).length;
      const before = await count();
      let written = 0;
      let taken = value(await two.acquireLease(asked("two", 60_000)));
      expect(taken).toMatchObject({ kind: "held", lease: { holder: "one" } });
      const event = { at: "2026-03-01T00:00:00.000Z", kind: "written", data: {} };
      const refused: string[] = [];
      while (taken.kind === "held") {
        const writes = Promise.all(Array.from({ length: 4 }, () => one.appendEvents(first.term, [event])));
        taken = value(await two.acquireLease(asked("two", 60_000)));
        const outcomes = await writes;
        written += outcomes.filter(({ ok }) => ok).length;
        refused.push(...outcomes.flatMap(codesOf));
      }
      expect(new Set(refused)).toEqual(new Set(["stale-term"]));
      expect(written).toBeGreaterThan(0);
      expect(taken.term).toBe(first.term + 1);
      expect(await count()).toBe(before + written);
      expect(codesOf(await one.appendEvents(first.term, [event]))).toEqual(["stale-term"]);
      expect(codesOf(await one.renewLease(first.term, 1_000))).toEqual(["stale-term"]);
      expect(value(await one.readLease())).toMatchObject({ holder: "two", term: taken.term });
    });

    it("renew the lease while a long write holds the leadership, and take it from one that stopped in the middle", async () => {
      const [one, two] = stores;
      const asked = (holder: string, durationMs: number) => ({ holder, restAddress: `http://${holder}`, grpcAddress: holder, durationMs });
      value(await two.releaseLease(value(await two.readLease()).term));
      const led = value(await one.acquireLease(asked("one", 30_000)));
      if (led.kind !== "acquired") throw new Error("the lease was free");
      const stopped = new Client({ connectionString: Object.assign(new URL(serverUrl ?? ""), { pathname: `/${database}` }).href });
      stopped.on("error", () => undefined);
      await stopped.connect();
      await stopped.query("SET idle_in_transaction_session_timeout = 500");
      await stopped.query("BEGIN");
      await stopped.query("SELECT term FROM leadership WHERE id = 1 FOR UPDATE");
      value(await one.renewLease(led.term, 30_000));
      value(await one.releaseLease(led.term));
      let taken = await two.acquireLease(asked("two", 30_000));
      for (let attempt = 0; attempt < 10 && !taken.ok; attempt++) taken = await two.acquireLease(asked("two", 30_000));
      expect(value(taken)).toEqual({ kind: "acquired", term: led.term + 1 });
      await stopped.end().catch(() => undefined);
    });

    it("go on after every connection was cut, without an exception", async () => {
      const [one] = stores;
      const term = value(await one.acquireTerm("one"));
      for (let round = 0; round < 3; round++) {
        const running = Array.from({ length: 8 }, () => one.putSettings(term, planSettingsDefault));
        await administrator.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [database]);
        expect((await Promise.all(running)).flatMap(codesOf).filter((code) => code !== "unavailable")).toEqual([]);
        let answered = await one.ping();
        for (let attempt = 0; attempt < 10 && !answered.ok; attempt++) answered = await one.ping();
        value(answered);
        const before = value(await one.loadInventory()).settings?.version ?? 0;
        expect(value(await one.putSettings(term, planSettingsDefault))).toBe(before + 1);
      }
    });
  },
);
