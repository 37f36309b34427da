/**
 * Small random programs that are unkind on purpose: capacities and demands over many orders of magnitude, zeros, ties, parallel
 * links, dead ends, the same path twice, paths that are closed, demands without a path, demands of 1e15.
 */
import fc from "fast-check";
import type { FlowProgram } from "../flow-program.js";
import { problemOf, type WrittenDemand, type WrittenLink } from "./written-problem.js";

/** What is solved for: "throughput" and "cost" are the program with limit "capacity" without and with costs of paths. */
export type ProgramKind = "throughput" | "cost" | "utilization";

export const programKinds: readonly ProgramKind[] = ["throughput", "cost", "utilization"];

export interface RandomProgramOptions {
  /** Default all. */
  readonly kinds?: readonly ProgramKind[];
  /** "tame": figures within three orders of magnitude, for oracles with absolute tolerances. */
  readonly figures?: "tame" | "any";
  /** "small" (default): 2 to 8 nodes, at most 32 links and 10 demands; "medium": 2 to 24 nodes, at most 120 links and 150 demands. */
  readonly size?: ProgramSize;
}

export type ProgramSize = "small" | "medium";

const most = { small: { nodes: 8, links: 16, demands: 10 }, medium: { nodes: 24, links: 72, demands: 150 } } as const;

/** A network of figures as they are drawn, so that fast-check shrinks each of them by itself. */
interface Draw {
  readonly nodeCount: number;
  /** Capacities, in turn, of links from each node to the next and back; null: there are none. */
  readonly ring: readonly number[] | null;
  readonly links: readonly { readonly from: number; readonly step: number; readonly capacity: number }[];
  readonly demands: readonly { readonly src: number; readonly step: number; readonly rate: number; readonly walks: readonly number[] }[];
  readonly kind: ProgramKind;
  /** Of paths, in turn. */
  readonly pathCost: readonly number[];
  readonly unitBps: number;
}

/** Demands have at most 6 paths, some of them the same. */
export function randomProgram({
  kinds = programKinds,
  figures = "any",
  size = "small",
}: RandomProgramOptions = {}): fc.Arbitrary<FlowProgram> {
  const { nodes, links, demands } = most[size];
  return fc
    .record<Draw>({
      nodeCount: fc.integer({ min: 2, max: nodes }),
      ring: fc.option(fc.array(capacity(figures), { minLength: 1, maxLength: 6, size: "max" }), { freq: 3 }),
      links: fc.array(fc.record({ from: fc.nat(nodes - 1), step: fc.nat(nodes - 2), capacity: capacity(figures) }), {
        maxLength: links,
        size: "max",
      }),
      demands: fc.array(
        fc.record({
          src: fc.nat(nodes - 1),
          step: fc.nat(nodes - 2),
          rate: rate(figures),
          // Few seeds, so that some paths come twice.
          walks: fc.array(fc.nat(20), { maxLength: 6, size: "max" }),
        }),
        { maxLength: demands, size: "max" },
      ),
      kind: fc.constantFrom(...kinds),
      pathCost: fc.array(cost(figures), { minLength: 1, maxLength: 12, size: "max" }),
      unitBps: fc.constantFrom(1, 1e9, 1 / 3, 1e-6, 2 ** 30),
    })
    .map(programOf);
}

function capacity(figures: "tame" | "any"): fc.Arbitrary<number> {
  const tame = [
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 20 }) },
    { weight: 1, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.constant(10) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 100 }).map((n) => n / 7) },
  ];
  const wide = { weight: 5, arbitrary: fc.integer({ min: 0, max: 12 }).map((exponent) => 10 ** exponent) };
  return fc.oneof(...(figures === "tame" ? tame : [...tame, wide]));
}

function rate(figures: "tame" | "any"): fc.Arbitrary<number> {
  const tame = [
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 25 }) },
    { weight: 3, arbitrary: fc.constant(10) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 100 }).map((n) => n / 7) },
  ];
  const wide = [
    { weight: 1, arbitrary: fc.constant(1e15) },
    { weight: 2, arbitrary: fc.integer({ min: -3, max: 13 }).map((exponent) => 10 ** exponent) },
  ];
  return fc.oneof(...(figures === "tame" ? tame : [...tame, ...wide]));
}

function cost(figures: "tame" | "any"): fc.Arbitrary<number> {
  const tame = { weight: 8, arbitrary: fc.nat(99).map((n) => n / 100) };
  return figures === "tame" ? tame.arbitrary : fc.oneof(tame, { weight: 1, arbitrary: fc.constantFrom(1 - 1e-6, 1e-12) });
}

function programOf({ nodeCount, ring, links, demands, pathCost: costs, kind, unitBps }: Draw): FlowProgram {
  const around = (node: number, step: number): number => ((node % nodeCount) + 1 + (step % (nodeCount - 1))) % nodeCount;
  const drawn = links.map((link) => ({ from: link.from % nodeCount, to: around(link.from, link.step), capacity: link.capacity }));
  const ends: readonly WrittenLink[] = [...(ring === null ? [] : ringOf(nodeCount, ring)), ...drawn].map((link) => ({
    ...link,
    capacity: link.capacity * unitBps,
  }));
  const asked = demands.map((demand): WrittenDemand => {
    const [src, dst] = [demand.src % nodeCount, around(demand.src, demand.step)];
    const paths = demand.walks.map((seed) => randomPath(ends, { src, dst, seed }));
    return { src, dst, rate: demand.rate * unitBps, paths: paths.filter((path) => path !== undefined) };
  });
  const problem = problemOf({ links: ends, demands: asked });
  if (kind !== "cost") return { problem, limit: kind === "throughput" ? "capacity" : "utilization" };
  const pathCost = Float64Array.from({ length: problem.pathCount }, (_, p) => costs[p % costs.length] as number);
  return { problem, limit: "capacity", pathCost };
}

function ringOf(nodeCount: number, capacities: readonly number[]): readonly WrittenLink[] {
  return Array.from({ length: 2 * nodeCount }, (_, i) => {
    const ends = [Math.floor(i / 2), (Math.floor(i / 2) + 1) % nodeCount] as const;
    return { from: ends[i % 2] as number, to: ends[1 - (i % 2)] as number, capacity: capacities[i % capacities.length] as number };
  });
}

/** Numbers of 32 bits that look random, from a seed: mulberry32. */
function generator(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    const mixed = Math.imul(state ^ (state >>> 15), state | 1);
    return (mixed ^ (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ (mixed >>> 14)) >>> 0;
  };
}

/** A loopless path, by a depth-first search that takes the links out of a node in an order that the seed decides. */
function randomPath(
  links: readonly WrittenLink[],
  { src, dst, seed }: { readonly src: number; readonly dst: number; readonly seed: number },
): readonly number[] | undefined {
  const draw = generator(seed);
  const visited = new Set([src]);
  const walk = (node: number): readonly number[] | undefined => {
    if (node === dst) return [];
    const out = links.flatMap((link, e) => (link.from === node ? [{ e, to: link.to, rank: draw() }] : []));
    for (const { e, to } of out.sort((a, b) => a.rank - b.rank)) {
      if (visited.has(to)) continue;
      visited.add(to);
      const rest = walk(to);
      if (rest !== undefined) return [e, ...rest];
    }
    return undefined;
  };
  return walk(src);
}
