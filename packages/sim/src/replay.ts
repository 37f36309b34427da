/** Plays seeds and prints what happened: `tsx --conditions=@sluice/source packages/sim/src/replay.ts SEED [SEED ...] [operators] [contest]`. */
import { runWorld } from "./world.js";

const operators = process.argv.includes("operators");
const contest = process.argv.includes("contest");
for (const text of process.argv.slice(2).filter((each) => each !== "operators" && each !== "contest")) {
  const [first = Number.NaN, last = first] = text.split("-").map(Number);
  for (let seed = first; seed <= last; seed += 1) {
    const startedMs = performance.now();
    try {
      const outcome = await runWorld(seed, {}, { operators, contest });
      console.log(JSON.stringify({ ...outcome, wallMs: Math.round(performance.now() - startedMs) }));
    } catch (cause) {
      console.log(cause instanceof Error ? cause.message : cause);
      process.exitCode = 1;
    }
  }
}
