/** A class's answer where tunnels are priced: the search for them, then the ladder on what it found; and where it has no form, why. */
import { InvariantBroken, type ObjectiveName, type TunnelPolicy } from "@sluice/model";
import type { Problem } from "@sluice/mcf";
import { climb, isBetter, solveSecondsMin, type Answer, type LadderOptions } from "./ladder.js";
import { isPricedObjective, pricedTunnels, withOpenPaths, type PricedObjective, type PricedTunnels } from "./tunnels/priced-tunnels.js";

/** Share of the class's time that the search may take; the rest is for the solve on what it finds. */
const searchShare = 0.5;

/**
 * The problem's paths are the policy's k-shortest tunnels: where the search starts, and what stands in where there is none. Where the tunnels
 * found do not prove to be as good as any, the k-shortest are solved for, too, and the better of the two answers holds: with time for both,
 * none is worse than that on k-shortest tunnels. Bounds are over all paths, unless the policy bounds the latency. Rejects only on broken invariants.
 */
export async function climbPriced(problem: Problem, objective: ObjectiveName, policy: TunnelPolicy, given: LadderOptions): Promise<Answer> {
  // See `rangesOverAllPaths`: where tables are nearly full, nothing is priced at all.
  const rangesOverAll = policy.latencyMsMax === undefined;
  const options: LadderOptions = { ...given, boundsAllPaths: rangesOverAll };
  const endMs = options.nowMs() + 1000 * options.timeLimitSeconds;
  const secondsLeft = (): number => Math.max(0, (endMs - options.nowMs()) / 1000);
  const climbOn = (paths: Problem, more: Partial<LadderOptions> = {}): Promise<Answer> =>
    climb(paths, objective, { ...options, ...more, timeLimitSeconds: secondsLeft() });
  if (problem.demandCount === 0 || options.greedyOnly || options.timeLimitSeconds < solveSecondsMin) return climbOn(problem);
  if (!rangesOverAll) return noted(await climbOn(problem), latencyNote(policy));
  if (!isPricedObjective(objective)) return noted(await climbOn(problem), objectiveNote(objective, policy));

  const found = searched(problem, objective, policy, options);
  if (typeof found === "string") return noted(await climbOn(problem), `${found} ${standIn(policy)}`);
  const priced = { knownPrice: found.linkPrice, budgetSeconds: (1 - searchShare) * options.budgetSeconds };
  const answer = await climbOn(found.problem, priced);
  if (answer.rung === "optimal" || secondsLeft() < solveSecondsMin) return noted(answer, pricedNote(answer, found, policy));
  const shortest = await climbOn(withOpenPaths(problem, found.problem), priced);
  if (!beats(shortest, answer)) return noted(answer, pricedNote(answer, found, policy));
  return noted(shortest, `${pricedNote(shortest, found, policy)} The k-shortest tunnels did better than those and were taken.`);
}

/** What stopped the search, where it ends in an error: the ladder has no use for that but has an answer all the same. */
function searched(problem: Problem, objective: PricedObjective, { k }: TunnelPolicy, options: LadderOptions): PricedTunnels | string {
  const { gapMax, nowMs, onProgress, timeLimitSeconds, budgetSeconds } = options;
  const time = { timeLimitSeconds: searchShare * timeLimitSeconds, budgetSeconds: searchShare * budgetSeconds };
  try {
    return pricedTunnels(problem, objective, { k, gapMax, nowMs, onProgress, ...time });
  } catch (cause) {
    if (cause instanceof InvariantBroken) throw cause;
    return `The search for tunnels failed (${cause instanceof Error ? cause.message : String(cause)}).`;
  }
}

/** Greedy filling may look better for refusing what others carry (the utilization of the rest), so it beats no other answer. */
function beats(a: Answer, b: Answer): boolean {
  if ((a.rung === "greedy") !== (b.rung === "greedy")) return b.rung === "greedy";
  return isBetter(a.certificate, b.certificate);
}

function noted(answer: Answer, note: string): Answer {
  return { ...answer, notes: [...answer.notes, note] };
}

function pricedNote({ certificate: { gap } }: Answer, { rounds }: PricedTunnels, { k }: TunnelPolicy): string {
  const proof =
    gap === undefined ? "nothing is proven over all paths" : `over all paths nothing is better by more than ${gap.toExponential(1)}`;
  return `Tunnels were priced, at most ${k} a demand, in ${rounds} round${rounds === 1 ? "" : "s"}; ${proof}.`;
}

function latencyNote(policy: TunnelPolicy): string {
  return `Tunnels were not priced: under a bound on latency the best path is too hard to find. ${standIn(policy)}`;
}

function objectiveNote(objective: ObjectiveName, policy: TunnelPolicy): string {
  return `Tunnels were not priced: ${objective} is no single program whose prices name better paths. ${standIn(policy)}`;
}

function standIn({ k, latencyMsMax }: TunnelPolicy): string {
  return `The ${k} shortest of each pair${latencyMsMax === undefined ? "" : ` within ${latencyMsMax} ms`} are the candidates.`;
}
