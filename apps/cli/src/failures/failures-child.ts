/** The process that looks at failures, for one task: apart from the terminal's, so that Ctrl-C is heard at once. It ends when its parent goes. */
import { performance } from "node:perf_hooks";
import { failureReport, scenarioSet, type FailureReport } from "@sluice/failures";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { buildTopology, fault, refuse, type Result } from "@sluice/model";
import type { FailuresReply, FailuresTask } from "./failures-message.js";

/** Least time between two reports of progress, ms. */
const progressMsMin = 100;

async function report({ snapshot, plan, choice, layers }: FailuresTask): Promise<Result<FailureReport>> {
  const topology = buildTopology(snapshot.topology);
  if (!topology.ok) return topology;
  const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
  let toldMs = -Infinity;
  return failureReport(
    { snapshot, plan, set: scenarioSet(topology.value, choice), layers },
    {
      lp,
      nowMs: () => performance.now(),
      onProgress: (stage, fraction) => {
        const nowMs = performance.now();
        if (nowMs - toldMs < progressMsMin) return;
        toldMs = nowMs;
        send({ kind: "stage", stage, fraction });
      },
    },
  );
}

function send(reply: FailuresReply): void {
  process.send?.(reply);
}

process.once("message", (task: FailuresTask) => {
  void report(task)
    .catch((error: unknown): Result<FailureReport> => {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return refuse(fault("internal", `The process of the failure report failed: ${reason}.`));
    })
    .then((result) => process.send?.({ kind: "result", result } satisfies FailuresReply, () => process.disconnect?.()));
});
process.on("disconnect", () => process.exit(0));
// The parent decides when its child ends; a terminal's Ctrl-C reaches the whole process group.
process.on("SIGINT", () => undefined);
send({ kind: "ready" });
