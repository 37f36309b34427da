/**
 * How good a flow is, from the problem and one price per link alone. By weak duality any prices y >= 0 bound the optimum
 * from the other side; a bad solver can only make the bound worse, never wrong. With c_e the capacity of link e, D_d the demand
 * d, y(p) the sum of prices and L(p) the sum of latencies along path p, and near(d) the least length of a path that d may take:
 *
 *   max-throughput       sum of admitted     <=  sum c_e y_e + sum D_d max(0, 1 - near_y(d))
 *       Give d the dual z_d >= 1 - y(p) for each of its paths; the least such z_d >= 0 is max(0, 1 - near_y(d)).
 *   min-cost             sum L(p) x_p + M sum (D_d - admitted)  >=  sum D_d min(M, near_(L+y)(d)) - sum c_e y_e
 *       Price the capacity rows: each bps of d then costs at least near_(L+y)(d) to carry, or M to refuse.
 *   min-max-utilization  max load(e) / c_e   >=  sum D_d near_y(d) / sum c_e y_e
 *       sum y_e load(e) is at least sum D_d near_y(d), and at most u times sum c_e y_e. Prices count only up to a factor.
 *   max-concurrent       min admitted / D_d  <=  min(1, sum c_e y_e / sum D_d near_y(d))
 *       f sum D_d near_y(d) is at most sum y_e load(e), which is at most sum c_e y_e. Again up to a factor.
 *   max-min-fair, shortest-path   no bound: the first maximizes a vector, the second nothing.
 *
 * `certify` lets a demand take the problem's paths; `edgeCertify` any path over links with capacity, found by Dijkstra: that
 * bound holds for whatever path set, and is no tighter. Demands without a path (of the problem's, or at all) are left out of every
 * sum: where the two sets differ, so do the values of the objectives that count what is not carried.
 *
 * The reported price of a link is the change of the objective per bps of capacity: bps per bps (1), ms, and 1/bps for the two
 * relative objectives (whose duals are scaled by u and by 1 to make it so; the bounds do not depend on the factor).
 */
import { assert, unreachable, type Certificate, type ObjectiveName } from "@sluice/model";
import type { Problem } from "@sluice/mcf";

export interface FlowCertificate {
  readonly value: number;
  /** Absent without prices, and for objectives that have no bound. */
  readonly bound?: number;
  /** Relative: |bound - value| / max(|value|, |bound|). */
  readonly gap?: number;
  readonly sense: Certificate["sense"];
  readonly unit: Certificate["unit"];
}

/** Value and bound on the problem's paths. Prices below zero count as zero. O(path links). */
export function certify(problem: Problem, objective: ObjectiveName, flowBps: Float64Array, linkPrice?: Float64Array): FlowCertificate {
  return certificateOf(problem, objective, flowBps, linkPrice, nearestOnPaths);
}

/** Value, and bound over all paths. O(sources x links x log links) more. */
export function edgeCertify(problem: Problem, objective: ObjectiveName, flowBps: Float64Array, linkPrice?: Float64Array): FlowCertificate {
  return certificateOf(problem, objective, flowBps, linkPrice, nearestOnLinks);
}

/** M of min-cost: above the latency of any loopless path, and positive where all latencies are zero. */
export function unservedCostMs({ capacityBps, latencyMs }: Problem): number {
  return latencyMs.reduce((sum, latency, e) => ((capacityBps[e] ?? 0) > 0 ? sum + latency : sum), 1);
}

/** Per demand: the least sum of `length` over the links of a path it may take, Infinity where there is none. */
type Nearest = (problem: Problem, length: Float64Array) => Float64Array;

