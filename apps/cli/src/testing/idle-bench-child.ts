/** A process of the benchmark whose solver carries nothing and proves little, as one that ran out of time at once. */
import { ok } from "@sluice/model";
import { openSolver } from "../bench/engines.js";
import { serveTask } from "../bench/serve-task.js";

serveTask({
  open: async (solver) => ({
    ...(await openSolver(solver)),
    name: "idle",
    solve: async ({ problem }) =>
      ok({
        flowBps: new Float64Array(problem.pathCount),
        linkPrice: new Float64Array(problem.linkCount),
        status: "time-limit",
        iterations: 0,
      }),
  }),
});
