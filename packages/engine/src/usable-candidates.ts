/** Candidate tunnels less those that may not be used. */
import { isUsable, type Topology } from "@sluice/model";
import type { CandidateTunnels } from "./tunnels/candidate-tunnels.js";

/** Paths over links that are down or drained are no candidates, whoever gave them. O(links of all paths). */
export function usableCandidates(topology: Topology, { pairs }: CandidateTunnels): CandidateTunnels {
  const usable = new Set(topology.links.filter((link) => isUsable(topology, link)).map((link) => link.id));
  return { pairs: new Map([...pairs].map(([pair, paths]) => [pair, paths.filter((path) => path.every((id) => usable.has(id)))])) };
}
