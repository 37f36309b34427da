/**
 * Property tests draw the same cases in every run: a change is judged by what it changes, not by the day's luck.
 * `SLUICE_PROPERTY_SEED=random npm test` explores others; a failure prints its seed, which the same variable replays.
 */
import fc from "fast-check";

const asked = process.env["SLUICE_PROPERTY_SEED"] ?? "1";
if (asked !== "random") {
  const seed = Number(asked);
  if (!Number.isInteger(seed)) throw new Error(`SLUICE_PROPERTY_SEED is a whole number or "random", not ${JSON.stringify(asked)}.`);
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
}
