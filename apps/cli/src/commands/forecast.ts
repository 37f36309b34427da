/** `sluice forecast`: what demand will be, from what was measured. Made to be run by cron: one run, one batch, an exit code. */
import { forecastDemands, inLongerWindows, type DemandHistory, type Forecast, type ForecastNote } from "@sluice/forecast";
import { ok, refuse, type Result } from "@sluice/model";
import { parseOneOf } from "../argument.js";
import { jsonText, outputKinds, refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { forecastRows, rowCount } from "../forecast/forecast-rows.js";
import { forecastSetting, type ForecastFlags, type ForecastSetting } from "../forecast/forecast-setting.js";
import { parseInstant, readHistoryFile } from "../forecast/history-file.js";
import { measuredHistory } from "../forecast/measured-history.js";
import type { Retrying } from "../forecast/retry.js";
import { parseSpan, spanText } from "../forecast/span.js";
import { runSteps } from "../forecast/steps.js";
import type { Upload } from "../forecast/upload-batch.js";
import { uploadForecast } from "../forecast/upload-forecast.js";
import type { ControllerClient } from "../operator/controller-client.js";
import { openClient, refusedByController, type ControllerFlags } from "../operator/with-controller.js";
import { writeWhole } from "../input-file.js";
import type { FileNote, NetworkFlags } from "../network-input.js";
import { argumentFault } from "../refusal.js";
import { noteLines } from "../solve-table.js";

export interface ForecastCommandFlags extends Omit<NetworkFlags, "topology">, ForecastFlags, Omit<ControllerFlags, "output"> {
  readonly upload?: boolean;
  readonly retryPause: string;
  readonly history: string;
  /** The time that is taken for now, RFC 3339. */
  readonly now?: string;
  readonly topology?: string;
  readonly step?: string;
  readonly start?: string;
  readonly out?: string;
  readonly output: string;
}

interface Made {
  readonly forecast: Forecast;
  readonly historyWindows: number;
  readonly notes: readonly FileNote[];
}

export async function forecastCommand(flags: ForecastCommandFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const output = parseOneOf(flags.output, outputKinds, "--output");
  if (!output.ok) return refused(context, output.faults);
  const setting = forecastSetting(flags);
  if (!setting.ok) return refused(context, setting.faults);
  const client = await clientOf(flags, context);
  if (!client.ok) return refused(context, client.faults);
  const pause = parseSpan(flags.retryPause, "--retry-pause");
  if (!pause.ok) return refused(context, pause.faults);
  const retrying: Retrying = {
    signal: context.signal,
    pauseMs: pause.value,
    onRetry: (message) => terminal.tell(`sluice: ${message}`),
  };
  const made = await makeForecast(flags, { setting: setting.value, client: client.value, retrying }, context);
  if (!made.ok) return refusedByController(context, made.faults);
  const { forecast, notes } = made.value;
  terminal.settle();
  for (const line of noteLines([...notes, ...forecastNotes(forecast.notes)], terminal.errorColors)) terminal.tell(line);

  const toStdout = flags.out === "-" || (flags.out === undefined && flags.upload !== true);
  if (toStdout) {
    for (const piece of forecastRows(forecast, setting.value.format)) await terminal.write(piece);
  } else if (flags.out !== undefined) {
    const written = await writeWhole(flags.out, [...forecastRows(forecast, setting.value.format)].join(""), "--out");
    if (!written.ok) return refused(context, written.faults);
  }
  if (flags.upload !== true || client.value === undefined) {
    if (!toStdout) await terminal.write(summaryText(made.value, undefined, output.value));
    return exitCode.ok;
  }
  const uploaded = await uploadForecast(client.value, forecast, {
    ...retrying,
    onProgress: (stage, fraction) => terminal.progress(stage, fraction),
  });
  terminal.settle();
  if (!uploaded.ok) return refusedByController(context, uploaded.faults);
  if (!toStdout) await terminal.write(summaryText(made.value, uploaded.value, output.value));
  if (uploaded.value.batch.state !== "quarantined") return exitCode.ok;
  terminal.tell(
    `sluice: ${uploaded.value.batch.windowsQuarantined} of ${uploaded.value.batch.windows} windows are quarantined: they are unlike anything that was measured, and are not planned for.`,
  );
  return exitCode.verdictFailed;
}

async function clientOf(flags: ForecastCommandFlags, context: CommandContext): Promise<Result<ControllerClient | undefined>> {
  const { controller, context: named, topology, demands, upload } = flags;
  if (controller === undefined && named === undefined) {
    if (upload === true)
      return refuse(argumentFault("missing-field", "--controller", "--upload needs the controller that it goes to: --controller URL."));
    if (topology === undefined)
      return refuse(
        argumentFault(
          "missing-field",
          "--controller",
          "forecast needs what was measured: from a controller (--controller URL), or as --topology FILE --demands FILE.",
        ),
      );
    return ok(undefined);
  }
  if (demands !== undefined && topology === undefined)
    return refuse(argumentFault("missing-field", "--topology", "--demands needs the network that it is of: --topology FILE."));
  if (upload === true && topology !== undefined && flags.start === undefined)
    return refuse(
      argumentFault("missing-field", "--start", "A forecast that is uploaded needs to know when its history was: --start TIME."),
    );
  // What failed is tried again here (--retry-pause), not by the client.
  return openClient(flags, context, []);
}

/** What the flags come to. */
interface Asked {
  readonly setting: ForecastSetting;
  readonly client: ControllerClient | undefined;
  readonly retrying: Retrying;
}

async function makeForecast(flags: ForecastCommandFlags, asked: Asked, context: CommandContext): Promise<Result<Made>> {
  const { terminal, signal, nowMs } = context;
  terminal.progress("read history");
  const read = await readHistory(flags, asked, context);
  if (!read.ok) return read;
  const { history, notes } = read.value;
  const { forecasters, windows, quantiles } = asked.setting;
  const steps = forecastDemands(history, { forecasters, windows, quantiles });
  const onProgress = (fraction: number): void => terminal.progress("forecast", fraction);
  const forecast = await runSteps(steps, { what: "The forecast", signal, nowMs, onProgress });
  return forecast.ok ? ok({ forecast: forecast.value, historyWindows: history.windows, notes }) : forecast;
}

interface Read {
  readonly history: DemandHistory;
  readonly notes: readonly FileNote[];
}

/** In windows of the forecast's length. From files where they are named, else from the controller. */
async function readHistory(flags: ForecastCommandFlags, asked: Asked, context: CommandContext): Promise<Result<Read>> {
  const { client, retrying } = asked;
  const { windowMs } = asked.setting;
  const { topology } = flags;
  if (topology !== undefined) {
    const read = await readHistoryFile({ ...flags, topology }, context);
    if (!read.ok) return read;
    const { history, notes } = read.value;
    const factor = windowMs / history.stepMs;
    if (Number.isInteger(factor)) return ok({ history: inLongerWindows(history, factor), notes });
    return refuse(
      argumentFault(
        "out-of-range",
        "--window",
        `--window must be a whole number of the history's windows, which have ${spanText(history.stepMs)}.`,
      ),
    );
  }
  if (client === undefined) return refuse(argumentFault("missing-field", "--controller", "There is no controller to read from."));
  const span = parseSpan(flags.history, "--history");
  if (!span.ok) return span;
  const now = flags.now === undefined ? ok(Date.now()) : parseInstant(flags.now, "--now");
  if (!now.ok) return now;
  // The window that is under way is measured in part only: it ends before.
  const toMs = Math.floor(now.value / windowMs) * windowMs;
  const fromMs = Math.max(0, Math.ceil((toMs - span.value) / windowMs) * windowMs);
  const history = await measuredHistory(client, { fromMs, toMs, stepMs: windowMs }, retrying);
  return history.ok ? ok({ history: history.value, notes: [] }) : history;
}

function forecastNotes(notes: readonly ForecastNote[]): readonly FileNote[] {
  const kinds = { missing: "ignored", fallback: "inferred", "left-out": "ignored" } as const;
  return notes.map(({ kind, what, count, example }) => ({
    file: "history",
    kind: kinds[kind],
    what,
    count,
    ...(example === undefined ? {} : { example }),
  }));
}

/** For people, or as JSON: what was made, and what the controller says of it. */
function summaryText(
  { forecast, historyWindows, notes }: Made,
  uploaded: Upload | undefined,
  output: (typeof outputKinds)[number],
): string {
  const { windows, stepMs, groups, quantiles, startMs } = forecast;
  const start = new Date(startMs).toISOString();
  const end = new Date(startMs + windows * stepMs).toISOString();
  const batch = uploaded?.batch;
  if (output === "json")
    return jsonText({
      kind: "forecast-summary",
      formatVersion: 1,
      start,
      end,
      windows,
      windowSeconds: stepMs / 1000,
      historyWindows,
      flowGroups: groups.length,
      quantiles,
      rows: rowCount(forecast),
      ...(batch === undefined ? {} : { batch, repeated: uploaded?.repeated }),
      notes: [...notes, ...forecastNotes(forecast.notes)],
    });
  const lines = [
    `${rowCount(forecast)} rows: ${groups.length} flow groups, ${windows} windows of ${spanText(stepMs)} from ${start}, ${quantiles.join(", ")}; from ${historyWindows} windows measured`,
    ...(batch === undefined
      ? []
      : [`batch ${batch.batchId}: ${batch.state}${uploaded?.repeated === true ? " (the controller had it already)" : ""}`]),
  ];
  return `${lines.join("\n")}\n`;
}
