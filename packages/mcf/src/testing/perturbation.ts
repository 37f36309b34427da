/** Small changes to a program, as from one cycle to the next: demands move, a link fails. */
import type { FlowProgram } from "../flow-program.js";

export interface Perturbation {
  /** Demands are multiplied by these in turn. */
  readonly factors: readonly number[];
  /** Modulo the number of links. */
  readonly failedLink: number | null;
}

export function perturbed(program: FlowProgram, { factors, failedLink }: Perturbation): FlowProgram {
  const { problem } = program;
  const failed = failedLink === null || problem.linkCount === 0 ? -1 : failedLink % problem.linkCount;
  return {
    ...program,
    problem: {
      ...problem,
      demandBps: problem.demandBps.map((demand, d) => demand * (factors[d % factors.length] as number)),
      capacityBps: problem.capacityBps.map((capacity, e) => (e === failed ? 0 : capacity)),
    },
  };
}
