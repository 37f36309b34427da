/** Merging in plain TypeScript: the same as assembly/trie-merge.ts, to the bit. */
import type { Problem } from "../problem.js";
import { groupNodesMax, type ClosedPaths, type ContractedTries, type FullTries, type MergedTries } from "./full-tries.js";

export interface MergeInput extends Pick<FullTries, "demands" | "demandStart"> {
  readonly problem: Problem;
  readonly closed: ClosedPaths;
  readonly contracted: ContractedTries;
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
      const nodeOf = nodes.add(input.contracted, g);
      for (let i = input.demandStart[g] as number; i < (input.demandStart[g + 1] as number); i++) {
        const d = demands[i] as number;
        const paths = openPaths(input, d);
        const wanted = nodesOf(paths.map((p) => nodeOf[input.contracted.leaf[p] as number] as number));
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
          const path = paths.find((p) => nodeOf[input.contracted.leaf[p] as number] === node);
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

/** Groups whose nodes at the root are of the same links, and fit one trie together; in order of the first of each. */
function clustersOf({ contracted: { nodeStart, parent, link }, demandStart }: MergeInput): readonly (readonly number[])[] {
  const clusters: { readonly ends: string; readonly groups: number[]; size: number }[] = [];
  for (let g = 0; g < demandStart.length - 1; g++) {
    const [begin, end] = [nodeStart[g] as number, nodeStart[g + 1] as number];
    const links: number[] = [];
    for (let i = begin + 1; i < end && parent[i] === 0; i++) links.push(link[i] as number);
    const ends = links.toSorted((a, b) => a - b).join();
    const fitting = clusters.find((cluster) => cluster.ends === ends && cluster.size + end - begin <= groupNodesMax);
    if (fitting === undefined) clusters.push({ ends, groups: [g], size: end - begin });
    else {
      fitting.groups.push(g);
      fitting.size += end - begin;
    }
  }
  return clusters.map(({ groups }) => groups);
}

/** The nodes of a cluster, in the order in which they are made. */
class Nodes {
  readonly #parent = [0];
  readonly #link = [0];
  readonly #level = [0];
  readonly #byEdge = new Map<string, number>();

  /** Returns which one each node of the group is. */
  add({ nodeStart, parent, link }: ContractedTries, group: number): Int32Array {
    const begin = nodeStart[group] as number;
    const nodeOf = new Int32Array((nodeStart[group + 1] as number) - begin);
    for (let i = 1; i < nodeOf.length; i++) {
      const above = nodeOf[parent[begin + i] as number] as number;
      const edge = `${above},${link[begin + i]}`;
      const node = this.#byEdge.get(edge) ?? this.#parent.length;
      if (node === this.#parent.length) {
        this.#byEdge.set(edge, node);
        this.#parent.push(above);
        this.#link.push(link[begin + i] as number);
        this.#level.push((this.#level[above] as number) + 1);
      }
      nodeOf[i] = node;
    }
    return nodeOf;
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
