/** From flows that fit neither demands nor links to flows that do: fit, scale, fill. */
import {
  addPairAt,
  carryAll,
  classCount,
  clearLoads,
  demandAt,
  emptyShare,
  fittedAt,
  flowAt,
  groupBegin,
  groupEnd,
  leafAt,
  linkAt,
  leastDown,
  lesser,
  linkFigureAt,
  loadAt,
  nodeFlowAt,
  nodeStartAt,
  nodeValueAt,
  padNode,
  pairAt,
  parentAt,
  positionStartAt,
  slotStartAt,
  sumUp,
  zero2,
} from "./sweep-record";

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
    leastDown(nodes, parent, link, figure, value, 1);
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
 *
 * Most paths cross a link that is full. What is left from the root to every node is known from one pass over the group; it only gets less.
 */
export function fill(record: usize): void {
  const positionStart = <usize>load<u32>(record, positionStartAt);
  const slotStart = <usize>load<u32>(record, slotStartAt);
  const nodeStart = <usize>load<u32>(record, nodeStartAt);
  const residual = <usize>load<u32>(record, linkFigureAt);
  const value = <usize>load<u32>(record, nodeValueAt);
  const leaves = <usize>load<u32>(record, leafAt);
  const fitted = <usize>load<u32>(record, fittedAt);
  const demands = <usize>load<u32>(record, demandAt);
  store<f64>(value + (<usize>load<i32>(record, padNode) << 3), 0);
  const end = <usize>load<i32>(record, groupEnd);
  for (let g = <usize>load<i32>(record, groupBegin); g < end; g++) {
    const base = <usize>load<i32>(nodeStart + (g << 2));
    const nodes = <usize>load<i32>(nodeStart + (g << 2), 4) - base;
    const parent = <usize>load<u32>(record, parentAt) + (base << 1);
    const link = <usize>load<u32>(record, linkAt) + (base << 1);
    leastDown(nodes, parent, link, residual, value, Infinity);
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
        let open = zero2;
        for (let j: usize = 0; j < width; j++) {
          const at = slot + (j << 1);
          sum = f64x2.add(sum, v128.load(fitted + (at << 3)));
          open = f64x2.pmax(open, pairAt(value, leaves + (at << 1)));
        }
        const rest = f64x2.sub(d, sum);
        const wants = v128.and(f64x2.gt(rest, f64x2.mul(d, f64x2.splat(restMin))), f64x2.gt(open, zero2));
        if (!v128.any_true(wants)) continue;
        if (i64x2.extract_lane(wants, 0) !== 0) fillDemand(slot, width, f64x2.extract_lane(rest, 0), leaves, fitted, value, parent, link, residual);
        if (i64x2.extract_lane(wants, 1) !== 0) fillDemand(slot + 1, width, f64x2.extract_lane(rest, 1), leaves, fitted, value, parent, link, residual);
      }
    }
  }
}

/** What a demand still wants is nothing below this share of it. */
const restMin: f64 = 1e-12;

function fillDemand(slot: usize, width: usize, wanted: f64, leaves: usize, fitted: usize, value: usize, parent: usize, link: usize, residual: usize): void {
  let rest = wanted;
  for (let j: usize = 0; j < width && rest > 0; j++) {
    const at = slot + (j << 1);
    const leaf = <usize>load<u16>(leaves + (at << 1));
    let room = lesser(rest, load<f64>(value + (leaf << 3)));
    for (let i = leaf; i > 0 && room > 0; i = <usize>load<u16>(parent + (i << 1))) {
      room = lesser(room, load<f64>(residual + (<usize>load<u16>(link + (i << 1)) << 3)));
    }
    if (!(room > 0)) continue;
    store<f64>(fitted + (at << 3), load<f64>(fitted + (at << 3)) + room);
    rest -= room;
    for (let i = leaf; i > 0; i = <usize>load<u16>(parent + (i << 1))) {
      const left = residual + (<usize>load<u16>(link + (i << 1)) << 3);
      const less = load<f64>(left) - room;
      store<f64>(left, select<f64>(less, 0, less > 0));
    }
  }
}
