import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { problemOf } from "../testing/written-problem.js";
import { fairRateOf, rateAt, saturationShare } from "./fair-rate.js";
import { dueBps, fullShare, shareAt, shareCurves, slopeBps } from "./share-curves.js";

/** A demand with a bandwidth function: shares rise strictly, rates from 0 never fall. */
const arbitraryDemand = fc.record({
  rate: fc.integer({ min: 1, max: 40 }),
  steps: fc.option(
    fc.array(fc.record({ share: fc.integer({ min: 1, max: 5 }), bps: fc.integer({ min: 0, max: 9 }) }), { minLength: 1, maxLength: 5 }),
  ),
  first: fc.integer({ min: 0, max: 3 }),
});

function pointsOf({ steps, first }: { readonly steps: readonly { share: number; bps: number }[]; readonly first: number }) {
  const points = [{ fairShare: first, rateBps: 0 }];
  for (const { share, bps } of steps) {
    const last = points.at(-1) ?? { fairShare: 0, rateBps: 0 };
    points.push({ fairShare: last.fairShare + share, rateBps: last.rateBps + bps });
  }
  return points;
}

describe("share curves", () => {
  it("say the same as the fair rate of each demand", () => {
    fc.assert(
      fc.property(fc.array(arbitraryDemand, { minLength: 1, maxLength: 4 }), fc.integer({ min: 0, max: 60 }), (demands, half) => {
        const functions = demands.map(({ steps, first }) => (steps === null ? undefined : { points: pointsOf({ steps, first }) }));
        const written = problemOf({ links: [], demands: demands.map(({ rate }) => ({ src: 0, dst: 1, rate, paths: [] })) });
        const curves = shareCurves({ ...written, bandwidthFunctions: functions });
        demands.forEach(({ rate }, k) => {
          const fair = fairRateOf(rate, functions[k]);
          const at = functions[k] === undefined ? (half / 2) * 1e-9 : half / 2;
          expect(dueBps(curves, k, at)).toBeCloseTo(rateAt(fair, at), 9);
          expect(fullShare(curves, k)).toBeCloseTo(saturationShare(fair), 9);
          const step = functions[k] === undefined ? 1e-12 : 1e-3;
          expect(slopeBps(curves, k, at) * step).toBeCloseTo(dueBps(curves, k, at + step) - dueBps(curves, k, at), 6);
          // The least share with that rate, so that its rate is the same.
          const back = shareAt(curves, k, dueBps(curves, k, at));
          expect(dueBps(curves, k, back)).toBeCloseTo(dueBps(curves, k, at), 9);
          expect(back).toBeLessThanOrEqual(Math.max(at, functions[k]?.points[0]?.fairShare ?? 0) + 1e-9);
        });
      }),
    );
  });

  it("a demand of 0 is due nothing, from share 0 on", () => {
    const curves = shareCurves(problemOf({ links: [], demands: [{ src: 0, dst: 1, rate: 0, paths: [] }] }));
    expect([dueBps(curves, 0, 0), dueBps(curves, 0, 9), fullShare(curves, 0), shareAt(curves, 0, 0)]).toEqual([0, 0, 0, 0]);
  });
});
