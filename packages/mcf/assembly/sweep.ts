/**
 * The kernels of the first-order engine over suffix tries, for 128-bit SIMD. Each works on one partition of the groups; src/kernel/
 * sweep-reference.ts states the same in plain TypeScript, operation by operation, and gives the same bits.
 */
import {
  addPairAt,
  anchorAt,
  anchorShare,
  carryAll,
  classCount,
  clearLoads,
  costAt,
  demandAt,
  dualSum,
  flowAt,
  gain,
  groupBegin,
  groupEnd,
  leafAt,
  linkAt,
  loadAt,
  movement,
  nodeFlowAt,
  nodeStartAt,
  nodeValueAt,
  padNode,
  padPrice,
  pairAt,
  parentAt,
  positionStartAt,
  priceAt,
  reflection,
  scratchAt,
  slotStartAt,
  stepShare,
  stepSize,
  sumDown,
  sumUp,
  useCost,
  weightAt,
  zero2,
} from "./sweep-record";

export { distance } from "./sweep-distance";
export { averageLinks, stepPrices } from "./sweep-links";
export { price } from "./sweep-price";
export { fill, fit, scale } from "./sweep-repair";
export { worthBeyond, worthFall, worthOf } from "./sweep-worth";

/** One step of the primal-dual method on the partition's flows, and the link loads that it gives. */
export function sweep(record: usize): void {
  const all = load<i32>(record, carryAll);
  const positionStart = <usize>load<u32>(record, positionStartAt);
  const slotStart = <usize>load<u32>(record, slotStartAt);
  const nodeStart = <usize>load<u32>(record, nodeStartAt);
  const prices = <usize>load<u32>(record, priceAt);
  const loads = <usize>load<u32>(record, loadAt);
  const value = <usize>load<u32>(record, nodeValueAt);
  const acc = <usize>load<u32>(record, nodeFlowAt);
  const leaves = <usize>load<u32>(record, leafAt);
  const flows = <usize>load<u32>(record, flowAt);
  const anchors = <usize>load<u32>(record, anchorAt);
  const costs = <usize>load<u32>(record, costAt);
  const demands = <usize>load<u32>(record, demandAt);
  const weights = <usize>load<u32>(record, weightAt);
  const withCost = load<i32>(record, useCost);
  const pad = <usize>load<i32>(record, padNode);
  // Vectors of one pair of demands, while it is projected: each partition has its own, as each may have a thread.
  const scratch = <usize>load<u32>(record, scratchAt);
  const a = load<f64>(record, stepShare);
  const rho = load<f64>(record, reflection);
  const a1 = f64x2.splat(a * (1 + rho));
  const a2 = f64x2.splat(-a * rho);
  const b0 = f64x2.splat(load<f64>(record, anchorShare));
  const t = f64x2.splat(load<f64>(record, stepSize));
  const worth = f64x2.splat(load<f64>(record, gain));
  const half = f64x2.splat(0.5);
  const third = f64x2.splat(1.0 / 3.0);
  const quarter = f64x2.splat(0.25);
  let dual = zero2;
  let moved = zero2;

  clearLoads(record);
  store<f64>(value + (pad << 3), padPrice);
  const end = <usize>load<i32>(record, groupEnd);
  for (let g = <usize>load<i32>(record, groupBegin); g < end; g++) {
    const base = <usize>load<i32>(nodeStart + (g << 2));
    const nodes = <usize>load<i32>(nodeStart + (g << 2), 4) - base;
    const parent = <usize>load<u32>(record, parentAt) + (base << 1);
    const link = <usize>load<u32>(record, linkAt) + (base << 1);
    sumDown(nodes, parent, link, prices, value);

    const starts = positionStart + g * ((classCount + 1) << 2);
    const slots = slotStart + g * (classCount << 2);

    // One path: a clamp.
    let k = <usize>load<i32>(starts);
    let kEnd = <usize>load<i32>(starts, 4);
    let slot = <usize>load<i32>(slots);
    for (; k < kEnd; k += 2, slot += 2) {
      const d = v128.load(demands + (k << 3));
      const it = v128.load(weights + (k << 3));
      let c0 = pairAt(value, leaves + (slot << 1));
      if (withCost) c0 = f64x2.add(c0, v128.load(costs + (slot << 3)));
      const x = flows + (slot << 3);
      const o0 = v128.load(x);
      let v0: v128;
      if (all) {
        dual = f64x2.add(dual, f64x2.mul(d, c0));
        v0 = d;
      } else {
        const tk = f64x2.div(t, it);
        dual = f64x2.add(dual, f64x2.mul(d, f64x2.sub(worth, f64x2.pmin(c0, worth))));
        v0 = f64x2.add(o0, f64x2.mul(tk, f64x2.sub(worth, c0)));
        v0 = f64x2.pmax(f64x2.pmin(v0, d), zero2);
      }
      addPairAt(acc, leaves + (slot << 1), v0);
      const e0 = f64x2.sub(v0, o0);
      moved = f64x2.add(moved, f64x2.mul(it, f64x2.mul(e0, e0)));
      v128.store(x, f64x2.add(f64x2.add(f64x2.mul(a1, v0), f64x2.mul(a2, o0)), f64x2.mul(b0, v128.load(anchors + (slot << 3)))));
    }

    // Two paths.
    kEnd = <usize>load<i32>(starts, 8);
    slot = <usize>load<i32>(slots, 4);
    for (; k < kEnd; k += 2, slot += 4) {
      const d = v128.load(demands + (k << 3));
      const it = v128.load(weights + (k << 3));
      const tk = f64x2.div(t, it);
      const l = leaves + (slot << 1);
      let c0 = pairAt(value, l);
      let c1 = pairAt(value, l + 4);
      if (withCost) {
        const q = costs + (slot << 3);
        c0 = f64x2.add(c0, v128.load(q));
        c1 = f64x2.add(c1, v128.load(q, 16));
      }
      const m = f64x2.pmin(c0, c1);
      const shift = all ? m : worth;
      dual = f64x2.add(dual, all ? f64x2.mul(d, m) : f64x2.mul(d, f64x2.sub(worth, f64x2.pmin(m, worth))));
      const x = flows + (slot << 3);
      const o0 = v128.load(x);
      const o1 = v128.load(x, 16);
      let v0 = f64x2.add(o0, f64x2.mul(tk, f64x2.sub(shift, c0)));
      let v1 = f64x2.add(o1, f64x2.mul(tk, f64x2.sub(shift, c1)));
      const s0 = f64x2.pmax(v0, v1);
      const s1 = f64x2.pmin(v0, v1);
      let sum = f64x2.sub(s0, d);
      let threshold = sum;
      sum = f64x2.add(sum, s1);
      threshold = f64x2.pmax(threshold, f64x2.mul(sum, half));
      if (!all) threshold = f64x2.pmax(threshold, zero2);
      v0 = f64x2.pmax(f64x2.sub(v0, threshold), zero2);
      v1 = f64x2.pmax(f64x2.sub(v1, threshold), zero2);
      addPairAt(acc, l, v0);
      addPairAt(acc, l + 4, v1);
      const e0 = f64x2.sub(v0, o0);
      const e1 = f64x2.sub(v1, o1);
      moved = f64x2.add(moved, f64x2.mul(it, f64x2.add(f64x2.mul(e0, e0), f64x2.mul(e1, e1))));
      const x0 = anchors + (slot << 3);
      v128.store(x, f64x2.add(f64x2.add(f64x2.mul(a1, v0), f64x2.mul(a2, o0)), f64x2.mul(b0, v128.load(x0))));
      v128.store(x, f64x2.add(f64x2.add(f64x2.mul(a1, v1), f64x2.mul(a2, o1)), f64x2.mul(b0, v128.load(x0, 16))), 16);
    }

    // Three or four: a sorting network.
    kEnd = <usize>load<i32>(starts, 12);
    slot = <usize>load<i32>(slots, 8);
    for (; k < kEnd; k += 2, slot += 8) {
      const d = v128.load(demands + (k << 3));
      const it = v128.load(weights + (k << 3));
      const tk = f64x2.div(t, it);
      const l = leaves + (slot << 1);
      let c0 = pairAt(value, l);
      let c1 = pairAt(value, l + 4);
      let c2 = pairAt(value, l + 8);
      let c3 = pairAt(value, l + 12);
      if (withCost) {
        const q = costs + (slot << 3);
        c0 = f64x2.add(c0, v128.load(q));
        c1 = f64x2.add(c1, v128.load(q, 16));
        c2 = f64x2.add(c2, v128.load(q, 32));
        c3 = f64x2.add(c3, v128.load(q, 48));
      }
      const m = f64x2.pmin(f64x2.pmin(c0, c1), f64x2.pmin(c2, c3));
      const shift = all ? m : worth;
      dual = f64x2.add(dual, all ? f64x2.mul(d, m) : f64x2.mul(d, f64x2.sub(worth, f64x2.pmin(m, worth))));
      const x = flows + (slot << 3);
      const o0 = v128.load(x);
      const o1 = v128.load(x, 16);
      const o2 = v128.load(x, 32);
      const o3 = v128.load(x, 48);
      let v0 = f64x2.add(o0, f64x2.mul(tk, f64x2.sub(shift, c0)));
      let v1 = f64x2.add(o1, f64x2.mul(tk, f64x2.sub(shift, c1)));
      let v2 = f64x2.add(o2, f64x2.mul(tk, f64x2.sub(shift, c2)));
      let v3 = f64x2.add(o3, f64x2.mul(tk, f64x2.sub(shift, c3)));
      const p0 = f64x2.pmax(v0, v1);
      const p1 = f64x2.pmin(v0, v1);
      const p2 = f64x2.pmax(v2, v3);
      const p3 = f64x2.pmin(v2, v3);
      const s0 = f64x2.pmax(p0, p2);
      const q2 = f64x2.pmin(p0, p2);
      const q1 = f64x2.pmax(p1, p3);
      const s3 = f64x2.pmin(p1, p3);
      const s1 = f64x2.pmax(q1, q2);
      const s2 = f64x2.pmin(q1, q2);
      let sum = f64x2.sub(s0, d);
      let threshold = sum;
      sum = f64x2.add(sum, s1);
      threshold = f64x2.pmax(threshold, f64x2.mul(sum, half));
      sum = f64x2.add(sum, s2);
      threshold = f64x2.pmax(threshold, f64x2.mul(sum, third));
      sum = f64x2.add(sum, s3);
      threshold = f64x2.pmax(threshold, f64x2.mul(sum, quarter));
      if (!all) threshold = f64x2.pmax(threshold, zero2);
      v0 = f64x2.pmax(f64x2.sub(v0, threshold), zero2);
      v1 = f64x2.pmax(f64x2.sub(v1, threshold), zero2);
      v2 = f64x2.pmax(f64x2.sub(v2, threshold), zero2);
      v3 = f64x2.pmax(f64x2.sub(v3, threshold), zero2);
      addPairAt(acc, l, v0);
      addPairAt(acc, l + 4, v1);
      addPairAt(acc, l + 8, v2);
      addPairAt(acc, l + 12, v3);
      const e0 = f64x2.sub(v0, o0);
      const e1 = f64x2.sub(v1, o1);
      const e2 = f64x2.sub(v2, o2);
      const e3 = f64x2.sub(v3, o3);
      moved = f64x2.add(
        moved,
        f64x2.mul(
          it,
          f64x2.add(f64x2.add(f64x2.mul(e0, e0), f64x2.mul(e1, e1)), f64x2.add(f64x2.mul(e2, e2), f64x2.mul(e3, e3))),
        ),
      );
      const x0 = anchors + (slot << 3);
      v128.store(x, f64x2.add(f64x2.add(f64x2.mul(a1, v0), f64x2.mul(a2, o0)), f64x2.mul(b0, v128.load(x0))));
      v128.store(x, f64x2.add(f64x2.add(f64x2.mul(a1, v1), f64x2.mul(a2, o1)), f64x2.mul(b0, v128.load(x0, 16))), 16);
      v128.store(x, f64x2.add(f64x2.add(f64x2.mul(a1, v2), f64x2.mul(a2, o2)), f64x2.mul(b0, v128.load(x0, 32))), 32);
      v128.store(x, f64x2.add(f64x2.add(f64x2.mul(a1, v3), f64x2.mul(a2, o3)), f64x2.mul(b0, v128.load(x0, 48))), 48);
    }

    // Up to 8 and up to 16: the threshold by Michelot's iteration, which ends after at most as many rounds as there are paths.
    for (let wide: usize = 3; wide < <usize>classCount; wide++) {
      const width: usize = 1 << wide;
      kEnd = <usize>load<i32>(starts + ((wide + 1) << 2));
      slot = <usize>load<i32>(slots + (wide << 2));
      for (; k < kEnd; k += 2, slot += width << 1) {
        const d = v128.load(demands + (k << 3));
        const it = v128.load(weights + (k << 3));
        const tk = f64x2.div(t, it);
        const x = flows + (slot << 3);
        let m = f64x2.splat(padPrice);
        for (let j: usize = 0; j < width; j++) {
          let c = pairAt(value, leaves + ((slot + (j << 1)) << 1));
          if (withCost) c = f64x2.add(c, v128.load(costs + ((slot + (j << 1)) << 3)));
          m = f64x2.pmin(m, c);
          v128.store(scratch + (j << 4), c);
        }
        const shift = all ? m : worth;
        dual = f64x2.add(dual, all ? f64x2.mul(d, m) : f64x2.mul(d, f64x2.sub(worth, f64x2.pmin(m, worth))));
        for (let j: usize = 0; j < width; j++) {
          v128.store(
            scratch + (j << 4),
            f64x2.add(v128.load(x + (j << 4)), f64x2.mul(tk, f64x2.sub(shift, v128.load(scratch + (j << 4))))),
          );
        }
        let threshold = f64x2.splat(-padPrice);
        for (let round: usize = 0; round <= width; round++) {
          let sum = f64x2.neg(d);
          let count = zero2;
          for (let j: usize = 0; j < width; j++) {
            const v = v128.load(scratch + (j << 4));
            const above = f64x2.gt(v, threshold);
            sum = f64x2.add(sum, v128.and(above, v));
            count = f64x2.add(count, v128.and(above, f64x2.splat(1.0)));
          }
          const next = f64x2.div(sum, f64x2.pmax(count, f64x2.splat(1.0)));
          const rises = f64x2.gt(next, threshold);
          if (!v128.any_true(rises)) break;
          threshold = v128.bitselect(next, threshold, rises);
        }
        if (!all) threshold = f64x2.pmax(threshold, zero2);
        let moves = zero2;
        for (let j: usize = 0; j < width; j++) {
          const v = f64x2.pmax(f64x2.sub(v128.load(scratch + (j << 4)), threshold), zero2);
          const o = v128.load(x + (j << 4));
          addPairAt(acc, leaves + ((slot + (j << 1)) << 1), v);
          const e = f64x2.sub(v, o);
          moves = f64x2.add(moves, f64x2.mul(e, e));
          const x0 = v128.load(anchors + ((slot + (j << 1)) << 3));
          v128.store(x + (j << 4), f64x2.add(f64x2.add(f64x2.mul(a1, v), f64x2.mul(a2, o)), f64x2.mul(b0, x0)));
        }
        moved = f64x2.add(moved, f64x2.mul(it, moves));
      }
    }
    sumUp(nodes, parent, link, acc, loads);
  }
  store<f64>(acc + (pad << 3), 0);
  store<f64>(record, f64x2.extract_lane(dual, 0) + f64x2.extract_lane(dual, 1), dualSum);
  store<f64>(record, f64x2.extract_lane(moved, 0) + f64x2.extract_lane(moved, 1), movement);
}
