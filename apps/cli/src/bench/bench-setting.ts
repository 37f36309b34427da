/** The flags of `sluice bench`, admitted. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { peerBenchFolder } from "@sluice/mcf/peer-bench";
import { fault, ok, refuse, type Result } from "@sluice/model";
import { parseNumber, parseOneOf, parseWhole } from "../argument.js";
import { argumentFault } from "../refusal.js";
import { benchObjectives, engineNames, tunnelSources } from "./bench-message.js";
import type { BenchSettings } from "./bench-report.js";

export interface BenchFlags {
  readonly data?: string;
  readonly objective: string;
  readonly gap?: string;
  readonly exact?: boolean;
  readonly engine: string;
  readonly tunnels: string;
  readonly highs?: boolean;
  readonly threads?: string;
  readonly repeat: string;
  readonly timeLimit: string;
  readonly warmUp: string;
}

/** The wanted gap, relative, unless said otherwise; and with `--exact`. */
const gapDefault = 1e-3;
const gapExact = 1e-6;
/** Below this, rounding in the sums decides. */
const gapLeast = 1e-9;
const threadsMost = 64;
const repeatMost = 1000;
/** Seconds. */
const timeLimitMost = 86_400;
const warmUpMost = 60;

/** Faults name the option. */
export function benchSettings(flags: BenchFlags): Result<BenchSettings> {
  const objective = parseOneOf(flags.objective, benchObjectives, "--objective");
  if (!objective.ok) return objective;
  const engine = parseOneOf(flags.engine, engineNames, "--engine");
  if (!engine.ok) return engine;
  const tunnels = parseOneOf(flags.tunnels, tunnelSources, "--tunnels");
  if (!tunnels.ok) return tunnels;
  const gap =
    flags.gap === undefined
      ? ok(flags.exact === true ? gapExact : gapDefault)
      : parseNumber(flags.gap, "--gap", { above: gapLeast, most: 1 });
  if (!gap.ok) return gap;
  const threads = flags.threads === undefined ? ok(null) : parseWhole(flags.threads, "--threads", { least: 1, most: threadsMost });
  if (!threads.ok) return threads;
  if (threads.value !== null && engine.value !== "first-order") {
    return refuse(argumentFault("not-allowed", "--threads", "--threads is for --engine first-order: the others choose for themselves."));
  }
  const repeat = parseWhole(flags.repeat, "--repeat", { least: 1, most: repeatMost });
  if (!repeat.ok) return repeat;
  const timeLimit = parseNumber(flags.timeLimit, "--time-limit", { above: 0, most: timeLimitMost });
  if (!timeLimit.ok) return timeLimit;
  const warmUp = parseWhole(flags.warmUp, "--warm-up", { least: 0, most: warmUpMost });
  if (!warmUp.ok) return warmUp;
  const highs = flags.highs === true;
  if (highs && tunnels.value === "own") {
    return refuse(argumentFault("not-allowed", "--highs", "--highs compares on the given path set: it does not go with --tunnels own."));
  }
  return ok({
    objective: objective.value,
    gap: gap.value,
    engine: engine.value,
    tunnels: tunnels.value,
    threads: threads.value,
    repeat: repeat.value,
    timeLimitSeconds: timeLimit.value,
    warmUpSeconds: warmUp.value,
    highs,
  });
}

/** The benchmark's folder: `--data` itself or its sub-folder peer-bench, else where the shared data are. Fault: `not-found`. */
export function benchFolder(data: string | undefined): Result<string> {
  const folders = data === undefined ? [peerBenchFolder()] : [join(data, "peer-bench"), data];
  const folder = folders.find((each) => existsSync(join(each, "instances.json")));
  if (folder !== undefined) return ok(folder);
  return refuse(
    fault(
      "not-found",
      `There is no peer benchmark: ${folders.map((each) => join(each, "instances.json")).join(" and ")} ${folders.length === 1 ? "is" : "are"} not there. Set SLUICE_DATA to the folder of shared data, or name it with --data.`,
      { pointer: "--data" },
    ),
  );
}
