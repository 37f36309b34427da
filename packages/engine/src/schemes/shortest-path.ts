/**
 * Everything on the shortest path, first come, first served: what a network does without traffic engineering. The baseline that the
 * other schemes have to beat. It has no dual, so no bound. Status `feasible`: it optimizes nothing.
 */
import type { Scheme } from "../scheme.js";
import { greedyFill } from "./greedy-fill.js";

export const shortestPath: Scheme = {
  objective: "shortest-path",
  solve(problem) {
    const flowBps = greedyFill(problem, 1);
    const objective = flowBps.reduce((sum, flow) => sum + flow, 0);
    return Promise.resolve({ status: "feasible", flowBps, objective, solver: "greedy-fill" });
  },
};
