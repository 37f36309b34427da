/** Programs that are degenerate or hostile in one named way each. All have a known shape, so that a failure tells by its name what broke. */
import type { FlowProgram } from "../flow-program.js";
import { problemOf, type WrittenDemand, type WrittenLink } from "./written-problem.js";
import { programKinds, type ProgramKind } from "./random-program.js";

export interface NamedProgram {
  readonly name: string;
  readonly program: FlowProgram;
}

export function degeneratePrograms(kinds: readonly ProgramKind[] = programKinds): readonly NamedProgram[] {
  return networks.flatMap(({ name, links, demands, pathCost }) =>
    kinds.map((kind) => {
      const problem = problemOf({ links, demands });
      const costs = pathCost ?? [0, 0.25, 0.5];
      const program: FlowProgram =
        kind === "cost"
          ? {
              problem,
              limit: "capacity",
              pathCost: Float64Array.from({ length: problem.pathCount }, (_, p) => costs[p % costs.length] as number),
            }
          : { problem, limit: kind === "throughput" ? "capacity" : "utilization" };
      return { name: `${name} (${kind})`, program };
    }),
  );
}

interface Network {
  readonly name: string;
  readonly links: readonly WrittenLink[];
  readonly demands: readonly WrittenDemand[];
  /** Of paths, in turn. */
  readonly pathCost?: readonly number[];
}

/** Equal columns, by the thousand. */
const thousands = 2000;

const link = (from: number, to: number, capacity: number): WrittenLink => ({ from, to, capacity });
const demand = (src: number, dst: number, rate: number, ...paths: readonly (readonly number[])[]): WrittenDemand => ({
  src,
  dst,
  rate,
  paths,
});

/** n links between the same two nodes, and demands each of which may take every one. */
function parallel(capacities: readonly number[], rates: readonly number[]): Pick<Network, "links" | "demands"> {
  const paths = capacities.map((_, e) => [e]);
  return { links: capacities.map((capacity) => link(0, 1, capacity)), demands: rates.map((rate) => demand(0, 1, rate, ...paths)) };
}

/** A chain of nodes, and a demand from each node to each later one: one path each. */
function chain(length: number, capacityOf: (e: number) => number): Pick<Network, "links" | "demands"> {
  const demands: WrittenDemand[] = [];
  for (let src = 0; src < length; src++) {
    for (let dst = src + 1; dst <= length; dst++)
      demands.push(
        demand(
          src,
          dst,
          1,
          Array.from({ length: dst - src }, (_, i) => src + i),
        ),
      );
  }
  return { links: Array.from({ length }, (_, e) => link(e, e + 1, capacityOf(e))), demands };
}

const oneLink = [link(0, 1, 10)];

