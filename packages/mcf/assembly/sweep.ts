/**
 * The kernels of the first-order engine over suffix tries, for 128-bit SIMD. Each works on one partition of the groups; src/kernel/
 * sweep-reference.ts states the same in plain TypeScript, operation by operation, and gives the same bits.
 *
 * A partition is described by a record in memory (src/kernel/layout.ts writes it). Two demands share a vector: "lane" below.
 */

// Byte offsets of the record's fields.
const groupBegin: usize = 0;
const groupEnd: usize = 4;
const linkCount: usize = 8;
const carryAll: usize = 12;
const positionStartAt: usize = 16;
const slotStartAt: usize = 20;
const nodeStartAt: usize = 24;
const parentAt: usize = 28;
const linkAt: usize = 32;
const leafAt: usize = 36;
const flowAt: usize = 40;
const anchorAt: usize = 44;
const costAt: usize = 48;
const demandAt: usize = 52;
const weightAt: usize = 56;
const priceAt: usize = 60;
const loadAt: usize = 64;
const nodeValueAt: usize = 68;
const nodeFlowAt: usize = 72;
const padNode: usize = 76;
const fittedAt: usize = 80;
const leastPriceAt: usize = 84;
const linkFigureAt: usize = 88;
const useCost: usize = 92;
const stepSize: usize = 96;
const stepShare: usize = 104;
const anchorShare: usize = 112;
const reflection: usize = 120;
const gain: usize = 128;
const dualSum: usize = 136;
const movement: usize = 144;

/** Width classes of a group: demands with 1, 2, 3-4, 5-8 and 9-16 paths. */
const classCount: i32 = 5;
/** Price of the node that stands for "no path". */
const padPrice: f64 = 1e30;

/** Flows of less than this share of their demand are no direction in which to scale up. */
const emptyShare: f64 = 1e-100;

/** Vectors of the demands of one lane pair, while paths are projected: the widest class has 16. */
const widthMax: usize = 16;
const scratch: usize = memory.data(<i32>(16 * 16), 16);
const zero2 = f64x2.splat(0.0);

// @ts-ignore: decorator
@inline
function pairAt(values: usize, leaf: usize): v128 {
  return f64x2.replace_lane(
    f64x2.splat(load<f64>(values + (<usize>load<u16>(leaf) << 3))),
    1,
    load<f64>(values + (<usize>load<u16>(leaf, 2) << 3)),
  );
}

// @ts-ignore: decorator
@inline
function addPairAt(values: usize, leaf: usize, v: v128): void {
  const first = values + (<usize>load<u16>(leaf) << 3);
  store<f64>(first, load<f64>(first) + f64x2.extract_lane(v, 0));
  const second = values + (<usize>load<u16>(leaf, 2) << 3);
  store<f64>(second, load<f64>(second) + f64x2.extract_lane(v, 1));
}

/** Sums of a per-link figure from the root to every node of a group. */
// @ts-ignore: decorator
@inline
function sumDown(nodes: usize, parent: usize, link: usize, figure: usize, value: usize): void {
  store<f64>(value, 0);
  for (let i: usize = 1; i < nodes; i++) {
    store<f64>(
      value + (i << 3),
      load<f64>(value + (<usize>load<u16>(parent + (i << 1)) << 3)) + load<f64>(figure + (<usize>load<u16>(link + (i << 1)) << 3)),
    );
  }
}

/** Flow at the nodes of a group, summed up towards the root and added to the links on the way. Leaves the nodes at zero. */
// @ts-ignore: decorator
@inline
function sumUp(nodes: usize, parent: usize, link: usize, flow: usize, loads: usize): void {
  for (let i: usize = nodes - 1; i > 0; i--) {
    const q = load<f64>(flow + (i << 3));
    const onLink = loads + (<usize>load<u16>(link + (i << 1)) << 3);
    const above = flow + (<usize>load<u16>(parent + (i << 1)) << 3);
    store<f64>(onLink, load<f64>(onLink) + q);
    store<f64>(above, load<f64>(above) + q);
    store<f64>(flow + (i << 3), 0);
  }
  store<f64>(flow, 0);
}

