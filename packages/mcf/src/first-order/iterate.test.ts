import { describe, expect, it } from "vitest";
import type { FlowProgram } from "../flow-program.js";
import { makeKernel } from "../kernel/kernel.js";
import { layOut } from "../kernel/layout.js";
import { problemOf } from "../testing/written-problem.js";
import { buildTrie } from "../trie/path-trie.js";
import { makeIterate, setAnchor, step, undoAveraging } from "./iterate.js";
import { priceStepOf } from "./price-step.js";

/** Two demands over one link that both fill, one of them with a second way. */
const program: FlowProgram = {
  problem: problemOf({
    links: [
      { from: 0, to: 1, capacity: 4 },
      { from: 0, to: 1, capacity: 3 },
    ],
    demands: [
      { src: 0, dst: 1, rate: 2, paths: [[0], [1]] },
      { src: 0, dst: 1, rate: 3, paths: [[0]] },
    ],
  }),
  limit: "capacity",
};

describe("a point that a step does not move", () => {
  it("has the loads of its flows once it is off the average with the anchor", () => {
    const { problem } = program;
    const layout = layOut(program, buildTrie(problem, { fillable: 0 }), problem.demandBps);
    const kernel = makeKernel(layout, { kind: "reference", threads: 1 });
    const iterate = makeIterate(kernel, priceStepOf(program, kernel), 1);
    setAnchor(iterate);
    let steps = 0;
    do {
      step(iterate);
      steps++;
      // As restarts do: without them the average comes close to a solution but to none.
      if (steps % 20 === 0 && iterate.residual > 0) setAnchor(iterate);
    } while (iterate.residual > 0 && steps < 100_000);
    expect(iterate.residual).toBe(0);
    undoAveraging(iterate);
    const load = new Float64Array(problem.linkCount);
    layout.pathAt.forEach((path, slot) => {
      if (path < 0) return;
      for (const e of problem.pathLinks.subarray(problem.linkStart[path], problem.linkStart[path + 1])) {
        load[e] = (load[e] as number) + (layout.flow[slot] as number);
      }
    });
    expect(load.reduce((sum, bps) => sum + bps, 0)).toBeCloseTo(5, 9);
    for (let e = 0; e < problem.linkCount; e++) expect(layout.load[e]).toBeCloseTo(load[e] as number, 12);
    kernel.release();
  });
});
