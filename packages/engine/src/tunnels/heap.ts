/** A binary heap of nodes under a key of two or three parts, with decrease-key: the queue of every shortest-path search here. */

export class NodeHeap {
  readonly #heap: Int32Array;
  /** Position of a node in the heap, or -1. */
  readonly #position: Int32Array;
  readonly #major: Float64Array;
  readonly #minor: Float64Array;
  readonly #last: Float64Array;
  #size = 0;

  /** The arrays hold the keys by node, the first counts most; the caller lowers them and then calls `push`. */
  constructor(major: Float64Array, minor: Float64Array, last: Float64Array = minor) {
    this.#heap = new Int32Array(major.length);
    this.#position = new Int32Array(major.length).fill(-1);
    this.#major = major;
    this.#minor = minor;
    this.#last = last;
  }

  get size(): number {
    return this.#size;
  }

  clear(): void {
    for (let i = 0; i < this.#size; i++) this.#position[this.#heap[i] as number] = -1;
    this.#size = 0;
  }

  /** Adds a node, or moves it up after its key was lowered. O(log V). */
  push(node: number): void {
    let at = this.#position[node] as number;
    if (at < 0) at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = this.#heap[parent] as number;
      if (!this.#before(node, other)) break;
      this.#place(other, at);
      at = parent;
    }
    this.#place(node, at);
  }

  /** Takes the node with the least key; -1 when empty. O(log V). */
  pop(): number {
    if (this.#size === 0) return -1;
    const top = this.#heap[0] as number;
    this.#position[top] = -1;
    const last = this.#heap[--this.#size] as number;
    if (this.#size === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#before(this.#heap[child + 1] as number, this.#heap[child] as number)) child++;
      const other = this.#heap[child] as number;
      if (!this.#before(other, last)) break;
      this.#place(other, at);
      at = child;
    }
    this.#place(last, at);
    return top;
  }

  #place(node: number, at: number): void {
    this.#heap[at] = node;
    this.#position[node] = at;
  }

  #before(a: number, b: number): boolean {
    const difference = (this.#major[a] as number) - (this.#major[b] as number);
    if (difference !== 0) return difference < 0;
    const next = (this.#minor[a] as number) - (this.#minor[b] as number);
    if (next !== 0) return next < 0;
    return (this.#last[a] as number) < (this.#last[b] as number);
  }
}