function certificateOf(
  problem: Problem,
  objective: ObjectiveName,
  flowBps: Float64Array,
  linkPrice: Float64Array | undefined,
  nearest: Nearest,
): FlowCertificate {
  assert(flowBps.length === problem.pathCount, "there is one flow per path");
  assert(linkPrice === undefined || linkPrice.length === problem.linkCount, "there is one price per link");
  const carried = carriedBy(problem, flowBps);
  switch (objective) {
    case "max-throughput":
      return finish({ value: sumOf(carried.admittedBps), sense: "maximize", unit: "bps" }, linkPrice, (price) =>
        throughputBound(problem, price, nearest),
      );
    case "min-cost":
      return finish({ value: costOf(problem, carried, nearest), sense: "minimize", unit: "bps*ms" }, linkPrice, (price) =>
        costBound(problem, price, nearest),
      );
    case "min-max-utilization":
      return finish({ value: utilizationMaxOf(problem, carried), sense: "minimize", unit: "1" }, linkPrice, (price) =>
        utilizationBound(problem, price, nearest),
      );
    case "max-concurrent":
      return finish({ value: fractionOf(problem, carried, nearest), sense: "maximize", unit: "1" }, linkPrice, (price) =>
        fractionBound(problem, price, nearest),
      );
    case "max-min-fair":
    case "shortest-path":
      return { value: sumOf(carried.admittedBps), sense: "maximize", unit: "bps" };
    default:
      return unreachable(objective);
  }
}

function finish(
  judged: Pick<FlowCertificate, "value" | "sense" | "unit">,
  linkPrice: Float64Array | undefined,
  boundAt: (price: Float64Array) => number,
): FlowCertificate {
  const bound = linkPrice === undefined ? undefined : boundAt(linkPrice.map((price) => Math.max(0, price)));
  if (bound === undefined || !Number.isFinite(bound)) return judged;
  const size = Math.max(Math.abs(judged.value), Math.abs(bound));
  return { ...judged, bound, gap: size === 0 ? 0 : Math.abs(bound - judged.value) / size };
}

interface Carried {
  readonly admittedBps: Float64Array;
  readonly loadBps: Float64Array;
  /** Sum of latency x flow. */
  readonly latencyBpsMs: number;
}

function carriedBy({ demandCount, linkCount, pathStart, linkStart, pathLinks, latencyMs }: Problem, flowBps: Float64Array): Carried {
  const admittedBps = new Float64Array(demandCount);
  const loadBps = new Float64Array(linkCount);
  let latencyBpsMs = 0;
  for (let d = 0; d < demandCount; d++) {
    for (let p = pathStart[d] ?? 0; p < (pathStart[d + 1] ?? 0); p++) {
      const flow = flowBps[p] ?? 0;
      if (flow === 0) continue;
      admittedBps[d] = (admittedBps[d] ?? 0) + flow;
      for (let k = linkStart[p] ?? 0; k < (linkStart[p + 1] ?? 0); k++) {
        const e = pathLinks[k] ?? 0;
        loadBps[e] = (loadBps[e] ?? 0) + flow;
        latencyBpsMs += flow * (latencyMs[e] ?? 0);
      }
    }
  }
  return { admittedBps, loadBps, latencyBpsMs };
}

function costOf(problem: Problem, { admittedBps, latencyBpsMs }: Carried, nearest: Nearest): number {
  const near = nearest(problem, problem.latencyMs);
  const unservedBps = problem.demandBps.reduce(
    (sum, demand, d) => (Number.isFinite(near[d]) ? sum + Math.max(0, demand - (admittedBps[d] ?? 0)) : sum),
    0,
  );
  return latencyBpsMs + unservedCostMs(problem) * unservedBps;
}

function utilizationMaxOf({ capacityBps }: Problem, { loadBps }: Carried): number {
  return loadBps.reduce((most, load, e) => (load > 0 ? Math.max(most, load / (capacityBps[e] ?? 0)) : most), 0);
}

function fractionOf(problem: Problem, { admittedBps }: Carried, nearest: Nearest): number {
  const near = nearest(problem, problem.latencyMs);
  return problem.demandBps.reduce(
    (least, demand, d) => (demand > 0 && Number.isFinite(near[d]) ? Math.min(least, (admittedBps[d] ?? 0) / demand) : least),
    1,
  );
}

function throughputBound(problem: Problem, price: Float64Array, nearest: Nearest): number {
  const near = nearest(problem, price);
  return (
    weigh(problem.capacityBps, price) +
    weigh(
      problem.demandBps,
      near.map((length) => Math.max(0, 1 - length)),
    )
  );
}

