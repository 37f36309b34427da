/** One instance in a process of its own, seen from the command line: started for it, watched stage by stage, and gone afterwards in every case. */
import { fault, type Result } from "@sluice/model";
import { runInChild, type ChildEntry } from "../child-task.js";
import type { BenchAnswer, BenchReply, BenchStage, BenchTask } from "./bench-message.js";

/** Longest that a process may take to load, to read its files, to warm up, to find tunnels or to check, s. */
const stageSecondsMax = 120;
/** A solver may overrun its time limit by this much before it is killed, s: HiGHS looks at its clock only now and then. */
const graceSeconds = 5;

export interface BenchWatch {
  readonly entry: ChildEntry;
  readonly onStage: (stage: BenchStage) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs one task. Never rejects: a stage that takes too long is `deadline-exceeded`, a process that ends without an answer `solver-failed`, an
 * abort `cancelled`.
 */
export function benchInProcess(task: BenchTask, { entry, onStage, signal }: BenchWatch): Promise<Result<BenchAnswer>> {
  return runInChild<BenchReply, BenchAnswer>({
    entry,
    signal,
    cancelled: fault("cancelled", "The benchmark was cancelled."),
    name: "process",
    watch({ send, finish, allow }) {
      const allowStage = (what: string, seconds: number): void =>
        allow(seconds * 1000, fault("deadline-exceeded", `Stopped: ${what} took more than ${seconds} s.`, { pointer: "--time-limit" }));
      allowStage("loading", stageSecondsMax);
      return (reply) => {
        switch (reply.kind) {
          case "ready":
            send(task);
            return;
          case "stage":
            allowStage(reply.stage, reply.stage === "solve" ? task.timeLimitSeconds + graceSeconds : stageSecondsMax);
            onStage(reply.stage);
            return;
          case "result":
            finish(reply.result);
        }
      };
    },
  });
}
