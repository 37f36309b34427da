/** The two tables of a benchmark, column by column, for the terminal and for Markdown alike: our own figures, and the peers' beside them. */
import type { BenchAnswer } from "./bench-message.js";
import { reached, type BenchReport, type BenchRow, type BenchSettings } from "./bench-report.js";
import { highsNames } from "./engines.js";
import { peerNames } from "./peer-figures.js";

export interface BenchColumn {
  readonly head: string;
  readonly align: "left" | "right";
  /** Least characters, so that rows that come one by one stand in line. */
  readonly width: number;
  readonly text: (row: BenchRow) => string;
}

const none = "-";

/** What we reached, and HiGHS where it was asked. */
export function ownColumns(settings: BenchSettings, labels: readonly string[]): readonly BenchColumn[] {
  const right = (head: string, width: number, text: (answer: BenchAnswer, row: BenchRow) => string): BenchColumn => ({
    head,
    align: "right",
    width,
    text: (row) => (row.answer === null ? none : text(row.answer, row)),
  });
  const digits = settings.gap < 1e-4 ? 8 : 5;
  const columns: readonly BenchColumn[] = [
    labelColumn(labels),
    right("nodes", 5, ({ size }) => String(size.nodes)),
    right("links", 5, ({ size }) => String(size.links)),
    right("demands", 7, ({ size }) => String(size.demands)),
    right("paths", 7, ({ size }) => String(size.paths)),
    right("of optimum", 10, (_, { ofOptimum }) => (ofOptimum === null ? none : ofOptimum.toFixed(digits))),
    ...(settings.tunnels === "own"
      ? [right("of any paths", 12, (_, { ofUnrestricted }) => (ofUnrestricted === null ? none : ofUnrestricted.toFixed(digits)))]
      : []),
    right("gap", 7, ({ gap }) => gap.toExponential(1)),
    ...(["read", "tunnels", "solve", "check", "total"] as const).map((stage) =>
      right(stage, stage === "tunnels" ? 7 : 6, ({ seconds }) => secondsText(seconds[stage])),
    ),
    right("MB", 5, ({ memoryBytes }) => (memoryBytes / 1e6).toFixed(0)),
    { head: "verdict", align: "left", width: 10, text: (row) => verdictText(row, settings.gap) },
    { head: "solver", align: "left", width: settings.highs ? 14 : 0, text: ({ answer }) => answer?.solver ?? none },
  ];
  return settings.highs ? [...columns, ...highsColumns] : columns;
}

const highsColumns: readonly BenchColumn[] = [
  {
    head: "HiGHS",
    align: "right",
    width: 7,
    text: ({ highs }) => {
      if (highs === null) return none;
      if (highs.fastest !== null) return secondsText(highs.fastest.totalSeconds);
      return highs.atLeastSeconds === null ? "failed" : `>${secondsText(highs.atLeastSeconds)}`;
    },
  },
  { head: "by", align: "left", width: 7, text: ({ highs }) => (highs?.fastest == null ? none : highsNames[highs.fastest.method]) },
  {
    head: "ratio",
    align: "right",
    width: 7,
    text: ({ ratioToHighs, ratioIsAtLeast }) => (ratioToHighs === null ? none : `${ratioIsAtLeast ? ">" : ""}${ratioText(ratioToHighs)}`),
  },
];

/** Ours, then what was published on any of the instances: objective relative to the optimum over the path set, and seconds. */
export function peerColumns(rows: readonly BenchRow[]): readonly BenchColumn[] {
  const names = peerNames.filter((name) => rows.some((row) => row.published.figures[name] !== undefined));
  return [
    labelColumn(rows.map(({ label }) => label)),
    {
      head: "Sluice",
      align: "right",
      width: 16,
      text: ({ answer, ofOptimum }) => (answer === null || ofOptimum === null ? none : figureText(ofOptimum, answer.seconds.total)),
    },
    ...names.map((name): BenchColumn => ({
      head: name,
      align: "right",
      width: 15,
      text: ({ published }) => {
        const figure = published.figures[name];
        return figure === undefined ? none : figureText(figure.ofOptimum, figure.seconds);
      },
    })),
  ];
}

