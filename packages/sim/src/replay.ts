/**
 * Plays seeds and prints what happened:
 *
 *     npm run sim -- SEED [FROM-TO ...] [operators] [contest] ['-WHAT' ...] [shrink]
 *
 * `-WHAT` leaves something out of the storm, as a failure that was made small says; `shrink` makes failures small.
 */
import { shrink } from "./shrink.js";
import { runWorld, SeedFailed } from "./world.js";

const words = process.argv.slice(2);
const seeds = words.filter((word) => /^\d+(-\d+)?$/.test(word));
const without = new Set(words.filter((word) => word.startsWith("-")).map((word) => word.slice(1)));
const unknown = words.filter(
  (word) => !seeds.includes(word) && !word.startsWith("-") && !["operators", "contest", "shrink"].includes(word),
);
if (seeds.length === 0 || unknown.length > 0) {
  console.error(
    `${unknown.length > 0 ? `What is ${unknown.join(" ")}? ` : ""}Give seeds: npm run sim -- 97 4000-4100 [operators] [contest] [shrink]`,
  );
  process.exit(2);
}
const options = { operators: words.includes("operators"), contest: words.includes("contest") };
for (const text of seeds) {
  const [first = Number.NaN, last = first] = text.split("-").map(Number);
  for (let seed = first; seed <= last; seed += 1) {
    const startedMs = performance.now();
    try {
      const outcome = await runWorld(seed, {}, { ...options, without });
      console.log(JSON.stringify({ ...outcome, wallMs: Math.round(performance.now() - startedMs) }));
    } catch (cause) {
      if (!(cause instanceof SeedFailed)) throw cause;
      process.exitCode = 1;
      const shrunk = words.includes("shrink") ? await shrink(seed, options) : undefined;
      console.log((shrunk?.failure ?? cause).message);
      if (shrunk !== undefined)
        console.log(`made small in ${shrunk.tries} tries; what is left of the storm: ${shrunk.failure.happened.join(", ") || "nothing"}`);
    }
  }
}