// @ts-ignore: decorator
@inline
function clearLoads(record: usize): void {
  const loads = <usize>load<u32>(record, loadAt);
  const count = <usize>load<i32>(record, linkCount);
  memory.fill(loads, 0, (count + 1) << 3);
}

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

/**
 * What the prices say: per demand the least price of a path (the cost of a path is left out unless `useCost`), written to
 * `leastPrice`; and the sum that the dual bound takes over demands, in `dualSum`.
 */
export function price(record: usize): void {
  const all = load<i32>(record, carryAll);
  const positionStart = <usize>load<u32>(record, positionStartAt);
  const slotStart = <usize>load<u32>(record, slotStartAt);
  const nodeStart = <usize>load<u32>(record, nodeStartAt);
  const figure = <usize>load<u32>(record, linkFigureAt);
  const value = <usize>load<u32>(record, nodeValueAt);
  const leaves = <usize>load<u32>(record, leafAt);
  const costs = <usize>load<u32>(record, costAt);
  const demands = <usize>load<u32>(record, demandAt);
  const least = <usize>load<u32>(record, leastPriceAt);
  const withCost = load<i32>(record, useCost);
  const worth = f64x2.splat(load<f64>(record, gain));
  let dual = zero2;
  store<f64>(value + (<usize>load<i32>(record, padNode) << 3), padPrice);
  const end = <usize>load<i32>(record, groupEnd);
  for (let g = <usize>load<i32>(record, groupBegin); g < end; g++) {
    const base = <usize>load<i32>(nodeStart + (g << 2));
    const nodes = <usize>load<i32>(nodeStart + (g << 2), 4) - base;
    sumDown(nodes, <usize>load<u32>(record, parentAt) + (base << 1), <usize>load<u32>(record, linkAt) + (base << 1), figure, value);
    const starts = positionStart + g * ((classCount + 1) << 2);
    const slots = slotStart + g * (classCount << 2);
    let k = <usize>load<i32>(starts);
    for (let wide: usize = 0; wide < <usize>classCount; wide++) {
      const width: usize = 1 << wide;
      const kEnd = <usize>load<i32>(starts + ((wide + 1) << 2));
      let slot = <usize>load<i32>(slots + (wide << 2));
      for (; k < kEnd; k += 2, slot += width << 1) {
        let m = f64x2.splat(padPrice);
        for (let j: usize = 0; j < width; j++) {
          const at = slot + (j << 1);
          let c = pairAt(value, leaves + (at << 1));
          if (withCost) c = f64x2.add(c, v128.load(costs + (at << 3)));
          m = f64x2.pmin(m, c);
        }
        v128.store(least + (k << 3), m);
        const d = v128.load(demands + (k << 3));
        dual = f64x2.add(dual, all ? f64x2.mul(d, m) : f64x2.mul(d, f64x2.sub(worth, f64x2.pmin(m, worth))));
      }
    }
  }
  store<f64>(record, f64x2.extract_lane(dual, 0) + f64x2.extract_lane(dual, 1), dualSum);
}

/** Next to nothing flows where all must be carried: the first path that is open takes it. */
function carryOnFirst(slot: usize, width: usize, leaves: usize, pad: usize, rate: f64, fitted: usize, acc: usize): void {
  for (let j: usize = 0; j < width; j++) {
    const at = slot + (j << 1);
    const leaf = <usize>load<u16>(leaves + (at << 1));
    if (leaf === pad) continue;
    store<f64>(fitted + (at << 3), rate);
    store<f64>(acc + (leaf << 3), load<f64>(acc + (leaf << 3)) + rate);
    return;
  }
}

