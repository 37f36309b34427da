/** The composition root of `sluice`: streams, signals and the exit code. */
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { runCommandLine } from "./command-line.js";
import { exitCode, type ExitCode } from "./exit-code.js";
import { askPerson } from "./operator/question.js";
import { isReaderGone, openTerminal } from "./terminal.js";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { readonly version: string };
const interruption = new AbortController();
let interrupted: ExitCode | undefined;

for (const [signal, code] of [
  ["SIGINT", exitCode.interrupted],
  ["SIGTERM", exitCode.terminated],
] as const) {
  process.on(signal, () => {
    // A second Ctrl-C does not wait for anything.
    if (interrupted !== undefined) process.exit(code);
    interrupted = code;
    interruption.abort();
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: Error) => {
    if (!isReaderGone(error)) throw error;
  });
}

try {
  const code = await runCommandLine(
    process.argv.slice(2),
    (flags) => ({
      terminal: openTerminal({ stdout: process.stdout, stderr: process.stderr, env: process.env }, flags),
      solver: { module: new URL("./solve-child.js", import.meta.url), execArgv: process.execArgv },
      failures: { module: new URL("./failures/failures-child.js", import.meta.url), execArgv: process.execArgv },
      change: { module: new URL("./explain/change-child.js", import.meta.url), execArgv: process.execArgv },
      bench: { module: new URL("./bench/bench-child.js", import.meta.url), execArgv: process.execArgv },
      signal: interruption.signal,
      nowMs: () => performance.now(),
      env: process.env,
      ask: process.stdin.isTTY && process.stderr.isTTY ? (question) => askPerson(question, interruption.signal) : undefined,
    }),
    version,
  );
  process.exitCode = interrupted ?? code;
} catch (error) {
  process.stderr.write(
    `sluice: this is a bug, please report it with the command line and its files.\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = exitCode.internal;
}
