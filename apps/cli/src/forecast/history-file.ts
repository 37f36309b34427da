/** Measured history from files: a series of any format that demands come in. */
import { dirname, join } from "node:path";
import { existsSync } from "node:fs";
import { historyOfSeries, inLongerWindows, type DemandHistory } from "@sluice/forecast";
import { peerBenchFolder } from "@sluice/mcf/peer-bench";
import { fault, ok, refuse, type Result } from "@sluice/model";
import type { ReadLimits } from "../input-file.js";
import { readSeriesOrMatrix, type FileNote, type NetworkFlags } from "../network-input.js";
import { argumentFault, inFile } from "../refusal.js";
import { parseSpan, parseWindows } from "./span.js";

export interface HistoryFileFlags extends NetworkFlags {
  /** Interval of a series that does not say. */
  readonly step?: string;
  /** Start of the first interval, RFC 3339. */
  readonly start?: string;
}

export interface HistoryInput {
  readonly history: DemandHistory;
  readonly notes: readonly FileNote[];
}

/** Faults: those of the readers; `missing-field` where the file has one matrix only. */
export async function readHistoryFile(flags: HistoryFileFlags, limits: ReadLimits): Promise<Result<HistoryInput>> {
  const start = parseInstant(flags.start ?? "1970-01-01T00:00:00Z", "--start");
  if (!start.ok) return start;
  const step = flags.step === undefined ? ok(undefined) : parseSpan(flags.step, "--step");
  if (!step.ok) return step;
  const read = await readSeriesOrMatrix(flags, limits);
  if (!read.ok) return read;
  const { matrices, network } = read.value;
  const file = flags.demands ?? flags.topology;
  if (matrices.kind === "demand-matrix")
    return inFile(file, refuse(fault("missing-field", "There is one matrix only: a forecast needs a series of them.")));
  const series = step.value === undefined ? matrices : { ...matrices, intervalSeconds: step.value / 1000 };
  const history = inFile(file, historyOfSeries(series, start.value));
  if (!history.ok) return history;
  const notes = network.notes.filter(({ what }) => step.value === undefined || !what.startsWith("interval not stated"));
  const told: FileNote = { kind: "defaulted", what: "start not stated: 1970-01-01T00:00:00Z", count: 1, file };
  return ok({ history: history.value, notes: flags.start === undefined ? [...notes, told] : notes });
}

/** `--window`: the history in longer windows. */
export function inWindows({ history, notes }: HistoryInput, window: string | undefined): Result<HistoryInput> {
  if (window === undefined) return ok({ history, notes });
  const factor = parseWindows(window, "--window", history.stepMs);
  return factor.ok ? ok({ history: inLongerWindows(history, factor.value), notes }) : factor;
}

/** RFC 3339 with an offset, ms since 1970. */
export function parseInstant(text: string, option: string): Result<number> {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(ms) && ms >= 0) return ok(ms);
  return refuse(
    argumentFault("malformed", option, `${option} takes a time such as 2026-03-01T00:00:00Z, from 1970 on, not ${JSON.stringify(text)}.`),
  );
}

/** The measured week of Abilene in the shared data: where it is, and what its file does not say. Fault: `not-found`. */
export function abileneWeek(data: string | undefined): Result<HistoryFileFlags> {
  const folders = data === undefined ? [join(dirname(peerBenchFolder()), "abilene")] : [join(data, "abilene"), data];
  const folder = folders.find((each) => existsSync(join(each, "week1.txt.gz")));
  if (folder === undefined) {
    return refuse(
      fault(
        "not-found",
        `There is no week of Abilene: ${folders.map((each) => join(each, "week1.txt.gz")).join(" and ")} ${folders.length === 1 ? "is" : "are"} not there. Set SLUICE_DATA to the folder of shared data, or name it with --data; or name other files with --topology and --demands.`,
        { pointer: "--data" },
      ),
    );
  }
  return ok({
    topology: join(folder, "topology.txt"),
    demands: join(folder, "week1.txt.gz"),
    // 100 bytes in 5 minutes.
    rateUnit: `${800 / 300}bps`,
    step: "5min",
    class: "elastic",
  });
}
