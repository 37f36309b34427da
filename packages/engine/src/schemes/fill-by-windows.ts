/** Max-min fairness for problems too large for one program a level: in windows of the fair share (packages/mcf, fairness). */
import { maxMinFair, type Problem } from "@sluice/mcf";
import type { SchemeOptions, SchemeOutcome } from "../scheme.js";
import { fillUp } from "./greedy-fill.js";

const solver = "fair-windows";

/**
 * Rates within a percent or so of the exact ones in the mean: `feasible` therefore, also when it came to its end. Of its paths each demand
 * prefers the shorter ones as far as they have room.
 */
export function fillByWindows(problem: Problem, { timeLimitSeconds, nowMs = () => 0 }: SchemeOptions): SchemeOutcome {
  const { status, flowBps, windows, windowsCut, sweeps } = maxMinFair(problem, { timeLimitSeconds, nowMs });
  const settled = status === "settled";
  const flow = settled ? flowBps : fillUp(problem, flowBps);
  const coarse = windowsCut > 0 ? `, ${windowsCut} of them cut short` : "";
  return {
    status: "feasible",
    flowBps: flow,
    objective: flow.reduce((sum, bps) => sum + bps, 0),
    solver,
    message: settled
      ? `rates are near the max-min fair ones, not exact: ${windows} windows of the fair share in ${sweeps} sweeps${coarse}`
      : `stopped by the time limit after ${windows} windows of the fair share; the rest was filled greedily`,
    note: "The problem is too large to fill level by level: it was filled in windows of the fair share.",
  };
}
