/**
 * HiGHS on the same instance: each of its methods in a process of its own, and the fastest counts. It is compared at the same accuracy, and
 * generously: an answer counts where, repaired, it is within the wanted gap of the best bound that anybody proved, whether its own
 * prices prove as much or not; a method that misses this is given a tighter tolerance, and only the time of the run that hits counts.
 */
import { fault, refuse, type Result } from "@sluice/model";
import { highsMethods, type BenchAnswer, type BenchTask, type HighsMethod } from "./bench-message.js";

/** Tolerances tried, as shares of the wanted gap. */
const tightenings = [1, 0.3, 0.1, 0.01];
/** Relative: room for rounding in the comparison with the bound. */
const rounding = 1e-9;

export interface HighsAttempt {
  readonly method: HighsMethod;
  /** The tolerance it was given. */
  readonly accuracy: number;
  readonly outcome: "reached" | "missed" | "out of time" | "failed";
  /** Tunnels, solve and check; where it ran out of time, the time it was given. */
  readonly totalSeconds: number | null;
  readonly value: number | null;
  /** How far the value is from the best bound, relative. */
  readonly distance: number | null;
  readonly message: string | null;
}

export interface HighsRace {
  readonly attempts: readonly HighsAttempt[];
  /** The fastest that reached the gap. */
  readonly fastest: { readonly method: HighsMethod; readonly totalSeconds: number; readonly answer: BenchAnswer } | null;
  /** Longer than this it takes where no method reached the gap in its time: null where all failed otherwise. */
  readonly atLeastSeconds: number | null;
}

export interface RaceOptions {
  readonly timeLimitSeconds: number;
  /** The least upper bound known without HiGHS; Infinity without any. */
  readonly bound: number;
  readonly run: (task: BenchTask) => Promise<Result<BenchAnswer>>;
}

/** Never rejects; `cancelled` ends it at once. A method is stopped when it takes longer than the fastest before it. */
export async function raceHighs(task: BenchTask, { timeLimitSeconds, bound, run }: RaceOptions): Promise<Result<HighsRace>> {
  const attempts: HighsAttempt[] = [];
  let fastest: HighsRace["fastest"] = null;
  for (const method of highsMethods) {
    for (const tightening of tightenings) {
      const accuracy = task.gap * tightening;
      const limit = Math.min(timeLimitSeconds, fastest?.totalSeconds ?? Infinity);
      const result = await run({ ...task, solver: { kind: "highs", method, accuracy }, timeLimitSeconds: limit });
      if (!result.ok && result.faults[0].code === "cancelled") return refuse(fault("cancelled", "The benchmark was cancelled."));
      const attempt = attemptOf({ method, accuracy, limit }, result, { bound, gap: task.gap });
      attempts.push(attempt);
      if (attempt.outcome === "reached" && result.ok && result.value.seconds.total < (fastest?.totalSeconds ?? Infinity)) {
        fastest = { method, totalSeconds: result.value.seconds.total, answer: result.value };
      }
      if (attempt.outcome !== "missed") break;
    }
  }
  const ranOut = attempts.filter(({ outcome }) => outcome === "out of time").map(({ totalSeconds }) => totalSeconds ?? 0);
  return { ok: true, value: { attempts, fastest, atLeastSeconds: fastest === null && ranOut.length > 0 ? Math.min(...ranOut) : null } };
}

function attemptOf(
  { method, accuracy, limit }: { readonly method: HighsMethod; readonly accuracy: number; readonly limit: number },
  result: Result<BenchAnswer>,
  { bound, gap }: { readonly bound: number; readonly gap: number },
): HighsAttempt {
  if (!result.ok) {
    const [{ code, message }] = result.faults;
    const late = code === "deadline-exceeded";
    return {
      method,
      accuracy,
      outcome: late ? "out of time" : "failed",
      totalSeconds: late ? limit : null,
      value: null,
      distance: null,
      message,
    };
  }
  const { value, verdict, violations, seconds, bound: own, status } = result.value;
  const best = Math.min(bound, own);
  const distance = best > 0 && best < Infinity ? Math.max(0, 1 - value / best) : 0;
  const reached = verdict === "pass" && distance <= gap + rounding;
  const outcome = reached ? "reached" : verdict === "fail" ? "failed" : status === "time-limit" ? "out of time" : "missed";
  return { method, accuracy, outcome, totalSeconds: seconds.total, value, distance, message: violations[0] ?? null };
}
