/** Runs one command line in this process, with the solver in a process of its own, from source. */
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import type { CommandContext } from "../command-context.js";
import { runCommandLine } from "../command-line.js";
import type { ExitCode } from "../exit-code.js";
import type { ChildEntry } from "../child-task.js";
import { openTerminal } from "../terminal.js";

export interface Ran {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** tsx runs the solver process from source, as vitest runs the tests. */
export const sourceSolver: ChildEntry = {
  module: new URL("../solve-child.ts", import.meta.url),
  execArgv: ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href, "--conditions=@sluice/source"],
};

/** The process that looks at failures, likewise. */
const sourceFailures: ChildEntry = { ...sourceSolver, module: new URL("../failures/failures-child.ts", import.meta.url) };
/** The process that seeks the smallest change, likewise. */
const sourceChange: ChildEntry = { ...sourceSolver, module: new URL("../explain/change-child.ts", import.meta.url) };
/** The process of one instance of the benchmark, likewise. */
const sourceBench: ChildEntry = { ...sourceSolver, module: new URL("../bench/bench-child.ts", import.meta.url) };

export async function run(
  argv: readonly string[],
  more: {
    readonly solver?: ChildEntry;
    readonly bench?: ChildEntry;
    readonly signal?: AbortSignal;
    readonly env?: Readonly<Record<string, string>>;
    readonly ask?: CommandContext["ask"];
  } = {},
): Promise<Ran> {
  const stdout = new Capture();
  const stderr = new Capture();
  const code = await runCommandLine(
    argv,
    (flags) => ({
      terminal: openTerminal({ stdout, stderr, env: more.env ?? {} }, flags),
      solver: more.solver ?? sourceSolver,
      failures: sourceFailures,
      change: sourceChange,
      bench: more.bench ?? sourceBench,
      signal: more.signal ?? new AbortController().signal,
      nowMs: () => performance.now(),
      env: more.env ?? process.env,
      ask: more.ask,
    }),
    "0.0.0-test",
  );
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class Capture extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}
