/** `sluice bench`: the instances on which NCFlow and POP published results, solved, judged and compared. */
import { availableParallelism, cpus, totalmem } from "node:os";
import { readFile } from "node:fs/promises";
import { loadPeerInstances, type PeerInstance } from "@sluice/mcf/peer-bench";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { parseOneOf } from "../argument.js";
import { legendLines, ownColumns, peerColumns, peerLegend, summaryLines } from "../bench/bench-columns.js";
import { withReport } from "../bench/bench-markdown.js";
import type { BenchTask } from "../bench/bench-message.js";
import { benchInProcess } from "../bench/bench-process.js";
import {
  benchRow,
  benchSummary,
  reached,
  type BenchReport,
  type BenchRow,
  type BenchSettings,
  type Machine,
} from "../bench/bench-report.js";
import { benchFolder, benchSettings, type BenchFlags } from "../bench/bench-setting.js";
import { headLine, rowLine } from "../bench/bench-table.js";
import { raceHighs } from "../bench/highs-race.js";
import { peerFigures } from "../bench/peer-figures.js";
import { labelsOf, selectInstances } from "../bench/selection.js";
import { jsonText, outputKinds, refused, type CommandContext } from "../command-context.js";
import { exitCode, exitCodeOf, type ExitCode } from "../exit-code.js";
import { writeWhole } from "../input-file.js";
import { refusalLines } from "../refusal.js";

export interface BenchCommandFlags extends BenchFlags {
  readonly which: readonly string[];
  readonly output: string;
  readonly json?: string;
  readonly markdown?: string;
}

export async function benchCommand(flags: BenchCommandFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const output = parseOneOf(flags.output, outputKinds, "--output");
  if (!output.ok) return refused(context, output.faults);
  const settings = benchSettings(flags);
  if (!settings.ok) return refused(context, settings.faults);
  const folder = benchFolder(flags.data);
  if (!folder.ok) return refused(context, folder.faults);
  const known = loadPeerInstances(folder.value);
  if (!known.ok) return refused(context, known.faults);
  const chosen = selectInstances(flags.which, known.value);
  if (!chosen.ok) return refused(context, chosen.faults);

  const run: Run = {
    settings: settings.value,
    folder: folder.value,
    labels: labelsOf(chosen.value),
    table: output.value === "table",
    context,
  };
  const rows = await runAll(chosen.value, run);
  if (!rows.ok) return refused(context, rows.faults);
  const report: BenchReport = {
    kind: "bench-report",
    formatVersion: 1,
    date: new Date().toISOString(),
    machine: thisMachine(),
    settings: settings.value,
    instances: rows.value,
    summary: benchSummary(rows.value, settings.value.gap),
  };
  terminal.settle();
  await terminal.write(output.value === "json" ? jsonText(report) : closingText(report, run));
  const written = await writeFiles(flags, report);
  return written.ok ? codeOf(report) : refused(context, written.faults);
}

interface Run {
  readonly settings: BenchSettings;
  readonly folder: string;
  readonly labels: ReadonlyMap<PeerInstance, string>;
  /** Rows are printed as they come. */
  readonly table: boolean;
  readonly context: CommandContext;
}

/** One instance after another; only an interruption ends it early. */
async function runAll(instances: readonly PeerInstance[], run: Run): Promise<Result<readonly BenchRow[]>> {
  const { terminal } = run.context;
  const columns = ownColumns(run.settings, [...run.labels.values()]);
  const rows: BenchRow[] = [];
  if (run.table) await terminal.write(`${headLine(columns, terminal.colors)}\n`);
  for (const [i, instance] of instances.entries()) {
    const row = await runInstance(instance, `${i + 1} of ${instances.length}`, run);
    if (!row.ok) return row;
    rows.push(row.value);
    terminal.settle();
    if (run.table) await terminal.write(`${rowLine(columns, row.value, terminal.colors)}\n`);
    for (const line of complaints(row.value, run)) terminal.tell(line);
  }
  return ok(rows);
}

async function runInstance(instance: PeerInstance, place: string, { settings, folder, labels, context }: Run): Promise<Result<BenchRow>> {
  const label = labels.get(instance) ?? instance.id;
  const { objective, gap, tunnels, engine, threads, timeLimitSeconds, repeat, warmUpSeconds } = settings;
  const task: BenchTask = {
    folder,
    instance,
    objective,
    tunnels,
    solver: { kind: "engine", engine, ...(threads === null ? {} : { threads }) },
    gap,
    timeLimitSeconds,
    repeat,
    warmUpSeconds,
  };
  const start = (each: BenchTask, who: string) =>
    benchInProcess(each, {
      entry: context.bench,
      onStage: (stage) => context.terminal.progress(`${place}, ${label}${who}: ${stage}`),
      signal: context.signal,
    });
  const solved = await start(task, "");
  if (!solved.ok && solved.faults[0].code === "cancelled") return solved;
  const answer = solved.ok ? solved.value : null;
  const highs = !settings.highs
    ? ok(null)
    : await raceHighs(task, {
        timeLimitSeconds,
        bound: answer?.bound ?? Infinity,
        run: (each) => start(each, each.solver.kind === "highs" ? `, HiGHS ${each.solver.method}` : ""),
      });
  if (!highs.ok) return highs;
  return ok(
    benchRow({
      tunnels,
      id: instance.id,
      label,
      answer,
      fault: solved.ok ? null : solved.faults[0],
      published: peerFigures(instance, objective),
      highs: highs.value,
    }),
  );
}

/** What people should know of a row at once. */
function complaints({ label, answer, fault: why }: BenchRow, { context }: Run): readonly string[] {
  if (why !== null) return refusalLines([{ ...why, data: { ...why.data, file: why.data?.["file"] ?? label } }], context.terminal);
  const { yellow } = context.terminal.errorColors;
  return (answer?.violations ?? []).map((sentence) => `${yellow("sluice:")} ${label}: ${sentence}`);
}

function closingText(report: BenchReport, { settings, context }: Run): string {
  const { colors } = context.terminal;
  const columns = peerColumns(report.instances);
  const published = report.instances.some((row) => Object.keys(row.published.figures).length > 0);
  return [
    "",
    ...legendLines(settings).map((line) => colors.dim(line)),
    ...(published
      ? ["", headLine(columns, colors), ...report.instances.map((row) => rowLine(columns, row, colors)), "", colors.dim(peerLegend)]
      : []),
    "",
    ...summaryLines(report),
    "",
  ].join("\n");
}

async function writeFiles({ json, markdown }: BenchCommandFlags, report: BenchReport): Promise<Result<void>> {
  if (json !== undefined) {
    const written = await writeWhole(json, jsonText(report), "--json");
    if (!written.ok) return written;
  }
  if (markdown === undefined) return ok(undefined);
  let before = "";
  try {
    before = await readFile(markdown, "utf8");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) {
      return refuse(fault("unavailable", `--markdown: ${markdown} could not be read: ${String(error)}.`, { pointer: "--markdown" }));
    }
  }
  return writeWhole(markdown, withReport(before, report), "--markdown");
}

/** An answer that does not hold weighs most, then a file or solver that failed, then a gap that was not reached in time. */
function codeOf({ instances, settings }: BenchReport): ExitCode {
  if (instances.some(({ answer }) => answer?.verdict === "fail")) return exitCode.verdictFailed;
  const failed = instances.find((row) => row.fault !== null)?.fault ?? null;
  if (failed !== null) return exitCodeOf(failed);
  return instances.every(({ answer }) => answer !== null && reached(answer, settings.gap)) ? exitCode.ok : exitCode.noAnswer;
}

function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
  };
}
