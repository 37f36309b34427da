/** Virtual time: a queue of things to do, in order of their time; equal times in order of their entry. */

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class VirtualClock {
  nowMs: number;
  #order = 0;
  /** A binary heap. */
  readonly #heap: Entry[] = [];

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  after(delayMs: number, run: () => void): void {
    this.#order += 1;
    this.#heap.push({ atMs: this.nowMs + Math.max(0, delayMs), order: this.#order, run });
    let child = this.#heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.#swapIfLater(parent, child)) break;
      child = parent;
    }
  }

  /** How many things are left to do. */
  get pending(): number {
    return this.#heap.length;
  }

  /** Moves to the next entry and gives it out; undefined when nothing is left to do. */
  next(): (() => void) | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      let parent = 0;
      for (;;) {
        const left = 2 * parent + 1;
        const right = left + 1;
        let least = parent;
        if (this.#isBefore(left, least)) least = left;
        if (this.#isBefore(right, least)) least = right;
        if (least === parent) break;
        this.#swapIfLater(parent, least);
        parent = least;
      }
    }
    this.nowMs = first.atMs;
    return first.run;
  }

  #isBefore(a: number, b: number): boolean {
    const one = this.#heap[a];
    const other = this.#heap[b];
    if (one === undefined || other === undefined) return false;
    return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
  }

  #swapIfLater(parent: number, child: number): boolean {
    const a = this.#heap[parent];
    const b = this.#heap[child];
    if (a === undefined || b === undefined || !this.#isBefore(child, parent)) return false;
    this.#heap[parent] = b;
    this.#heap[child] = a;
    return true;
  }
}
