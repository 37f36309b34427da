import loadHighs, { type Highs } from "highs";
import { describe, expect, it } from "vitest";
import { certifyLp } from "./certify.js";
import { describeLpBackend, programOf } from "./contract.js";
import { highsBackend } from "./highs.js";
import type { LinearProgram } from "./program.js";

describeLpBackend("highs", () => highsBackend());

const inf = Infinity;

describe("highs where its first attempt settles nothing", () => {
  const options = { timeLimitSeconds: 5, method: "interior-point" } as const;

  it("finds a program unbounded on which the interior point ends with an error", async () => {
    const program = programOf({
      columns: [[-1, -inf, inf], [0, -inf, inf], [0, 0, inf], ...Array.from({ length: 5 }, () => [0, -inf, inf] as const)],
      rows: [
        [-1, [0, -1, 0, 0, 0, -1, -1, -1], 0],
        [-1, [-1, -1, 0, 1, -1, -1, -1, 1], 0],
        [-inf, [-1, 0, 0, 1, -1, 0, 0, 0], 0],
      ],
    });
    expect(await (await highsBackend()).solve(program, options)).toMatchObject({ status: "unbounded" });
  });

  it("finds a program unbounded that presolve calls infeasible", async () => {
    // x0 = 2, x1 = -1, x2 = 0 fits, and x0 may grow without end.
    const program = programOf({
      columns: [
        [-1, 2, inf],
        [0, -inf, inf],
        [0, 0, inf],
        [0, -inf, inf],
      ],
      rows: [
        [-inf, [-1, -1, -1, 0], 0],
        [0, [-1, -2, -1, 0], inf],
      ],
    });
    for (const method of ["simplex", "interior-point"] as const) {
      expect(await (await highsBackend()).solve(program, { ...options, method })).toMatchObject({ status: "unbounded" });
    }
  });

  it("finds a program unbounded on which the dual simplex ends undecided", async () => {
    const program = programOf({
      columns: [
        [-4, -4, -2],
        [1, -inf, 4],
        [0, -3, 1],
        [-2, 2, inf],
        [0, -5, inf],
        [-4, 2, 5],
      ],
      rows: [
        [-3, [1, -2, -1, 5, -1, -2], -2],
        [-inf, [3, 1, 4, -1, -2, -2], -3],
        [1, [4, -3, -4, 1, -1, -4], 4],
        [-inf, [-1, 1, 2, 1, -2, 3], -2],
      ],
    });
    expect(await (await highsBackend()).solve(program, { ...options, method: "simplex" })).toMatchObject({ status: "unbounded" });
  });

  it("solves a program on which the interior point without crossover ends undecided", async () => {
    const program = programOf({
      sense: "maximize",
      columns: [
        [4, 0, 6],
        [-1, 0, 2],
        [0, 0, 2],
      ],
      rows: [
        [-inf, [0, 0, 0], inf],
        [-1, [1, -1, -2], 0],
      ],
    });
    const outcome = await (await highsBackend()).solve(program, options);
    expect(outcome).toMatchObject({ status: "optimal", objective: 22 });
    expect(certifyLp(program, outcome)).toMatchObject({ valid: true });
  });
});

describe("highs by its first-order method (PDLP)", () => {
  const options = { timeLimitSeconds: 20, method: "first-order" } as const;
  const program = programOf({
    sense: "maximize",
    columns: Array.from({ length: 12 }, (_, j) => [30 + ((7 * j) % 5), 0, inf] as const),
    rows: Array.from({ length: 8 }, (_, i) => [-inf, Array.from({ length: 12 }, (__, j) => 1 + ((i * j + i) % 7)), 40 + i] as const),
  });

  it.each([1e-3, 1e-8])("comes as near to the optimum as it is asked to: %s", async (accuracy) => {
    const backend = await highsBackend();
    const { objective: optimum = Number.NaN } = await backend.solve(program, { timeLimitSeconds: 20, method: "simplex" });
    const outcome = await backend.solve(program, { ...options, accuracy });
    expect(outcome).toMatchObject({ status: "optimal" });
    expect(Math.abs((outcome.objective ?? Number.NaN) / optimum - 1)).toBeLessThan(10 * accuracy);
  });

  it("gives duals in the program's own sense: binding <= rows of a maximization have duals >= 0", async () => {
    const outcome = await (await highsBackend()).solve(program, { ...options, accuracy: 1e-8 });
    expect(Math.min(...(outcome.dual ?? [-1]))).toBeGreaterThan(-1e-6);
    expect(Math.max(...(outcome.dual ?? [0]))).toBeGreaterThan(1);
  });

  it("never calls a program optimal that has no optimum", async () => {
    const backend = await highsBackend();
    const unbounded = programOf({ sense: "maximize", columns: [[1, 0, inf]], rows: [[-inf, [-1], 0]] });
    const infeasible = programOf({
      columns: [[0, 0, inf]],
      rows: [
        [2, [1], inf],
        [-inf, [1], 1],
      ],
    });
    for (const bad of [unbounded, infeasible]) {
      expect((await backend.solve(bad, { ...options, timeLimitSeconds: 2 })).status).not.toBe("optimal");
    }
  });
});

