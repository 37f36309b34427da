/** The total order of paths: by weight, then by number of hops, then by link ids in order of travel. */

export interface RankedPath {
  readonly links: readonly number[];
  /** Sum of the weights that the search was asked for. */
  readonly weight: number;
}

export function comparePaths(a: RankedPath, b: RankedPath): number {
  return a.weight - b.weight || a.links.length - b.links.length || compareLinks(a.links, b.links);
}

export function compareLinks(a: readonly number[], b: readonly number[]): number {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function pathWeight(links: readonly number[], weights: Float64Array): number {
  return links.reduce((sum, link) => sum + (weights[link] as number), 0);
}
