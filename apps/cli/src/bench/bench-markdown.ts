/** A benchmark's report as a section of a Markdown file. */
import { legendLines, ownColumns, peerColumns, peerLegend, summaryLines, type BenchColumn } from "./bench-columns.js";
import type { BenchReport, BenchRow, BenchSettings } from "./bench-report.js";

/**
 * The file's text with the report's section in it: it takes the place of the section of a run with the same settings, or comes last. All else in the
 * file stays.
 */
export function withReport(text: string, report: BenchReport): string {
  const name = sectionName(report.settings);
  const begin = `<!-- bench: ${name} -->`;
  const end = `<!-- end of bench: ${name} -->`;
  const section = `${begin}\n\n${reportMarkdown(report)}\n${end}`;
  const from = text.indexOf(begin);
  const to = from < 0 ? -1 : text.indexOf(end, from);
  if (to >= 0) return `${text.slice(0, from)}${section}${text.slice(to + end.length)}`;
  return text.trim() === "" ? `${section}\n` : `${text.trimEnd()}\n\n${section}\n`;
}

/** Runs that may be compared with each other have the same name. */
export function sectionName({ objective, gap, tunnels, highs }: BenchSettings): string {
  return `${objective}, gap ${gap.toExponential()}, ${tunnels} tunnels${highs ? ", beside HiGHS" : ""}`;
}

export function reportMarkdown(report: BenchReport): string {
  const { date, machine, settings, instances } = report;
  const labels = instances.map(({ label }) => label);
  const { cpu, cores, memoryBytes, platform, node } = machine;
  const runs = settings.repeat === 1 ? "one run each" : `the median of ${settings.repeat} runs each`;
  const threads = settings.threads === null ? "" : `, ${settings.threads} threads`;
  return [
    `### ${sectionName(settings)}`,
    "",
    `${date.slice(0, 10)}, ${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${platform}, Node ${node}; engine ${settings.engine}${threads}; ${runs}.`,
    "",
    ...summaryLines(report).map((line) => `- ${line}`),
    "",
    ...tableLines(ownColumns(settings, labels), instances),
    "",
    ...legendLines(settings).map((line) => `- ${line}`),
    "",
    ...tableLines(peerColumns(instances), instances),
    "",
    peerLegend,
    "",
  ].join("\n");
}

function tableLines(columns: readonly BenchColumn[], rows: readonly BenchRow[]): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(({ head }) => head)),
    `|${columns.map(({ align }) => (align === "left" ? "---|" : "---:|")).join("")}`,
    ...rows.map((row) => line(columns.map(({ text }) => text(row).replaceAll("|", "\\|")))),
  ];
}
