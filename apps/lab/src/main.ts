/** The composition root of the lab: `npm start`. */
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { existsSync } from "node:fs";
import { exitCode, openTerminal, refusalLines, type ExitCode } from "sluice";
import { parseLabOptions } from "./options.js";
import { runLab } from "./run-lab.js";

const controllerEntry = new URL("../../controller/dist/main.js", import.meta.url);
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // A second Ctrl-C does not wait: the controller ends by itself when this process is gone.
    if (interruption.signal.aborted) process.exit(exitCode.interrupted);
    interruption.abort();
  });
}
for (const stream of [process.stdout, process.stderr]) {
  // Nobody reads any more: there is nobody to show the day to.
  stream.on("error", () => interruption.abort());
}

async function main(): Promise<ExitCode> {
  const parsed = parseLabOptions(process.argv.slice(2));
  const streams = { stdout: process.stdout, stderr: process.stderr, env: process.env };
  const terminal = openTerminal(streams);
  if (!parsed.ok) {
    for (const line of refusalLines(parsed.faults, terminal)) terminal.tell(line);
    return exitCode.badInput;
  }
  if ("help" in parsed.value) {
    await terminal.write(parsed.value.help);
    return exitCode.ok;
  }
  if (!existsSync(controllerEntry)) {
    terminal.tell(`sluice: ${fileURLToPath(controllerEntry)} is not there: run npm run setup, or npm start.`);
    return exitCode.internal;
  }
  return runLab(parsed.value.options, {
    terminal,
    stdout: process.stdout,
    controllerEntry,
    signal: interruption.signal,
    nowMs: () => performance.now(),
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(
    `sluice: this is a bug, please report it.\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = exitCode.internal;
}
