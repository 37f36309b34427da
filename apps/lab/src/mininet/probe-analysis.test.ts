import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { analyseProbe } from "./probe-analysis.js";

/** Packets sent each millisecond. */
const sentUs = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i * 1000);

describe("what happened to a flow of numbered packets", () => {
  it("measures an outage from the first lost packet to the next that arrived, by when they were sent", () => {
    expect(
      analyseProbe(sentUs(10), [
        [0, 2],
        [6, 9],
      ]),
    ).toEqual({
      sent: 10,
      received: 7,
      reordered: 0,
      duplicated: 0,
      outages: [{ atMs: 3, ms: 3, lost: 3 }],
    });
  });

  it("counts an outage that nothing ends, and one of all", () => {
    expect(analyseProbe(sentUs(5), [[0, 2]]).outages).toEqual([{ atMs: 3, ms: 1, lost: 2 }]);
    expect(analyseProbe(sentUs(3), []).outages).toEqual([{ atMs: 0, ms: 2, lost: 3 }]);
  });

  it("tells late packets and doubles from lost ones", () => {
    expect(
      analyseProbe(sentUs(6), [
        [0, 1],
        [4, 5],
        [2, 3],
        [5, 5],
      ]),
    ).toMatchObject({ received: 6, reordered: 2, duplicated: 1, outages: [] });
  });

  it("accounts for every packet", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 60 }), (arrives) => {
        const runs = arrives.flatMap((isThere, i): (readonly [number, number])[] => (isThere ? [[i, i]] : []));
        const { received, outages } = analyseProbe(sentUs(arrives.length), runs);
        expect(received).toBe(runs.length);
        expect(received + outages.reduce((sum, { lost }) => sum + lost, 0)).toBe(arrives.length);
      }),
      { seed: 1 },
    );
  });
});
