/** Merging in plain TypeScript: the same as assembly/trie-merge.ts, to the bit. */
import type { Problem } from "../problem.js";
import { groupNodesMax, type ClosedPaths, type FullTries, type MergedTries } from "./full-tries.js";

/** A trie with a node for every link of its paths. */
export interface FullTrie {
  readonly parent: Uint16Array;
  readonly link: Uint16Array;
}

export interface MergeInput extends Pick<FullTries, "demands" | "demandStart"> {
  readonly problem: Problem;
  readonly closed: ClosedPaths;
  readonly groups: readonly FullTrie[];
  /** Per path of the problem, its node in the trie of its group. */
  readonly leaf: Int32Array;
  readonly contested: Uint8Array;
}

export function mergeTries(input: MergeInput): MergedTries {
  const { problem, demands } = input;
  const merged = {
    nodeStart: [0],
    parent: [] as number[],
    link: [] as number[],
    demandStart: [0],
    pathStart: [0],
    leaf: [] as number[],
    rateBps: [] as number[],
    demandOf: new Int32Array(problem.demandCount).fill(-1),
    pathOf: new Int32Array(problem.pathCount).fill(-1),
  };
  for (const groups of clustersOf(input)) {
    const nodes = new Nodes();
    const known = new Map<string, number>();
    const firstPath = merged.leaf.length;
    for (const g of groups) {
      const nodeOf = nodes.add(input.groups[g] as FullTrie, input.contested);
      for (let i = input.demandStart[g] as number; i < (input.demandStart[g + 1] as number); i++) {
        const d = demands[i] as number;
        const paths = openPaths(input, d);
        const wanted = nodesOf(paths.map((p) => nodeOf[input.leaf[p] as number] as number));
        const key = wanted.join();
        const to = known.get(key) ?? merged.rateBps.length;
        if (!known.has(key)) {
          known.set(key, to);
          merged.rateBps.push(0);
          merged.leaf.push(...wanted);
          merged.pathStart.push(merged.leaf.length);
        }
        merged.demandOf[d] = to;
        merged.rateBps[to] = (merged.rateBps[to] as number) + (problem.demandBps[d] as number);
        wanted.forEach((node, j) => {
          const path = paths.find((p) => nodeOf[input.leaf[p] as number] === node);
          if (path !== undefined) merged.pathOf[path] = (merged.pathStart[to] as number) + j;
        });
      }
    }
    const number = nodes.numberByLevel();
    const { parent, link } = nodes.renumbered(number, problem.linkCount);
    merged.parent.push(...parent);
    merged.link.push(...link);
    for (let p = firstPath; p < merged.leaf.length; p++) merged.leaf[p] = number[merged.leaf[p] as number] as number;
    merged.nodeStart.push(merged.parent.length);
    merged.demandStart.push(merged.rateBps.length);
  }
  return {
    ...merged,
    nodeStart: Int32Array.from(merged.nodeStart),
    parent: Uint16Array.from(merged.parent),
    link: Uint16Array.from(merged.link),
    demandStart: Int32Array.from(merged.demandStart),
    pathStart: Int32Array.from(merged.pathStart),
    leaf: Int32Array.from(merged.leaf),
    rateBps: Float64Array.from(merged.rateBps),
  };
}

function openPaths({ problem: { pathStart }, closed }: MergeInput, demand: number): readonly number[] {
  const paths: number[] = [];
  for (let p = pathStart[demand] as number; p < (pathStart[demand + 1] as number); p++) if (closed?.[p] !== 1) paths.push(p);
  return paths;
}

/** In rising order, each once; the root alone where one is the root: a path that crosses no contested link takes all of its demand. */
function nodesOf(nodes: readonly number[]): readonly number[] {
  const distinct = [...new Set(nodes)].toSorted((a, b) => a - b);
  return distinct[0] === 0 ? [0] : distinct;
}

/** Groups whose last contested links on the way to their destinations are the same, and fit one trie together; in order of the first of each. */
function clustersOf({ groups, contested }: MergeInput): readonly (readonly number[])[] {
  const clusters: { readonly ends: string; readonly groups: number[]; size: number }[] = [];
  groups.forEach(({ parent, link }, g) => {
    const isBelow = new Uint8Array(parent.length);
    const ends = new Set<number>();
    let size = 1;
    for (let i = 1; i < parent.length; i++) {
      const e = link[i] as number;
      const above = isBelow[parent[i] as number] as number;
      if (contested[e] === 1) size += 1;
      if (contested[e] === 1 && above === 0) ends.add(e);
      isBelow[i] = contested[e] === 1 ? 1 : above;
    }
    const key = [...ends].toSorted((a, b) => a - b).join();
    const fitting = clusters.find((cluster) => cluster.ends === key && cluster.size + size <= groupNodesMax);
    if (fitting === undefined) clusters.push({ ends: key, groups: [g], size });
    else {
      fitting.groups.push(g);
      fitting.size += size;
    }
  });
  return clusters.map((cluster) => cluster.groups);
}

/** The nodes of a cluster, in the order in which they are made. */
class Nodes {
  readonly #parent = [0];
  readonly #link = [0];
  readonly #level = [0];
  readonly #byEdge = new Map<string, number>();

  /** Returns which one each node of the group is: that of its nearest contested link towards the root. */
  add({ parent, link }: FullTrie, contested: Uint8Array): Int32Array {
    const nodeOf = new Int32Array(parent.length);
    for (let i = 1; i < nodeOf.length; i++) {
      const above = nodeOf[parent[i] as number] as number;
      nodeOf[i] = contested[link[i] as number] === 1 ? this.#nodeAt(above, link[i] as number) : above;
    }
    return nodeOf;
  }

  #nodeAt(above: number, link: number): number {
    const edge = `${above},${link}`;
    const known = this.#byEdge.get(edge);
    if (known !== undefined) return known;
    const node = this.#parent.length;
    this.#byEdge.set(edge, node);
    this.#parent.push(above);
    this.#link.push(link);
    this.#level.push((this.#level[above] as number) + 1);
    return node;
  }

  /** Per node its number by level, those of a level in the order in which they were made. */
  numberByLevel(): readonly number[] {
    const order = this.#level.map((_, i) => i).toSorted((a, b) => (this.#level[a] as number) - (this.#level[b] as number) || a - b);
    const number = order.map(() => 0);
    order.forEach((i, to) => (number[i] = to));
    return number;
  }

  renumbered(number: readonly number[], rootLink: number): { readonly parent: readonly number[]; readonly link: readonly number[] } {
    const parent = [...this.#parent];
    const link = [...this.#link];
    number.forEach((to, i) => {
      parent[to] = number[this.#parent[i] as number] as number;
      link[to] = i === 0 ? rootLink : (this.#link[i] as number);
    });
    return { parent, link };
  }
}
