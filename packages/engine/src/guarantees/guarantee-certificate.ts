/**
 * Value and bound of a class with a guarantee. As in certificate.ts, with the price of the cheapest path of a demand replaced by the price of its
 * cheapest guarantee: what reservations cost, per bps admitted, that survive every kill set (covering-price.ts). Let a plan admit b_d and reserve
 * a_t; each bps of demand d loads links with reservations worth at least price(d), so sum b_d price(d) <= sum y_e reserved(e) <= sum c_e y_e.
 * Any prices y >= 0 give a valid bound.
 */
import type { Certificate, ObjectiveName } from "@sluice/model";
import type { Problem } from "@sluice/mcf";
import { coveringPrice } from "./covering-price.js";
import type { FlowCertificate } from "../certificate.js";
import { canSurvive, type Survival } from "./kill-sets.js";

/** Objectives that have a form with guarantees. */
export type GuaranteedObjective = "max-throughput" | "max-concurrent" | "min-max-utilization";

/** What stands in for an objective that has none, for the certificate to name. */
export function guaranteedObjective(objective: ObjectiveName): GuaranteedObjective {
  switch (objective) {
    case "max-throughput":
    case "max-concurrent":
    case "min-max-utilization":
      return objective;
    case "max-min-fair":
      return "max-concurrent";
    case "min-cost":
    case "shortest-path":
      return "max-throughput";
  }
}

/** What a solve with guarantees gives: bps per demand and per path. */
export interface Reservation {
  readonly admittedBps: Float64Array;
  readonly reservedBps: Float64Array;
}

/** O(per demand: a small dense simplex). */
export function certifyGuaranteed(
  problem: Problem,
  survival: Survival,
  objective: GuaranteedObjective,
  { reservation, linkPrice }: { readonly reservation: Reservation; readonly linkPrice: Float64Array | undefined },
): FlowCertificate {
  const judged = valueOf(problem, survival, objective, reservation);
  if (linkPrice === undefined) return judged;
  const bound = boundOf(problem, survival, objective, linkPrice);
  if (bound === undefined || !Number.isFinite(bound)) return judged;
  const size = Math.max(Math.abs(judged.value), Math.abs(bound));
  return { ...judged, bound, gap: size === 0 ? 0 : Math.abs(bound - judged.value) / size };
}

/** Per demand: the least price of reservations for one bps; Infinity where nothing survives. */
export function guaranteePrices(problem: Problem, survival: Survival, linkPrice: Float64Array): Float64Array {
  const { pathStart, linkStart, pathLinks, capacityBps } = problem;
  return Float64Array.from(survival, ({ maximal }, demand) => {
    const prices: number[] = [];
    for (let path = pathStart[demand] as number; path < (pathStart[demand + 1] as number); path++) {
      let price = 0;
      for (let k = linkStart[path] as number; k < (linkStart[path + 1] as number); k++) {
        const link = pathLinks[k] as number;
        price += (capacityBps[link] as number) > 0 ? (linkPrice[link] as number) : Infinity;
      }
      prices.push(price);
    }
    return coveringPrice(prices, maximal);
  });
}

function valueOf(problem: Problem, survival: Survival, objective: GuaranteedObjective, { admittedBps, reservedBps }: Reservation) {
  const max = (value: number, unit: Certificate["unit"]) => ({ value, sense: "maximize" as const, unit });
  switch (objective) {
    case "max-throughput":
      return max(
        admittedBps.reduce((sum, rate) => sum + rate, 0),
        "bps",
      );
    case "max-concurrent": {
      const fractions = survival.map((kills, d) =>
        canSurvive(problem, d, kills) ? (admittedBps[d] as number) / (problem.demandBps[d] as number) : 1,
      );
      return max(
        fractions.reduce((least, fraction) => Math.min(least, fraction), 1),
        "1",
      );
    }
    case "min-max-utilization":
      return { value: reservedUtilization(problem, reservedBps), sense: "minimize" as const, unit: "1" as const };
  }
}

/** The largest share of a link that is reserved. */
export function reservedUtilization({ capacityBps, linkStart, pathLinks }: Problem, reservedBps: Float64Array): number {
  const load = new Float64Array(capacityBps.length);
  reservedBps.forEach((bps, path) => {
    for (let k = linkStart[path] as number; k < (linkStart[path + 1] as number); k++) {
      const link = pathLinks[k] as number;
      load[link] = (load[link] as number) + bps;
    }
  });
  return load.reduce((most, bps, link) => (bps > 0 ? Math.max(most, bps / (capacityBps[link] as number)) : most), 0);
}

function boundOf(problem: Problem, survival: Survival, objective: GuaranteedObjective, linkPrice: Float64Array): number | undefined {
  const least = guaranteePrices(problem, survival, linkPrice);
  const spent = problem.capacityBps.reduce((sum, bps, link) => sum + bps * (linkPrice[link] as number), 0);
  const sumOver = (weigh: (price: number) => number): number =>
    problem.demandBps.reduce((sum, bps, d) => (Number.isFinite(least[d]) ? sum + bps * weigh(least[d] as number) : sum), 0);
  switch (objective) {
    case "max-throughput":
      return spent + sumOver((price) => Math.max(0, 1 - price));
    case "max-concurrent": {
      const needed = sumOver((price) => price);
      return needed > spent ? spent / needed : 1;
    }
    case "min-max-utilization": {
      const needed = sumOver((price) => price);
      return spent > 0 ? needed / spent : 0;
    }
  }
}
