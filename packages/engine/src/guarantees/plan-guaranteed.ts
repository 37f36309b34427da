/** One traffic class with a guarantee that reserves: candidates, kill sets, reservations, weights, and what the promise costs. */
import { guaranteeOf, objectiveOf, protectionOf, trafficClasses, type Demand, type Guarantee } from "@sluice/model";
import type { Problem } from "@sluice/mcf";
import { buildProblem } from "../build-problem.js";
import { climb, type LadderOptions } from "../ladder.js";
import type { ClassInput, PlannedClass } from "../plan-class.js";
import { plannedGroups } from "../planned-group.js";
import { publishedPrices } from "../published-prices.js";
import type { Stopwatch } from "../stopwatch.js";
import { coverAvailability, mandatoryKillSets } from "./availability.js";
import { FailureLoads } from "./failure-loads.js";
import { guaranteeCandidates } from "../tunnels/guarantee-candidates.js";
import { pairKey } from "../tunnels/candidate-tunnels.js";
import { canSurvive, killSets, type Survival } from "./kill-sets.js";
import { likelyFailures } from "./likely-failures.js";
import { quantizeGuaranteed } from "./quantize-guaranteed.js";
import { risksOf, type Risks } from "./risks.js";
import { solveGuaranteed, type GuaranteedAnswer } from "./solve-guaranteed.js";
import { higherGroups, verifyAvailability } from "./verify-availability.js";
import { planLoads, worstLoads, type WeightedPaths } from "./worst-loads.js";

/** Guarantees that reserve capacity. */
export type ReservingGuarantee = Extract<Guarantee, { kind: "guaranteed" | "availability" }>;

/** Shares of the class's time: for the choice of failures that an availability covers; of the rest, for what the class would get without its guarantee. */
const coverShare = 0.3;
const withoutShare = 0.3;

export function isReserving(guarantee: Guarantee): guarantee is ReservingGuarantee {
  return guarantee.kind === "guaranteed" || guarantee.kind === "availability";
}

interface Coverage {
  /** What the plan's flows survive. */
  readonly survival: Survival;
  /** What those of every plan with this guarantee must survive. */
  readonly bounding: Survival;
  /** Per link: what is left to the class, in the failures covered, too. */
  readonly capacityBps: Float64Array;
  readonly notes: readonly string[];
}

