/**
 * The solvers of one leadership on the pool that all share: each machine counts its solves and sweeps from one, so they get numbers of their own, and
 * what nobody waits for any more is cancelled with the leadership.
 */
import type { SolverPool } from "../solver/solver-pool.js";

type LeaderSolvers = Pick<SolverPool, "optimize" | "cancel" | "protect" | "cancelProtect">;

export interface SolversOfLeader {
  readonly solvers: LeaderSolvers;
  cancelAll(): void;
}

export function solversByLeader(pool: LeaderSolvers): () => SolversOfLeader {
  let numberLast = 0;
  return () => {
    const solves = new Map<number, number>();
    const sweeps = new Map<number, number>();
    async function counted<T>(numbers: Map<number, number>, id: number, run: (number: number) => Promise<T>): Promise<T> {
      numberLast += 1;
      numbers.set(id, numberLast);
      try {
        return await run(numberLast);
      } finally {
        numbers.delete(id);
      }
    }
    function cancel(numbers: ReadonlyMap<number, number>, id: number, end: (number: number) => void): void {
      const number = numbers.get(id);
      if (number !== undefined) end(number);
    }
    return {
      solvers: {
        optimize: (solveId, snapshot) => counted(solves, solveId, (number) => pool.optimize(number, snapshot)),
        cancel: (solveId) => cancel(solves, solveId, pool.cancel),
        protect: (protectId, task) => counted(sweeps, protectId, (number) => pool.protect(number, task)),
        cancelProtect: (protectId) => cancel(sweeps, protectId, pool.cancelProtect),
      },
      cancelAll() {
        for (const number of solves.values()) pool.cancel(number);
        for (const number of sweeps.values()) pool.cancelProtect(number);
      },
    };
  };
}