/** Flows made a right answer to the demands (none negative, each demand's sum at most or exactly its rate), and their link loads. */
export function fit(record: usize): void {
  const all = load<i32>(record, carryAll);
  const positionStart = <usize>load<u32>(record, positionStartAt);
  const slotStart = <usize>load<u32>(record, slotStartAt);
  const nodeStart = <usize>load<u32>(record, nodeStartAt);
  const loads = <usize>load<u32>(record, loadAt);
  const acc = <usize>load<u32>(record, nodeFlowAt);
  const leaves = <usize>load<u32>(record, leafAt);
  const flows = <usize>load<u32>(record, flowAt);
  const fitted = <usize>load<u32>(record, fittedAt);
  const demands = <usize>load<u32>(record, demandAt);
  const pad = <usize>load<i32>(record, padNode);
  const one = f64x2.splat(1.0);
  clearLoads(record);
  const end = <usize>load<i32>(record, groupEnd);
  for (let g = <usize>load<i32>(record, groupBegin); g < end; g++) {
    const base = <usize>load<i32>(nodeStart + (g << 2));
    const nodes = <usize>load<i32>(nodeStart + (g << 2), 4) - base;
    const starts = positionStart + g * ((classCount + 1) << 2);
    const slots = slotStart + g * (classCount << 2);
    let k = <usize>load<i32>(starts);
    for (let wide: usize = 0; wide < <usize>classCount; wide++) {
      const width: usize = 1 << wide;
      const kEnd = <usize>load<i32>(starts + ((wide + 1) << 2));
      let slot = <usize>load<i32>(slots + (wide << 2));
      for (; k < kEnd; k += 2, slot += width << 1) {
        const d = v128.load(demands + (k << 3));
        let sum = zero2;
        for (let j: usize = 0; j < width; j++) {
          const v = f64x2.pmax(v128.load(flows + ((slot + (j << 1)) << 3)), zero2);
          sum = f64x2.add(sum, v);
        }
        const empty = f64x2.le(sum, f64x2.mul(d, f64x2.splat(emptyShare)));
        let ratio = f64x2.div(d, v128.bitselect(one, sum, empty));
        if (!all) ratio = f64x2.pmin(ratio, one);
        for (let j: usize = 0; j < width; j++) {
          const at = slot + (j << 1);
          const v = f64x2.mul(f64x2.pmax(v128.load(flows + (at << 3)), zero2), v128.andnot(ratio, empty));
          v128.store(fitted + (at << 3), v);
          addPairAt(acc, leaves + (at << 1), v);
        }
        if (all && v128.any_true(empty)) {
          if (f64x2.extract_lane(sum, 0) <= f64x2.extract_lane(d, 0) * emptyShare) carryOnFirst(slot, width, leaves, pad, f64x2.extract_lane(d, 0), fitted, acc);
          if (f64x2.extract_lane(sum, 1) <= f64x2.extract_lane(d, 1) * emptyShare) carryOnFirst(slot + 1, width, leaves, pad, f64x2.extract_lane(d, 1), fitted, acc);
        }
      }
    }
    sumUp(nodes, <usize>load<u32>(record, parentAt) + (base << 1), <usize>load<u32>(record, linkAt) + (base << 1), acc, loads);
  }
  store<f64>(acc + (<usize>load<i32>(record, padNode) << 3), 0);
}