/** Plans the class. Rejects only on broken invariants. */
export async function planGuaranteed(
  input: ClassInput,
  guarantee: ReservingGuarantee,
  ladder: LadderOptions,
  clock: Stopwatch,
): Promise<PlannedClass> {
  const { topology, snapshot, trafficClass } = input;
  const { settings } = snapshot;
  const { lp, gapMax, nowMs, greedyOnly } = ladder;
  const endMs = nowMs() + 1000 * ladder.timeLimitSeconds;
  const secondsLeft = (): number => Math.max(0, (endMs - nowMs()) / 1000);
  const { scenarios: kinds, failureProbability: probability } = protectionOf(settings);
  const asked = objectiveOf(settings, trafficClass);
  const demands = snapshot.demands.demands.filter((demand) => demand.trafficClass === trafficClass);
  const { latencyMsMax } = settings.tunnels;
  const candidates = guaranteeCandidates(topology, demands, input.candidates, { guarantee, kinds, latencyMsMax });
  const built = buildProblem(topology, demands, candidates, input.reservedResidualBps);
  const risks = risksOf(topology, kinds);
  clock.lap("tunnels");

  const coverage =
    guarantee.kind === "guaranteed"
      ? guaranteedCoverage(built.problem, risks, guarantee.failures)
      : await availabilityCoverage(input, built.problem, risks, {
          target: guarantee.target,
          probability,
          lp,
          timeLimitSeconds: coverShare * secondsLeft(),
        });
  const problem = { ...built.problem, capacityBps: coverage.capacityBps };
  const objective = guarantee.kind === "availability" ? "max-throughput" : asked;
  const timeLimitSeconds = (1 - withoutShare) * secondsLeft();
  const answer = await solveGuaranteed(problem, coverage, objective, { lp, gapMax, nowMs, greedyOnly, timeLimitSeconds });
  clock.lap("solve");

  const quantized = quantizeGuaranteed(problem, coverage.survival, answer, settings.splitWeightSumMax);
  const verified =
    guarantee.kind === "availability"
      ? verifyAvailability(input, { ...risks, problem, split: quantized, target: guarantee.target, probability })
      : { admittedBps: quantized.admittedBps, availability: undefined, notes: [] };
  const split: WeightedPaths = { weight: quantized.weight, admittedBps: verified.admittedBps };
  const loadBps = planLoads(problem, split);
  const reservedBps = worstLoads(problem, split, [coverage.survival, ...lowerFamilies(input, problem, risks)]);
  clock.lap("quantize");

  const plain = buildProblem(topology, demands, candidates, input.residualCapacityBps).problem;
  const without = await climb(plain, asked, { ...ladder, edgeBased: false, timeLimitSeconds: secondsLeft() });
  clock.lap("without");

  const allottedBps = sumOf(answer.admittedBps);
  const admittedBps = sumOf(split.admittedBps);
  const figures = { split, survival: coverage.survival, addedCount: built.paths.length - baseCount(input, built.demands) };
  return {
    plan: {
      trafficClass,
      rung: answer.rung,
      solver: answer.solver,
      demandBps: demands.reduce((sum, demand) => sum + demand.rateBps, 0),
      allottedBps,
      admittedBps,
      certificate: { objective: answer.objective, ...answer.certificate, linkPrices: publishedPrices(topology, answer.linkPrice) },
      notes: [
        ...answer.notes,
        ...(objective === asked ? [] : [`${asked} has no form with an availability; ${objective} was sought in its place.`]),
        ...coverage.notes,
        ...verified.notes,
        ...remarks(input, problem, guarantee, figures),
        ...solverNotes(ladder, lp.name),
        ...(without.rung === "optimal" ? [] : [`What the class would get without its guarantee stands on rung ${without.rung}.`]),
      ],
      guarantee: {
        guarantee,
        // A plan with the guarantee is one without it, too: so no less, whatever the solver says.
        withoutBps: Math.max(sumOf(without.flowBps), allottedBps, admittedBps),
        reservedBps: topology.links.map(({ id }, link) => ({ linkId: id, bps: reservedBps[link] as number })).filter(({ bps }) => bps > 0),
        ...(verified.availability === undefined ? {} : { availability: verified.availability }),
      },
    },
    groups: plannedGroups(topology, built.demands, { problem, allottedBps: allottedShares(problem, answer), ...split }),
    unroutable: built.unroutable,
    loadBps,
    reservedBps,
  };
}

function guaranteedCoverage(problem: Problem, risks: Risks, failures: number): Coverage {
  const survival = killSets(problem, risks, failures);
  return { survival, bounding: survival, capacityBps: problem.capacityBps, notes: [] };
}

interface AvailabilityOptions {
  readonly target: number;
  readonly probability: number;
  readonly lp: LadderOptions["lp"];
  readonly timeLimitSeconds: number;
}

/** Chooses what to cover; then takes off what higher classes with a guarantee need in just these failures, where that is more than they reserve. */
async function availabilityCoverage(
  input: ClassInput,
  problem: Problem,
  { cableOfLink }: Risks,
  { target, probability, lp, timeLimitSeconds }: AvailabilityOptions,
): Promise<Coverage> {
  const higher = new FailureLoads(higherGroups(input), cableOfLink);
  const cables = new Set(higher.cables);
  for (const link of problem.pathLinks) cables.add(cableOfLink[link] as number);
  const likely = likelyFailures(
    [...cables].sort((a, b) => a - b),
    probability,
    target,
  );
  const cover = await coverAvailability({ problem, cableOfLink, likely, target }, { lp, timeLimitSeconds });
  const capacityBps = problem.capacityBps.slice();
  for (const q of cover.covered) {
    const { loadBps } = higher.under(likely.failures[q]?.cables ?? []);
    input.topology.links.forEach((link, e) => {
      capacityBps[e] = Math.max(0, Math.min(capacityBps[e] as number, link.capacityBps - (loadBps[e] as number)));
    });
  }
  const bounding = mandatoryKillSets(problem, { cableOfLink, probability, target });
  return { survival: cover.survival, bounding, capacityBps, notes: cover.notes };
}

