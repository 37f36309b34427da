import { describe, expect, it } from "vitest";
import { allSteps, someSteps, type Steps } from "./steps.js";

function* counting(costs: readonly number[]): Steps<number> {
  let sum = 0;
  for (const cost of costs) {
    sum += cost;
    yield cost;
  }
  return sum;
}

describe("steps", () => {
  it("give their result when they are run to the end, at once or some at a time", () => {
    expect(allSteps(counting([1, 2, 3]))).toBe(6);
    const steps = counting([5, 5, 5]);
    expect(someSteps(steps, 6)).toBeUndefined();
    expect(someSteps(steps, 6)).toEqual({ value: 15 });
  });

  it("stop as soon as the cost is reached, and go on by one at least", () => {
    const done: number[] = [];
    function* noting(): Steps<string> {
      for (const i of [0, 1, 2]) {
        done.push(i);
        yield 10;
      }
      return "end";
    }
    const steps = noting();
    for (const expected of [1, 2, 3]) {
      expect(someSteps(steps, 1)).toBeUndefined();
      expect(done.length).toBe(expected);
    }
    expect(someSteps(steps, 1)).toEqual({ value: "end" });
  });
});