const networks: readonly Network[] = [
  { name: "no demand", links: oneLink, demands: [] },
  { name: "no link and no path", links: [], demands: [demand(0, 1, 5)] },
  { name: "one demand that fits", links: oneLink, demands: [demand(0, 1, 4, [0])] },
  { name: "one demand that does not fit", links: oneLink, demands: [demand(0, 1, 40, [0])] },
  { name: "a demand of exactly the capacity", links: oneLink, demands: [demand(0, 1, 10, [0])] },
  { name: "a demand a hair above the capacity", links: oneLink, demands: [demand(0, 1, 10 * (1 + 1e-12), [0])] },
  { name: "a demand a hair below the capacity", links: oneLink, demands: [demand(0, 1, 10 * (1 - 1e-12), [0])] },
  { name: "zero capacity everywhere", links: [link(0, 1, 0)], demands: [demand(0, 1, 5, [0])] },
  { name: "zero capacity on one of two paths", ...parallel([0, 10], [4]) },
  {
    name: "zero capacity in the middle of a path",
    links: [link(0, 1, 5), link(1, 2, 0), link(0, 2, 3)],
    demands: [demand(0, 2, 3, [0, 1], [2])],
  },
  { name: "demands of zero", ...parallel([10, 1], [0, 0, 0]) },
  { name: "demands of zero beside others", ...parallel([10, 1], [0, 4, 0, 9]) },
  { name: "a demand of 1e15 on links of 1", ...parallel([1, 1], [1e15]) },
  { name: "demands of 0, 1e-3 and 1e15", ...parallel([1, 10], [0, 1e-3, 1e15]) },
  { name: "a demand of 1e15 on links that hold it", ...parallel([1e15, 1e14], [1e15, 1]) },
  {
    name: "a demand of 1e15 that leaves no path to the small ones",
    links: [link(0, 1, 1e3), link(1, 2, 1)],
    demands: [demand(0, 2, 1e15, [0, 1]), demand(0, 1, 1e3, [0]), demand(1, 2, 1, [1])],
  },
  { name: "capacities over twelve orders of magnitude, side by side", ...parallel([1, 1e3, 1e6, 1e9, 1e12], [2e12]) },
  { name: "capacities over twelve orders of magnitude, one after the other", ...chain(13, (e) => 10 ** e) },
  { name: "capacities over twelve orders of magnitude, falling", ...chain(13, (e) => 1e12 / 10 ** e) },
  {
    name: "a small link that decides for small demands beside large ones",
    links: [link(0, 1, 1e12), link(1, 2, 1), link(0, 2, 1e-3)],
    demands: [demand(0, 1, 1e12, [0]), demand(0, 2, 2, [0, 1], [2]), demand(1, 2, 1, [1])],
  },
  { name: "one path everywhere", ...chain(12, () => 10) },
  { name: "one path everywhere, and room for all", ...chain(8, () => 100) },
  { name: "tiny figures", ...parallel([1e-9, 3e-9], [1e-9, 7e-9]) },
  { name: "huge figures", ...parallel([1e15, 3e15], [1e15, 7e15]) },
  {
    name: "equal columns by the thousand: one pair, many demands",
    ...parallel(
      [3, 5],
      Array.from({ length: thousands }, () => 0.01),
    ),
  },
  {
    name: "equal columns by the thousand: the same path many times",
    links: oneLink,
    demands: Array.from({ length: thousands / 4 }, () => demand(0, 1, 0.1, [0], [0], [0], [0])),
  },
  {
    name: "more paths than a vector holds",
    ...parallel(
      Array.from({ length: 16 }, (_, e) => 1 + (e % 3)),
      [9, 9, 9, 9],
    ),
  },
  {
    name: "disconnected pairs",
    links: oneLink,
    demands: [demand(0, 1, 4, [0]), demand(1, 0, 4), demand(2, 3, 7), demand(3, 2, 1e15)],
  },
  { name: "all pairs disconnected", links: oneLink, demands: [demand(1, 0, 4), demand(2, 3, 7)] },
  {
    name: "parts that have nothing to do with each other",
    links: [link(0, 1, 1), link(2, 3, 1e9), link(4, 5, 7)],
    demands: [demand(0, 1, 2, [0]), demand(2, 3, 2e9, [1]), demand(4, 5, 7, [2])],
  },
  {
    name: "a long path against the many short ones it crosses",
    links: Array.from({ length: 20 }, (_, e) => link(e, e + 1, 1)),
    demands: [
      demand(
        0,
        20,
        1,
        Array.from({ length: 20 }, (_, e) => e),
      ),
      ...Array.from({ length: 20 }, (_, e) => demand(e, e + 1, 1, [e])),
    ],
  },
  {
    name: "paths that cost nearly all they bring",
    ...parallel([5, 5], [7, 7]),
    pathCost: [1 - 1e-9, 0.5, 1 - 1e-6, 1 - 1e-9],
  },
  { name: "paths that cost next to nothing", ...parallel([5, 5], [7, 7]), pathCost: [1e-12, 0, 1e-15, 1e-9] },
  {
    name: "a costly path with room beside a cheap one without",
    ...parallel([10, 1], [5, 5]),
    pathCost: [0.9, 0, 0.5, 0.1],
  },
];
