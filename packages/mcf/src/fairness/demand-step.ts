/** The proximal step of one demand: from where prices pull its flows, to the flows that its utility makes of that. */
import { giveWay, priceElasticity, priceOfShare } from "./fair-utility.js";
import { dueBps, slopeBps } from "./share-curves.js";
import type { WindowState } from "./window-state.js";

const newtonSteps = 12;
const newtonTolerance = 1e-8;

/** Turns `projected` = v into the x >= 0 that maximizes U(sum x) - |x - v|^2 / 2t with sum x <= most. */
export function project(state: WindowState, i: number, width: number, t: number): void {
  const { projected, most, priceAtMost } = state;
  const limit = most[i] as number;
  const gain = t * (priceAtMost[i] as number);
  let sum = 0;
  for (let j = 0; j < width; j++) sum += Math.max(0, (projected[j] as number) + gain);
  if (sum >= limit) {
    projectOnto(projected, width, limit);
    return;
  }
  const more = state.program.settled[state.program.trie.demands[i] as number] === 1 ? gain : t * marginal(state, i, width, t);
  for (let j = 0; j < width; j++) projected[j] = Math.max(0, (projected[j] as number) + more);
}

/** The nearest x >= 0 with the given sum. Michelot's algorithm: each round keeps fewer, so there are at most `width`. */
function projectOnto(v: Float64Array, width: number, sum: number): void {
  if (width === 1) {
    v[0] = sum;
    return;
  }
  let threshold = -Infinity;
  let kept = width + 1;
  for (;;) {
    let count = 0;
    let total = 0;
    for (let j = 0; j < width; j++) {
      if ((v[j] as number) <= threshold) continue;
      count++;
      total += v[j] as number;
    }
    if (count >= kept || count === 0) break;
    kept = count;
    threshold = (total - sum) / count;
  }
  for (let j = 0; j < width; j++) v[j] = Math.max(0, (v[j] as number) - threshold);
}

/** The marginal utility u for which the flows max(0, v + t u) sum to the rate of the share at which it is u: Newton, kept in a bracket. */
function marginal(state: WindowState, i: number, width: number, t: number): number {
  const { projected, share, linearSlope, program } = state;
  const { shareLow, shareHigh, curves, demandOf, trie } = program;
  const linear = linearSlope[i] as number;
  const curve = demandOf[trie.demands[i] as number] as number;
  let low = 0;
  let high = shareHigh;
  let s = share[i] as number;
  let u = 0;
  for (let round = 0; round < newtonSteps; round++) {
    u = priceOfShare(s, shareLow);
    let slope = 0;
    if (u > giveWay) u = giveWay;
    else slope = (priceElasticity * u) / s;
    let excess = linear > 0 ? -linear * s : -dueBps(curves, curve, s);
    let rise = linear > 0 ? -linear : -slopeBps(curves, curve, s);
    for (let j = 0; j < width; j++) {
      const x = (projected[j] as number) + t * u;
      if (x <= 0) continue;
      excess += x;
      rise += t * slope;
    }
    if (excess > 0) low = s;
    else high = s;
    const next = s - excess / rise;
    const kept = next > low && next < high ? next : (low + high) / 2;
    const done = Math.abs(kept - s) <= newtonTolerance * s;
    s = kept;
    if (done) break;
  }
  share[i] = s;
  return u;
}
