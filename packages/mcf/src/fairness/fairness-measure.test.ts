import { describe, expect, it } from "vitest";
import { problemOf } from "../testing/written-problem.js";
import { bottleneckPart, rateAgreement } from "./fairness-measure.js";

describe("rateAgreement", () => {
  it("is the mean of the smaller over the larger", () => {
    expect(rateAgreement(Float64Array.of(1, 2, 0), Float64Array.of(2, 2, 0))).toBeCloseTo(2.5 / 3, 12);
    expect(rateAgreement(Float64Array.of(0), Float64Array.of(3))).toBe(0);
    expect(rateAgreement(new Float64Array(0), new Float64Array(0))).toBe(1);
  });
});

describe("bottleneckPart", () => {
  // Two links in a row, of 1 and 2 Gb/s: one long session, two on the first link only, one on the second only.
  const problem = problemOf({
    links: [
      { from: 0, to: 1, capacity: 1e9 },
      { from: 1, to: 2, capacity: 2e9 },
    ],
    demands: [
      { src: 0, dst: 2, rate: 9e9, paths: [[0, 1]] },
      { src: 0, dst: 1, rate: 9e9, paths: [[0]] },
      { src: 0, dst: 1, rate: 9e9, paths: [[0]] },
      { src: 1, dst: 2, rate: 9e9, paths: [[1]] },
    ],
  });

  it("is 1 for the max-min fair rates", () => {
    expect(bottleneckPart(problem, Float64Array.of(1e9 / 3, 1e9 / 3, 1e9 / 3, 5e9 / 3), 1e-6)).toBe(1);
  });

  it("counts out who could have more on a link that is not full, and who has less than others on each full one", () => {
    expect(bottleneckPart(problem, Float64Array.of(1e9 / 3, 1e9 / 3, 1e9 / 3, 1e9), 1e-6)).toBe(0.75);
    expect(bottleneckPart(problem, Float64Array.of(0.2e9, 0.4e9, 0.4e9, 1.8e9), 1e-6)).toBe(0.75);
    expect(bottleneckPart(problem, Float64Array.of(0.2e9, 0.4e9, 0.4e9, 1.8e9), 0.6)).toBe(1);
  });

  it("is 1 where nobody is short", () => {
    expect(bottleneckPart({ ...problem, demandBps: new Float64Array(4).fill(1e8) }, new Float64Array(4).fill(1e8), 1e-9)).toBe(1);
  });
});
