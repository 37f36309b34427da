/**
 * One instance by HiGHS, from the program to an answer that fits: built, solved, repaired. What a general solver calls feasible is so to its
 * tolerance, and its prices are what its rows' duals are; to compare it with others its answer must hold as theirs does.
 */
import type { LpBackend, LpOutcome } from "@sluice/lp";
import type { FlowProgram, Problem } from "@sluice/mcf";
import type { HighsMethod } from "./bench-message.js";
import type { Claim } from "./judge.js";
import { pathProgram } from "./path-program.js";

export interface HighsOptions {
  readonly lp: LpBackend;
  readonly method: HighsMethod;
  readonly accuracy: number;
  readonly timeLimitSeconds: number;
}

export interface HighsAnswer extends Claim {
  readonly status: LpOutcome["status"];
}

/** Undefined, with the reason, where HiGHS has no point to repair. */
export async function solveByHighs(
  flow: Pick<FlowProgram, "problem" | "limit">,
  { lp, ...options }: HighsOptions,
): Promise<HighsAnswer | { readonly status: LpOutcome["status"]; readonly message: string }> {
  const { problem, limit } = flow;
  const { program, linkRow } = pathProgram(flow);
  const { status, primal, dual, message } = await lp.solve(program, options);
  if (primal === undefined || dual === undefined) return { status, message: message ?? `HiGHS ended with "${status}" and no point.` };
  const sign = limit === "utilization" ? -1 : 1;
  const linkPrice = Float64Array.from(linkRow, (row, e) => {
    if (row < 0) return 0;
    const price = Math.max(0, sign * (dual[row] as number));
    // Rows of the utilization are per capacity.
    return limit === "utilization" ? price / (problem.capacityBps[e] as number) : price;
  });
  const flowBps = primal.slice(0, problem.pathCount).map((bps) => Math.max(0, bps));
  if (limit === "utilization") carryAll(problem, flowBps, program.columnUpper);
  else fit(problem, flowBps);
  return { status, flowBps, linkPrice };
}

/** Scales each demand's flow to the whole of it; where there is none, its first open path gets it. Paths that may carry nothing have `most` 0. */
function carryAll({ demandCount, demandBps, pathStart }: Problem, flowBps: Float64Array, most: Float64Array): void {
  for (let d = 0; d < demandCount; d++) {
    const flows = flowBps.subarray(pathStart[d], pathStart[d + 1]);
    const firstOpen = most.subarray(pathStart[d], pathStart[d + 1]).findIndex((bps) => bps > 0);
    if (firstOpen < 0) continue;
    const demand = demandBps[d] as number;
    const sum = flows.reduce((total, bps) => total + bps, 0);
    if (sum > 0) flows.forEach((bps, i) => (flows[i] = (bps * demand) / sum));
    else flows[firstOpen] = demand;
  }
}

/** Scales down what exceeds a demand, then each path by its fullest link, and fills what room is left. */
function fit(problem: Problem, flowBps: Float64Array): void {
  const { pathCount, linkStart, pathLinks, capacityBps } = problem;
  const scale = overloads(problem, flowBps);
  const room = capacityBps.slice();
  for (let p = 0; p < pathCount; p++) {
    let most = 1;
    for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++)
      most = Math.min(most, scale[pathLinks[k] as number] as number);
    flowBps[p] = (flowBps[p] as number) * most;
    take(problem, room, p, flowBps[p] as number);
  }
  fill(problem, flowBps, room);
}

/** What demands still miss goes where there is room, demand by demand, path by path. */
function fill(problem: Problem, flowBps: Float64Array, room: Float64Array): void {
  const { demandCount, demandBps, pathStart, linkStart, pathLinks } = problem;
  for (let d = 0; d < demandCount; d++) {
    const from = pathStart[d] as number;
    const to = pathStart[d + 1] as number;
    let missing = demandBps[d] as number;
    for (let p = from; p < to; p++) missing -= flowBps[p] as number;
    for (let p = from; p < to && missing > 0; p++) {
      let more = missing;
      for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++)
        more = Math.min(more, room[pathLinks[k] as number] as number);
      if (!(more > 0)) continue;
      flowBps[p] = (flowBps[p] as number) + more;
      missing -= more;
      take(problem, room, p, more);
    }
  }
}

function take({ linkStart, pathLinks }: Problem, room: Float64Array, path: number, bps: number): void {
  for (let k = linkStart[path] as number; k < (linkStart[path + 1] as number); k++) {
    const e = pathLinks[k] as number;
    room[e] = (room[e] as number) - bps;
  }
}

/** Scales flows to their demands, and gives per link by what its flow must then be multiplied: 1 or less. */
function overloads(problem: Problem, flowBps: Float64Array): Float64Array {
  const { demandCount, linkCount, capacityBps, demandBps, pathStart, linkStart, pathLinks } = problem;
  const loadBps = new Float64Array(linkCount);
  for (let d = 0; d < demandCount; d++) {
    const from = pathStart[d] as number;
    const to = pathStart[d + 1] as number;
    let sum = 0;
    for (let p = from; p < to; p++) sum += flowBps[p] as number;
    const share = sum > (demandBps[d] as number) ? (demandBps[d] as number) / sum : 1;
    for (let p = from; p < to; p++) {
      const bps = (flowBps[p] as number) * share;
      flowBps[p] = bps;
      if (bps === 0) continue;
      for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
        const e = pathLinks[k] as number;
        loadBps[e] = (loadBps[e] as number) + bps;
      }
    }
  }
  return loadBps.map((load, e) => (load > (capacityBps[e] as number) ? (capacityBps[e] as number) / load : 1));
}
