/** Which instances of the benchmark are meant: by id, by topology, by the beginning of an id, or all. */
import type { PeerInstance } from "@sluice/mcf/peer-bench";
import { fault, ok, refuse, type Result } from "@sluice/model";

/** Most names that a refusal proposes. */
const proposalsMax = 5;

/** In the benchmark's order, each once. Fault: `not-found`, with names that are near. */
export function selectInstances(names: readonly string[], instances: readonly PeerInstance[]): Result<readonly PeerInstance[]> {
  const chosen = new Set<PeerInstance>();
  for (const name of names.length === 0 ? ["all"] : names) {
    const found = matching(name.toLowerCase(), instances);
    if (found.length === 0)
      return refuse(
        fault("not-found", `There is no instance ${JSON.stringify(name)}. ${proposal(name, instances)}`, { pointer: "INSTANCE" }),
      );
    for (const each of found) chosen.add(each);
  }
  return ok(instances.filter((each) => chosen.has(each)));
}

function matching(name: string, instances: readonly PeerInstance[]): readonly PeerInstance[] {
  if (name === "all") return instances;
  const exact = instances.filter(({ id }) => id.toLowerCase() === name);
  if (exact.length > 0) return exact;
  const topology = instances.filter((each) => each.topology.toLowerCase() === name);
  if (topology.length > 0) return topology;
  // The beginning of an id has the topology whole, so that a misspelt topology does not pass for one.
  return name.includes("_") ? instances.filter(({ id }) => id.toLowerCase().startsWith(name)) : [];
}

function proposal(name: string, instances: readonly PeerInstance[]): string {
  const names = [...new Set(instances.flatMap(({ id, topology }) => [topology, id]))];
  const near = names
    .map((each) => ({ each, distance: editDistance(name.toLowerCase(), each.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, proposalsMax)
    .map(({ each }) => each);
  return near.length === 0 ? "There are none at all." : `Near: ${near.join(", ")}. "all" means each of the ${instances.length}.`;
}

/** Levenshtein: the fewest insertions, deletions and changes of a character. O(lengths multiplied). */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    above = row;
  }
  return above[b.length] ?? 0;
}

/** Short names, where they tell the chosen instances apart; else the ids. */
export function labelsOf(instances: readonly PeerInstance[]): ReadonlyMap<PeerInstance, string> {
  const short = instances.map(({ topology, model, scale }) => `${topology} ${model} x${scale}`);
  const distinct = new Set(short).size === instances.length;
  return new Map(instances.map((each, i) => [each, distinct ? (short[i] ?? each.id) : each.id]));
}
