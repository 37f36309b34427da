/**
 * Exponential smoothing with level, trend and season (Holt 1957, Winters 1960; in the error-correction form of Hyndman, Koehler, Snyder,
 * Grose 2002), additive or multiplicative, trend damped where wanted (Gardner, McKenzie 1985).
 *
 *     additive:        e = x - (l + phi b + s)          l' = l + phi b + alpha e      b' = phi b + alpha beta e
 *                      s' = s + gain (1 - alpha) e
 *     multiplicative:  the same with x = (l + phi b) s  and e divided by s for level and trend, by the level for the season
 *
 * Two things differ from the textbook. A slot's gain is never below 1 over the values it has seen, so that a young season is the plain
 * mean of its days: five days leave no room for the memory that a constant gain keeps of its first guess. And a slot of the season may be
 * several windows broad, for the same reason. A missing value moves the level along its trend and teaches nothing.
 */

export const smoothingKinds = ["additive", "multiplicative"] as const;
export type SmoothingKind = (typeof smoothingKinds)[number];

export interface SmoothingParameters {
  /** alpha, 0 to 1. */
  readonly levelGain: number;
  /** beta, 0 to 1, as a share of alpha. */
  readonly trendGain: number;
  /** phi: 1 lets the trend run on, below 1 it levels out, 0 is no trend at all. */
  readonly damping: number;
  /** Least gain of a slot; 0: the mean of all its values. Ignored without a season. */
  readonly seasonGain: number;
  /** Windows of a slot; 0: no season. Divides the period. */
  readonly slotWindows: number;
}

/** Slots of a multiplicative season stay within these factors of the level: a night of 0 must not make every later one 0. */
const factorMin = 0.01;
const factorMax = 100;

/** Least level of the multiplicative kind, as a share of the mean that it started from: e / level stays finite. */
const levelShareMin = 1e-6;

export class SmoothingState {
  readonly #parameters: SmoothingParameters;
  readonly #ratio: boolean;
  readonly #periodWindows: number;
  readonly #season: Float64Array;
  readonly #seen: Int32Array;
  readonly #levelMin: number;
  #level: number;
  #trend: number;
  /** The next window. */
  #window: number;

  private constructor(
    parameters: SmoothingParameters,
    kind: SmoothingKind,
    start: {
      readonly level: number;
      readonly trend: number;
      readonly season: Float64Array;
      readonly seen: Int32Array;
      readonly window: number;
    },
    periodWindows: number,
  ) {
    this.#parameters = parameters;
    this.#ratio = kind === "multiplicative";
    this.#periodWindows = periodWindows;
    this.#season = start.season;
    this.#seen = start.seen;
    this.#level = start.level;
    this.#trend = parameters.damping === 0 ? 0 : start.trend;
    this.#window = start.window;
    this.#levelMin = Math.max(Number.MIN_VALUE, Math.abs(start.level) * levelShareMin);
  }

  /**
   * Starts from the first two periods of `series`: the trend is the mean change from one to the next, the season the mean of what is left,
   * so that a series without noise is met exactly. Undefined where they have no value, or the series is shorter.
   */
  static start(
    series: Float64Array,
    periodWindows: number,
    parameters: SmoothingParameters,
    kind: SmoothingKind,
  ): SmoothingState | undefined {
    const length = 2 * periodWindows;
    if (series.length < length) return undefined;
    const ratio = kind === "multiplicative";
    const trend = parameters.damping === 0 ? 0 : startTrend(series, periodWindows);
    const slotWindows = parameters.slotWindows === 0 ? periodWindows : parameters.slotWindows;
    const slots = periodWindows / slotWindows;
    const season = new Float64Array(slots);
    const seen = new Int32Array(slots);
    for (let t = 0; t < length; t += 1) {
      const rate = series[t] ?? Number.NaN;
      if (Number.isNaN(rate)) continue;
      const slot = Math.floor((t % periodWindows) / slotWindows);
      season[slot] = (season[slot] ?? 0) + rate - trend * t;
      seen[slot] = (seen[slot] ?? 0) + 1;
    }
    let level = 0;
    let filled = 0;
    for (let slot = 0; slot < slots; slot += 1) {
      const count = seen[slot] ?? 0;
      if (count === 0) continue;
      season[slot] = (season[slot] ?? 0) / count;
      level += season[slot] ?? 0;
      filled += 1;
    }
    if (filled === 0) return undefined;
    level /= filled;
    for (let slot = 0; slot < slots; slot += 1) {
      const value = season[slot] ?? 0;
      if (seen[slot] === 0) season[slot] = ratio ? 1 : 0;
      else season[slot] = ratio ? clampFactor(level === 0 ? 1 : value / level) : value - level;
    }
    return new SmoothingState(
      parameters,
      kind,
      { level: level + trend * (length - 1), trend, season, seen, window: length },
      periodWindows,
    );
  }

  /** Of the next window but `horizon - 1`; at least 0. `drifts`: phi + phi^2 + ... + phi^horizon. */
  expected(horizon: number, drifts: number): number {
    const season = this.#season[this.#slotOf(this.#window + horizon - 1)] ?? 0;
    const base = this.#level + drifts * this.#trend;
    return Math.max(0, this.#ratio ? Math.max(0, base) * season : base + season);
  }

  observe(rate: number): void {
    const { levelGain, trendGain, damping, seasonGain, slotWindows } = this.#parameters;
    const slot = this.#slotOf(this.#window);
    this.#window += 1;
    const drift = damping * this.#trend;
    const base = this.#level + drift;
    if (Number.isNaN(rate)) {
      this.#level = base;
      this.#trend = drift;
      return;
    }
    const season = this.#season[slot] ?? 0;
    const error = rate - (this.#ratio ? base * season : base + season);
    const levelError = this.#ratio ? error / season : error;
    this.#level = base + levelGain * levelError;
    this.#trend = drift + levelGain * trendGain * levelError;
    if (this.#ratio) this.#level = Math.max(this.#levelMin, this.#level);
    if (slotWindows === 0) return;
    const seen = (this.#seen[slot] ?? 0) + 1;
    this.#seen[slot] = seen;
    const gain = Math.max(seasonGain, 1 / seen) * (1 - levelGain);
    this.#season[slot] = this.#ratio ? clampFactor(season + (gain * error) / Math.max(this.#levelMin, base)) : season + gain * error;
  }

  #slotOf(window: number): number {
    const { slotWindows } = this.#parameters;
    return slotWindows === 0 ? 0 : Math.floor((window % this.#periodWindows) / slotWindows);
  }
}

/** Mean change a window from the first period to the second, over the phases that both have. */
function startTrend(series: Float64Array, periodWindows: number): number {
  let change = 0;
  let count = 0;
  for (let t = 0; t < periodWindows; t += 1) {
    const step = (series[t + periodWindows] ?? Number.NaN) - (series[t] ?? Number.NaN);
    if (Number.isNaN(step)) continue;
    change += step;
    count += 1;
  }
  return count === 0 ? 0 : change / count / periodWindows;
}

function clampFactor(factor: number): number {
  return Math.min(factorMax, Math.max(factorMin, factor));
}

/** phi + phi^2 + ... + phi^horizon. */
export function dampingSum(damping: number, horizon: number): number {
  if (damping === 1) return horizon;
  return (damping * (1 - damping ** horizon)) / (1 - damping);
}