describe("highs asked for less accuracy", () => {
  it("stops the interior point short of the optimum, and forgets it for the next program", async () => {
    const backend = await highsBackend();
    const program = solvableTransport(12);
    const exact = await backend.solve(program, { timeLimitSeconds: 20, method: "interior-point" });
    const rough = await backend.solve(program, { timeLimitSeconds: 20, method: "interior-point", accuracy: 0.1 });
    const again = await backend.solve(program, { timeLimitSeconds: 20, method: "interior-point" });
    expect([exact.status, rough.status]).toEqual(["optimal", "optimal"]);
    expect(rough.objective).not.toBe(exact.objective);
    expect(again).toEqual(exact);
  });
});

/** Ships between n places and n others at least cost: n^2 columns, 2 n rows. */
function solvableTransport(n: number): LinearProgram {
  return programOf({
    columns: Array.from({ length: n * n }, (_, j) => [1 + ((13 * j) % 17), 0, inf] as const),
    rows: Array.from({ length: 2 * n }, (_, i) => {
      const coefficients = Array.from({ length: n * n }, (__, j) => ((i < n ? Math.floor(j / n) : n + (j % n)) === i ? 1 : 0));
      return i < n ? ([-inf, coefficients, 10] as const) : ([5 + (i % 4), coefficients, inf] as const);
    }),
  });
}

describe("highs after a crash of its module", () => {
  const program = programOf({ columns: [[1, 1, Infinity]], rows: [[2, [1], Infinity]] });

  it("answers failed, loads the module anew and solves the next program", async () => {
    const loaded: Highs[] = [];
    const backend = await highsBackend({
      load: async (init) => {
        const highs = await loadHighs(init);
        loaded.push(highs);
        if (loaded.length > 1) return highs;
        return Object.assign(Object.create(highs) as Highs, {
          withModel: () => {
            throw new Error("memory access out of bounds");
          },
        });
      },
    });
    const crashed = await backend.solve(program, { timeLimitSeconds: 1 });
    expect(crashed.status).toBe("failed");
    expect(crashed.message).toMatch(/memory access out of bounds/);
    expect(await backend.solve(program, { timeLimitSeconds: 1 })).toMatchObject({ status: "optimal", objective: 2 });
    expect(loaded).toHaveLength(2);
  });

  it("answers failed, not an exception, when the module cannot be loaded again", async () => {
    let loads = 0;
    const backend = await highsBackend({
      load: async (init) => {
        loads += 1;
        if (loads > 1) throw new Error("no memory left");
        return Object.assign(Object.create(await loadHighs(init)) as Highs, {
          withModel: () => {
            throw new Error("unreachable");
          },
        });
      },
    });
    await backend.solve(program, { timeLimitSeconds: 1 });
    expect(await backend.solve(program, { timeLimitSeconds: 1 })).toMatchObject({
      status: "failed",
      message: expect.stringMatching(/no memory left/),
    });
  });
});

describe("highs after a solve that took much memory", () => {
  it("keeps the answer and loads the module anew for the next program", async () => {
    let loads = 0;
    const backend = await highsBackend({
      load: async (init) => {
        loads += 1;
        const highs = await loadHighs(init);
        return loads > 1 ? highs : (Object.create(highs, { memoryBytes: { value: 2 ** 30 } }) as Highs);
      },
    });
    const program = programOf({ columns: [[1, 1, inf]], rows: [] });
    expect(await backend.solve(program, { timeLimitSeconds: 1 })).toMatchObject({ status: "optimal", objective: 1 });
    expect(loads).toBe(1);
    expect(await backend.solve(program, { timeLimitSeconds: 1 })).toMatchObject({ status: "optimal", objective: 1 });
    expect(await backend.solve(program, { timeLimitSeconds: 1 })).toMatchObject({ status: "optimal", objective: 1 });
    expect(loads).toBe(2);
  });
});
