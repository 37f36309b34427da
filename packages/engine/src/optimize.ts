/** The pipeline: snapshot -> candidate tunnels -> solve, quantize class by class -> plan -> what it holds ready for failures -> check. */
import {
  buildTopology,
  canonicalHash,
  checkDemandEnds,
  fault,
  hasTableRooms,
  refuse,
  ok,
  protectionOf,
  trafficClasses,
  type Plan,
  type PlanTimings,
  type Result,
  type Snapshot,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import type { LpBackend } from "@sluice/lp";
import { checkPlan } from "./check.js";
import { assemblePlan } from "./assemble-plan.js";
import { planClasses } from "./plan-classes.js";
import { asksProtection, protectPlan } from "./protection/protect-plan.js";
import { stopwatch } from "./stopwatch.js";
import { candidateTunnels, type CandidateTunnels } from "./tunnels/candidate-tunnels.js";
import { usableCandidates } from "./usable-candidates.js";

export interface OptimizeOptions {
  readonly lp: { readonly highs: LpBackend; readonly javascriptLpSolver: LpBackend };
  /** A monotonic clock. It decides nothing but how much of the deadline is left. */
  readonly nowMs: () => number;
  /** A path set given from outside, instead of the policy's candidate tunnels. */
  readonly candidates?: CandidateTunnels | undefined;
  /**
   * Let the solver route on links, with no path set, where the objective has such a formulation: certificates are then over all
   * paths (check with `candidates: "all-paths"`). Path sets and latency bounds are ignored, but for a greedy answer.
   */
  readonly edgeBased?: boolean | undefined;
  /** Start on the greedy rung: an answer in no time. */
  readonly greedyOnly?: boolean | undefined;
  /** `fraction` of the whole work that is done, in [0, 1]. */
  readonly onStage?: ((stage: string, fraction: number) => void) | undefined;
  /** How far the solve of a class is, from engines that get better while they work: value and bound of the program being solved. */
  readonly onProgress?: ((progress: SolveProgress) => void) | undefined;
}

export interface SolveProgress {
  readonly trafficClass: TrafficClass;
  readonly value: number;
  readonly bound: number;
  readonly gap: number;
}

export interface Optimized {
  readonly plan: Plan;
  readonly timings: PlanTimings;
}

/**
 * Makes a plan for a snapshot. The same snapshot gives the same bytes, as long as the deadline is not what ends a solve.
 *
 * Refuses snapshots that are not valid, and plans that the independent checker finds wrong (`check-failed`, with what it found); a
 * solver that fails or is late is not refused but costs a rung of the ladder. Rejects only on broken invariants.
 */
export async function optimize(snapshot: Snapshot, options: OptimizeOptions): Promise<Result<Optimized>> {
  const { onStage = () => {}, nowMs } = options;
  const clock = stopwatch(nowMs);
  const built = buildTopology(snapshot.topology);
  if (!built.ok) return built;
  const topology = built.value;
  const demands = checkDemandEnds(topology, snapshot.demands);
  if (!demands.ok) return demands;

  onStage("tunnels", 0);
  const edgeBased = options.edgeBased === true;
  const pricesTunnels =
    !edgeBased && options.candidates === undefined && snapshot.settings.tunnels.kind === "priced" && !hasTableRooms(topology);
  const candidates = usableCandidates(
    topology,
    (edgeBased ? undefined : options.candidates) ??
      candidateTunnels(
        topology,
        snapshot.demands.demands,
        edgeBased ? { kind: "k-shortest", k: snapshot.settings.tunnels.k } : snapshot.settings.tunnels,
      ),
  );
  clock.lap("tunnels");

  const classOptions = {
    lp: backendOf(snapshot.settings.solver, options.lp),
    nowMs,
    greedyOnly: options.greedyOnly === true,
    edgeBased,
    pricesTunnels,
    onProgress: options.onProgress,
  };
  const classes = await planClasses({
    topology,
    snapshot,
    candidates,
    options: classOptions,
    clock,
    onClass: (i) => onStage(`solve ${trafficClasses[i] ?? ""}`, 0.1 + 0.8 * (i / trafficClasses.length)),
  });
  const { planned, softDrained } = classes;

  const assembled = assemblePlan(topology, canonicalHash(snapshot), planned);
  clock.lap("assemble");
  const plan = withProtection(topology, snapshot, softDrained === undefined ? assembled : { ...assembled, softDrained }, onStage);
  if (plan.protection !== undefined) clock.lap("protect");
  onStage("check", 0.95);
  const check = checkPlan(snapshot, plan, { candidates: edgeBased ? "all-paths" : pricesTunnels ? undefined : classes.candidates });
  clock.lap("check");
  onStage("done", 1);
  if (check.verdict === "fail") {
    const found = check.violations.slice(0, 10);
    return refuse(fault("check-failed", `The checker refused the plan: ${found.map((item) => item.message).join(" ")}`), ...found);
  }
  return ok({ plan: { ...plan, check }, timings: clock.timings() });
}

/** The plan as it is where nothing is to be held ready, so that plans without protection keep their bytes. */
function withProtection(
  topology: Topology,
  { settings }: Snapshot,
  plan: Omit<Plan, "check">,
  onStage: (stage: string, fraction: number) => void,
): Omit<Plan, "check"> {
  const asked = protectionOf(settings);
  if (!asksProtection(asked)) return plan;
  onStage("protect", 0.9);
  return { ...plan, protection: protectPlan(topology, asked, { ...plan, latencyMsMax: settings.tunnels.latencyMsMax }) };
}

/** Where an LP is solved at all, by HiGHS: javascript-lp-solver is no faster on the smallest network and does not finish on large ones. */
function backendOf(solver: Snapshot["settings"]["solver"], lp: OptimizeOptions["lp"]): LpBackend {
  return solver === "javascript-lp-solver" ? lp.javascriptLpSolver : lp.highs;
}
