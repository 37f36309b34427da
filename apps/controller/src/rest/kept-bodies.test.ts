import { fault, ok, refuse, type Result } from "@sluice/model";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerText, identityOf, keptBodies, type Made } from "./kept-bodies.js";

type Body = { readonly n: number };

/** Bodies that say how many were made before them. */
function maker(isFinal = false) {
  let made = 0;
  return {
    made: () => made,
    make: () => ok<Made<Body>>({ body: { n: ++made }, isFinal }),
  };
}

async function numberOf(answer: Promise<Result<Body>>): Promise<number> {
  const result = await answer;
  return result.ok ? result.value.n : 0;
}

describe("answers that are kept", () => {
  it("are those of the state as it is, whatever is asked for in which order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ key: fc.nat({ max: 5 }), state: fc.nat({ max: 2 }), laterMs: fc.nat({ max: 3 }) }), { maxLength: 60 }),
        async (asks) => {
          let now = 0;
          const ageMsMax = 4;
          const bodies = keptBodies({ countMax: 3, ageMsMax, nowMs: () => now });
          for (const { key, state, laterMs } of asks) {
            now += laterMs;
            const body = { key, state, madeMs: now };
            const got = await bodies.get(String(key), [state], () => ok({ body }));
            if (!got.ok) throw new Error("it is made without a fault");
            expect(got.value).toMatchObject({ key, state });
            expect(now - got.value.madeMs).toBeLessThanOrEqual(ageMsMax);
            expect(answerText(got.value)).toBe(JSON.stringify(got.value));
          }
        },
      ),
    );
  });

  it("are made once for one state, anew for another, and for one that cannot be told each time", async () => {
    const { make, made } = maker();
    const bodies = keptBodies();
    const ask = (...state: (number | undefined)[]) => numberOf(bodies.get("key", state, make));
    expect([await ask(1), await ask(1), await ask(1, undefined), await ask(2), await ask(1)]).toEqual([1, 1, 2, 3, 4]);
    expect([await ask(NaN), await ask(NaN)]).toEqual([5, 6]);
    expect(made()).toBe(6);
  });

  it("stay where they are final", async () => {
    const { make } = maker(true);
    const bodies = keptBodies({ ageMsMax: 0 });
    expect(await numberOf(bodies.get("key", [NaN], make))).toBe(1);
    expect(await numberOf(bodies.get("key", [7], make))).toBe(1);
  });

  it("are made once for all who ask at the same time, and not for those who ask after a change", async () => {
    const bodies = keptBodies();
    let made = 0;
    const ready: (() => void)[] = [];
    const make = async () => {
      const n = ++made;
      await new Promise<void>((resolve) => ready.push(resolve));
      return ok({ body: { n } });
    };
    const [a, b] = [bodies.get("key", [1], make), bodies.get("key", [1], make)];
    const later = bodies.get("key", [2], make);
    for (const done of ready) done();
    expect(await Promise.all([a, b, later].map(numberOf))).toEqual([1, 1, 2]);
  });

  it("are no faults", async () => {
    const bodies = keptBodies();
    let isAway = true;
    const make = () => (isAway ? refuse(fault("unavailable", "The store is away.")) : ok({ body: { n: 1 } }));
    expect(await numberOf(bodies.get("key", [], make))).toBe(0);
    isAway = false;
    expect(await numberOf(bodies.get("key", [], make))).toBe(1);
  });

  it("are no more than so many, and take no more than so much; those asked for last stay", async () => {
    const { make, made } = maker();
    const few = keptBodies({ countMax: 2 });
    for (const key of ["a", "b", "a", "c", "a"]) await few.get(key, [], make);
    expect(made()).toBe(3);
    await few.get("b", [], make);
    expect(made()).toBe(4);

    let long = 0;
    const short = keptBodies({ textMax: 100 });
    const ask = (key: string, length: number) => short.get(key, [], () => ok({ body: { text: "x".repeat(length), n: ++long } }));
    await ask("too long", 100);
    await ask("too long", 100);
    expect(long).toBe(2);
    for (const key of ["a", "b", "b", "a"]) await ask(key, 60);
    expect(long).toBe(5);
  });
});

describe("an identity", () => {
  it("is that of the object, and of no other", () => {
    const [a, b] = [{}, {}];
    expect(identityOf(a)).toBe(identityOf(a));
    expect(identityOf(a)).not.toBe(identityOf(b));
  });
});
