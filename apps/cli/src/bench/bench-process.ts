/** One instance in a process of its own, seen from the command line: started for it, watched stage by stage, and gone afterwards in every case. */
import { fork } from "node:child_process";
import { totalmem } from "node:os";
import { fault, refuse, type Result } from "@sluice/model";
import type { SolverEntry } from "../solve-process.js";
import type { BenchAnswer, BenchReply, BenchStage, BenchTask } from "./bench-message.js";

/** Longest that a process may take to load, to read its files, to warm up, to find tunnels or to check, s. */
const stageSecondsMax = 120;
/** A solver may overrun its time limit by this much before it is killed, s: HiGHS looks at its clock only now and then. */
const graceSeconds = 5;
/** Heap of the process: this share of the machine's memory, at least 2 GiB. */
const heapShare = 0.7;

export interface BenchWatch {
  readonly entry: SolverEntry;
  readonly onStage: (stage: BenchStage) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs one task. Never rejects: a stage that takes too long is `deadline-exceeded`, a process that ends without an answer `solver-failed`, an
 * abort `cancelled`.
 */
export function benchInProcess(task: BenchTask, { entry, onStage, signal }: BenchWatch): Promise<Result<BenchAnswer>> {
  if (signal.aborted) return Promise.resolve(refuse(fault("cancelled", "The benchmark was cancelled.")));
  return new Promise((resolve) => {
    const heapMiB = Math.max(2048, Math.floor((totalmem() * heapShare) / 2 ** 20));
    const child = fork(entry.module, [], {
      serialization: "advanced",
      // stdout carries the report only.
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: [...entry.execArgv, `--max-old-space-size=${heapMiB}`],
    });
    let timer: NodeJS.Timeout | undefined;
    let settled = false;
    const finish = (result: Result<BenchAnswer>): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      child.kill("SIGKILL");
      resolve(result);
    };
    const cancel = (): void => finish(refuse(fault("cancelled", "The benchmark was cancelled.")));
    const allow = (what: string, seconds: number): void => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        finish(refuse(fault("deadline-exceeded", `Stopped: ${what} took more than ${seconds} s.`, { pointer: "--time-limit" })));
      }, seconds * 1000);
    };

    signal.addEventListener("abort", cancel, { once: true });
    allow("loading", stageSecondsMax);
    child.on("message", (reply: BenchReply) => {
      if (settled) return;
      switch (reply.kind) {
        case "ready":
          child.send(task);
          return;
        case "stage":
          allow(reply.stage, reply.stage === "solve" ? task.timeLimitSeconds + graceSeconds : stageSecondsMax);
          onStage(reply.stage);
          return;
        case "result":
          finish(reply.result);
      }
    });
    child.once("error", (error) => finish(refuse(fault("solver-failed", `The process could not be used: ${error.message}.`))));
    child.once("exit", (code, ending) => {
      finish(refuse(fault("solver-failed", `The process ended without an answer (${ending ?? `code ${code}`}).`)));
    });
  });
}
