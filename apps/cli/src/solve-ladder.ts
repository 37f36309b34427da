/** The ladder seen from outside the solver: when its process misses the deadline or dies, another one answers greedily. */
import type { Fault, Result } from "@sluice/model";
import type { Solved, SolveTask } from "./solve-message.js";
import { solveInProcess, type SolveWatch } from "./solve-process.js";

/** Least time for the greedy rung, seconds: an answer late beats none. */
const greedySecondsMin = 10;

/** What the lower rung can mend. A refused input is refused again, and a cancelled solve stays cancelled. */
function isMendable(fault: Fault): boolean {
  return fault.code === "deadline-exceeded" || fault.code === "solver-failed";
}

export async function solveWithLadder(task: SolveTask, watch: SolveWatch): Promise<Result<Solved>> {
  const first = await solveInProcess(task, watch);
  if (first.ok || task.greedyOnly || !isMendable(first.faults[0])) return first;
  const reason = first.faults[0].message;
  const deadlineSeconds = Math.max(watch.deadlineSeconds, greedySecondsMin);
  // Edge-based flow has no greedy form: the candidate tunnels of the settings stand in.
  const tunnels = task.tunnels.kind === "any" ? ({ kind: "policy", policy: task.snapshot.settings.tunnels } as const) : task.tunnels;
  const second = await solveInProcess({ ...task, tunnels, greedyOnly: true }, { ...watch, deadlineSeconds });
  if (!second.ok) return { ok: false, faults: [...first.faults, ...second.faults] };
  const plan = second.value.plan;
  const classes = plan.classes.map((each) => ({ ...each, notes: [reason, ...each.notes] }));
  return { ok: true, value: { ...second.value, plan: { ...plan, classes } } };
}
