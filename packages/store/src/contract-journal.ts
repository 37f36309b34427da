/** The part of the store contract that is about looking things up in the journal, and about the audit log. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { verifyAudit, type AuditDraft, type AuditEntry, type Result, type Term } from "@sluice/model";
import { auditPerAppendMax, type EventRecord, type Store } from "./store.js";

export function describeJournal(version: string, make: () => Promise<Store>): void {
  describe(`the journal and the audit log: ${version}`, () => {
    let store: Store;
    let term: Term;
    beforeEach(async () => {
      store = await make();
      term = value(await store.acquireTerm("a test"));
    });
    afterEach(async () => {
      await store.close();
    });

    it("finds events by kind, by request, by plan and by place, as a plain filter does", async () => {
      const kinds = ["link-down", "plan-applied", "settings-changed"];
      const someEvent = fc.record({
        kind: fc.constantFrom(...kinds),
        by: fc.option(fc.record({ actor: fc.constant("a"), correlationId: fc.constantFrom("r1", "r2", "r-\u0000", "") }), {
          nil: undefined,
        }),
        epoch: fc.option(fc.constantFrom<unknown>(1, 2, 2.5, -1, "1", 1e12, null), { nil: undefined }),
      });
      const somePage = fc.record(
        {
          after: fc.nat({ max: 60 }),
          through: fc.nat({ max: 60 }),
          kinds: fc.uniqueArray(fc.constantFrom(...kinds, "no-such-kind"), { minLength: 1 }),
          correlationId: fc.constantFrom("r1", "r2", "r3"),
          epochs: fc.uniqueArray(fc.constantFrom(1, 2, 3), { minLength: 1 }),
          limit: fc.integer({ min: 1, max: 20 }),
        },
        { requiredKeys: ["limit"] },
      );
      const all: EventRecord[] = [];
      expect(value(await store.newestEvent())).toBe(0);
      await fc.assert(
        fc.asyncProperty(fc.array(someEvent, { maxLength: 6 }), somePage, async (events, page) => {
          const drafts = events.map(({ kind, ...rest }) => {
            const data = Object.fromEntries(Object.entries({ ...rest, awkward: "\u0000" }).filter(([, each]) => each !== undefined));
            return { at: "2026-03-01T00:00:00.000Z", kind, data };
          });
          value(await store.appendEvents(term, drafts));
          for (const each of drafts) all.push({ sequence: all.length + 1, ...each });
          const expected = all.filter(
            ({ sequence, kind, data }) =>
              sequence > (page.after ?? 0) &&
              sequence <= (page.through ?? Infinity) &&
              (page.kinds?.includes(kind) ?? true) &&
              (page.correlationId === undefined || correlationOf(data) === page.correlationId) &&
              (page.epochs?.some((epoch) => data["epoch"] === epoch) ?? true),
          );
          expect(value(await store.listEvents(page))).toEqual(expected.slice(0, page.limit));
          expect(value(await store.newestEvent())).toBe(all.length);
        }),
        { numRuns: 40 },
      );
    });

    it("chains what is appended, in one piece or many, also when many append at once", async () => {
      expect(value(await store.appendAudit(term, []))).toEqual([]);
      const [first, second] = value(await store.appendAudit(term, [draft(1, { phase: "request" }), draft(2)]));
      expect(first).toMatchObject({ ...draft(1, { phase: "request" }), sequence: 1, term, previousHash: "0".repeat(64) });
      expect(second).toMatchObject({ sequence: 2, previousHash: first?.hash });
      await Promise.all(
        Array.from({ length: 8 }, (_, i) => store.appendAudit(term, [draft(10 + i), draft(20 + i, { status: 404, code: "not-found" })])),
      );
      value(await store.appendAudit(term, [draft(3, { phase: "outcome", of: 1 })]));
      const log = value(await store.listAudit({ order: "oldest-first", limit: 100 }));
      expect(log.slice(0, 2)).toEqual([first, second]);
      expect(verifyAudit(log)).toMatchObject({ verdict: "intact", checked: 19, openCount: 0 });
      // Both of one append stand together.
      for (let i = 2; i < 18; i += 2) expect(Number(log[i + 1]?.requestId.slice(1))).toBe(Number(log[i]?.requestId.slice(1)) + 10);
    });

    it("keeps every field as it was, whatever is printable, under the hash that it was given", async () => {
      const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((each) => !/[\p{Cc}\p{Cs}]/u.test(each));
      const drafts = fc.array(
        fc.record(
          {
            at: fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }).map((date) => date.toISOString()),
            phase: fc.constantFrom("request" as const, "both" as const),
            requestId: fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/),
            actor: text,
            role: text,
            method: fc.constantFrom("POST", "PUT", "PATCH", "DELETE"),
            route: text,
            resource: text,
            bodyHash: fc.constant("ab".repeat(32)),
            status: fc.integer({ min: 100, max: 599 }),
            code: text,
          },
          { requiredKeys: ["at", "phase", "requestId", "actor", "role", "method", "route", "resource"] },
        ),
        { minLength: 1, maxLength: 5 },
      );
      const all: AuditEntry[] = [];
      await fc.assert(
        fc.asyncProperty(drafts, async (some) => {
          const added = value(await store.appendAudit(term, some));
          expect(added.map(({ sequence: _s, term: _t, previousHash: _p, hash: _h, ...rest }) => rest)).toEqual(some);
          all.push(...added);
          expect(value(await store.listAudit({ order: "oldest-first", after: all.length - added.length, limit: 100 }))).toEqual(added);
        }),
        { numRuns: 30 },
      );
      expect(verifyAudit(value(await store.listAudit({ order: "oldest-first", limit: 1000 }))).verdict).toBe("intact");
    });

    it("lists the audit log in pages, either way round, by actor and by request", async () => {
      value(
        await store.appendAudit(
          term,
          Array.from({ length: 7 }, (_, i) => draft(i + 1, { actor: i % 2 === 0 ? "alice" : "bob" })),
        ),
      );
      const page = async (asked: Parameters<Store["listAudit"]>[0]) => value(await store.listAudit(asked)).map(({ sequence }) => sequence);
      expect(await page({ order: "newest-first", limit: 3 })).toEqual([7, 6, 5]);
      expect(await page({ order: "newest-first", before: 5, limit: 3 })).toEqual([4, 3, 2]);
      expect(await page({ order: "oldest-first", after: 5, limit: 3 })).toEqual([6, 7]);
      expect(await page({ order: "oldest-first", after: 2, before: 6, limit: 9 })).toEqual([3, 4, 5]);
      expect(await page({ order: "newest-first", actor: "bob", limit: 2 })).toEqual([6, 4]);
      expect(await page({ order: "oldest-first", requestId: "r3", limit: 9 })).toEqual([3]);
      expect(await page({ order: "oldest-first", actor: "nobody", limit: 9 })).toEqual([]);
    });

    it("refuses what is no entry, and an append by a deposed controller, and writes nothing", async () => {
      const table: readonly [Promise<Result<unknown>>, string, string | undefined][] = [
        [store.appendAudit(term, [draft(1), draft(2, { actor: "a\u0000" })]), "malformed", "/entries/1/actor"],
        [store.appendAudit(term, [draft(1, { actor: "" })]), "out-of-range", "/entries/0/actor"],
        [store.appendAudit(term, [draft(1, { at: "now" })]), "malformed", "/entries/0/at"],
        [store.appendAudit(term, [draft(1, { requestId: "a b" })]), "malformed", "/entries/0/requestId"],
        [store.appendAudit(term, [draft(1, { bodyHash: "short" })]), "malformed", "/entries/0/bodyHash"],
        [store.appendAudit(term, [draft(1, { method: "post" })]), "malformed", "/entries/0/method"],
        [store.appendAudit(term, [draft(1, { resource: "/\ud800" })]), "malformed", "/entries/0/resource"],
        [
          store.appendAudit(
            term,
            Array.from({ length: auditPerAppendMax + 1 }, (_, i) => draft(i)),
          ),
          "out-of-range",
          "/entries",
        ],
        [store.appendAudit(term + 1, [draft(1)]), "stale-term", undefined],
        [store.listAudit({ order: "oldest-first", limit: 0 }), "out-of-range", "/limit"],
        [store.listEvents({ limit: 1, kinds: [] }), "out-of-range", "/kinds"],
        [store.listEvents({ limit: 1, correlationId: "a b" }), "malformed", "/correlationId"],
        [store.listEvents({ limit: 1, epochs: [1, 0] }), "out-of-range", "/epochs/1"],
      ];
      for (const [outcome, code, pointer] of table) {
        const refused = await outcome;
        expect(refused.ok ? "accepted" : [refused.faults[0].code, refused.faults[0].pointer]).toEqual([code, pointer]);
      }
      expect(value(await store.listAudit({ order: "oldest-first", limit: 1 }))).toEqual([]);
      await store.close();
      for (const call of [store.newestEvent(), store.appendAudit(term, []), store.listAudit({ order: "oldest-first", limit: 1 })]) {
        expect(await call).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
      }
    });
  });
}

function correlationOf({ by }: EventRecord["data"]): unknown {
  return typeof by === "object" && by !== null ? Reflect.get(by, "correlationId") : undefined;
}

function draft(i: number, more: Partial<AuditDraft> = {}): AuditDraft {
  return {
    at: new Date(Date.UTC(2026, 2, 1) + i).toISOString(),
    phase: "both",
    requestId: `r${i}`,
    actor: "alice",
    role: "operator",
    method: "POST",
    route: "/v1/drains",
    resource: "/v1/drains",
    ...more,
  };
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}
