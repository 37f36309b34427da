/** Flows of merged demands and those of the problem's: from one to the other. */
import type { MergedTrie } from "../trie/path-trie.js";

/** Each demand of the problem gets its part, by rates, of the flow of the one that it was merged into. */
export function dealtFlow({ problem, merged }: MergedTrie, flowBps: Float64Array): Float64Array {
  const { pathStart, demandBps, demandCount, pathCount } = problem;
  const { demandOf, pathOf, rateBps } = merged;
  const dealt = new Float64Array(pathCount);
  for (let d = 0; d < demandCount; d++) {
    const demand = demandOf[d] as number;
    if (demand < 0) continue;
    const share = (demandBps[d] as number) / (rateBps[demand] as number);
    const end = pathStart[d + 1] as number;
    for (let p = pathStart[d] as number; p < end; p++) {
      const path = pathOf[p] as number;
      if (path >= 0) dealt[p] = (flowBps[path] as number) * share;
    }
  }
  return dealt;
}

/** The sum of what flows on paths that were merged. */
export function gatheredFlow({ leaf, merged: { pathOf } }: MergedTrie, flowBps: Float64Array): Float64Array {
  const gathered = new Float64Array(leaf.length);
  for (let p = 0; p < pathOf.length; p++) {
    const path = pathOf[p] as number;
    if (path >= 0) gathered[path] = (gathered[path] as number) + (flowBps[p] as number);
  }
  return gathered;
}
