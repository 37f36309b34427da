/** The example of docs/certificates.md, by the code that it documents. */
import { describe, expect, it } from "vitest";
import { highsBackend } from "@sluice/lp";
import { certify } from "./certificate.js";
import type { Problem } from "@sluice/mcf";
import { schemeOf } from "./schemes/index.js";

// Nodes a, b, c; links a-b, a-c, c-b; paths a-b and a-c-b of a>b, c-b of c>b.
const problem: Problem = {
  nodeCount: 3,
  linkCount: 3,
  linkFrom: Int32Array.of(0, 0, 2),
  linkTo: Int32Array.of(1, 2, 1),
  capacityBps: Float64Array.of(8e9, 6e9, 5e9),
  latencyMs: Float64Array.of(1, 1, 1),
  metric: Float64Array.of(1, 1, 1),
  demandCount: 2,
  demandBps: Float64Array.of(10e9, 4e9),
  demandSrc: Int32Array.of(0, 2),
  demandDst: Int32Array.of(1, 1),
  bandwidthFunctions: [],
  pathCount: 3,
  pathStart: Int32Array.of(0, 2, 3),
  linkStart: Int32Array.of(0, 1, 3, 4),
  pathLinks: Int32Array.of(0, 1, 2, 2),
};

describe("the example of docs/certificates.md", () => {
  it("has the optimum, prices and bound that the page says", async () => {
    const lp = await highsBackend();
    const {
      flowBps,
      linkPrice = new Float64Array(),
      objective,
    } = await schemeOf("max-throughput").solve(problem, { lp, timeLimitSeconds: 10 });
    expect(objective / 1e9).toBeCloseTo(13, 5);
    const expected = [1, 0, 1];
    linkPrice.forEach((price, e) => expect(price).toBeCloseTo(expected[e] ?? Number.NaN, 5));
    expect((certify(problem, "max-throughput", flowBps, Float64Array.from(expected)).bound ?? 0) / 1e9).toBeCloseTo(13, 9);
  });

  it("has the weaker bound of other prices", () => {
    const flowBps = Float64Array.of(8e9, 1e9, 4e9);
    const { value, bound } = certify(problem, "max-throughput", flowBps, Float64Array.of(0.5, 0, 0.5));
    expect(value).toBe(13e9);
    expect(bound).toBe(13.5e9);
  });
});
