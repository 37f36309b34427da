/** Candidate tunnels less those that may not be used. */
import { isUsable, type Topology } from "@sluice/model";
import type { CandidateTunnels } from "./tunnels/candidate-tunnels.js";
import { withinTables } from "./tunnels/table-room.js";

/** Paths over links that are down or drained, and paths that a table has no room for, are no candidates, whoever gave them. O(links of all paths). */
export function usableCandidates(topology: Topology, { pairs }: CandidateTunnels): CandidateTunnels {
  const usable = new Set(topology.links.filter((link) => isUsable(topology, link)).map((link) => link.id));
  const open = new Map([...pairs].map(([pair, paths]) => [pair, paths.filter((path) => path.every((id) => usable.has(id)))]));
  return withinTables(topology, { pairs: open });
}
