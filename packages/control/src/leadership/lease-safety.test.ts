/** What must hold whatever the clocks, the network and the processes do. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { playLease, type LeaseScript, type StateBug } from "../testing/lease-world.js";
import { leadershipConfigDefault } from "./config.js";

const config = leadershipConfigDefault;
const rate = fc.double({ min: 1 - config.clockRateErrorMax, max: 1 + config.clockRateErrorMax, noNaN: true });
const stormMs = 40_000;

const scripts: fc.Arbitrary<LeaseScript> = fc.record({
  config: fc.constant(config),
  rates: fc.array(rate, { minLength: 2, maxLength: 3 }),
  databaseRate: rate,
  ways: fc.array(
    fc.record({
      delayMs: fc.oneof(
        { weight: 6, arbitrary: fc.double({ min: 0.1, max: 50, noNaN: true }) },
        { weight: 2, arbitrary: fc.double({ min: 50, max: 2_400, noNaN: true }) },
        { weight: 1, arbitrary: fc.double({ min: 2_400, max: 9_000, noNaN: true }) },
      ),
      lost: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    }),
    { minLength: 5, maxLength: 40 },
  ),
  pauses: fc.array(
    fc.record({
      process: fc.integer({ min: 0, max: 2 }),
      fromMs: fc.double({ min: 0, max: stormMs, noNaN: true }),
      forMs: fc.double({ min: 1, max: 15_000, noNaN: true }),
    }),
    { maxLength: 4 },
  ),
  handOvers: fc.array(fc.record({ process: fc.integer({ min: 0, max: 2 }), atMs: fc.double({ min: 0, max: stormMs, noNaN: true }) }), {
    maxLength: 4,
  }),
  quietMs: fc.double({ min: 0, max: 1_000, noNaN: true }),
  untilMs: fc.constant(stormMs),
  // Longer than a pause that began late, a lease, and the time for which somebody stands aside.
  calmMs: fc.constant(40_000),
});

const runs = 150;

/** The first holder's clock is as slow, and the database's as fast, as they may be; and it stands still right after it began to lead. */
const extreme: LeaseScript = {
  config,
  rates: [1 - config.clockRateErrorMax, 1],
  databaseRate: 1 + config.clockRateErrorMax,
  ways: [{ delayMs: 0.1, lost: false }],
  pauses: [{ process: 0, fromMs: 50, forMs: 15_000 }],
  handOvers: [],
  quietMs: 0,
  untilMs: stormMs,
  calmMs: 40_000,
};

describe("leases", () => {
  it("are relied on by one at a time, who holds it in the database; and in calm somebody leads", () => {
    let terms = 0;
    fc.assert(
      fc.property(scripts, (script) => {
        const outcome = playLease(script);
        expect(outcome.violation).toBe(undefined);
        expect(outcome.leader).not.toBe(undefined);
        terms += outcome.terms;
      }),
      { numRuns: runs },
    );
    // The storms did change who leads.
    expect(terms).toBeGreaterThan(2 * runs);
  });

  it("are relied on no longer than the clocks' rates allow", () => {
    expect(playLease(extreme)).toMatchObject({ violation: undefined, leader: 1, terms: 2 });
    const unaware = { ...extreme, config: { ...config, clockRateErrorMax: 0 } };
    expect(playLease(unaware).violation).toMatch(/^at \d/);
  });

  const bugs: readonly { readonly bug: string; readonly script?: (script: LeaseScript) => LeaseScript; readonly state?: StateBug }[] = [
    {
      bug: "a lease that is relied on for a while after its end",
      script: (script) => ({ ...script, config: { ...config, clockRateErrorMax: -0.05 } }),
    },
    {
      bug: "a lease that counts from when the answer came",
      state: (state, nowMs) => {
        const { phase } = state;
        if (phase.kind === "candidate" && phase.asked !== undefined && nowMs < phase.asked.sentAtMs + config.answerMaxMs) {
          return { ...state, phase: { ...phase, asked: { ...phase.asked, sentAtMs: nowMs } } };
        }
        if (phase.kind !== "leading") return state;
        return { ...state, phase: { ...phase, renewals: phase.renewals.map((each) => ({ ...each, sentAtMs: nowMs })) } };
      },
    },
    {
      bug: "a holder that never steps down by itself",
      state: (state) => (state.phase.kind === "leading" ? { ...state, phase: { ...state.phase, untilMs: Infinity } } : state),
    },
  ];

  it.each(bugs)("shows $bug", ({ script = (same) => same, state }) => {
    const found = fc.check(
      fc.property(scripts, (drawn) => playLease(script(drawn), state).violation === undefined),
      { numRuns: runs, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  });
});
