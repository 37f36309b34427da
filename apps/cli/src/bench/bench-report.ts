/** What a benchmark has to say, as stable plain JSON (docs/benchmarks.md lists the fields). Pure: rendering and printing are elsewhere. */
import type { Fault } from "@sluice/model";
import type { BenchAnswer, BenchObjective, EngineName, TunnelSource } from "./bench-message.js";
import type { HighsRace } from "./highs-race.js";
import type { PeerFigures } from "./peer-figures.js";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
}

export interface BenchSettings {
  readonly objective: BenchObjective;
  readonly gap: number;
  readonly engine: EngineName;
  readonly tunnels: TunnelSource;
  readonly threads: number | null;
  readonly repeat: number;
  readonly warmUpSeconds: number;
  readonly timeLimitSeconds: number;
  readonly highs: boolean;
}

export interface BenchRow {
  readonly id: string;
  readonly label: string;
  /** Null where there is none: `fault` says why. */
  readonly answer: BenchAnswer | null;
  readonly fault: Fault | null;
  /** The value relative to the published optimum over the path set. */
  readonly ofOptimum: number | null;
  /** With own tunnels: the value relative to what the prices prove of all paths there are. */
  readonly ofUnrestricted: number | null;
  readonly published: PeerFigures;
  readonly highs: HighsRace | null;
  /** HiGHS's total seconds by ours; a lower bound where `ratioIsAtLeast`. */
  readonly ratioToHighs: number | null;
  readonly ratioIsAtLeast: boolean;
}

export interface BenchSummary {
  readonly instances: number;
  /** With an answer that holds and proves the wanted gap. */
  readonly reached: number;
  readonly ofOptimumMin: number | null;
  readonly ofUnrestrictedMin: number | null;
  readonly gapMax: number | null;
  readonly totalSecondsMax: number | null;
  readonly memoryBytesMax: number | null;
  /** Null where HiGHS was not asked, or never compared. */
  readonly highs: {
    readonly compared: number;
    /** Where HiGHS ran out of time: the ratio counts as what it is at least. */
    readonly atLeast: number;
    readonly ratioGeometricMean: number;
    readonly ratioMedian: number;
    readonly ratioMin: number;
  } | null;
}

export interface BenchReport {
  readonly kind: "bench-report";
  readonly formatVersion: 1;
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly machine: Machine;
  readonly settings: BenchSettings;
  readonly instances: readonly BenchRow[];
  readonly summary: BenchSummary;
}

export interface RowInput {
  readonly tunnels: TunnelSource;
  readonly id: string;
  readonly label: string;
  readonly answer: BenchAnswer | null;
  readonly fault: Fault | null;
  readonly published: PeerFigures;
  readonly highs: HighsRace | null;
}

export function benchRow({ tunnels, ...input }: RowInput): BenchRow {
  const { answer, published, highs } = input;
  const highsSeconds = highs?.fastest?.totalSeconds ?? highs?.atLeastSeconds ?? null;
  return {
    ...input,
    ofOptimum: answer === null || published.optimum === null ? null : answer.value / published.optimum,
    ofUnrestricted: answer === null || tunnels === "given" ? null : answer.value / answer.bound,
    ratioToHighs: answer === null || highsSeconds === null ? null : highsSeconds / answer.seconds.total,
    ratioIsAtLeast: highs !== null && highs.fastest === null && highs.atLeastSeconds !== null,
  };
}

export function benchSummary(rows: readonly BenchRow[], gap: number): BenchSummary {
  const answers = rows.flatMap(({ answer }) => (answer === null ? [] : [answer]));
  const ratios = rows.flatMap(({ ratioToHighs }) => (ratioToHighs === null ? [] : [ratioToHighs]));
  return {
    instances: rows.length,
    reached: answers.filter((answer) => reached(answer, gap)).length,
    ofOptimumMin: leastOf(rows.map((row) => row.ofOptimum)),
    ofUnrestrictedMin: leastOf(rows.map((row) => row.ofUnrestricted)),
    gapMax: mostOf(answers.map((answer) => answer.gap)),
    totalSecondsMax: mostOf(answers.map(({ seconds }) => seconds.total)),
    memoryBytesMax: mostOf(answers.map(({ memoryBytes }) => memoryBytes)),
    highs:
      ratios.length === 0
        ? null
        : {
            compared: ratios.length,
            atLeast: rows.filter(({ ratioToHighs, ratioIsAtLeast }) => ratioToHighs !== null && ratioIsAtLeast).length,
            ratioGeometricMean: Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length),
            ratioMedian: medianOf(ratios),
            ratioMin: Math.min(...ratios),
          },
  };
}

/** A gap is compared after it was computed twice, in different orders of summation. */
const gapRounding = 1e-11;

/** Whether an answer holds and proves the gap that was wanted. */
export function reached({ verdict, gap: proven }: BenchAnswer, gap: number): boolean {
  return verdict === "pass" && proven <= gap + gapRounding;
}

function leastOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function mostOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
