/** Plays seeds and prints what happened: `tsx --conditions=@sluice/source packages/sim/src/replay.ts SEED [SEED ...] [operators]`. */
import { runWorld } from "./world.js";

const operators = process.argv.includes("operators");
for (const text of process.argv.slice(2).filter((each) => each !== "operators")) {
  const [first = Number.NaN, last = first] = text.split("-").map(Number);
  for (let seed = first; seed <= last; seed += 1) {
    const startedMs = performance.now();
    try {
      const outcome = await runWorld(seed, {}, { operators });
      console.log(JSON.stringify({ ...outcome, wallMs: Math.round(performance.now() - startedMs) }));
    } catch (cause) {
      console.log(cause instanceof Error ? cause.message : cause);
      process.exitCode = 1;
    }
  }
}
