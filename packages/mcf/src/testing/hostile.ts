/** Which programs may be too much for an engine of limited precision in any number of steps. */
import type { FlowProgram } from "../flow-program.js";

/** Largest over smallest figure, and smallest worth of a unit, of programs that any engine must solve. */
const spreadMax = 1e4;
const worthMin = 1e-3;

/** Whether capacities and demands (those above 0) are many orders of magnitude apart, or paths cost nearly all they bring. */
export function isHostile({ problem, pathCost }: FlowProgram): boolean {
  const figures = [...problem.capacityBps, ...problem.demandBps].filter((bps) => bps > 0);
  const largest = figures.reduce((most, bps) => Math.max(most, bps), 0);
  const smallest = figures.reduce((least, bps) => Math.min(least, bps), Infinity);
  return largest > spreadMax * smallest || (pathCost?.some((cost) => 1 - cost < worthMin) ?? false);
}
