/** The results that others published on an instance, as figures to stand beside ours. */
import type { PeerInstance, PublishedResult } from "@sluice/mcf/peer-bench";
import type { BenchObjective } from "./bench-message.js";

export const peerNames = ["NCFlow", "POP best", "POP fastest", "CSPF", "Fleischer", "SMORE", "Gurobi"] as const;
export type PeerName = (typeof peerNames)[number];

export interface PeerFigure {
  readonly objective: number;
  /** Relative to the published optimum over the path set. */
  readonly ofOptimum: number;
  /** As published: for NCFlow and POP an estimated makespan on 28 cores; solver time alone for all. */
  readonly seconds: number;
  /** Which of several variants, e.g. `k = 16, split 0.5`. */
  readonly variant: string | null;
}

export interface PeerFigures {
  /** Null where none was published: then nothing is relative to it. */
  readonly optimum: number | null;
  readonly figures: Readonly<Partial<Record<PeerName, PeerFigure>>>;
}

/** Of SMORE's path counts the one that all have: four a demand, as in the path set. */
const smorePaths = "4";

export function peerFigures({ maxFlow, maxConcurrent }: PeerInstance, objective: BenchObjective): PeerFigures {
  const published = objective === "max-throughput" ? maxFlow : (maxConcurrent ?? {});
  const optimum = published.gurobi_lp?.obj ?? null;
  if (optimum === null) return { optimum, figures: {} };
  const figure = (result: PublishedResult | null | undefined, variant: string | null = null): PeerFigure | undefined =>
    result === null || result === undefined
      ? undefined
      : { objective: result.obj, ofOptimum: result.obj / optimum, seconds: result.s, variant };
  // POP with one part is the whole program: that is no approximation.
  const pop = (published.pop ?? [])
    .filter(({ k }) => k > 1)
    .map((each) => figure(each, `k = ${each.k}, split ${each.split}`))
    .filter((each) => each !== undefined);
  const flow = objective === "max-throughput" ? maxFlow : undefined;
  const found: Readonly<Record<PeerName, PeerFigure | undefined>> = {
    NCFlow: figure(flow?.ncflow),
    "POP best": pop.toSorted((a, b) => b.objective - a.objective)[0],
    "POP fastest": pop.toSorted((a, b) => a.seconds - b.seconds)[0],
    CSPF: figure(flow?.cspf),
    Fleischer: figure(flow?.["fleischer_eps0.5_paths"], "epsilon 0.5, over the path set"),
    SMORE: figure(flow?.smore?.[smorePaths], `${smorePaths} paths of its own`),
    Gurobi: figure(published.gurobi_lp),
  };
  return { optimum, figures: Object.fromEntries(peerNames.flatMap((name) => (found[name] === undefined ? [] : [[name, found[name]]]))) };
}
