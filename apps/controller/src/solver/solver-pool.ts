/**
 * Solving as an effect: off the event loop, bounded, and with a ladder. The optimizer has its deadline; when it misses
 * it or its process dies, a second process answers greedily; when that fails too, the caller keeps its last plan.
 */
import { fault, refuse, type Plan, type Result, type Snapshot } from "@sluice/model";
import type { ExplainQuery, OptimizeResult, SolverTask } from "./solver-message.js";
import { SolverWorker } from "./solver-worker.js";

/** Beyond the settings' deadline, which the engine itself keeps where it can, before the process is killed. */
const deadlineGraceMs = 2_000;
const greedyDeadlineMs = 10_000;
const explainDeadlineMs = 20_000;

export interface SolverPool {
  optimize(solveId: number, snapshot: Snapshot): Promise<OptimizeResult>;
  cancel(solveId: number): void;
  explain(snapshot: Snapshot, plan: Plan, query: ExplainQuery): Promise<Result<unknown>>;
  close(): void;
}

export function startSolverPool(entry: URL): SolverPool {
  const optimizer = new SolverWorker(entry);
  const understudy = new SolverWorker(entry);
  const explainer = new SolverWorker(entry);
  let solving: { readonly solveId: number; worker: SolverWorker } | undefined;
  optimizer.warm();

  return {
    async optimize(solveId, snapshot) {
      if (solving !== undefined) return refuse(fault("unavailable", "A solve is running already."));
      solving = { solveId, worker: optimizer };
      try {
        const full: SolverTask = { kind: "optimize", snapshot, greedyOnly: false };
        const answer = await optimizer.run(full, snapshot.settings.deadlineSeconds * 1000 + deadlineGraceMs);
        if (answer.ok || answer.faults[0].code === "cancelled") return answer as OptimizeResult;
        optimizer.warm();
        solving.worker = understudy;
        const greedy = (await understudy.run({ ...full, greedyOnly: true }, greedyDeadlineMs)) as OptimizeResult;
        return greedy.ok ? withNote(greedy, answer.faults[0].message) : { ok: false, faults: [...answer.faults, ...greedy.faults] };
      } finally {
        solving = undefined;
      }
    },
    cancel(solveId) {
      if (solving?.solveId !== solveId) return;
      solving.worker.cancel();
      optimizer.warm();
    },
    explain(snapshot, plan, query) {
      return explainer.run({ kind: "explain", snapshot, plan, query }, explainDeadlineMs);
    },
    close() {
      for (const worker of [optimizer, understudy, explainer]) worker.close();
    },
  };
}

/** The greedy plan says why there is no better one. */
function withNote(result: OptimizeResult & { ok: true }, note: string): OptimizeResult {
  const { plan, timings } = result.value;
  const classes = plan.classes.map((each) => ({ ...each, notes: [note, ...each.notes] }));
  return { ok: true, value: { plan: { ...plan, classes }, timings } };
}