/** Fitted flows scaled by the least of a per-link figure along their paths, and the link loads that this leaves. */
export function scale(record: usize): void {
  const positionStart = <usize>load<u32>(record, positionStartAt);
  const slotStart = <usize>load<u32>(record, slotStartAt);
  const nodeStart = <usize>load<u32>(record, nodeStartAt);
  const figure = <usize>load<u32>(record, linkFigureAt);
  const loads = <usize>load<u32>(record, loadAt);
  const value = <usize>load<u32>(record, nodeValueAt);
  const acc = <usize>load<u32>(record, nodeFlowAt);
  const leaves = <usize>load<u32>(record, leafAt);
  const fitted = <usize>load<u32>(record, fittedAt);
  clearLoads(record);
  store<f64>(value + (<usize>load<i32>(record, padNode) << 3), 0);
  const end = <usize>load<i32>(record, groupEnd);
  for (let g = <usize>load<i32>(record, groupBegin); g < end; g++) {
    const base = <usize>load<i32>(nodeStart + (g << 2));
    const nodes = <usize>load<i32>(nodeStart + (g << 2), 4) - base;
    const parent = <usize>load<u32>(record, parentAt) + (base << 1);
    const link = <usize>load<u32>(record, linkAt) + (base << 1);
    store<f64>(value, 1);
    for (let i: usize = 1; i < nodes; i++) {
      store<f64>(
        value + (i << 3),
        min(
          load<f64>(value + (<usize>load<u16>(parent + (i << 1)) << 3)),
          load<f64>(figure + (<usize>load<u16>(link + (i << 1)) << 3)),
        ),
      );
    }
    let slot = <usize>load<i32>(slotStart + g * (classCount << 2));
    const slotEnd = <usize>load<i32>(slotStart + (g + 1) * (classCount << 2));
    for (; slot < slotEnd; slot += 2) {
      const v = f64x2.mul(v128.load(fitted + (slot << 3)), pairAt(value, leaves + (slot << 1)));
      v128.store(fitted + (slot << 3), v);
      addPairAt(acc, leaves + (slot << 1), v);
    }
    sumUp(nodes, parent, link, acc, loads);
  }
  store<f64>(acc + (<usize>load<i32>(record, padNode) << 3), 0);
}

/**
 * Gives demands what is left on their paths, one after the other, path by path; takes it off
 * the residual capacities in `linkFigure`. Sequential over all groups given: the residuals are shared.
 */
export function fill(record: usize): void {
  const positionStart = <usize>load<u32>(record, positionStartAt);
  const slotStart = <usize>load<u32>(record, slotStartAt);
  const nodeStart = <usize>load<u32>(record, nodeStartAt);
  const residual = <usize>load<u32>(record, linkFigureAt);
  const leaves = <usize>load<u32>(record, leafAt);
  const fitted = <usize>load<u32>(record, fittedAt);
  const demands = <usize>load<u32>(record, demandAt);
  const pad = <usize>load<i32>(record, padNode);
  const end = <usize>load<i32>(record, groupEnd);
  for (let g = <usize>load<i32>(record, groupBegin); g < end; g++) {
    const base = <usize>load<i32>(nodeStart + (g << 2));
    const parent = <usize>load<u32>(record, parentAt) + (base << 1);
    const link = <usize>load<u32>(record, linkAt) + (base << 1);
    const starts = positionStart + g * ((classCount + 1) << 2);
    const slots = slotStart + g * (classCount << 2);
    let k = <usize>load<i32>(starts);
    for (let wide: usize = 0; wide < <usize>classCount; wide++) {
      const width: usize = 1 << wide;
      const kEnd = <usize>load<i32>(starts + ((wide + 1) << 2));
      const classBegin = k;
      const classSlot = <usize>load<i32>(slots + (wide << 2));
      for (; k < kEnd; k++) {
        const from = k - classBegin;
        const slot = classSlot + ((from >> 1) << (wide + 1)) + (from & 1);
        const d = load<f64>(demands + (k << 3));
        let sum: f64 = 0;
        for (let j: usize = 0; j < width; j++) sum += load<f64>(fitted + ((slot + (j << 1)) << 3));
        let rest = d - sum;
        if (rest <= 1e-12 * d) continue;
        for (let j: usize = 0; j < width && rest > 0; j++) {
          const at = slot + (j << 1);
          const leaf = <usize>load<u16>(leaves + (at << 1));
          if (leaf === pad) continue;
          let room = rest;
          for (let i = leaf; i > 0 && room > 0; i = <usize>load<u16>(parent + (i << 1))) {
            room = min(room, load<f64>(residual + (<usize>load<u16>(link + (i << 1)) << 3)));
          }
          if (room <= 0) continue;
          store<f64>(fitted + (at << 3), load<f64>(fitted + (at << 3)) + room);
          rest -= room;
          for (let i = leaf; i > 0; i = <usize>load<u16>(parent + (i << 1))) {
            const left = residual + (<usize>load<u16>(link + (i << 1)) << 3);
            store<f64>(left, max(0.0, load<f64>(left) - room));
          }
        }
      }
    }
  }
}
