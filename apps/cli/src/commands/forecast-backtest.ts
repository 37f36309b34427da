/** `sluice forecast backtest`: how far off forecasts of a measured series would have been, by horizon. */
import {
  backtest,
  backtestBlend,
  quantileNames,
  type BacktestOptions,
  type BacktestReport,
  type BlendBacktestRow,
  type BlendRule,
  type DemandHistory,
  type QuantileName,
} from "@sluice/forecast";
import { ok, refuse, type Result } from "@sluice/model";
import { parseOneOf } from "../argument.js";
import { jsonText, refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { backtestMarkdown, backtestText, blendMarkdown, blendText, type BlendReport } from "../forecast/backtest-table.js";
import { forecasterOf, modelNames } from "../forecast/forecast-model.js";
import { abileneWeek, inWindows, readHistoryFile, type HistoryInput } from "../forecast/history-file.js";
import { parseWindows } from "../forecast/span.js";
import { runSteps } from "../forecast/steps.js";
import type { FileNote, NetworkFlags } from "../network-input.js";
import { argumentFault } from "../refusal.js";
import { noteLines } from "../solve-table.js";

export const horizonsDefault = "5min,15min,30min,1h,3h,6h,12h,24h";
export const backtestOutputs = ["table", "json", "markdown"] as const;

export interface ForecastBacktestFlags extends Omit<NetworkFlags, "topology"> {
  readonly topology?: string;
  readonly data?: string;
  readonly step?: string;
  readonly window?: string;
  readonly train: string;
  readonly horizons?: string;
  readonly every: string;
  readonly models: string;
  readonly quantiles: string;
  /** How far ahead of the window planned for the forecasts are made: rules of blending are tested in place of forecasters. */
  readonly blend?: string;
  readonly output: string;
}

export async function forecastBacktestCommand(flags: ForecastBacktestFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const output = parseOneOf(flags.output, backtestOutputs, "--output");
  if (!output.ok) return refused(context, output.faults);
  const tested = flags.blend === undefined ? await runBacktest(flags, context) : await runBlend(flags, flags.blend, context);
  if (!tested.ok) return refused(context, tested.faults);
  const { texts, notes } = tested.value;
  terminal.settle();
  if (output.value === "table") for (const line of noteLines(notes, terminal.errorColors)) terminal.tell(line);
  await terminal.write(texts[output.value](context));
  return exitCode.ok;
}

interface Tested {
  readonly texts: Readonly<Record<(typeof backtestOutputs)[number], (context: CommandContext) => string>>;
  readonly notes: readonly FileNote[];
}

/** Weights that are told beside the rules. */
const weightsShown = [1, 0, 0.5] as const;

async function runBlend(flags: ForecastBacktestFlags, blend: string, context: CommandContext): Promise<Result<Tested>> {
  const { terminal, signal, nowMs } = context;
  terminal.progress("read");
  const input = await readInput(flags, context);
  if (!input.ok) return input;
  const { history, notes } = input.value;
  const { stepMs } = history;
  const options = optionsOf(flags, history);
  if (!options.ok) return options;
  const forecastWindows = parseWindows(blend, "--blend", stepMs);
  if (!forecastWindows.ok) return forecastWindows;
  const forecaster = options.value.forecasters.at(-1);
  if (forecaster === undefined) return refuse(argumentFault("missing-field", "--models", "--blend takes the last of --models."));
  const { trainingWindows, quantiles, horizons } = options.value;
  const ages = horizons.filter((age) => age <= forecastWindows.value);
  const rules: readonly BlendRule[] = [
    { kind: "by-age" },
    ...weightsShown.map((weight) => ({ kind: "weighted" as const, weight })),
    { kind: "larger" },
  ];
  const reports: BlendReport[] = [];
  for (const quantile of quantiles) {
    const steps = backtestBlend(history, { forecaster, trainingWindows, forecastWindows: forecastWindows.value, ages, rules, quantile });
    const onProgress = (fraction: number): void => terminal.progress(`test ${quantile}`, fraction);
    const rows: Result<readonly BlendBacktestRow[]> = await runSteps(steps, { what: "The backtest", signal, nowMs, onProgress });
    if (!rows.ok) return rows;
    reports.push({ quantile, forecaster: forecaster.name, forecastWindows: forecastWindows.value, stepMs, rows: rows.value });
  }
  return ok({
    notes,
    texts: {
      json: () => jsonText({ kind: "blend-backtest", formatVersion: 1, reports, notes }),
      markdown: () => blendMarkdown(reports),
      table: () => blendText(reports, terminal.colors),
    },
  });
}

async function runBacktest(flags: ForecastBacktestFlags, context: CommandContext): Promise<Result<Tested>> {
  const { terminal, signal, nowMs } = context;
  terminal.progress("read");
  const input = await readInput(flags, context);
  if (!input.ok) return input;
  const { history, notes } = input.value;
  const options = optionsOf(flags, history);
  if (!options.ok) return options;
  const tested: Result<BacktestReport> = await runSteps(backtest(history, options.value), {
    what: "The backtest",
    signal,
    nowMs,
    onProgress: (fraction) => terminal.progress("test", fraction),
  });
  if (!tested.ok) return tested;
  const report = tested.value;
  return ok({
    notes,
    texts: {
      json: () => jsonText({ kind: "forecast-backtest", formatVersion: 1, ...report, notes }),
      markdown: () => backtestMarkdown(report),
      table: () => backtestText(report, terminal.colors),
    },
  });
}

/** The files named, else the week of Abilene. */
async function readInput(flags: ForecastBacktestFlags, context: CommandContext): Promise<Result<HistoryInput>> {
  const { topology, data, ...rest } = flags;
  if (topology === undefined && flags.demands !== undefined)
    return refuse(argumentFault("missing-field", "--topology", "--demands needs the network that it is of: --topology FILE."));
  if (topology !== undefined && data !== undefined)
    return refuse(argumentFault("not-allowed", "--data", "--data is for the week of Abilene: it does not go with --topology."));
  const files = topology === undefined ? abileneWeek(data) : ok({ ...rest, topology });
  if (!files.ok) return files;
  const read = await readHistoryFile({ start: "1970-01-01T00:00:00Z", ...files.value }, context);
  return read.ok ? inWindows(read.value, flags.window) : read;
}

/** Most horizons of one run. */
const horizonsMax = 50;

function optionsOf(flags: ForecastBacktestFlags, { stepMs }: DemandHistory): Result<BacktestOptions> {
  const trainingWindows = parseWindows(flags.train, "--train", stepMs);
  if (!trainingWindows.ok) return trainingWindows;
  const originStep = parseWindows(flags.every, "--every", stepMs);
  if (!originStep.ok) return originStep;
  const horizons = new Set<number>();
  for (const text of (flags.horizons ?? horizonsDefault).split(",").slice(0, horizonsMax)) {
    const horizon = parseWindows(text, "--horizons", stepMs);
    if (!horizon.ok && flags.horizons === undefined) continue;
    if (!horizon.ok) return horizon;
    horizons.add(horizon.value);
  }
  const forecasters = parseEach(flags.models, (text) => {
    const model = parseOneOf(text, modelNames, "--models");
    return model.ok ? forecasterOf(model.value, stepMs) : model;
  });
  if (!forecasters.ok) return forecasters;
  const quantiles = parseQuantiles(flags.quantiles);
  if (!quantiles.ok) return quantiles;
  return ok({
    forecasters: forecasters.value,
    trainingWindows: trainingWindows.value,
    horizons: [...horizons].sort((a, b) => a - b),
    quantiles: quantiles.value,
    originStep: originStep.value,
  });
}

/** Names parted by commas, each once, in rising order. */
export function parseQuantiles(text: string): Result<readonly QuantileName[]> {
  const named = parseEach(text, (name) => parseOneOf(name, quantileNames, "--quantiles"));
  return named.ok ? ok(quantileNames.filter((name) => named.value.includes(name))) : named;
}

function parseEach<T>(text: string, parse: (part: string) => Result<T>): Result<readonly T[]> {
  const values: T[] = [];
  for (const part of new Set(text.split(",").map((each) => each.trim()))) {
    const parsed = parse(part);
    if (!parsed.ok) return parsed;
    values.push(parsed.value);
  }
  return ok(values);
}
