/** What the prices of links say of the demands of a partition. */
import {
  carryAll,
  classCount,
  costAt,
  demandAt,
  dualSum,
  gain,
  groupBegin,
  groupEnd,
  leafAt,
  leastPriceAt,
  linkAt,
  linkFigureAt,
  nodeStartAt,
  nodeValueAt,
  padNode,
  padPrice,
  pairAt,
  parentAt,
  positionStartAt,
  slotStartAt,
  sumDown,
  useCost,
  zero2,
} from "./sweep-record";

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

