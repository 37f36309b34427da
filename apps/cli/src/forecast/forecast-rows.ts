/** Forecasts and measured history as rows (docs/forecasts.md), CSV or NDJSON. */
import { HistoryDraft, type DemandHistory, type Forecast, type MeasuredRow } from "@sluice/forecast";
import { admit, fault, nodeIdSchema, ok, rateBpsSchema, refuse, trafficClassSchema, type Result } from "@sluice/model";
import { z } from "zod";

export const rowFormats = ["csv", "ndjson"] as const;
export type RowFormat = (typeof rowFormats)[number];

export const rowMediaType: Readonly<Record<RowFormat, string>> = { csv: "text/csv", ndjson: "application/x-ndjson" };

const columns = ["windowStart", "windowSeconds", "src", "dst", "class", "rateBps", "quantile"] as const;

/** Rows in one piece of text. */
const pieceRows = 4_096;

/** How many rows `forecastRows` gives. */
export function rowCount({ windows, groups, quantiles }: Forecast): number {
  return windows * groups.length * quantiles.length;
}

/**
 * A row for each window, flow group and quantile, in pieces; equal forecasts give equal bytes. Rates in whole bps. The first `skipped` rows
 * are left out (in CSV not the header).
 */
export function* forecastRows(forecast: Forecast, format: RowFormat, skipped = 0): Generator<string> {
  const { groups, quantiles, windows, stepMs, startMs, ratesBps } = forecast;
  const windowSeconds = stepMs / 1000;
  let lines: string[] = format === "csv" ? [columns.join(",")] : [];
  let number = 0;
  for (let w = 0; w < windows; w += 1) {
    const windowStart = new Date(startMs + w * stepMs).toISOString();
    for (const [g, { src, dst, trafficClass }] of groups.entries()) {
      for (const [q, quantile] of quantiles.entries()) {
        number += 1;
        if (number <= skipped) continue;
        const rateBps = Math.round(ratesBps[(g * windows + w) * quantiles.length + q] ?? 0);
        lines.push(
          format === "csv"
            ? [windowStart, windowSeconds, cell(src), cell(dst), trafficClass, rateBps, quantile].join(",")
            : JSON.stringify({ windowStart, windowSeconds, src, dst, class: trafficClass, rateBps, quantile }),
        );
        if (lines.length < pieceRows) continue;
        yield `${lines.join("\n")}\n`;
        lines = [];
      }
    }
  }
  if (lines.length > 0) yield `${lines.join("\n")}\n`;
}

/** RFC 4180. */
function cell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const measuredRowSchema = z.object({
  windowStart: z.iso.datetime({ offset: true }),
  src: nodeIdSchema,
  dst: nodeIdSchema,
  class: trafficClassSchema,
  rateBps: rateBpsSchema,
});

/** One line of measured history in NDJSON. */
export function measuredRow(line: string, number: number): Result<MeasuredRow> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return refuse(fault("malformed", `Line ${number} is not well-formed JSON.`, { pointer: `/line/${number}` }));
  }
  const row = admit(measuredRowSchema, value, ["line", number]);
  if (!row.ok) return row;
  const { windowStart, src, dst, rateBps } = row.value;
  return ok({ startMs: Date.parse(windowStart), src, dst, trafficClass: row.value.class, rateBps });
}

/** Gathers NDJSON lines to a history, whatever pieces they come in. */
export class MeasuredLines {
  readonly #draft: HistoryDraft;
  #rest = "";
  #number = 0;

  constructor(stepMs: number) {
    this.#draft = new HistoryDraft(stepMs);
  }

  get rows(): number {
    return this.#draft.rows;
  }

  /** Faults: of the row, with its line. */
  push(text: string): Result<void> {
    const lines = `${this.#rest}${text}`.split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const added = this.#line(line);
      if (!added.ok) return added;
    }
    return ok(undefined);
  }

  /** `untilMs`: when the history ends, whether something was measured by then or not. */
  finish(untilMs?: number): Result<DemandHistory> {
    const last = this.#line(this.#rest);
    this.#rest = "";
    return last.ok ? this.#draft.finish(untilMs) : last;
  }

  #line(line: string): Result<void> {
    this.#number += 1;
    if (line.trim() === "") return ok(undefined);
    const row = measuredRow(line, this.#number);
    return row.ok ? this.#draft.add(row.value) : row;
  }
}
