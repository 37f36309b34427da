/** Many short lists of indices in two arrays: those of k are `items[start[k] .. start[k + 1]]`. */
export interface Runs {
  readonly start: Int32Array;
  readonly items: Int32Array;
}

export function runsOf(lists: readonly (readonly number[])[]): Runs {
  const start = startsOf(lists.map((list) => list.length));
  const items = new Int32Array(start[lists.length] as number);
  lists.forEach((list, k) => items.set(list, start[k]));
  return { start, items };
}

/** Running sums, with the total at the end. */
export function startsOf(lengths: readonly number[]): Int32Array {
  const start = new Int32Array(lengths.length + 1);
  lengths.forEach((length, k) => {
    start[k + 1] = (start[k] as number) + length;
  });
  return start;
}

/** The lists in which each of `count` items is, in rising order. O(items). */
export function transposed({ start, items }: Runs, count: number): Runs {
  const back = new Int32Array(count + 1);
  for (const item of items) back[item + 1] = (back[item + 1] as number) + 1;
  for (let k = 0; k < count; k++) back[k + 1] = (back[k + 1] as number) + (back[k] as number);
  const next = back.slice();
  const lists = new Int32Array(items.length);
  for (let list = 0; list + 1 < start.length; list++) {
    for (let k = start[list] as number; k < (start[list + 1] as number); k++) {
      const item = items[k] as number;
      const slot = next[item] as number;
      next[item] = slot + 1;
      lists[slot] = list;
    }
  }
  return { start: back, items: lists };
}
