/** How a benchmark reports: a table for people on stdout, and all numbers as JSON where asked for. */
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import Table from "cli-table3";

export interface BenchReport {
  readonly bench: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What the figures mean, one sentence each. */
  readonly legend: readonly string[];
  readonly numbers: unknown;
}

export interface ReportOptions {
  readonly json?: string | undefined;
}

export function report(result: BenchReport, options: ReportOptions): void {
  const table = new Table({ head: [...result.head], style: { head: [], border: [] } });
  for (const row of result.rows) table.push([...row]);
  const machine = `${cpus()[0]?.model ?? "unknown processor"}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.versions.node}`;
  process.stdout.write(`${result.bench}: ${machine}\n${table.toString()}\n${result.legend.join("\n")}\n`);
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      `${JSON.stringify({ bench: result.bench, machine, at: new Date().toISOString(), numbers: result.numbers }, null, 2)}\n`,
    );
  }
}
