/** One solver process seen from the command line: started for one task, watched by a deadline, and gone afterwards in every case. */
import type { SolveProgress } from "@sluice/engine";
import { fault, type Result } from "@sluice/model";
import { runInChild, type ChildEntry } from "./child-task.js";
import type { Solved, SolveReply, SolveTask } from "./solve-message.js";

/** Time that a new process may take to load before the deadline starts, ms. */
const loadMsMax = 30_000;
/** After the deadline the engine may still be handing over what it has, ms. */
const graceMs = 1_000;
/** Quantizing and checking what was found in time, ms: at least this, or as long as the deadline itself. */
const finishMsMin = 10_000;
export interface SolveWatch {
  readonly entry: ChildEntry;
  readonly deadlineSeconds: number;
  readonly onStage: (stage: string, fraction: number) => void;
  readonly onProgress: (progress: SolveProgress) => void;
  readonly signal: AbortSignal;
}

/** The stages that find the answer; they are what the deadline is about. */
function isSearch(stage: string): boolean {
  return stage === "read tunnels" || stage === "tunnels" || stage.startsWith("solve");
}

/**
 * Runs one task in its own process. Never rejects: a missed deadline is `deadline-exceeded`, a process that ends without an answer is
 * `solver-failed`, an abort is `cancelled`.
 */
export function solveInProcess(
  task: SolveTask,
  { entry, deadlineSeconds, onStage, onProgress, signal }: SolveWatch,
): Promise<Result<Solved>> {
  return runInChild<SolveReply, Solved>({
    entry,
    signal,
    cancelled: fault("cancelled", "The solve was cancelled."),
    name: "solver process",
    watch({ send, finish, allow }) {
      const late = fault("deadline-exceeded", `The solver was stopped at its deadline of ${deadlineSeconds} s.`, { pointer: "--deadline" });
      let endMs = 0;
      const endAt = (atMs: number): void => allow(atMs - performance.now(), late);
      endAt(performance.now() + loadMsMax);
      return (reply) => {
        switch (reply.kind) {
          case "ready":
            endMs = performance.now() + deadlineSeconds * 1000;
            endAt(endMs + graceMs);
            send(task);
            return;
          case "stage":
            endAt(endMs + (isSearch(reply.stage) ? graceMs : Math.max(finishMsMin, deadlineSeconds * 1000)));
            onStage(reply.stage, reply.fraction);
            return;
          case "progress":
            onProgress(reply.progress);
            return;
          case "result":
            finish(reply.result);
        }
      };
    },
  });
}
