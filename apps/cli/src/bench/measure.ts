/** One instance, from its files to a judged answer, with the seconds of each stage. */
import type { FlowProgram, Problem } from "@sluice/mcf";
import { loadPeerProblem } from "@sluice/mcf/peer-bench";
import { ok, type Result } from "@sluice/model";
import type { BenchAnswer, BenchObjective, BenchStage, BenchTask, Seconds } from "./bench-message.js";
import { tunnelsMax, type Found, type FoundOnTunnels, type openSolver, type OpenSolver } from "./engines.js";
import { judge, type Claim, type Judged } from "./judge.js";
import { judgeTunnels } from "./judge-tunnels.js";
import { nearestInNetwork } from "./nearest-in-network.js";
import { repeatedRuns } from "./repeated-runs.js";
import { warmUpProblem } from "./warm-up.js";

export interface MeasureContext {
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Used by this process so far, by all its threads. */
  readonly cpuSeconds: () => number;
  /** The largest resident set so far, bytes. */
  readonly memoryBytes: () => number;
  readonly onStage: (stage: BenchStage) => void;
  readonly open: typeof openSolver;
}

/** Faults: those of the files; `deadline-exceeded` and `solver-failed` where there is no answer. */
export async function measure(task: BenchTask, context: MeasureContext): Promise<Result<BenchAnswer>> {
  const { nowMs, onStage } = context;
  onStage("read");
  const readMs = nowMs();
  const read = loadPeerProblem(task.instance, task.folder);
  if (!read.ok) return read;
  const problem = read.value;
  const readSeconds = (nowMs() - readMs) / 1000;

  onStage("warm up");
  const solver = await context.open(task.solver);
  await warmUp(solver, task, context);

  const runs = await repeatedRuns(() => runOnce(problem, solver, { task, context }), {
    nowMs,
    settleSeconds: task.warmUpSeconds,
    repeat: task.repeat,
  });
  if (!runs.ok) return runs;
  const { problem: solved, found, judged, seconds, cpuSeconds } = medianOf(runs.value);
  return ok({
    size: sizeOf(solved),
    solver: solver.name,
    status: found.status,
    iterations: found.iterations,
    value: judged.value,
    bound: judged.bound,
    gap: judged.gap,
    verdict: judged.violations.length === 0 ? "pass" : "fail",
    violations: judged.violations,
    seconds: { read: readSeconds, ...seconds },
    totalSeconds: runs.value.map((run) => run.seconds.total),
    cpuSeconds,
    memoryBytes: context.memoryBytes(),
  });
}

/** Solves and judges a small network again and again for a while, once at least: only that it ran matters, not what came of it. */
async function warmUp(solver: OpenSolver, task: BenchTask, context: MeasureContext): Promise<void> {
  const problem = warmUpProblem();
  const small = { ...task, timeLimitSeconds: Math.max(1, task.warmUpSeconds) };
  const endMs = context.nowMs() + 1000 * task.warmUpSeconds;
  do await runOnce(problem, solver, { task: small, context: { ...context, onStage: () => undefined } });
  while (context.nowMs() < endMs);
}

interface Run {
  readonly problem: Problem;
  readonly found: Found;
  readonly judged: Judged;
  readonly seconds: Omit<Seconds, "read">;
  readonly cpuSeconds: number;
}

async function runOnce(
  given: Problem,
  solver: OpenSolver,
  { task, context }: { readonly task: BenchTask; readonly context: MeasureContext },
): Promise<Result<Run>> {
  const { nowMs, onStage } = context;
  const own = task.tunnels === "own";
  onStage("solve");
  const cpuSeconds = context.cpuSeconds();
  const solveMs = nowMs();
  const found = await solve(given, solver, task, nowMs);
  if (!found.ok) return found;
  const { problem } = found.value;
  const claim = claimOf(problem, task.objective, found.value);
  onStage("check");
  const checkMs = nowMs();
  const judged = judge(problem, task.objective, claim, own ? nearestInNetwork : undefined);
  const violations = [...judged.violations, ...(own ? judgeTunnels(problem, given, tunnelsMax) : [])];
  const endMs = nowMs();
  // The search for tunnels solves as it goes: its last flow is the answer.
  const foundSeconds = (checkMs - solveMs) / 1000;
  const seconds = {
    tunnels: own ? foundSeconds : 0,
    solve: own ? 0 : foundSeconds,
    check: (endMs - checkMs) / 1000,
    total: (endMs - solveMs) / 1000,
  };
  return ok({ problem, found: found.value, judged: { ...judged, violations }, seconds, cpuSeconds: context.cpuSeconds() - cpuSeconds });
}

async function solve(problem: Problem, solver: OpenSolver, task: BenchTask, nowMs: () => number): Promise<Result<FoundOnTunnels>> {
  const program = programOf(problem, task.objective);
  const limits = { gap: task.gap, timeLimitSeconds: task.timeLimitSeconds, nowMs };
  if (task.tunnels === "own") return solver.solveOnOwnTunnels(program, limits);
  const found = await solver.solve(program, limits);
  return found.ok ? ok({ ...found.value, problem }) : found;
}

/** The largest concurrent fraction is the inverse of the least utilization that carries everything. */
function programOf(problem: Problem, objective: BenchObjective): FlowProgram {
  return { problem, limit: objective === "max-throughput" ? "capacity" : "utilization" };
}

/** What is claimed of the network: a flow that carries everything at a utilization above 1 is scaled down until it fits. */
function claimOf({ linkCount, capacityBps, pathCount, linkStart, pathLinks }: Problem, objective: BenchObjective, found: Found): Claim {
  if (objective === "max-throughput") return found;
  const loadBps = new Float64Array(linkCount);
  for (let p = 0; p < pathCount; p++) {
    const flow = found.flowBps[p] as number;
    if (flow === 0) continue;
    for (let k = linkStart[p] as number; k < (linkStart[p + 1] as number); k++) {
      const e = pathLinks[k] as number;
      loadBps[e] = (loadBps[e] as number) + flow;
    }
  }
  const utilization = loadBps.reduce((most, load, e) => (load > 0 ? Math.max(most, load / (capacityBps[e] as number)) : most), 1);
  return { flowBps: found.flowBps.map((flow) => flow / utilization), linkPrice: found.linkPrice };
}

/** The run with the median total; of an even number the faster one of the two. */
function medianOf(runs: readonly Run[]): Run {
  const sorted = runs.toSorted((a, b) => a.seconds.total - b.seconds.total);
  const [first] = sorted;
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? first;
  if (median === undefined) throw new RangeError("a measurement needs a run");
  return median;
}

function sizeOf({ nodeCount, linkCount, demandCount, pathCount, pathStart }: Problem): BenchAnswer["size"] {
  let unroutable = 0;
  for (let d = 0; d < demandCount; d++) if (pathStart[d] === pathStart[d + 1]) unroutable += 1;
  return { nodes: nodeCount, links: linkCount, demands: demandCount, paths: pathCount, unroutable };
}
