/** The process that looks at failures, seen from the command line. */
import type { FailureReport } from "@sluice/failures";
import { fault, type Result } from "@sluice/model";
import { runInChild, type ChildEntry } from "../child-task.js";
import type { FailuresReply, FailuresTask } from "./failures-message.js";

/** Longest silence, ms: the longest that one scenario may take. */
const silenceMsMax = 600_000;

export interface FailuresWatch {
  readonly entry: ChildEntry;
  readonly onStage: (stage: string, fraction: number) => void;
  readonly signal: AbortSignal;
}

/** Never rejects: a process that falls silent is `deadline-exceeded`, one that ends without an answer `solver-failed`, an abort `cancelled`. */
export function reportInProcess(task: FailuresTask, { entry, onStage, signal }: FailuresWatch): Promise<Result<FailureReport>> {
  return runInChild<FailuresReply, FailureReport>({
    entry,
    signal,
    cancelled: fault("cancelled", "The failure report was cancelled."),
    name: "process of the failure report",
    watch({ send, finish, allow }) {
      const late = fault("deadline-exceeded", `The failure report made no progress for ${silenceMsMax / 1000} s.`);
      allow(silenceMsMax, late);
      return (reply) => {
        allow(silenceMsMax, late);
        switch (reply.kind) {
          case "ready":
            send(task);
            return;
          case "stage":
            onStage(reply.stage, reply.fraction);
            return;
          case "result":
            finish(reply.result);
        }
      };
    },
  });
}
