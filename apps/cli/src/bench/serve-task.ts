/** The one task of a process that runs an instance of the benchmark: taken from the parent, measured, answered. */
import { performance } from "node:perf_hooks";
import { fault, refuse, type Result } from "@sluice/model";
import type { BenchAnswer, BenchReply, BenchTask } from "./bench-message.js";
import { measure, type MeasureContext } from "./measure.js";
import { peakMemoryBytes } from "./peak-memory.js";

/** Ends the process after its answer, or when its parent goes. */
export function serveTask({ open }: Pick<MeasureContext, "open">): void {
  process.once("message", (task: BenchTask) => {
    void measure(task, {
      nowMs: () => performance.now(),
      cpuSeconds,
      memoryBytes: peakMemoryBytes,
      onStage: (stage) => send({ kind: "stage", stage }),
      open,
    })
      .catch((error: unknown): Result<BenchAnswer> => {
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        return refuse(fault("solver-failed", `The process of the instance failed: ${reason}.`));
      })
      .then((result) => process.send?.({ kind: "result", result } satisfies BenchReply, () => process.exit(0)));
  });
  process.on("disconnect", () => process.exit(0));
  // The parent decides when its child ends; a terminal's Ctrl-C reaches the whole process group.
  process.on("SIGINT", () => undefined);
  send({ kind: "ready" });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function send(reply: BenchReply): void {
  process.send?.(reply);
}
