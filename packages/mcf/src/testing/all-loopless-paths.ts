/** Every loopless path from one node to another, by walking everywhere: for small networks only. */
import type { LinkEnds } from "../paths/directed-graph.js";

export interface LooplessQuery {
  readonly src: number;
  readonly dst: number;
  /** Links that may be used; left out: all. */
  readonly usable?: (link: number) => boolean;
}

/** Each a list of links in order of travel; none from a node to itself. */
export function allLooplessPaths(
  { linkFrom, linkTo }: LinkEnds,
  { src, dst, usable = () => true }: LooplessQuery,
): readonly (readonly number[])[] {
  const links = Array.from(linkFrom, (_, e) => e).filter(usable);
  const walk = (node: number, visited: ReadonlySet<number>): readonly (readonly number[])[] => {
    if (node === dst) return [[]];
    return links.flatMap((e) => {
      const next = linkTo[e] as number;
      if (linkFrom[e] !== node || visited.has(next)) return [];
      return walk(next, new Set([...visited, next])).map((rest) => [e, ...rest]);
    });
  };
  return src === dst ? [] : walk(src, new Set([src]));
}
