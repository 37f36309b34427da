import loadHighs, { type Highs } from "highs";
import { describe, expect, it } from "vitest";
import { certifyLp } from "./certify.js";
import { describeLpBackend, programOf } from "./contract.js";
import { highsBackend } from "./highs.js";

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
