/** What split groups put on links when cables fail and ingresses rescale: exactly, failure by failure. */

export interface SplitGroup {
  readonly admittedBps: number;
  readonly members: readonly { readonly links: readonly number[]; readonly weight: number }[];
  /** Whether its ingress sends over what survives; else it counts as in the plan, whatever fails. */
  readonly rescales: boolean;
}

export interface FailureOutcome {
  /** Groups of which nothing survives. */
  readonly dead: readonly number[];
  /** Per link, bps. Valid until the next failure is asked for. */
  readonly loadBps: Float64Array;
}

/** Loads under one failure after the other; each takes time in proportion to the groups that it touches, and to the number of links. */
export class FailureLoads {
  readonly #groups: readonly SplitGroup[];
  readonly #cableOfLink: Int32Array;
  readonly #planBps: Float64Array;
  readonly #loadBps: Float64Array;
  /** Per cable: rescaling groups with a member over it. */
  readonly #touched: ReadonlyMap<number, readonly number[]>;

  constructor(groups: readonly SplitGroup[], cableOfLink: Int32Array) {
    this.#groups = groups;
    this.#cableOfLink = cableOfLink;
    this.#planBps = new Float64Array(cableOfLink.length);
    this.#loadBps = new Float64Array(cableOfLink.length);
    const touched = new Map<number, number[]>();
    groups.forEach((group, g) => {
      addGroup(group, () => true, this.#planBps, 1);
      if (!group.rescales) return;
      for (const cable of new Set(group.members.flatMap(({ links }) => links.map((link) => cableOfLink[link] as number)))) {
        const there = touched.get(cable);
        if (there === undefined) touched.set(cable, [g]);
        else there.push(g);
      }
    });
    this.#touched = touched;
  }

  /** Cables that rescaling groups use, rising. */
  get cables(): readonly number[] {
    return [...this.#touched.keys()].sort((a, b) => a - b);
  }

  under(cables: readonly number[]): FailureOutcome {
    const down = new Set(cables);
    const touched = new Set(cables.flatMap((cable) => this.#touched.get(cable) ?? []));
    const survives = (links: readonly number[]): boolean => links.every((link) => !down.has(this.#cableOfLink[link] as number));
    this.#loadBps.set(this.#planBps);
    const dead: number[] = [];
    for (const g of touched) {
      const group = this.#groups[g];
      if (group === undefined) continue;
      addGroup(group, () => true, this.#loadBps, -1);
      if (!addGroup(group, survives, this.#loadBps, 1)) dead.push(g);
    }
    return { dead, loadBps: this.#loadBps };
  }
}

/** False where nothing survives. */
function addGroup(
  { admittedBps, members }: SplitGroup,
  survives: (links: readonly number[]) => boolean,
  loadBps: Float64Array,
  sign: 1 | -1,
): boolean {
  const left = members.filter(({ links }) => survives(links));
  const sum = left.reduce((total, { weight }) => total + weight, 0);
  for (const { links, weight } of left) {
    for (const link of links) loadBps[link] = (loadBps[link] as number) + sign * admittedBps * (weight / sum);
  }
  return sum > 0;
}
