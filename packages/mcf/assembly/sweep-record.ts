/**
 * What the sweep kernels share: where the fields of a partition's record are (src/kernel/layout.ts writes it), and the passes down and
 * up a trie. Two demands share a vector: "lane" in what follows.
 */
// Byte offsets of the record's fields.
export const groupBegin: usize = 0;
export const groupEnd: usize = 4;
export const linkCount: usize = 8;
export const carryAll: usize = 12;
export const positionStartAt: usize = 16;
export const slotStartAt: usize = 20;
export const nodeStartAt: usize = 24;
export const parentAt: usize = 28;
export const linkAt: usize = 32;
export const leafAt: usize = 36;
export const flowAt: usize = 40;
export const anchorAt: usize = 44;
export const costAt: usize = 48;
export const demandAt: usize = 52;
export const weightAt: usize = 56;
export const priceAt: usize = 60;
export const loadAt: usize = 64;
export const nodeValueAt: usize = 68;
export const nodeFlowAt: usize = 72;
export const padNode: usize = 76;
export const fittedAt: usize = 80;
export const leastPriceAt: usize = 84;
export const linkFigureAt: usize = 88;
export const useCost: usize = 92;
export const stepSize: usize = 96;
export const stepShare: usize = 104;
export const anchorShare: usize = 112;
export const reflection: usize = 120;
export const gain: usize = 128;
export const dualSum: usize = 136;
export const movement: usize = 144;
export const scratchAt: usize = 152;

/** Width classes of a group: demands with 1, 2, 3-4, 5-8 and 9-16 paths. */
export const classCount: i32 = 5;
/** Price of the node that stands for "no path". */
export const padPrice: f64 = 1e30;

/** Flows of less than this share of their demand are no direction in which to scale up. */
export const emptyShare: f64 = 1e-100;

export const zero2 = f64x2.splat(0.0);

// @ts-ignore: decorator
@inline
export function pairAt(values: usize, leaf: usize): v128 {
  return f64x2.replace_lane(
    f64x2.splat(load<f64>(values + (<usize>load<u16>(leaf) << 3))),
    1,
    load<f64>(values + (<usize>load<u16>(leaf, 2) << 3)),
  );
}

// @ts-ignore: decorator
@inline
export function addPairAt(values: usize, leaf: usize, v: v128): void {
  const first = values + (<usize>load<u16>(leaf) << 3);
  store<f64>(first, load<f64>(first) + f64x2.extract_lane(v, 0));
  const second = values + (<usize>load<u16>(leaf, 2) << 3);
  store<f64>(second, load<f64>(second) + f64x2.extract_lane(v, 1));
}

/** Sums of a per-link figure from the root to every node of a group. */
// @ts-ignore: decorator
@inline
export function sumDown(nodes: usize, parent: usize, link: usize, figure: usize, value: usize): void {
  store<f64>(value, 0);
  let p = parent + 2;
  let l = link + 2;
  let at = value + 8;
  const end = value + (nodes << 3);
  for (; at + 24 < end; at += 32, p += 8, l += 8) {
    store<f64>(at, valueAt(value, load<u16>(p)) + valueAt(figure, load<u16>(l)));
    store<f64>(at, valueAt(value, load<u16>(p, 2)) + valueAt(figure, load<u16>(l, 2)), 8);
    store<f64>(at, valueAt(value, load<u16>(p, 4)) + valueAt(figure, load<u16>(l, 4)), 16);
    store<f64>(at, valueAt(value, load<u16>(p, 6)) + valueAt(figure, load<u16>(l, 6)), 24);
  }
  for (; at < end; at += 8, p += 2, l += 2) store<f64>(at, valueAt(value, load<u16>(p)) + valueAt(figure, load<u16>(l)));
}

// @ts-ignore: decorator
@inline
function valueAt(values: usize, i: u16): f64 {
  return load<f64>(values + (<usize>i << 3));
}

/** The least of a per-link figure, and of `most`, from the root to every node of a group. */
// @ts-ignore: decorator
@inline
export function leastDown(nodes: usize, parent: usize, link: usize, figure: usize, value: usize, most: f64): void {
  store<f64>(value, most);
  let p = parent + 2;
  let l = link + 2;
  let at = value + 8;
  const end = value + (nodes << 3);
  for (; at + 24 < end; at += 32, p += 8, l += 8) {
    store<f64>(at, lesser(valueAt(value, load<u16>(p)), valueAt(figure, load<u16>(l))));
    store<f64>(at, lesser(valueAt(value, load<u16>(p, 2)), valueAt(figure, load<u16>(l, 2))), 8);
    store<f64>(at, lesser(valueAt(value, load<u16>(p, 4)), valueAt(figure, load<u16>(l, 4))), 16);
    store<f64>(at, lesser(valueAt(value, load<u16>(p, 6)), valueAt(figure, load<u16>(l, 6))), 24);
  }
  for (; at < end; at += 8, p += 2, l += 2) store<f64>(at, lesser(valueAt(value, load<u16>(p)), valueAt(figure, load<u16>(l))));
}

/** The second where it is smaller: without what `min` does for what is no number. */
// @ts-ignore: decorator
@inline
export function lesser(a: f64, b: f64): f64 {
  return select(b, a, b < a);
}

/** Flow at the nodes of a group, summed up towards the root and added to the links on the way. Leaves the nodes at zero. */
// @ts-ignore: decorator
@inline
export function sumUp(nodes: usize, parent: usize, link: usize, flow: usize, loads: usize): void {
  let at = flow + ((nodes - 1) << 3);
  let p = parent + ((nodes - 1) << 1);
  let l = link + ((nodes - 1) << 1);
  for (; at > flow + 24; at -= 32, p -= 8, l -= 8) {
    liftAt(at, p, l, flow, loads);
    liftAt(at - 8, p - 2, l - 2, flow, loads);
    liftAt(at - 16, p - 4, l - 4, flow, loads);
    liftAt(at - 24, p - 6, l - 6, flow, loads);
  }
  for (; at > flow; at -= 8, p -= 2, l -= 2) liftAt(at, p, l, flow, loads);
  store<f64>(flow, 0);
}

// @ts-ignore: decorator
@inline
function liftAt(at: usize, parent: usize, link: usize, flow: usize, loads: usize): void {
  const q = load<f64>(at);
  const onLink = loads + (<usize>load<u16>(link) << 3);
  const above = flow + (<usize>load<u16>(parent) << 3);
  store<f64>(onLink, load<f64>(onLink) + q);
  store<f64>(above, load<f64>(above) + q);
  store<f64>(at, 0);
}

// @ts-ignore: decorator
@inline
export function clearLoads(record: usize): void {
  const loads = <usize>load<u32>(record, loadAt);
  const count = <usize>load<i32>(record, linkCount);
  memory.fill(loads, 0, (count + 1) << 3);
}

