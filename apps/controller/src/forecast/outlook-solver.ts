/** Plans for windows ahead: a solver process of its own, of low priority, that is there while there is something to look at. */
import type { Snapshot } from "@sluice/model";
import { planOf, planOfText } from "../solver/plan-text.js";
import type { OptimizeResult } from "../solver/solver-message.js";
import { SolverWorker } from "../solver/solver-worker.js";

/** Beyond the settings' deadline, which the engine itself keeps where it can, before the process is killed. */
const deadlineGraceMs = 2_000;
/** The process is kept for so long after a plan, ms: the next window follows at once, and the next look in minutes. */
const idleMs = 5_000;
const heapMiB = 2_048;

export interface OutlookSolver {
  solve(snapshot: Snapshot): Promise<OptimizeResult>;
  close(): void;
}

export function startOutlookSolver(entry: URL): OutlookSolver {
  const worker = new SolverWorker(entry, { heapMiB, yielding: true });
  let timer: NodeJS.Timeout | undefined;
  return {
    async solve(snapshot) {
      clearTimeout(timer);
      const deadlineMs = snapshot.settings.deadlineSeconds * 1_000 + deadlineGraceMs;
      const result = planOf(await worker.run({ kind: "optimize", snapshot, greedyOnly: false }, deadlineMs), planOfText);
      clearTimeout(timer);
      timer = setTimeout(() => worker.close(), idleMs).unref();
      return result;
    },
    close() {
      clearTimeout(timer);
      worker.close();
    },
  };
}
