/**
 * The checker's own prices of guarantees: for a demand, what the cheapest reservations cost per bps that survive every failure its class is
 * guaranteed against. Takes the place of the cheapest path in the bounds of classes with a guarantee (check-bound.ts). From the snapshot and the
 * published link prices alone; shares nothing with what made the plan but the candidate tunnels, which are part of the question.
 */
import {
  cablesOf,
  failureScenarios,
  guaranteeOf,
  isUsable,
  protectionOf,
  type Guarantee,
  type Snapshot,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import type { CheckedPaths } from "./check-paths.js";
import { guaranteeCandidates } from "./tunnels/guarantee-candidates.js";
import { candidateTunnels, pairKey, type CandidateTunnels, type NodePair } from "./tunnels/candidate-tunnels.js";

/** Whether a class's guarantee reserves capacity. */
export function reserves(snapshot: Snapshot, trafficClass: TrafficClass): boolean {
  const { kind } = guaranteeOf(protectionOf(snapshot.settings), trafficClass);
  return kind === "guaranteed" || kind === "availability";
}

/** The "paths" of a class with a guarantee: least prices are of reservations. */
export function guaranteedPaths(
  topology: Topology,
  snapshot: Snapshot,
  trafficClass: TrafficClass,
  given: CandidateTunnels | "all-paths" | undefined,
): CheckedPaths {
  const protection = protectionOf(snapshot.settings);
  const guarantee = guaranteeOf(protection, trafficClass);
  const { tunnels } = snapshot.settings;
  const pairs = snapshot.demands.demands.filter(
    (demand) => demand.trafficClass === trafficClass && topology.nodeById.has(demand.src) && topology.nodeById.has(demand.dst),
  );
  const base =
    given === "all-paths"
      ? candidateTunnels(topology, pairs, { kind: "k-shortest", k: tunnels.k })
      : (given ?? candidateTunnels(topology, pairs, tunnels));
  const usable = new Set(topology.links.filter((link) => isUsable(topology, link)).map(({ id }) => id));
  const open = new Map([...base.pairs].map(([key, paths]) => [key, paths.filter((path) => path.every((id) => usable.has(id)))]));
  const wanted = { guarantee, kinds: protection.scenarios, latencyMsMax: tunnels.latencyMsMax };
  const candidates = guaranteeCandidates(topology, pairs, { pairs: open }, wanted);
  const index = new Map<string, number>(topology.links.map((link, i) => [link.id, i]));
  const pathsOf = (pair: NodePair): readonly (readonly number[])[] =>
    (candidates.pairs.get(pairKey(pair)) ?? []).map((path) => path.map((id) => index.get(id) ?? -1));
  const losses = lossesFor(topology, snapshot, guarantee);
  return {
    isRoutable: (pair) => pathsOf(pair).length > 0,
    leastPrices: (asked, price) =>
      Float64Array.from(asked, (pair) => {
        const paths = pathsOf(pair);
        const prices = paths.map((path) => path.reduce((sum, link) => sum + (price[link] ?? 0), 0));
        return cheapestCover(prices, losses(pair, paths));
      }),
  };
}

/** What a covered failure takes of a pair's paths: sets of positions. */
type Losses = (pair: NodePair, paths: readonly (readonly number[])[]) => readonly ReadonlySet<number>[];

function lossesFor(topology: Topology, snapshot: Snapshot, guarantee: Guarantee): Losses {
  const protection = protectionOf(snapshot.settings);
  const cableOf = cableByLink(topology);
  const cablesOfPath = (path: readonly number[]): ReadonlySet<number> => new Set(path.map((link) => cableOf[link] ?? -1));
  if (guarantee.kind === "availability") {
    const up = 1 - protection.failureProbability;
    const mayBeDown = 1 - guarantee.target + 1e-12;
    return (_pair, paths) => {
      const cables = paths.map(cablesOfPath);
      const found: ReadonlySet<number>[] = [];
      cables.forEach((a, i) => {
        if (1 - up ** a.size > mayBeDown) found.push(new Set([i]));
        for (let j = 0; j < i; j++) {
          const b = cables[j] ?? new Set<number>();
          const both = 1 - up ** a.size - up ** b.size + up ** new Set([...a, ...b]).size;
          if (both > mayBeDown) found.push(new Set([i, j]));
        }
      });
      if (1 - up > mayBeDown) {
        for (const cable of new Set(cables.flatMap((each) => [...each]))) {
          found.push(new Set(cables.flatMap((each, i) => (each.has(cable) ? [i] : []))));
        }
      }
      return widest(found);
    };
  }
  const failures = guarantee.kind === "guaranteed" ? guarantee.failures : 0;
  const index = new Map<string, number>(topology.links.map((link, i) => [link.id, i]));
  const singles = failureScenarios(
    topology,
    protection.scenarios.filter((kind) => kind !== "link"),
  ).map(({ linkIds, nodeIds }) => ({ nodeIds, links: new Set(linkIds.map((id) => index.get(id) ?? -1)) }));
  return ({ src, dst }, paths) => {
    const cables = paths.map(cablesOfPath);
    const single = widest(
      [...new Set(cables.flatMap((each) => [...each]))].map((cable) => new Set(cables.flatMap((each, i) => (each.has(cable) ? [i] : [])))),
    );
    const found: ReadonlySet<number>[] = [];
    const choose = (from: number, left: number, taken: ReadonlySet<number>): void => {
      if (left === 0 || from === single.length) found.push(taken);
      else for (let i = from; i < single.length; i++) choose(i + 1, left - 1, new Set([...taken, ...(single[i] ?? [])]));
    };
    choose(0, failures, new Set());
    for (const { nodeIds, links } of singles) {
      if (nodeIds.includes(src) || nodeIds.includes(dst)) continue;
      found.push(new Set(paths.flatMap((path, i) => (path.some((link) => links.has(link)) ? [i] : []))));
    }
    return widest(found);
  };
}

/** Those that are in no other; of equal ones the first. Without any, the one in which nothing is lost. */
function widest(sets: readonly ReadonlySet<number>[]): readonly ReadonlySet<number>[] {
  const within = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean => [...a].every((item) => b.has(item));
  const distinct = [...new Map(sets.map((set) => [[...set].sort((a, b) => a - b).join(), set])).values()];
  const kept = distinct.filter((set) => !distinct.some((other) => other !== set && other.size > set.size && within(set, other)));
  return kept.length > 0 ? kept : [new Set()];
}

/** Per link of the topology, the number of its cable. */
export function cableByLink(topology: Topology): readonly number[] {
  const byLink = new Map<string, number>();
  cablesOf(topology).forEach(({ linkIds }, cable) => {
    for (const id of linkIds) byLink.set(id, cable);
  });
  return topology.links.map(({ id }) => byLink.get(id) ?? -1);
}

/** Smaller figures in a tableau are rounding. */
const tableauTolerance = 1e-11;

/**
 * The least sum of price x reservation with reservations >= 0 of which at least 1 is left after each loss; Infinity where a loss leaves no path of
 * finite price. The dual simplex from "nothing is reserved": prices are >= 0, so it is dual feasible from the start; of several rows and columns the
 * first is taken, so that it ends.
 */
export function cheapestCover(prices: readonly number[], losses: readonly ReadonlySet<number>[]): number {
  const usable = [...prices.keys()].filter((i) => Number.isFinite(prices[i]));
  if (losses.some((loss) => usable.every((i) => loss.has(i)))) return Infinity;
  // Row r: s_r - sum of a_t over t not lost = -1. Columns: reservations, then slacks, then the right-hand side.
  const columns = usable.length + losses.length;
  const rows = losses.map((loss, r) => [...usable.map((i) => (loss.has(i) ? 0 : -1)), ...losses.map((_, s) => (s === r ? 1 : 0)), -1]);
  const cost = [...usable.map((i) => prices[i] ?? 0), ...losses.map(() => 0), 0];
  const basis = losses.map((_, r) => usable.length + r);
  for (let step = 0; step < 100 * columns; step++) {
    let leaving = -1;
    rows.forEach((row, r) => {
      if ((row[columns] ?? 0) < -tableauTolerance && (leaving < 0 || (basis[r] ?? 0) < (basis[leaving] ?? 0))) leaving = r;
    });
    const row = rows[leaving];
    if (row === undefined) break;
    let entering = -1;
    let least = Infinity;
    for (let j = 0; j < columns; j++) {
      if (!((row[j] ?? 0) < -tableauTolerance)) continue;
      const ratio = (cost[j] ?? 0) / -(row[j] ?? 0);
      if (ratio < least) [entering, least] = [j, ratio];
    }
    if (entering < 0) return Infinity;
    const by = row[entering] ?? 1;
    row.forEach((figure, j) => (row[j] = figure / by));
    for (const other of [...rows, cost]) {
      const factor = other[entering] ?? 0;
      if (other === row || factor === 0) continue;
      row.forEach((figure, j) => (other[j] = (other[j] ?? 0) - factor * figure));
    }
    basis[leaving] = entering;
  }
  return -(cost[columns] ?? 0);
}
