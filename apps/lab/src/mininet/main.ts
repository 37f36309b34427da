/** The composition root of the lab on Mininet: `npm run lab`. */
import { existsSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { exitCode, exitCodeOf, openTerminal, readSeriesOrMatrix, refusalLines, type ExitCode, type Terminal } from "sluice";
import { scaleNetwork } from "@sluice/formats";
import { checkDemandEnds, matrixAt, ok, type Faults } from "@sluice/model";
import { askLab, serveControl } from "./control-socket.js";
import { runCommand } from "./lab-command.js";
import { labMissing } from "./lab-missing.js";
import { bringUp } from "./mininet-lab.js";
import { parseMininetOptions, type UpOptions } from "./options.js";
import { claimStateDirectory, removeStateDirectory, waitForEnd } from "./state-directory.js";

const controllerEntry = new URL("../../../controller/dist/main.js", import.meta.url);
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort());
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => interruption.abort());

function refused(terminal: Terminal, faults: Faults): ExitCode {
  if (faults[0].code === "cancelled") return exitCode.interrupted;
  for (const line of refusalLines(faults, terminal)) terminal.tell(line);
  return faults[0].code === "unavailable" || faults[0].code === "deadline-exceeded" ? exitCode.verdictFailed : exitCodeOf(faults[0]);
}

async function main(): Promise<ExitCode> {
  const terminal = openTerminal({ stdout: process.stdout, stderr: process.stderr, env: process.env });
  const parsed = parseMininetOptions(process.argv.slice(2));
  if (!parsed.ok) return refused(terminal, parsed.faults);
  const command = parsed.value;
  switch (command.kind) {
    case "help":
      await terminal.write(command.text);
      return exitCode.ok;
    case "ask": {
      const code = await askLab(command.stateDir, command.argv, (line) => void process.stdout.write(`${line}\n`));
      if (!code.ok) return refused(terminal, code.faults);
      // What comes next may be another lab.
      const ended = command.argv[0] === "down" ? await waitForEnd(command.stateDir) : ok(undefined);
      if (!ended.ok) return refused(terminal, ended.faults);
      return code.value === 0 ? exitCode.ok : exitCode.verdictFailed;
    }
    case "up":
      return up(command.up, command.stateDir, terminal);
  }
}

async function up(options: UpOptions, stateDir: string, terminal: Terminal): Promise<ExitCode> {
  const missing = labMissing();
  if (missing !== undefined) {
    terminal.tell(`sluice: the lab cannot run here: ${missing}.`);
    return exitCode.verdictFailed;
  }
  if (!existsSync(controllerEntry)) {
    terminal.tell(`sluice: ${fileURLToPath(controllerEntry)} is not there: run npm run setup, or npm run lab.`);
    return exitCode.internal;
  }
  const read = await readSeriesOrMatrix(options.network);
  if (!read.ok) return refused(terminal, read.faults);
  const { topology } = read.value.network;
  const matrix = read.value.matrices.kind === "demand-matrix" ? read.value.matrices : matrixAt(read.value.matrices, options.interval);
  const ends = checkDemandEnds(topology, matrix);
  if (!ends.ok) return refused(terminal, ends.faults);
  const scaled = scaleNetwork(topology, matrix, options.linkBpsMax);
  if (!scaled.ok) return refused(terminal, scaled.faults);
  const claimed = await claimStateDirectory(stateDir);
  if (!claimed.ok) return refused(terminal, claimed.faults);

  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const { signal } = interruption;
  const endings: (() => Promise<void>)[] = [async () => removeStateDirectory(stateDir)];
  try {
    say(`${topology.name}: capacities and demands are divided by ${scaled.value.factor.toFixed(3)}.`);
    const { bfdIntervalMs } = options;
    const timing = { nowMs: () => performance.now(), ...(bfdIntervalMs === undefined ? {} : { bfdIntervalMs }) };
    const parts = { scaled: scaled.value, stateDir, controllerEntry, signal, tell: say, ...timing };
    const lab = await bringUp(parts, endings);
    if (!lab.ok) return refused(terminal, lab.faults);
    const end = (): void => interruption.abort();
    endings.push(await serveControl(stateDir, (argv, reply) => runCommand(argv, { lab: lab.value, say: reply, end })));
    say("The lab is up. Ctrl-C, or npm run lab -- down, ends it.");
    const failed = lab.value.failed.then((how) => `The network is gone: ${how}.`);
    const aborted = new Promise<undefined>((resolve) => {
      if (signal.aborted) resolve(undefined);
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    const why = await Promise.race([failed, aborted]);
    if (why === undefined) return exitCode.ok;
    terminal.tell(`sluice: ${why}`);
    return exitCode.verdictFailed;
  } finally {
    for (const end of endings.toReversed()) await end();
    say("The lab is down.");
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(
    `sluice: this is a bug, please report it.\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = exitCode.internal;
}
