import { describe, expect, it } from "vitest";
import { linksOf, problemOf, written } from "../testing/written-problem.js";
import { Pricing } from "./pricing.js";
import { keepFirst, keepLargest, turnOver } from "./tunnel-set.js";

/** Five links from node 0 to node 1, of capacity 1 to 5, and one of none. */
const links = [1, 2, 3, 4, 5, 0].map((capacity) => ({ from: 0, to: 1, capacity }));
const demand = (paths: readonly (readonly number[])[]) => ({ src: 0, dst: 1, rate: 10, paths });
const pathsOf = (problem: Parameters<typeof written>[0]): readonly (readonly (readonly number[])[])[] =>
  written(problem).demands.map(({ paths }) => paths);

describe("tunnels in play", () => {
  const problem = problemOf({ links, demands: [demand([[0], [1], [2]]), demand([]), demand([[3], [4]])] });

  it("are left to those that carry most, ties by lower number", () => {
    const { problem: left, origin } = keepLargest(problem, Float64Array.of(3, 1, 3, 0, 2), 1);
    expect(pathsOf(left)).toEqual([[[0]], [], [[4]]]);
    expect([...origin]).toEqual([0, 4]);
    expect(pathsOf(keepLargest(problem, Float64Array.of(1, 2, 3, 0, 0), 2).problem)).toEqual([[[1], [2]], [], [[3], [4]]]);
  });

  it("are left to the first that are open and short enough", () => {
    const length = Float64Array.of(1, 0.5, 0.9, Infinity, 0.2, Infinity);
    expect(pathsOf(keepFirst(problem, length, { lengthMax: 1, count: 1 }).problem)).toEqual([[[1]], [], [[4]]]);
    expect(pathsOf(keepFirst(problem, length, { lengthMax: Infinity, count: 3 }).problem)).toEqual([[[0], [1], [2]], [], [[4]]]);
  });

  it("take in what is shorter: in a free slot, in place of the longest that carries nothing, or not at all", () => {
    const price = Float64Array.of(0.5, 0.6, 0.7, 0.3, 0.4, 0);
    const pricing = new Pricing(problem, { limit: "capacity" });
    pricing.run(price);
    const turn = (flowBps: Float64Array, slots: number) =>
      turnOver(problem, pricing, { slots, advantage: 0.1, flowBps, linkLength: price, lengthMax: 1 });
    const roomy = turn(new Float64Array(5), 4);
    expect(pathsOf(roomy.problem)).toEqual([[[0], [1], [2], [3]], [[3]], [[3], [4]]]);
    expect([...roomy.origin]).toEqual([0, 1, 2, -1, -1, 3, 4]);
    expect([roomy.added, roomy.blocked]).toEqual([2, 0]);
    expect(pathsOf(turn(Float64Array.of(0, 0, 1, 1, 1), 3).problem)).toEqual([[[0], [2], [3]], [[3]], [[3], [4]]]);
    const full = turn(Float64Array.of(1, 1, 1, 1, 1), 3);
    expect([full.added, full.blocked]).toEqual([1, 1]);
    expect(linksOf(full.problem, 2)).toEqual([2]);
  });

  it("take in nothing that is not shorter by the advantage, nor anything not worth having", () => {
    const pricing = new Pricing(problem, { limit: "capacity" });
    const price = Float64Array.of(0.32, 0.6, 0.7, 0.3, 0.4, 0);
    pricing.run(price);
    const options = { slots: 4, flowBps: new Float64Array(5), linkLength: price };
    expect(turnOver(problem, pricing, { ...options, advantage: 0.1, lengthMax: 1 }).added).toBe(1);
    expect(turnOver(problem, pricing, { ...options, advantage: 0.01, lengthMax: 1 }).added).toBe(2);
    expect(turnOver(problem, pricing, { ...options, advantage: 0.01, lengthMax: 0.3 }).added).toBe(0);
  });
});
