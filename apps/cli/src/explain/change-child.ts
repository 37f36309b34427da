/** The process that seeks the smallest change, for one task: apart from the terminal's, so that Ctrl-C is heard at once. It ends when its parent goes. */
import { performance } from "node:perf_hooks";
import { smallestChange } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { fault, refuse } from "@sluice/model";
import type { ChangeReply, ChangeResult, ChangeTask } from "./change-message.js";

async function seek({ snapshot, plan, flowGroup, candidates, budgetMs }: ChangeTask): Promise<ChangeResult> {
  const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
  return smallestChange(snapshot, plan, flowGroup, { lp, nowMs: () => performance.now(), candidates, budgetMs });
}

process.once("message", (task: ChangeTask) => {
  void seek(task)
    .catch((error: unknown): ChangeResult => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return refuse(fault("internal", `The process that seeks the smallest change failed: ${reason}.`));
    })
    .then((result) => process.send?.({ kind: "result", result } satisfies ChangeReply, () => process.disconnect?.()));
});
process.on("disconnect", () => process.exit(0));
// The parent decides when its child ends; a terminal's Ctrl-C reaches the whole process group.
process.on("SIGINT", () => undefined);
process.send?.({ kind: "ready" } satisfies ChangeReply);
