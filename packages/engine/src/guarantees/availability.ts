/**
 * An availability as kill sets: a set of failures, together at least as likely as the target, is covered as if it were guaranteed; outside of it nothing
 * is promised. A flow of which a covered failure leaves nothing is exempt from it, for it loads nothing and harms nobody, but that failure is no
 * time in which it is carried: so the covered failures are likelier than the target by what the worst of the promised flows loses so.
 */
import type { LpBackend } from "@sluice/lp";
import type { Problem } from "@sluice/mcf";
import { lossesByFailure } from "./availability-lp.js";
import { allPaths, asKillSets, closedPaths, masksOf, unionsOf, type Survival } from "./kill-sets.js";
import type { LikelyFailures } from "./likely-failures.js";

/** Losses that differ by less are equal. */
const lossQuantum = 1e-6;
/** Probabilities are sums of many. */
const probabilityTolerance = 1e-12;

export interface AvailabilityQuestion {
  readonly problem: Problem;
  readonly cableOfLink: Int32Array;
  /** Over all cables that make a difference to any class down to this one. */
  readonly likely: LikelyFailures;
  readonly target: number;
}

export interface CoveredFailures {
  readonly survival: Survival;
  /** Of `likely.failures`, those that are covered, rising. */
  readonly covered: readonly number[];
  readonly notes: readonly string[];
}

/** The failures to cover, and what they make of each demand. Demands that no choice of failures could help survive nothing. */
export async function coverAvailability(
  { problem, cableOfLink, likely, target }: AvailabilityQuestion,
  options: { readonly lp: LpBackend; readonly timeLimitSeconds: number },
): Promise<CoveredFailures> {
  const { failures, probability } = likely;
  const cableMasks = Array.from({ length: problem.demandCount }, (_, d) => masksOf(problem, d, (link) => [cableOfLink[link] as number]));
  const demandsOfCable = new Map<number, number[]>();
  cableMasks.forEach((masks, d) => {
    for (const cable of masks.keys()) {
      const there = demandsOfCable.get(cable);
      if (there === undefined) demandsOfCable.set(cable, [d]);
      else there.push(d);
    }
  });
  const closed = cableMasks.map((_, d) => closedPaths(problem, d));
  const whole = cableMasks.map((_, d) => allPaths(problem, d));
  const touchedBy = failures.map(({ cables }) => {
    const masks = new Map<number, number>();
    for (const cable of cables) {
      for (const d of demandsOfCable.get(cable) ?? []) masks.set(d, (masks.get(d) ?? closed[d] ?? 0) | (cableMasks[d]?.get(cable) ?? 0));
    }
    return masks;
  });
  const deadShare = Float64Array.from(closed, (mask, d) => (mask === whole[d] ? 1 : 0));
  failures.forEach(({ probability: share }, q) => {
    for (const [demand, mask] of touchedBy[q] ?? []) {
      if (mask === whole[demand]) deadShare[demand] = (deadShare[demand] as number) + share;
    }
  });
  const demands = [...deadShare.keys()].filter((d) => target + (deadShare[d] as number) <= probability + probabilityTolerance);
  const beta = target + demands.reduce((most, d) => Math.max(most, deadShare[d] as number), 0);
  const notes: string[] = [];
  const percent = (share: number): string => `${(100 * share).toPrecision(6)} %`;
  if (demands.length < problem.demandCount) {
    const without = problem.demandCount - demands.length;
    notes.push(
      `${without} of ${problem.demandCount} flow groups cannot have an availability of ${percent(target)} and are admitted nothing: ` +
        `of ${failures.length} failures, which happen or not for ${percent(probability)} of the time, too many take all of their tunnels.`,
    );
  }
  if (demands.length === 0) return { survival: nothingSurvives(whole), covered: [], notes };

  const promised = new Set(demands);
  const touched = touchedBy.map((each) => new Map([...each].filter(([demand, mask]) => promised.has(demand) && mask !== whole[demand])));
  const losses = await lossesByFailure({ problem, likely, touched, demands, beta }, options);
  if (typeof losses === "string")
    notes.push(`The likeliest failures are covered, not those that a TEAVAR program would choose: ${losses}.`);
  const covered = choose(likely, typeof losses === "string" ? new Float64Array(failures.length) : losses, beta);
  notes.push(
    `${covered.length} failures are covered; together they are the state of the network for at least ${percent(beta)} of the time.`,
  );

  const masksOfDemand: Set<number>[] = cableMasks.map(() => new Set());
  for (const q of covered) for (const [demand, mask] of touched[q] ?? []) masksOfDemand[demand]?.add(mask);
  const survival = masksOfDemand.map((masks, d) =>
    promised.has(d) ? asKillSets(masks, closed[d] ?? 0) : asKillSets([whole[d] ?? 0], closed[d] ?? 0),
  );
  return { survival, covered, notes };
}

/** By rising loss, then likelier first (the order they are in), until they are likely enough. */
function choose({ failures }: LikelyFailures, losses: Float64Array, beta: number): readonly number[] {
  const rank = losses.map((loss) => Math.round(loss / lossQuantum));
  const order = [...failures.keys()].sort((a, b) => (rank[a] as number) - (rank[b] as number) || a - b);
  const covered: number[] = [];
  let sum = 0;
  for (const q of order) {
    if (sum >= beta) break;
    covered.push(q);
    sum += failures[q]?.probability ?? 0;
  }
  return covered.sort((a, b) => a - b);
}

function nothingSurvives(whole: readonly number[]): Survival {
  return whole.map((mask) => asKillSets([mask], 0));
}

/**
 * Kill sets that every plan with this availability must let its flows survive, whichever failures it covers: any one tunnel or two, and what one
 * cable takes, where they are gone for more of the time than the target leaves. They bound what any such plan admits. Probabilities are exact.
 */
export function mandatoryKillSets(
  problem: Problem,
  { cableOfLink, probability, target }: { readonly cableOfLink: Int32Array; readonly probability: number; readonly target: number },
): Survival {
  const up = 1 - probability;
  const left = 1 - target + probabilityTolerance;
  return Array.from({ length: problem.demandCount }, (_, d) => {
    const first = problem.pathStart[d] as number;
    const count = (problem.pathStart[d + 1] as number) - first;
    const cablesOfPath = Array.from(
      { length: count },
      (_each, i) =>
        new Set(
          Array.from(
            problem.pathLinks.subarray(problem.linkStart[first + i], problem.linkStart[first + i + 1]),
            (link) => cableOfLink[link] as number,
          ),
        ),
    );
    const masks: number[] = [];
    cablesOfPath.forEach((a, i) => {
      if (1 - up ** a.size > left) masks.push(1 << i);
      cablesOfPath.slice(0, i).forEach((b, j) => {
        const either = new Set([...a, ...b]).size;
        if (1 - up ** a.size - up ** b.size + up ** either > left) masks.push((1 << i) | (1 << j));
      });
    });
    if (probability > left) masks.push(...unionsOf([...masksOf(problem, d, (link) => [cableOfLink[link] as number]).values()], 1));
    return asKillSets(masks, closedPaths(problem, d));
  });
}
