import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  buildDemandMatrix,
  checkDemandEnds,
  flowGroupId,
  matrixAt,
  parseDemandMatrix,
  parseDemandSeries,
  parseTopology,
  trafficClasses,
  type Demand,
  type DemandMatrix,
  type FaultCode,
  type Result,
} from "./index.js";

const demand = { src: "a", dst: "b", trafficClass: "elastic", rateBps: 5 };
const matrix = { name: "m", demands: [demand] };
const points = (...pairs: readonly (readonly [number, number])[]): object => ({
  name: "m",
  demands: [{ ...demand, bandwidthFunction: { points: pairs.map(([fairShare, rateBps]) => ({ fairShare, rateBps })) } }],
});

function built<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}

describe("demand matrix", () => {
  const refused: readonly [string, unknown, FaultCode, string][] = [
    ["two demands of one flow group", { name: "m", demands: [demand, demand] }, "duplicate-id", "/demands/1"],
    ["a demand to itself", { name: "m", demands: [{ ...demand, dst: "a" }] }, "self-loop", "/demands/0/dst"],
    ["an unknown class", { name: "m", demands: [{ ...demand, trafficClass: "gold" }] }, "not-allowed", "/demands/0/trafficClass"],
    ["a NaN rate", { name: "m", demands: [{ ...demand, rateBps: Number.NaN }] }, "not-finite", "/demands/0/rateBps"],
    ["a negative rate", { name: "m", demands: [{ ...demand, rateBps: -5 }] }, "negative", "/demands/0/rateBps"],
    ["a rate of 1e308", { name: "m", demands: [{ ...demand, rateBps: 1e308 }] }, "out-of-range", "/demands/0/rateBps"],
    ["a missing source", { name: "m", demands: [{ dst: "b", trafficClass: "bulk", rateBps: 1 }] }, "missing-field", "/demands/0/src"],
    ["a bandwidth function of one point", points([0, 0]), "out-of-range", "/demands/0/bandwidthFunction/points"],
    ["one that starts above 0", points([0, 1], [1, 2]), "out-of-range", "/demands/0/bandwidthFunction/points/0/rateBps"],
    ["one whose share stands still", points([0, 0], [0, 2]), "out-of-range", "/demands/0/bandwidthFunction/points/1/fairShare"],
    ["one whose rate falls", points([0, 0], [1, 2], [2, 1]), "out-of-range", "/demands/0/bandwidthFunction/points/2/rateBps"],
  ];
  it.each(refused)("refuses %s", (_name, value, code, pointer) => {
    const result = parseDemandMatrix(value);
    expect(result.ok ? [] : result.faults).toContainEqual(expect.objectContaining({ code, pointer }));
  });

  it("sorts by source, destination and class priority", () => {
    const groups = trafficClasses.flatMap((trafficClass) => ["a", "b"].map((src) => ({ src, dst: "c", trafficClass, rateBps: 1 })));
    fc.assert(
      fc.property(fc.shuffledSubarray(groups, { minLength: 6 }), (shuffled) => {
        const sorted = built(buildDemandMatrix("m", shuffled as unknown as Demand[])).demands.map(flowGroupId);
        expect(sorted).toEqual(["a>c/interactive", "a>c/elastic", "a>c/bulk", "b>c/interactive", "b>c/elastic", "b>c/bulk"]);
      }),
    );
  });

  it("is refused where the topology does not have its ends", () => {
    const topology = built(parseTopology({ name: "t", nodes: [{ id: "a" }, { id: "c" }], links: [] }));
    const result = checkDemandEnds(topology, built(parseDemandMatrix(matrix)));
    expect(result.ok ? [] : result.faults).toEqual([expect.objectContaining({ code: "dangling-reference", pointer: "/demands/0/dst" })]);
  });
});

describe("demand series", () => {
  const series = {
    name: "day",
    intervalSeconds: 900,
    flowGroups: [
      { src: "b", dst: "a", trafficClass: "bulk" },
      { src: "a", dst: "b", trafficClass: "elastic" },
    ],
    ratesBps: [
      [1, 2],
      [0, 3],
    ],
  };

  it("gives the matrix of any interval, wrapping round, without zero demands", () => {
    const parsed = built(parseDemandSeries(series));
    const rates = (each: DemandMatrix): unknown => each.demands.map((one) => [flowGroupId(one), one.rateBps]);
    expect(rates(matrixAt(parsed, 0))).toEqual([
      ["a>b/elastic", 2],
      ["b>a/bulk", 1],
    ]);
    expect(rates(matrixAt(parsed, 3))).toEqual([["a>b/elastic", 3]]);
    expect(rates(matrixAt(parsed, -1))).toEqual(rates(matrixAt(parsed, 1)));
  });

  it("is refused when a row has another width, or a flow group comes twice", () => {
    const ragged = parseDemandSeries({ ...series, ratesBps: [[1, 2], [3]] });
    expect(ragged.ok ? [] : ragged.faults).toEqual([expect.objectContaining({ code: "out-of-range", pointer: "/ratesBps/1" })]);
    const twice = parseDemandSeries({ ...series, flowGroups: [series.flowGroups[0], series.flowGroups[0]] });
    expect(twice.ok ? "" : twice.faults[0].code).toBe("duplicate-id");
  });
});
