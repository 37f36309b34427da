/** Part of the store's contract: the lease of the leadership. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Result } from "@sluice/model";
import { leaseMsMax, type LeaseOutcome, type LeaseRequest } from "./lease.js";
import type { Store } from "./store.js";

/** Outlasts the test. */
const longMs = 60_000;
/** Is over soon. */
const shortMs = 30;

const event = { at: "2026-03-01T00:00:00.000Z", kind: "written", data: {} };

export function describeLease(version: string, make: () => Promise<Store>): void {
  describe(`the lease: ${version}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await make();
    });
    afterEach(async () => {
      await store.close();
    });

    const asked = (name: string, durationMs: number): LeaseRequest => ({
      holder: name,
      restAddress: `http://${name}:8080`,
      grpcAddress: `${name}:50051`,
      durationMs,
    });
    const acquire = async (name: string, durationMs = longMs): Promise<LeaseOutcome> =>
      value(await store.acquireLease(asked(name, durationMs)));
    const codesOfWrite = async (term: number) => codes(await store.appendEvents(term, [event]));

    /** The clock is the database's: it is asked until it says so. */
    async function over(): Promise<void> {
      for (let read = value(await store.readLease()); read.remainingMs !== 0; read = value(await store.readLease()));
    }

    it("is nobody's at first", async () => {
      expect(value(await store.readLease())).toEqual({ term: 0 });
    });

    it("is one holder's, with a term above all before, and says where the holder is", async () => {
      expect(await acquire("a")).toEqual({ kind: "acquired", term: 1 });
      const held = await acquire("b");
      expect(held).toMatchObject({
        kind: "held",
        lease: { term: 1, holder: "a", restAddress: "http://a:8080", grpcAddress: "a:50051" },
      });
      const { remainingMs = 0 } = value(await store.readLease());
      expect(remainingMs).toBeGreaterThan(0);
      expect(remainingMs).toBeLessThanOrEqual(longMs);
      // Nor may the holder itself have it twice: an answer that was lost stays lost.
      expect(await acquire("a")).toMatchObject({ kind: "held", lease: { term: 1 } });
      expect(await codesOfWrite(1)).toEqual([]);
    });

    it("goes to one of many that ask at once", async () => {
      const outcomes = await Promise.all(Array.from({ length: 8 }, (_, i) => acquire(`holder-${i}`)));
      expect(outcomes.filter(({ kind }) => kind === "acquired")).toEqual([{ kind: "acquired", term: 1 }]);
      expect(value(await store.readLease()).term).toBe(1);
    });

    it("is renewed by its term alone, which stays", async () => {
      await acquire("a", 5_000);
      value(await store.renewLease(1, longMs));
      expect(value(await store.readLease())).toMatchObject({ term: 1, holder: "a" });
      expect(value(await store.readLease()).remainingMs).toBeGreaterThan(5_000);
      for (const wrong of [0, 2]) expect(codes(await store.renewLease(wrong, longMs))).toEqual(["stale-term"]);
      for (const wrong of [0, 2]) expect(codes(await store.releaseLease(wrong))).toEqual(["stale-term"]);
      expect(await codesOfWrite(1)).toEqual([]);
    });

    it("is over when its time is: nothing is written, nothing renewed, and anybody may have the next", async () => {
      await acquire("a", shortMs);
      await over();
      expect(await codesOfWrite(1)).toEqual(["stale-term"]);
      expect(codes(await store.renewLease(1, longMs))).toEqual(["stale-term"]);
      expect(codes(await store.releaseLease(1))).toEqual(["stale-term"]);
      expect(value(await store.listEvents({ limit: 10 }))).toEqual([]);
      expect(await acquire("a")).toEqual({ kind: "acquired", term: 2 });
      expect(await codesOfWrite(1)).toEqual(["stale-term"]);
      expect(await codesOfWrite(2)).toEqual([]);
    });

    it("that was given back is over at once", async () => {
      await acquire("a");
      value(await store.releaseLease(1));
      expect(value(await store.readLease())).toMatchObject({ term: 1, remainingMs: 0 });
      expect(await codesOfWrite(1)).toEqual(["stale-term"]);
      expect(codes(await store.releaseLease(1))).toEqual(["stale-term"]);
      expect(await acquire("b")).toEqual({ kind: "acquired", term: 2 });
    });

    it("gives way to a leadership without an end, which gives way to the next lease", async () => {
      await acquire("a");
      expect(value(await store.acquireTerm("alone"))).toBe(2);
      expect(value(await store.readLease())).toEqual({ term: 2, holder: "alone" });
      expect(await codesOfWrite(1)).toEqual(["stale-term"]);
      expect(await codesOfWrite(2)).toEqual([]);
      expect(codes(await store.renewLease(2, longMs))).toEqual(["stale-term"]);
      expect(await acquire("b")).toEqual({ kind: "acquired", term: 3 });
      expect(await codesOfWrite(2)).toEqual(["stale-term"]);
    });

    it("refuses what is no holder and no duration", async () => {
      const table = [
        [asked("", 1), "/holder"],
        [{ ...asked("a", 1), restAddress: "" }, "/restAddress"],
        [{ ...asked("a", 1), grpcAddress: " " }, "/grpcAddress"],
        [asked("a", 0), "/durationMs"],
        [asked("a", 1.5), "/durationMs"],
        [asked("a", leaseMsMax + 1), "/durationMs"],
      ] as const;
      for (const [request, pointer] of table) {
        expect(await store.acquireLease(request)).toMatchObject({ ok: false, faults: [{ pointer }] });
      }
      expect(value(await store.readLease())).toEqual({ term: 0 });
      await acquire("a");
      expect(await store.renewLease(1, NaN)).toMatchObject({ ok: false, faults: [{ pointer: "/durationMs" }] });
    });

    it("is refused with everything else once the store is closed", async () => {
      await store.close();
      const calls = [store.acquireLease(asked("a", 1)), store.renewLease(1, 1), store.releaseLease(1), store.readLease()];
      for (const call of calls) expect(codes(await call)).toEqual(["unavailable"]);
    });
  });
}

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}

function codes(result: Result<unknown>): readonly string[] {
  return result.ok ? [] : result.faults.map(({ code }) => code);
}
