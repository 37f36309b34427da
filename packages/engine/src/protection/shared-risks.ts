/** What two paths between the same nodes have in common, and how bad that is. */
import type { Disjointness } from "@sluice/model";
import { compareLinks, pathWeight } from "../tunnels/path-order.js";
import type { RiskGraph } from "./risk-graph.js";

/** By index, each sorted. */
export interface SharedRisks {
  /** Links of the first path whose cable the second uses, either way. */
  readonly links: readonly number[];
  /** Nodes of both but the first and the last. */
  readonly nodes: readonly number[];
  readonly srlgs: readonly number[];
}

/** A path to be stood in for, with what it depends on; each index once. */
export interface AtRisk {
  readonly links: readonly number[];
  readonly cables: readonly number[];
  /** But for its ends. */
  readonly nodes: readonly number[];
  readonly srlgs: readonly number[];
}

export function atRisk(risks: RiskGraph, links: readonly number[]): AtRisk {
  return { links, cables: links.map((link) => risks.cable[link] as number), nodes: innerNodes(risks, links), srlgs: srlgsOf(risks, links) };
}

/** Paths are short: looking through them is quicker than making sets of them. O(hops of one x hops of the other). */
export function sharedRisks(risks: RiskGraph, path: AtRisk, other: readonly number[]): SharedRisks {
  const { cable } = risks;
  return {
    links: path.links.filter((_, i) => other.some((link) => cable[link] === path.cables[i])).sort(rising),
    nodes: innerNodes(risks, other)
      .filter((node) => path.nodes.includes(node))
      .sort(rising),
    srlgs: srlgsOf(risks, other)
      .filter((srlg) => path.srlgs.includes(srlg))
      .sort(rising),
  };
}

function innerNodes({ graph }: RiskGraph, links: readonly number[]): readonly number[] {
  const nodes: number[] = [];
  for (let i = 1; i < links.length; i++) nodes.push(graph.linkFrom[links[i] as number] as number);
  return nodes;
}

function srlgsOf({ graph }: RiskGraph, links: readonly number[]): readonly number[] {
  const srlgs: number[] = [];
  for (const link of links) for (const srlg of graph.linkSrlgs[link] ?? []) if (!srlgs.includes(srlg)) srlgs.push(srlg);
  return srlgs;
}

export function disjointnessOf({ links, nodes, srlgs }: SharedRisks): Disjointness {
  if (links.length > 0) return "partial";
  if (srlgs.length === 0) return "srlg";
  return nodes.length === 0 ? "node" : "link";
}

/** From the best to the worst. */
const ranks: readonly Disjointness[] = ["srlg", "node", "link", "partial"];

/** By disjointness, then by how many SRLGs, links, nodes are shared. Below 0 where `a` is better. */
export function compareSharing(a: SharedRisks, b: SharedRisks): number {
  return (
    ranks.indexOf(disjointnessOf(a)) - ranks.indexOf(disjointnessOf(b)) ||
    a.srlgs.length - b.srlgs.length ||
    a.links.length - b.links.length ||
    a.nodes.length - b.nodes.length
  );
}

/** The total order of paths: latency, hops, link ids in order of travel. */
export function compareDetours({ graph }: RiskGraph, a: readonly number[], b: readonly number[]): number {
  return pathWeight(a, graph.latencyMs) - pathWeight(b, graph.latencyMs) || a.length - b.length || compareLinks(a, b);
}

function rising(a: number, b: number): number {
  return a - b;
}
