/**
 * The process that solves, for one task. It stands apart because a WASM solver cannot be interrupted: at the deadline it is killed from
 * outside. It ends when its parent goes.
 */
import { performance } from "node:perf_hooks";
import { optimize } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { buildTopology, fault, ok, refuse, type Result, type Snapshot } from "@sluice/model";
import type { Solved, SolveReply, SolveTask } from "./solve-message.js";
import { readTunnelFile, type TunnelInput } from "./tunnel-input.js";

async function solve({ snapshot, tunnels, greedyOnly }: SolveTask): Promise<Result<Solved>> {
  const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
  const given = tunnels.kind === "file" ? await readGiven(tunnels.path, snapshot) : ok(undefined);
  if (!given.ok) return given;
  const solved = await optimize(snapshot, {
    lp,
    nowMs: () => performance.now(),
    greedyOnly,
    edgeBased: tunnels.kind === "any",
    onStage: (stage, fraction) => send({ kind: "stage", stage, fraction }),
    onProgress: nowAndThen((progress) => send({ kind: "progress", progress })),
    ...(given.value === undefined ? {} : { candidates: given.value.candidates }),
  });
  if (!solved.ok) return solved;
  const about =
    given.value === undefined
      ? { notes: [], readSeconds: 0 }
      : { notes: given.value.notes, tunnelFormat: given.value.format, readSeconds: given.value.seconds };
  return ok({ ...solved.value, tunnels, ...about });
}

async function readGiven(path: string, snapshot: Snapshot): Promise<Result<TunnelInput>> {
  send({ kind: "stage", stage: "read tunnels", fraction: 0 });
  const topology = buildTopology(snapshot.topology);
  return topology.ok ? readTunnelFile(path, topology.value) : topology;
}

/** Least time between two reports of progress, ms: engines look at their answer more often than a person can. */
const progressMsMin = 100;

function nowAndThen<T>(report: (what: T) => void): (what: T) => void {
  let lastMs = performance.now();
  return (what) => {
    const now = performance.now();
    if (now - lastMs < progressMsMin) return;
    lastMs = now;
    report(what);
  };
}

function send(reply: SolveReply): void {
  process.send?.(reply);
}

process.once("message", (task: SolveTask) => {
  void solve(task)
    .catch((error: unknown): Result<Solved> => {
      const reason = error instanceof Error ? error.message : String(error);
      return refuse(fault("solver-failed", `The solver process failed: ${reason}.`));
    })
    .then((result) => process.send?.({ kind: "result", result } satisfies SolveReply, () => process.disconnect?.()));
});
process.on("disconnect", () => process.exit(0));
// The parent decides when its solver ends; a terminal's Ctrl-C reaches the whole process group.
process.on("SIGINT", () => undefined);
send({ kind: "ready" });
