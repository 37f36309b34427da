/** Prices and loads of links, between two sweeps of all partitions; see src/kernel/layout.ts for the record of links. */
import { zero2 } from "./sweep-record";

// Byte offsets of the record's fields.
const linkCount: usize = 0;
const firstLoadAt: usize = 4;
const secondLoadAt: usize = 8;
const priceAt: usize = 12;
const priceNewAt: usize = 16;
const priceAnchorAt: usize = 20;
const loadAt: usize = 24;
const loadNewAt: usize = 28;
const loadAnchorAt: usize = 32;
const capacityAt: usize = 36;
const metricAt: usize = 40;
const reachAt: usize = 44;
const size: usize = 48;
const newShare: usize = 56;
const oldShare: usize = 64;
const anchorShare: usize = 72;
const movement: usize = 80;
const coupling: usize = 88;

/** What both partitions put on links, and new prices: higher where the extrapolated load is beyond capacity, lower where it is below. */
export function stepPrices(record: usize): void {
  const count = <usize>load<i32>(record, linkCount) << 3;
  const first = <usize>load<u32>(record, firstLoadAt);
  const second = <usize>load<u32>(record, secondLoadAt);
  const price = <usize>load<u32>(record, priceAt);
  const priceNew = <usize>load<u32>(record, priceNewAt);
  const loads = <usize>load<u32>(record, loadAt);
  const loadNew = <usize>load<u32>(record, loadNewAt);
  const capacity = <usize>load<u32>(record, capacityAt);
  const metric = <usize>load<u32>(record, metricAt);
  const step = f64x2.splat(load<f64>(record, size));
  for (let e: usize = 0; e < count; e += 16) {
    const fresh = f64x2.add(v128.load(first + e), v128.load(second + e));
    v128.store(loadNew + e, fresh);
    const excess = f64x2.sub(f64x2.sub(f64x2.add(fresh, fresh), v128.load(loads + e)), v128.load(capacity + e));
    const stepped = f64x2.add(v128.load(price + e), f64x2.mul(f64x2.mul(step, v128.load(metric + e)), excess));
    v128.store(priceNew + e, f64x2.pmax(zero2, stepped));
  }
}

/** Moves prices and loads to where the averaged step goes; how far prices moved, and what that was against the loads' move. */
export function averageLinks(record: usize): void {
  const count = <usize>load<i32>(record, linkCount) << 3;
  const price = <usize>load<u32>(record, priceAt);
  const priceNew = <usize>load<u32>(record, priceNewAt);
  const priceAnchor = <usize>load<u32>(record, priceAnchorAt);
  const loads = <usize>load<u32>(record, loadAt);
  const loadNew = <usize>load<u32>(record, loadNewAt);
  const loadAnchor = <usize>load<u32>(record, loadAnchorAt);
  const reach = <usize>load<u32>(record, reachAt);
  const a1 = f64x2.splat(load<f64>(record, newShare));
  const a2 = f64x2.splat(load<f64>(record, oldShare));
  const b0 = f64x2.splat(load<f64>(record, anchorShare));
  let moved = zero2;
  let coupled = zero2;
  for (let e: usize = 0; e < count; e += 16) {
    const y = v128.load(price + e);
    const yNew = v128.load(priceNew + e);
    const q = v128.load(loads + e);
    const qNew = v128.load(loadNew + e);
    const d = f64x2.sub(yNew, y);
    moved = f64x2.add(moved, f64x2.mul(f64x2.mul(d, d), v128.load(reach + e)));
    coupled = f64x2.add(coupled, f64x2.mul(d, f64x2.sub(qNew, q)));
    v128.store(price + e, averaged(a1, yNew, a2, y, b0, v128.load(priceAnchor + e)));
    v128.store(loads + e, averaged(a1, qNew, a2, q, b0, v128.load(loadAnchor + e)));
  }
  store<f64>(record, f64x2.extract_lane(moved, 0) + f64x2.extract_lane(moved, 1), movement);
  store<f64>(record, f64x2.extract_lane(coupled, 0) + f64x2.extract_lane(coupled, 1), coupling);
}

// @ts-ignore: decorator
@inline
function averaged(a1: v128, fresh: v128, a2: v128, old: v128, b0: v128, anchor: v128): v128 {
  return f64x2.add(f64x2.add(f64x2.mul(a1, fresh), f64x2.mul(a2, old)), f64x2.mul(b0, anchor));
}
