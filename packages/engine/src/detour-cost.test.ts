import { describe, expect, it } from "vitest";
import { detourCost, sumAlong } from "./detour-cost.js";
import { problemOf } from "./testing/written-problem.js";

//   0 --0,1--> 1 --2--> 2        links 0 and 1 are parallel; 1 has a quarter of the others' capacity
const problem = problemOf({
  links: [
    { from: 0, to: 1, capacity: 8, latencyMs: 1 },
    { from: 0, to: 1, capacity: 2, latencyMs: 2 },
    { from: 1, to: 2, capacity: 8, latencyMs: 3 },
  ],
  demands: [
    {
      src: 0,
      dst: 2,
      rate: 4,
      paths: [
        [0, 2],
        [1, 2],
      ],
    },
    { src: 1, dst: 2, rate: 4, paths: [[2]] },
  ],
});

describe("detour cost", () => {
  it("is a path's links, and again their pressure relative to the largest", () => {
    // Half of 4 over 8, over 2; all of 8 over 8: 1/4, 1, 1.
    expect([...detourCost(problem)]).toEqual([2 + 1.25, 2 + 2, 1 + 1]);
  });

  it("is a path's links where nothing is asked for, and where links have no capacity", () => {
    expect([...detourCost({ ...problem, demandBps: new Float64Array(2) })]).toEqual([2, 2, 1]);
    expect([...detourCost({ ...problem, capacityBps: new Float64Array(3) })]).toEqual([2, 2, 1]);
  });

  it("adds up any figure along paths", () => {
    expect([...sumAlong(problem, (e) => problem.latencyMs[e] ?? 0)]).toEqual([4, 5, 3]);
  });
});
