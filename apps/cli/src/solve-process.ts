/** One solver process seen from the command line: started for one task, watched by a deadline, and gone afterwards in every case. */
import { fork } from "node:child_process";
import { totalmem } from "node:os";
import type { SolveProgress } from "@sluice/engine";
import { fault, refuse, type Result } from "@sluice/model";
import type { Solved, SolveReply, SolveTask } from "./solve-message.js";

/** Time that a new process may take to load before the deadline starts, ms. */
const loadMsMax = 30_000;
/** After the deadline the engine may still be handing over what it has, ms. */
const graceMs = 1_000;
/** Quantizing and checking what was found in time, ms: at least this, or as long as the deadline itself. */
const finishMsMin = 10_000;
/** Heap of the solver process: this share of the machine's memory, at least 2 GiB. */
const heapShare = 0.7;

/** The program of the solver process, and how Node runs it. */
export interface SolverEntry {
  readonly module: URL;
  readonly execArgv: readonly string[];
}

export interface SolveWatch {
  readonly entry: SolverEntry;
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
  if (signal.aborted) return Promise.resolve(refuse(fault("cancelled", "The solve was cancelled.")));
  return new Promise((resolve) => {
    const heapMiB = Math.max(2048, Math.floor((totalmem() * heapShare) / 2 ** 20));
    const child = fork(entry.module, [], {
      serialization: "advanced",
      // stdout carries the report only.
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: [...entry.execArgv, `--max-old-space-size=${heapMiB}`],
    });
    let timer: NodeJS.Timeout | undefined;
    let endMs = 0;
    let settled = false;

    const finish = (result: Result<Solved>): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      child.kill("SIGKILL");
      resolve(result);
    };
    const cancel = (): void => finish(refuse(fault("cancelled", "The solve was cancelled.")));
    const endAt = (atMs: number): void => {
      clearTimeout(timer);
      timer = setTimeout(
        () => {
          finish(
            refuse(
              fault("deadline-exceeded", `The solver was stopped at its deadline of ${deadlineSeconds} s.`, { pointer: "--deadline" }),
            ),
          );
        },
        Math.max(0, atMs - performance.now()),
      );
    };

    signal.addEventListener("abort", cancel, { once: true });
    endAt(performance.now() + loadMsMax);
    child.on("message", (reply: SolveReply) => {
      if (settled) return;
      switch (reply.kind) {
        case "ready":
          endMs = performance.now() + deadlineSeconds * 1000;
          endAt(endMs + graceMs);
          child.send(task);
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
    });
    child.once("error", (error) => finish(refuse(fault("solver-failed", `The solver process could not be used: ${error.message}.`))));
    child.once("exit", (code, ending) => {
      finish(refuse(fault("solver-failed", `The solver process ended without an answer (${ending ?? `code ${code}`}).`)));
    });
  });
}