function labelColumn(labels: readonly string[]): BenchColumn {
  return { head: "instance", align: "left", width: Math.max(8, ...labels.map((label) => label.length)), text: ({ label }) => label };
}

function verdictText(row: BenchRow, gap: number): string {
  if (row.answer === null) return row.fault?.code === "deadline-exceeded" ? "no answer" : "failed";
  if (row.answer.verdict === "fail") return "INFEASIBLE";
  return reached(row.answer, gap) ? "pass" : `pass, ${row.answer.status}`;
}

function figureText(ofOptimum: number, seconds: number): string {
  return `${ofOptimum.toFixed(4)} ${secondsText(seconds)} s`;
}

/** Milliseconds as long as they mean something. */
export function secondsText(seconds: number): string {
  return seconds.toFixed(seconds < 10 ? 3 : seconds < 100 ? 2 : seconds < 1000 ? 1 : 0);
}

export function ratioText(ratio: number): string {
  return ratio.toFixed(ratio < 10 ? 2 : ratio < 100 ? 1 : 0);
}

/** One sentence a line: what the whole run came to. */
export function summaryLines({ summary, settings }: Pick<BenchReport, "summary" | "settings">): readonly string[] {
  const { instances, reached: count, ofOptimumMin, ofUnrestrictedMin, gapMax, totalSecondsMax, memoryBytesMax, highs } = summary;
  const lines = [
    `${count} of ${instances} instances solved to a proven gap of ${settings.gap.toExponential()}, every flow checked to fit.`,
  ];
  const worst = [
    ...(ofOptimumMin === null ? [] : [`objective ${ofOptimumMin.toFixed(8)} of the published optimum`]),
    ...(ofUnrestrictedMin === null ? [] : [`${ofUnrestrictedMin.toFixed(6)} of what any paths could carry`]),
    ...(gapMax === null ? [] : [`gap ${gapMax.toExponential(2)}`]),
    ...(totalSecondsMax === null ? [] : [`${secondsText(totalSecondsMax)} s`]),
    ...(memoryBytesMax === null ? [] : [`${(memoryBytesMax / 1e6).toFixed(0)} MB`]),
  ];
  if (worst.length > 0) lines.push(`Worst: ${worst.join(", ")}.`);
  if (highs !== null) {
    const atLeast = highs.atLeast === 0 ? "" : ` On ${highs.atLeast} HiGHS ran out of time; the ratio there counts as what it is at least.`;
    lines.push(
      `HiGHS's fastest method takes ${ratioText(highs.ratioGeometricMean)} times as long (geometric mean of ${highs.compared}; median ${ratioText(highs.ratioMedian)}, least ${ratioText(highs.ratioMin)}).${atLeast}`,
    );
  }
  return lines;
}

/** What the columns mean, in short; docs/benchmarks.md has the whole. */
export function legendLines(settings: BenchSettings): readonly string[] {
  return [
    "of optimum: our objective by the published optimum over the path set. gap: recomputed from flow and link prices alone.",
    "seconds, wall clock: read files; tunnels; solve; check; total = tunnels + solve + check. MB: largest resident set of the instance's own process.",
    `Each process${settings.highs ? ", HiGHS's as ours," : ""} solved a small network for ${settings.warmUpSeconds} s and then its instance for as long before runs counted, so that compiling is in nobody's seconds.`,
    ...(settings.highs
      ? ["HiGHS: seconds to build, solve, repair and check by its fastest method that came within the gap; ratio: that by our total."]
      : []),
  ];
}

/** Under the peers' table. */
export const peerLegend =
  "As published: objective by the optimum, seconds. NCFlow and POP: estimated makespan of solver time alone on 28 cores; Gurobi: solver time alone. SMORE has paths of its own.";
