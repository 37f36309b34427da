/** A process of the benchmark whose solver claims a hundredth more than fits: for the test that this is found out. */
import { ok } from "@sluice/model";
import { openSolver } from "../bench/engines.js";
import { serveTask } from "../bench/serve-task.js";

serveTask({
  open: async (solver) => {
    const honest = await openSolver(solver);
    return {
      ...honest,
      name: "overfull",
      async solve(program, limits) {
        const found = await honest.solve(program, limits);
        return found.ok ? ok({ ...found.value, flowBps: found.value.flowBps.map((bps) => 1.01 * bps) }) : found;
      },
    };
  },
});
