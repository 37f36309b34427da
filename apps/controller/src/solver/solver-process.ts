/**
 * The process that solves. It stands apart from the controller so that a solver that runs away or crashes can be
 * killed without harm (WASM calls are synchronous and cannot be interrupted). It ends when its parent goes.
 */
import { explainDemand, explainLink, optimize } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { fault, refuse, type Result } from "@sluice/model";
import type { SolverReply, SolverRequest, SolverTask } from "./solver-message.js";

const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };

async function perform(task: SolverTask): Promise<Result<unknown>> {
  switch (task.kind) {
    case "optimize":
      return optimize(task.snapshot, { lp, nowMs: () => performance.now(), greedyOnly: task.greedyOnly });
    case "explain": {
      const options = { lp, nowMs: () => performance.now() };
      return task.query.kind === "demand"
        ? explainDemand(task.snapshot, task.plan, task.query.flowGroup, options)
        : explainLink(task.snapshot, task.plan, task.query.linkId, options);
    }
  }
}

function send(reply: SolverReply): void {
  process.send?.(reply);
}

process.on("message", (request: SolverRequest) => {
  perform(request.task).then(
    (result) => send({ id: request.id, result }),
    (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      send({ id: request.id, result: refuse(fault("solver-failed", `The solver failed: ${reason}.`)) });
    },
  );
});
process.on("disconnect", () => process.exit(0));
// The controller decides when its solvers end; a terminal's Ctrl-C reaches the whole process group.
process.on("SIGINT", () => undefined);
send({ ready: true });
