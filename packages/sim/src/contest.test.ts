/** Several processes that contend for the lead, and the deliberate bugs of leadership that must be found among them. */
import { afterAll, describe, expect, it } from "vitest";
import { noEarlyStepDown, notReadyButPushing, storeUnfenced } from "./mutations-contest.js";
import type { Mutation } from "./mutation.js";
import { runWorld, SeedFailed } from "./world.js";

/** `SLUICE_CONTEST_SEEDS=1-2000` plays others. */
const [first = 1, last = 75] = (process.env["SLUICE_CONTEST_SEEDS"] ?? "1-75").split("-").map(Number);
const seedsPerTest = 25;
const testTimeoutMs = 600_000;
/** A bug that hides longer than this is not caught. */
const seedsMax = 60;

describe(`simulation of several processes that may lead, seeds ${first} to ${last}`, () => {
  const counts: Record<string, number> = {};
  let terms = 0;
  const starts = Array.from({ length: Math.ceil((last - first + 1) / seedsPerTest) }, (_, i) => first + i * seedsPerTest);

  it.each(starts)("holds every invariant from seed %i on", { timeout: testTimeoutMs }, async (start) => {
    for (let seed = start; seed <= Math.min(last, start + seedsPerTest - 1); seed += 1) {
      const outcome = await runWorld(seed, {}, { contest: true });
      expect(outcome.plans).toBeGreaterThan(0);
      terms += outcome.terms;
      for (const [check, count] of Object.entries(outcome.counts)) counts[check] = (counts[check] ?? 0) + count;
    }
  });

  afterAll(() => console.log(`in contests: ${JSON.stringify({ ...counts, terms })}`));

  it("has had leaders of every fate, and something to look at", () => {
    const fates = ["pause", "cut-off", "outage", "die", "hand-over", "lease-over", "deposed"].map((each) => `contest ${each}`);
    expect([...fates, "I6 led", "I6 written", "I4 obeyed", "I10"].filter((each) => counts[each] === undefined)).toEqual([]);
    expect(terms).toBeGreaterThan(2 * (last - first + 1));
  });
});

describe("a deliberate bug of leadership is caught", () => {
  const bugs: readonly { readonly bug: string; readonly mutation: Mutation; readonly caughtBy: readonly string[] }[] = [
    { bug: "the store takes writes of a deposed leader", mutation: storeUnfenced, caughtBy: ["I6"] },
    { bug: "a holder does not step down before its lease ends", mutation: noEarlyStepDown, caughtBy: ["I6"] },
    {
      bug: "a new leader pushes before it has heard its switches",
      mutation: notReadyButPushing,
      caughtBy: ["I1", "I2", "I3", "I8", "I10"],
    },
  ];

  it.each(bugs)("$bug", { timeout: testTimeoutMs }, async ({ mutation, caughtBy }) => {
    const failure = await firstFailure(mutation);
    expect(caughtBy).toContain(failure?.invariant);
    expect(failure?.message).toContain(`packages/sim/src/replay.ts ${failure?.seed} contest`);
  });
});

it("a contest gives the same history each time it is played (I15)", { timeout: testTimeoutMs }, async () => {
  for (const seed of [3, 7]) expect(await runWorld(seed, {}, { contest: true })).toEqual(await runWorld(seed, {}, { contest: true }));
});

async function firstFailure(mutation: Mutation): Promise<SeedFailed | undefined> {
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    try {
      await runWorld(seed, mutation, { contest: true });
    } catch (cause) {
      if (cause instanceof SeedFailed) return cause;
      throw cause;
    }
  }
  return undefined;
}
