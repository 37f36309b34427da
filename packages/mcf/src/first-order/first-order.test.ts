import { describe, expect, it } from "vitest";
import { describeEngine } from "../contract.js";
import type { FlowProgram, SolveLimits } from "../flow-program.js";
import { judgeSolution } from "../judge-solution.js";
import { hasPeerBench, peerInstances, readPeerProblem, type PeerInstance } from "../peer-bench/peer-bench.js";
import { ringProgram } from "../testing/ring-program.js";
import { tickingClock } from "../testing/ticking-clock.js";
import { firstOrder, solveFirstOrder } from "./first-order.js";

const gap = 1e-4;
const limits = (more: Partial<SolveLimits> = {}): SolveLimits => ({ gap, timeLimitSeconds: 1000, nowMs: tickingClock(), ...more });

describeEngine("first-order", firstOrder, { gap, hostile: "sound" });

describe("the first-order engine", () => {
  it("gives the same bytes in WebAssembly, on one thread or two, as in plain TypeScript", () => {
    const program = ringProgram(130, "capacity");
    const solve = (kind: "wasm" | "reference", threads: number) => solveFirstOrder(program, limits(), undefined, { kind, threads });
    const once = solve("wasm", 1);
    expect(once.status).toBe("gap");
    expect(solve("wasm", 2)).toEqual(once);
    expect(solve("reference", 1)).toEqual(once);
  });

  it("gives the same bytes on two threads where demands have many paths", () => {
    const program = ringProgram(80, "capacity", 4);
    const solve = (threads: number) => solveFirstOrder(program, limits({ gap: 1e-3 }), undefined, { kind: "wasm", threads });
    const once = solve(1);
    for (let i = 0; i < 3; i++) expect(solve(2)).toEqual(once);
  });

  it("takes a hint: from its own answer it is done at the first look", () => {
    const program = ringProgram(40, "utilization");
    const cold = firstOrder(program, limits());
    const warm = firstOrder(program, limits({ gap: 2 * gap }), cold);
    expect(cold.iterations).toBeGreaterThan(20);
    expect(warm).toMatchObject({ status: "gap", iterations: 0 });
  });
});

const absent = "(skipped: set SLUICE_DATA to the folder of shared data)";

describe.skipIf(!hasPeerBench)(`the first-order engine against published optima ${hasPeerBench ? "" : absent}`, () => {
  const instances = hasPeerBench ? peerInstances().filter(({ n }) => n < 200) : [];

  it("has the twenty instances of up to 200 nodes", () => {
    expect(instances).toHaveLength(20);
  });

  it.each(instances)("$id: throughput to 1e-3, proven", (instance) => {
    const published = instance.maxFlow.gurobi_lp?.obj ?? Number.NaN;
    expect(provenValue(instance, "capacity") / published).toBeGreaterThan(0.999);
  });

  it.each(instances.filter((instance) => instance.maxConcurrent?.gurobi_lp !== undefined))(
    "$id: concurrent flow to 1e-3, proven",
    (instance) => {
      const published = instance.maxConcurrent?.gurobi_lp?.obj ?? Number.NaN;
      expect(1 / provenValue(instance, "utilization") / published).toBeGreaterThan(0.999);
    },
  );

  function provenValue(instance: PeerInstance, limit: FlowProgram["limit"]): number {
    const program: FlowProgram = { problem: readPeerProblem(instance), limit };
    const solution = firstOrder(program, limits({ gap: 1e-3 }));
    expect(solution.status).toBe("gap");
    expect(judgeSolution(program, solution, 1e-3).defects).toEqual([]);
    return solution.value;
  }
});
