/** What a scenario found: figures in a table, and for each promise whether it was kept. */
import { cpus, loadavg, release } from "node:os";

export interface Verdict {
  readonly promise: string;
  readonly found: string;
  readonly kept: boolean;
}

export interface Section {
  readonly name: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  readonly verdicts: readonly Verdict[];
  readonly seconds: number;
  /** Processes that wanted to run, mean of the last minute, when it began and when it ended: figures of a busy machine say little. */
  readonly load: readonly [number, number];
}

export interface Report {
  readonly date: string;
  readonly machine: { readonly cpus: number; readonly model: string; readonly kernel: string; readonly node: string };
  readonly network: { readonly name: string; readonly switches: number; readonly cables: number; readonly factor: number };
  readonly sections: readonly Section[];
}

export function machineOf(): Report["machine"] {
  return { cpus: cpus().length, model: cpus()[0]?.model ?? "", kernel: release(), node: process.version };
}

export function loadNow(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = NaN, high = NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}

export function sectionLines(section: Section): readonly string[] {
  const { name, headings, rows, verdicts, seconds, load } = section;
  const lines = [`${name} (${seconds.toFixed(0)} s, load ${load[0]} to ${load[1]})`];
  if (rows.length > 0) {
    const cells = [headings, ...rows.map((row) => row.map(String))];
    lines.push(...tableLines(cells).map((line) => `  ${line}`));
  }
  for (const { promise, found, kept } of verdicts) lines.push(`  ${kept ? "kept  " : "BROKEN"} ${promise}: ${found}`);
  return lines;
}

function tableLines(cells: readonly (readonly string[])[]): readonly string[] {
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
