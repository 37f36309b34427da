/** Series for tests: their random numbers follow from the seed alone. */

/** Uniform in [0, 1): mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal, by Box and Muller. */
export function normalOf(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export function seriesFrom(length: number, rateAt: (window: number) => number): Float64Array {
  return Float64Array.from({ length }, (_, t) => rateAt(t));
}

/** Level, slope and a season of sine shape, without noise. */
export function regular({ level, slope, swing, period }: { level: number; slope: number; swing: number; period: number }) {
  return (t: number): number => level + slope * t + swing * Math.sin((2 * Math.PI * t) / period);
}

export interface SmoothingModel {
  readonly level: number;
  readonly levelGain: number;
  readonly seasonGain: number;
  readonly season: readonly number[];
  readonly noise: () => number;
}

/** What the additive model itself makes of a noise: each value is the expected one plus noise, which level and season take in. */
export function smoothingSeries(length: number, model: SmoothingModel): Float64Array {
  const { levelGain, seasonGain, noise } = model;
  let { level } = model;
  const season = [...model.season];
  return seriesFrom(length, (t) => {
    const slot = t % season.length;
    const error = noise();
    const value = level + (season[slot] ?? 0) + error;
    level += levelGain * error;
    season[slot] = (season[slot] ?? 0) + seasonGain * (1 - levelGain) * error;
    return value;
  });
}
