/**
 * Runs the fuzz over a range of seeds and prints what did not agree, each with the options that replay it:
 *
 *   npx tsx --conditions=@sluice/source packages/mcf/src/testing/fuzz-run.ts --engine first-order --seeds 1-2000
 *     --engine NAME     first-order (default), interior-point, both, or highs, against itself
 *     --gap 1e-6        the gap to reach (default 1e-4 for first-order, else 1e-6)
 *     --seconds 10      time limit of a solve; an engine that takes three times as long is killed, and counts as hung
 *     --size medium     of the networks (default small)
 *     --shrink 20       look for a smaller program with the same outcome, at most so many seconds a seed
 *
 * Seeds are tried in a child process, for nothing else ends an engine that never returns.
 */
import { fork, type ChildProcess } from "node:child_process";
import { parseArgs } from "node:util";
import { interiorPoint } from "../interior-point/interior-point.js";
import { firstOrder } from "../first-order/first-order.js";
import type { FlowEngine } from "../flow-program.js";
import { solveFlow } from "../solve-flow.js";
import { fuzz, fuzzProgram, shrunk, writtenProgram, type FuzzOptions, type FuzzVerdict } from "./fuzz.js";
import { highsEngine } from "./highs-engine.js";
import type { ProgramSize } from "./random-program.js";

/** Beside "highs". */
const engines: Readonly<Record<string, FlowEngine>> = { "first-order": firstOrder, "interior-point": interiorPoint, both: solveFlow };

const { values } = parseArgs({
  options: {
    engine: { type: "string", default: "first-order" },
    seeds: { type: "string", default: "1-2000" },
    gap: { type: "string" },
    seconds: { type: "string", default: "10" },
    size: { type: "string", default: "small" },
    shrink: { type: "string" },
  },
});
const own = engines[values.engine];
if (own === undefined && values.engine !== "highs") throw new Error(`--engine is highs or one of ${Object.keys(engines).join(", ")}`);
const gap = Number(values.gap ?? (values.engine === "first-order" ? 1e-4 : 1e-6));
const seconds = Number(values.seconds);
const size = sizeOf(values.size);
const [firstSeed = 1, lastSeed = firstSeed] = values.seeds.split("-").map(Number);
/** Beside three times the limit: for starting the child, and for HiGHS. */
const graceSeconds = 10;

/** What a child says of a seed. */
interface Told extends Pick<FuzzVerdict, "outcome" | "gap" | "iterations" | "ms"> {
  readonly seed: number;
  readonly kind: string;
  readonly text: readonly string[];
}

if (process.send === undefined) await superviseAll();
else await tryAll((told) => process.send?.(told));

async function tryAll(tell: (told: Told) => void): Promise<void> {
  const highs = await highsEngine();
  const options: FuzzOptions = { engine: own ?? highs, highs, gap, timeLimitSeconds: seconds, nowMs: () => performance.now(), size };
  for (let seed = firstSeed; seed <= lastSeed; seed++) {
    const verdict = await fuzz(seed, options);
    const { outcome, iterations, ms, why } = verdict;
    const text = outcome === "agreed" ? [] : [why];
    tell({ seed, kind: kindOf(seed), outcome, gap: verdict.gap, iterations, ms, text });
    if (outcome === "agreed" || values.shrink === undefined) continue;
    const least = await shrunk(verdict, options, 1000 * Number(values.shrink));
    console.log(`seed ${seed} at the least: ${least.why}\n  ${JSON.stringify(writtenProgram(least.program))}`);
  }
  process.disconnect?.();
}

async function superviseAll(): Promise<void> {
  const all: Told[] = [];
  for (let seed = firstSeed; seed <= lastSeed; seed = firstSeed + all.length) {
    const ended = await superviseFrom(seed, (told) => {
      all.push(told);
      if (told.outcome !== "agreed") print(told);
    });
    if (ended === "done") break;
    const lost = firstSeed + all.length;
    const text = [ended === "hung" ? "It does not return." : "Its process died."];
    const told: Told = { seed: lost, kind: kindOf(lost), outcome: "wrong", gap: Number.NaN, iterations: 0, ms: 0, text };
    all.push(told);
    print(told);
  }
  summarize(all);
  process.exitCode = all.some(({ outcome }) => outcome === "wrong") ? 1 : 0;
}

/** Forks a child for the seeds from one on; resolves when it is done, died, or was killed because it said nothing for too long. */
function superviseFrom(seed: number, hear: (told: Told) => void): Promise<"done" | "died" | "hung"> {
  return new Promise((resolve) => {
    const more = ["--engine", values.engine, "--gap", String(gap), "--seconds", values.seconds, "--size", size];
    const shrink = values.shrink === undefined ? [] : ["--shrink", values.shrink];
    const child: ChildProcess = fork(import.meta.filename, ["--seeds", `${seed}-${lastSeed}`, ...more, ...shrink]);
    const patienceMs = 1000 * (3 * seconds + graceSeconds + 2 * Number(values.shrink ?? 0));
    const kill = (): void => void child.kill("SIGKILL");
    let timer = setTimeout(kill, patienceMs);
    child.on("message", (told: Told) => {
      clearTimeout(timer);
      timer = setTimeout(kill, patienceMs);
      hear(told);
    });
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      resolve(code === 0 ? "done" : signal === "SIGKILL" ? "hung" : "died");
    });
  });
}

function print({ seed, kind, outcome, text }: Told): void {
  console.log(`${outcome}: seed ${seed} (${kind}): ${text.join(" ")}`);
  console.log(`  --engine ${values.engine} --gap ${gap} --seconds ${seconds} --size ${size} --shrink 20 --seeds ${seed}`);
}

function summarize(all: readonly Told[]): void {
  const count = (outcome: FuzzVerdict["outcome"], within = all): number => within.filter((told) => told.outcome === outcome).length;
  const last = (figure: (told: Told) => number, of: readonly Told[]): Told | undefined =>
    of.filter((told) => !Number.isNaN(figure(told))).sort((a, b) => figure(a) - figure(b))[of.length - 1];
  for (const kind of [...new Set(all.map((told) => told.kind))].sort()) {
    const within = all.filter((told) => told.kind === kind);
    console.log(`${kind}: ${count("agreed", within)} agreed, ${count("unsolved", within)} unsolved, ${count("wrong", within)} wrong`);
  }
  const agreed = all.filter(({ outcome }) => outcome === "agreed");
  const loosest = last((told) => told.gap, agreed);
  const slowest = last((told) => told.ms, all);
  console.log(
    `${values.engine} at ${gap}: ${agreed.length} agreed, ${count("unsolved")} unsolved, ${count("wrong")} wrong of ${all.length}; ` +
      `worst gap of those agreed ${loosest?.gap} (seed ${loosest?.seed}); ${(all.reduce((sum, { ms }) => sum + ms, 0) / 1000).toFixed(1)} s, ` +
      `at most ${slowest?.ms.toFixed(0)} ms (seed ${slowest?.seed}, ${slowest?.iterations} iterations)`,
  );
}

function kindOf(seed: number): string {
  const { limit, pathCost, problem } = fuzzProgram(seed, size);
  const costs = pathCost === undefined ? "" : " with costs";
  return `${limit}${costs}, ${seed % 2 === 1 ? "tame" : "any"} figures${problem.pathCount === 0 ? ", no path" : ""}`;
}

function sizeOf(text: string): ProgramSize {
  if (text !== "small" && text !== "medium") throw new Error("--size is small or medium");
  return text;
}
