/** A binary heap in typed arrays: items by rising distance, ties by rank, then by item number. */
export class DistanceHeap {
  /** Of the item that was last taken. */
  distance = 0;
  rank = 0;
  private size = 0;
  private readonly distances: Float64Array;
  private readonly ranks: Float64Array;
  private readonly items: Int32Array;

  /** Holds `capacity` items at once. */
  constructor(capacity: number) {
    this.distances = new Float64Array(capacity);
    this.ranks = new Float64Array(capacity);
    this.items = new Int32Array(capacity);
  }

  clear(): void {
    this.size = 0;
  }

  push(item: number, distance: number, rank: number): void {
    let hole = this.size++;
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      if (!this.isLater(above, distance, rank, item)) break;
      this.move(above, hole);
      hole = above;
    }
    this.put(hole, distance, rank, item);
  }

  /** Takes the first item, and sets `distance` and `rank` to its own; -1 when there is none. */
  pop(): number {
    if (this.size === 0) return -1;
    const first = this.items[0] as number;
    this.distance = this.distances[0] as number;
    this.rank = this.ranks[0] as number;
    const last = --this.size;
    if (last > 0) this.sink(this.distances[last] as number, this.ranks[last] as number, this.items[last] as number);
    return first;
  }

  /** Puts an item where the first was taken. */
  private sink(distance: number, rank: number, item: number): void {
    let hole = 0;
    for (;;) {
      let below = 2 * hole + 1;
      if (below >= this.size) break;
      const right = below + 1;
      if (
        right < this.size &&
        this.isLater(below, this.distances[right] as number, this.ranks[right] as number, this.items[right] as number)
      ) {
        below = right;
      }
      if (this.isLater(below, distance, rank, item)) break;
      this.move(below, hole);
      hole = below;
    }
    this.put(hole, distance, rank, item);
  }

  /** Whether what is at a place comes after an item. */
  private isLater(place: number, distance: number, rank: number, item: number): boolean {
    const d = this.distances[place] as number;
    if (d !== distance) return d > distance;
    const r = this.ranks[place] as number;
    return r !== rank ? r > rank : (this.items[place] as number) > item;
  }

  private move(from: number, to: number): void {
    this.put(to, this.distances[from] as number, this.ranks[from] as number, this.items[from] as number);
  }

  private put(place: number, distance: number, rank: number, item: number): void {
    this.distances[place] = distance;
    this.ranks[place] = rank;
    this.items[place] = item;
  }
}
