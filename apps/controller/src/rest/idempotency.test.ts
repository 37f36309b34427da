/** The same request under the same key is done once: also when it is still under way, when the store fails, and after a restart. */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { memoryStore, type Store } from "@sluice/store";
import { describe, expect, it } from "vitest";
import { fingerprintOf, idempotencyKeyOf, repeatsOn, type Done, type Repeats } from "./idempotency.js";
import { value } from "./testing/plan-in-force.js";

const asked = (key: string, body = "one") => ({
  actor: "ada",
  key,
  fingerprint: value(fingerprintOf({ method: "POST", url: "/v1/x", body })),
});
const done = (n: number): Result<Done<{ n: number }>> => ok({ status: 202, headers: { location: `/v1/x/${n}` }, value: { n } });
const codeOf = (result: Result<unknown>) => (result.ok ? "done" : result.faults[0].code);

async function under(store: Store): Promise<Repeats> {
  const term = value(await store.acquireTerm("a test"));
  return repeatsOn({ store, term: () => term, nowMs: () => Date.parse("2026-03-01T00:00:00Z") });
}

describe("a request under a key", () => {
  it("is done once, and its answer given again", async () => {
    const repeats = await under(memoryStore());
    let times = 0;
    const act = async () => {
      await Promise.resolve();
      times += 1;
      return done(times);
    };
    expect(await repeats.once(asked("k"), act)).toEqual(done(1));
    for (let i = 0; i < 3; i += 1) {
      expect(await repeats.once(asked("k"), act)).toEqual(ok({ status: 202, headers: { location: "/v1/x/1" }, body: '{"n":1}' }));
    }
    expect(times).toBe(1);
    expect(codeOf(await repeats.once(asked("k", "two"), act))).toBe("key-reused");
    expect(await repeats.once(asked("another"), act)).toEqual(done(2));
  });

  it("is refused while it is under way, whoever is faster", async () => {
    const repeats = await under(memoryStore());
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const first = repeats.once(asked("k"), async () => {
      await held;
      return done(1);
    });
    const never = () => Promise.reject(new Error("done twice"));
    const second = await repeats.once(asked("k"), never);
    expect(second.ok ? "" : second.faults[0].message).toContain("still under way");
    expect(codeOf(await repeats.once(asked("k", "two"), never))).toBe("key-reused");
    finish();
    expect(await first).toEqual(done(1));
    expect(codeOf(await repeats.once(asked("k"), never))).toBe("done");
  });

  it("may be sent again where it was refused, for then nothing was changed", async () => {
    const repeats = await under(memoryStore());
    for (const one of [
      fault("stale-version", "Another version."),
      fault("not-ready", "Not yet."),
      fault("blast-radius", "Too much."),
      fault("unavailable", "A queue is full.", { data: { accepted: false } }),
    ]) {
      expect(codeOf(await repeats.once(asked("k"), () => Promise.resolve(refuse(one))))).toBe(one.code);
    }
    expect(codeOf(await repeats.once(asked("k"), () => Promise.resolve(done(1))))).toBe("done");
  });

  it("is not done again where nobody knows what came of it", async () => {
    const never = () => Promise.reject(new Error("done twice"));
    for (const code of ["unavailable", "deadline-exceeded", "store-failed", "internal", "cancelled", "stale-term"] as const) {
      const repeats = await under(memoryStore());
      expect(codeOf(await repeats.once(asked("k"), () => Promise.resolve(refuse(fault(code, "Who knows.")))))).toBe(code);
      expect([code, codeOf(await repeats.once(asked("k"), never))]).toEqual([code, "in-flight"]);
    }
    const repeats = await under(memoryStore());
    await expect(repeats.once(asked("k"), () => Promise.reject(new Error("a bug")))).rejects.toThrow("a bug");
    const again = await repeats.once(asked("k"), never);
    expect(again.ok ? "" : again.faults[0].message).toContain("nobody knows");
  });

  it("outlives the controller: answered as before, and what was under way when it died is not done twice", async () => {
    const store = memoryStore();
    const before = await under(store);
    await before.once(asked("ended"), () => Promise.resolve(done(7)));
    // It dies in the middle: nothing more is written.
    void before.once(asked("under-way"), () => new Promise(() => undefined));
    await new Promise((resolve) => setImmediate(resolve));

    const after = await under(store);
    const never = () => Promise.reject(new Error("done twice"));
    expect(await after.once(asked("ended"), never)).toEqual(ok({ status: 202, headers: { location: "/v1/x/7" }, body: '{"n":7}' }));
    expect(codeOf(await after.once(asked("under-way"), never))).toBe("in-flight");
    expect(codeOf(await after.once(asked("under-way", "two"), never))).toBe("key-reused");
  });

  it("is not even begun where its key cannot be written down, and done all the same where its answer cannot", async () => {
    const store = memoryStore();
    const away: Result<never> = refuse(fault("unavailable", "The store is away."));
    const never = () => Promise.reject(new Error("done without a key"));
    const term = value(await store.acquireTerm("a test"));
    const parts = { term: () => term, nowMs: () => 0 };
    const noBegin = repeatsOn({ ...parts, store: { ...store, beginRequest: () => Promise.resolve(away) } });
    expect(codeOf(await noBegin.once(asked("k"), never))).toBe("unavailable");
    const warned: unknown[] = [];
    const noEnd = repeatsOn({
      ...parts,
      store: { ...store, endRequest: () => Promise.resolve(away) },
      log: { warn: (...about: unknown[]) => void warned.push(about) },
    });
    expect(codeOf(await noEnd.once(asked("k"), () => Promise.resolve(done(1))))).toBe("done");
    expect(codeOf(await noEnd.once(asked("k"), never))).toBe("in-flight");
    expect(warned).toHaveLength(1);
  });
});

it("keys are printable ASCII, in quotation marks or without", () => {
  for (const [header, key] of [
    [undefined, undefined],
    ["8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ['"8e03978e"', "8e03978e"],
    ["x".repeat(128), "x".repeat(128)],
  ] as const) {
    expect(idempotencyKeyOf(header)).toEqual(ok(key));
  }
  for (const header of ["", '""', "a b", "ä", "x".repeat(129), ["a", "b"]])
    expect([header, codeOf(idempotencyKeyOf(header))]).toEqual([header, "malformed"]);
});

it("what is asked is told apart by method, address and body, not by the order of its fields", () => {
  const print = (method: string, url: string, body: unknown) => value(fingerprintOf({ method, url, body }));
  expect(print("POST", "/v1/x", { a: 1, b: [2] })).toBe(print("POST", "/v1/x", { b: [2], a: 1 }));
  const all = [
    print("POST", "/v1/x", { a: 1 }),
    print("POST", "/v1/x", { a: 2 }),
    print("POST", "/v1/x?y=1", { a: 1 }),
    print("PUT", "/v1/x", { a: 1 }),
    print("POST", "/v1/x", undefined),
    print("POST", "/v1/x", "a"),
  ];
  expect(new Set(all).size).toBe(all.length);
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i += 1) deep = [deep];
  expect(codeOf(fingerprintOf({ method: "POST", url: "/", body: deep }))).toBe("malformed");
  expect(codeOf(fingerprintOf({ method: "POST", url: "/", body: { x: Infinity } }))).toBe("malformed");
});
