/** How far the flows of a partition have come from their anchor. */
import {
  anchorAt,
  classCount,
  flowAt,
  groupBegin,
  groupEnd,
  movement,
  positionStartAt,
  slotStartAt,
  weightAt,
  zero2,
} from "./sweep-record";

/** The square of the distance, in the metric of steps, to `movement`. */
export function distance(record: usize): void {
  const positionStart = <usize>load<u32>(record, positionStartAt);
  const slotStart = <usize>load<u32>(record, slotStartAt);
  const flows = <usize>load<u32>(record, flowAt);
  const anchors = <usize>load<u32>(record, anchorAt);
  const weights = <usize>load<u32>(record, weightAt);
  let moved = zero2;
  const end = <usize>load<i32>(record, groupEnd);
  for (let g = <usize>load<i32>(record, groupBegin); g < end; g++) {
    const starts = positionStart + g * ((classCount + 1) << 2);
    const slots = slotStart + g * (classCount << 2);
    let k = <usize>load<i32>(starts);
    for (let wide: usize = 0; wide < <usize>classCount; wide++) {
      const width: usize = 1 << wide;
      const kEnd = <usize>load<i32>(starts + ((wide + 1) << 2));
      let at = <usize>load<i32>(slots + (wide << 2)) << 3;
      for (; k < kEnd; k += 2) {
        let squares = zero2;
        for (let j: usize = 0; j < width; j++, at += 16) {
          const d = f64x2.sub(v128.load(flows + at), v128.load(anchors + at));
          squares = f64x2.add(squares, f64x2.mul(d, d));
        }
        moved = f64x2.add(moved, f64x2.mul(v128.load(weights + (k << 3)), squares));
      }
    }
  }
  store<f64>(record, f64x2.extract_lane(moved, 0) + f64x2.extract_lane(moved, 1), movement);
}