/** Failures that lower classes are guaranteed against: what this class then needs is not theirs. */
function lowerFamilies({ snapshot, trafficClass }: ClassInput, problem: Problem, risks: Risks): readonly Survival[] {
  const protection = protectionOf(snapshot.settings);
  const lower = trafficClasses.slice(trafficClasses.indexOf(trafficClass) + 1).map((each) => guaranteeOf(protection, each));
  const failures = lower.reduce((most, each) => (each.kind === "guaranteed" ? Math.max(most, each.failures) : most), 0);
  return failures === 0 ? [] : [killSets(problem, risks, failures)];
}

interface Figures {
  readonly split: WeightedPaths;
  readonly survival: Survival;
  readonly addedCount: number;
}

/** What the answer's reader should know of the promise. */
function remarks(input: ClassInput, problem: Problem, guarantee: ReservingGuarantee, { survival, split, addedCount }: Figures): string[] {
  const { demandCount } = problem;
  const notes: string[] = [];
  if (addedCount > 0) notes.push(`${addedCount} disjoint tunnels joined the policy's candidates, for the guarantee to stand on.`);
  const exposed = survival.filter((kills, d) => !canSurvive(problem, d, kills)).length;
  if (guarantee.kind === "guaranteed" && exposed > 0) {
    const many = guarantee.failures === 1 ? "one failure" : `${guarantee.failures} failures at once`;
    notes.push(
      `${exposed} of ${demandCount} flow groups are admitted nothing: ${many} may take all of their tunnels, or all that have room.`,
    );
  }
  const refused = survival.filter((kills, d) => canSurvive(problem, d, kills) && !((split.admittedBps[d] as number) > 0)).length;
  if (refused > 0) notes.push(`${refused} flow groups that could survive are admitted nothing for want of room.`);
  const unpromised = input.higher.filter(({ plan, groups }) => plan.guarantee === undefined && groups.length > 0);
  if (unpromised.length > 0) {
    const names = unpromised.map(({ plan }) => plan.trafficClass).join(" and ");
    notes.push(
      `Of ${names}, which has no such guarantee and goes first, the plan's own load is counted: splits for failures keep to that, local repair may not.`,
    );
  }
  return notes;
}

function solverNotes({ solver, edgeBased }: LadderOptions, lp: string): string[] {
  const own = solver !== "auto" && solver !== "highs" && solver !== "javascript-lp-solver";
  return [
    ...(own ? [`Reservations are an LP of their own: ${lp} solved it, not ${solver}.`] : []),
    ...(edgeBased ? ["Reservations are on candidate tunnels, and the bound is over these, not over all paths."] : []),
  ];
}

function baseCount({ candidates }: ClassInput, demands: readonly Demand[]): number {
  return demands.reduce((sum, demand) => sum + (candidates.pairs.get(pairKey(demand))?.length ?? 0), 0);
}

/** Per path: its share of what its demand is admitted, not what is reserved. */
function allottedShares({ pathStart, pathCount }: Problem, { admittedBps, reservedBps }: GuaranteedAnswer): Float64Array {
  const allottedBps = new Float64Array(pathCount);
  admittedBps.forEach((admitted, d) => {
    const [first, end] = [pathStart[d] as number, pathStart[d + 1] as number];
    const reserved = sumOf(reservedBps.subarray(first, end));
    if (reserved === 0) return;
    for (let path = first; path < end; path++) allottedBps[path] = admitted * ((reservedBps[path] as number) / reserved);
  });
  return allottedBps;
}

function sumOf(amounts: Float64Array): number {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}
