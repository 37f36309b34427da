/** What is left of links, and which of them hold too much. */

/** Relative to a link's capacity: remainders below this are rounding, not room. As in the pipeline, and as the checker rounds. */
export const roomShareMin = 1e-9;
/** Relative to a link's capacity: loads that pass their limit by less than this are equal to it. Three classes of it stay within the checker's. */
const fitTolerance = 1e-11;
/** The same for what is there already and was judged once: a hair more, so that it is not judged anew. */
const overfullTolerance = 1e-10;

/** Per link: its capacity less all these loads, at least 0; 0 where the link is gone. */
export function roomOf(capacityBps: Float64Array, deadLink: Uint8Array, loadsBps: readonly Float64Array[]): Float64Array {
  return capacityBps.map((capacity, e) => {
    if (deadLink[e] === 1) return 0;
    let left = capacity;
    for (const load of loadsBps) left -= load[e] as number;
    return left > roomShareMin * capacity ? left : 0;
  });
}

/** Whether a load fits a limit on a link of this capacity. */
export function fits(loadBps: number, limitBps: number, capacityBps: number): boolean {
  return loadBps <= limitBps + fitTolerance * capacityBps;
}

export function isOverfull(loadBps: number, capacityBps: number): boolean {
  return loadBps > capacityBps * (1 + overfullTolerance);
}

/** Links on which two loads together pass the capacity, in rising order; links that are gone are left out. */
export function overfullLinks(
  capacityBps: Float64Array,
  deadLink: Uint8Array,
  [a, b]: readonly [Float64Array, Float64Array],
): readonly number[] {
  const overfull: number[] = [];
  for (let e = 0; e < capacityBps.length; e++) {
    if (deadLink[e] === 0 && isOverfull((a[e] as number) + (b[e] as number), capacityBps[e] as number)) overfull.push(e);
  }
  return overfull;
}
