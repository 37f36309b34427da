/** Sums over all demands, and over all flows, of both partitions. */
import { zero2 } from "./sweep-record";

/** sum D_k max(0, 1 - scale m_k), with m_k the least prices. `count` positions: even. */
export function worthBeyond(least: usize, demands: usize, count: usize, scale: f64): f64 {
  const one = f64x2.splat(1.0);
  const s = f64x2.splat(scale);
  let sum = zero2;
  const bytes = count << 3;
  for (let k: usize = 0; k < bytes; k += 16) {
    const short = f64x2.pmax(zero2, f64x2.sub(one, f64x2.mul(s, v128.load(least + k))));
    sum = f64x2.add(sum, f64x2.mul(v128.load(demands + k), short));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** By how much that falls as the scale rises: sum D_k m_k over those with scale m_k < 1, of every `stride`-th pair of positions. */
export function worthFall(least: usize, demands: usize, count: usize, stride: usize, scale: f64): f64 {
  const one = f64x2.splat(1.0);
  const s = f64x2.splat(scale);
  let sum = zero2;
  const bytes = count << 3;
  for (let k: usize = 0; k < bytes; k += stride << 4) {
    const m = v128.load(least + k);
    const falls = f64x2.lt(f64x2.mul(s, m), one);
    sum = f64x2.add(sum, v128.and(falls, f64x2.mul(v128.load(demands + k), m)));
  }
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** sum x_p (1 - k_p) of fitted flows; `costs` is 0 where there are none. `count` slots: even. */
export function worthOf(fitted: usize, costs: usize, count: usize): f64 {
  const one = f64x2.splat(1.0);
  let sum = zero2;
  const bytes = count << 3;
  if (costs === 0) for (let s: usize = 0; s < bytes; s += 16) sum = f64x2.add(sum, v128.load(fitted + s));
  else for (let s: usize = 0; s < bytes; s += 16) sum = f64x2.add(sum, f64x2.mul(v128.load(fitted + s), f64x2.sub(one, v128.load(costs + s))));
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}
