import { describe, expect, it } from "vitest";
import type { Problem } from "@sluice/mcf";
import { objectiveNames, solverNames } from "@sluice/model";
import { chooseSolver, type SolverQuestion } from "./choose-solver.js";
import { problemOf } from "./testing/written-problem.js";

const question: SolverQuestion = { solver: "auto", objective: "max-throughput", gapMax: 1e-6, budgetSeconds: 10, edgeBased: false };
const sized = (pathCount: number, linkCount: number): Problem => ({ ...problemOf({ links: [], demands: [] }), pathCount, linkCount });
const germany50 = sized(9_800, 176);
const usCarrier = sized(36_248, 378);
const kdl = sized(1_060_000, 1_790);

describe("auto", () => {
  it("takes the exact walk where it is quick, and says so", () => {
    expect(chooseSolver(germany50, question)).toMatchObject({ engine: "simplex", note: expect.stringContaining("9800 tunnels") });
  });

  it("takes the first-order method for what is larger, and brings its answer to few tunnels while that is quick enough", () => {
    expect(chooseSolver(usCarrier, question)).toMatchObject({ engine: "first-order", purifies: true });
    expect(chooseSolver(kdl, question)).toMatchObject({ engine: "first-order", purifies: false });
  });

  it("takes the interior point for what is larger and wanted more exactly", () => {
    expect(chooseSolver(kdl, { ...question, gapMax: 1e-8 })).toMatchObject({
      engine: "interior-point",
      note: expect.stringContaining("1e-8"),
    });
  });

  it("takes more time into account", () => {
    expect(chooseSolver(usCarrier, { ...question, budgetSeconds: 60 })).toMatchObject({ engine: "simplex" });
    expect(chooseSolver(germany50, { ...question, budgetSeconds: 0.1 })).toMatchObject({ engine: "first-order", purifies: false });
  });
});

describe("any solver", () => {
  it("is no engine for objectives that are no linear program over paths", () => {
    for (const solver of solverNames) {
      for (const objective of ["max-min-fair", "shortest-path"] as const) {
        expect(chooseSolver(germany50, { ...question, solver, objective })).toEqual({});
      }
    }
  });

  it("is what was asked for, without a word", () => {
    for (const objective of objectiveNames) expect(chooseSolver(kdl, { ...question, solver: "highs", objective })).toEqual({});
    expect(chooseSolver(germany50, { ...question, solver: "interior-point" })).toEqual({ engine: "interior-point", purifies: true });
  });

  it("is HiGHS where flow is placed on links, which is said where another was asked for", () => {
    expect(chooseSolver(germany50, { ...question, edgeBased: true })).toEqual({});
    const { engine, note } = chooseSolver(germany50, { ...question, edgeBased: true, solver: "simplex" });
    expect({ engine, note }).toEqual({ engine: undefined, note: expect.stringContaining("not simplex") });
  });
});