function costBound(problem: Problem, price: Float64Array, nearest: Nearest): number {
  const refusedMs = unservedCostMs(problem);
  const near = nearest(
    problem,
    price.map((y, e) => y + (problem.latencyMs[e] ?? 0)),
  );
  const each = near.map((length) => (length === Infinity ? 0 : Math.min(refusedMs, length)));
  return weigh(problem.demandBps, each) - weigh(problem.capacityBps, price);
}

function utilizationBound(problem: Problem, price: Float64Array, nearest: Nearest): number {
  const spent = weigh(problem.capacityBps, price);
  const needed = weigh(problem.demandBps, finiteOf(nearest(problem, price)));
  return spent > 0 ? needed / spent : 0;
}

function fractionBound(problem: Problem, price: Float64Array, nearest: Nearest): number {
  const spent = weigh(problem.capacityBps, price);
  const needed = weigh(problem.demandBps, finiteOf(nearest(problem, price)));
  return needed > spent ? spent / needed : 1;
}

function finiteOf(near: Float64Array): Float64Array {
  return near.map((length) => (Number.isFinite(length) ? length : 0));
}

function weigh(amounts: Float64Array, weights: Float64Array): number {
  return amounts.reduce((sum, amount, i) => sum + amount * (weights[i] ?? 0), 0);
}

function sumOf(amounts: Float64Array): number {
  return amounts.reduce((sum, amount) => sum + amount, 0);
}

/** Per demand: the least sum of `length` over the links of one of its open paths, Infinity where there is none. O(path links). */
export function nearestOnPaths({ demandCount, pathStart, linkStart, pathLinks, capacityBps }: Problem, length: Float64Array): Float64Array {
  const near = new Float64Array(demandCount).fill(Infinity);
  for (let d = 0; d < demandCount; d++) {
    for (let p = pathStart[d] ?? 0; p < (pathStart[d + 1] ?? 0); p++) {
      let sum = 0;
      for (let k = linkStart[p] ?? 0; k < (linkStart[p + 1] ?? 0); k++) {
        const e = pathLinks[k] ?? 0;
        sum += (capacityBps[e] ?? 0) > 0 ? (length[e] ?? 0) : Infinity;
      }
      near[d] = Math.min(near[d] ?? Infinity, sum);
    }
  }
  return near;
}

/** Per demand: the least sum of `length` over any path of links with capacity, Infinity where there is none. O(sources x nodes^2). */
export function nearestOnLinks(problem: Problem, length: Float64Array): Float64Array {
  const { demandCount, demandSrc, demandDst } = problem;
  const distances = new Map<number, Float64Array>();
  const near = new Float64Array(demandCount);
  for (let d = 0; d < demandCount; d++) {
    const src = demandSrc[d] ?? 0;
    const from = distances.get(src) ?? distancesFrom(problem, length, src);
    distances.set(src, from);
    near[d] = from[demandDst[d] ?? 0] ?? Infinity;
  }
  return near;
}

/** Dijkstra by scanning: O(nodes^2 + links), which suits networks of a few hundred nodes and needs no heap. */
function distancesFrom({ nodeCount, linkCount, linkFrom, linkTo, capacityBps }: Problem, length: Float64Array, src: number): Float64Array {
  const outOf: number[][] = Array.from({ length: nodeCount }, () => []);
  for (let e = 0; e < linkCount; e++) if ((capacityBps[e] ?? 0) > 0) outOf[linkFrom[e] ?? 0]?.push(e);
  const distance = new Float64Array(nodeCount).fill(Infinity);
  const settled = new Uint8Array(nodeCount);
  distance[src] = 0;
  for (;;) {
    let at = -1;
    for (let v = 0; v < nodeCount; v++) {
      if (settled[v] === 0 && (distance[v] ?? Infinity) < (at < 0 ? Infinity : (distance[at] ?? Infinity))) at = v;
    }
    if (at < 0) return distance;
    settled[at] = 1;
    for (const e of outOf[at] ?? []) {
      const to = linkTo[e] ?? 0;
      distance[to] = Math.min(distance[to] ?? Infinity, (distance[at] ?? 0) + (length[e] ?? 0));
    }
  }
}
