/**
 * Recomputes the bound of each class's certificate from its published link prices alone, by weak duality: any prices >= 0 give a
 * valid bound, so this needs no trust in the solver. Symbols: y_e price and c_e residual capacity of link e, D_d demand, p(d)
 * the least price of a path of demand d.
 */
import {
  trafficClasses,
  unreachable,
  type Certificate,
  type ClassPlan,
  type Plan,
  type Snapshot,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import { differ, type Report } from "./check-report.js";
import type { CheckedPaths } from "./check-paths.js";

export interface CertificatesInQuestion {
  readonly topology: Topology;
  readonly snapshot: Snapshot;
  readonly plan: Pick<Plan, "classes" | "groups" | "tunnels">;
  /** Per class and link, in the topology's order, bps: what the classes above leave. */
  readonly residualBps: Readonly<Record<TrafficClass, Float64Array>>;
  readonly paths: CheckedPaths;
  /** Of classes with a guarantee, in place of those: prices are of reservations that keep it. */
  readonly guaranteedPaths: (trafficClass: TrafficClass) => CheckedPaths | undefined;
}

/** O(classes x hops of all paths). */
export function checkCertificates(question: CertificatesInQuestion, report: Report): void {
  question.plan.classes.forEach((item, i) => {
    if (trafficClasses.includes(item.trafficClass)) checkCertificate(question, item, `/classes/${i}/certificate`, report);
  });
}

function checkCertificate(question: CertificatesInQuestion, classPlan: ClassPlan, pointer: string, report: Report): void {
  const { certificate, trafficClass, allottedBps } = classPlan;
  const { topology, snapshot, residualBps } = question;
  const index = new Map<string, number>(topology.links.map((link, i) => [link.id, i]));
  const price = new Float64Array(topology.links.length);
  let sound = report.number(certificate.value, `${pointer}/value`);
  certificate.linkPrices.forEach((entry, i) => {
    const at = `${pointer}/linkPrices/${i}`;
    const link = index.get(entry.linkId);
    const previous = certificate.linkPrices[i - 1];
    if (link === undefined) report.add("dangling-reference", at, `Link ${entry.linkId} is not in the topology.`);
    else price[link] = entry.price;
    if (previous !== undefined && previous.linkId >= entry.linkId) report.add("duplicate-id", at, `Prices are not sorted by link.`);
    sound = report.number(entry.price, `${at}/price`) && sound;
  });
  if (!sound) return;
  checkValue(question, { certificate, trafficClass, allottedBps }, pointer, report);
  if (certificate.bound === undefined) return;
  const capacityBps = residualBps[trafficClass];
  const demands = snapshot.demands.demands.filter((demand) => demand.trafficClass === trafficClass && demand.rateBps > 0);
  const paths = question.guaranteedPaths(trafficClass) ?? question.paths;
  const least = (length: (link: number) => number): Float64Array =>
    paths.leastPrices(
      demands,
      Float64Array.from(topology.links, (_, link) => ((capacityBps[link] ?? 0) > 0 ? length(link) : Infinity)),
    );
  const bound = boundOf(certificate.objective, {
    demandBps: demands.map((demand) => demand.rateBps),
    leastPrice: () => least((link) => price[link] ?? 0),
    leastPriceAndLatency: () => least((link) => (price[link] ?? 0) + (topology.links[link]?.latencyMs ?? 0)),
    refusedMs: topology.links.reduce((sum, link, i) => ((capacityBps[i] ?? 0) > 0 ? sum + link.latencyMs : sum), 1),
    priced: price.reduce((sum, value, link) => sum + value * (capacityBps[link] ?? 0), 0),
    pricedGross: price.reduce((sum, value, link) => sum + value * (topology.links[link]?.capacityBps ?? 0), 0),
  });
  const size = Math.max(Math.abs(certificate.value), Math.abs(certificate.bound));
  const gap = size === 0 ? 0 : Math.abs(certificate.bound - certificate.value) / size;
  if (bound === undefined || far(bound.value, certificate.bound, bound.size)) {
    report.add("certificate-wrong", `${pointer}/bound`, `The bound is said to be ${certificate.bound}; its prices give ${bound?.value}.`);
  }
  if (certificate.gap === undefined || far(certificate.gap, gap, 1)) {
    report.add("certificate-wrong", `${pointer}/gap`, `The gap is said to be ${certificate.gap}; value and bound give ${gap}.`);
  }
  const beats = certificate.sense === "maximize" ? certificate.value - certificate.bound : certificate.bound - certificate.value;
  if (beats > boundTolerance * (bound?.size ?? size)) {
    report.add("certificate-wrong", `${pointer}/value`, `The value ${certificate.value} is beyond its own bound ${certificate.bound}.`);
  }
}

/** What is allotted makes the value; weights leave out paths of next to no flow, so here values are only bounded by them. */
function checkValue(
  { topology, plan, residualBps }: CertificatesInQuestion,
  { certificate, trafficClass, allottedBps }: Pick<ClassPlan, "certificate" | "trafficClass" | "allottedBps">,
  pointer: string,
  report: Report,
): void {
  const wrong = (what: string): void =>
    report.add("certificate-wrong", `${pointer}/value`, `The value is said to be ${certificate.value}; ${what}.`);
  switch (certificate.objective) {
    case "max-throughput":
    case "max-min-fair":
    case "shortest-path":
      if (differ(certificate.value, allottedBps)) wrong(`${allottedBps} bps are allotted`);
      return;
    case "min-max-utilization": {
      const load = new Map<string, number>();
      const tunnels = new Map(plan.tunnels.map((tunnel) => [tunnel.id, tunnel]));
      for (const group of plan.groups) {
        if (group.trafficClass !== trafficClass) continue;
        for (const member of group.members) {
          for (const id of tunnels.get(member.tunnelId)?.path ?? []) load.set(id, (load.get(id) ?? 0) + member.allottedBps);
        }
      }
      topology.links.forEach((link, i) => {
        const allowed = certificate.value * (residualBps[trafficClass][i] ?? 0);
        const allotted = load.get(link.id) ?? 0;
        if (allotted > allowed + boundTolerance * link.capacityBps * Math.max(1, certificate.value))
          wrong(`${link.id} is allotted ${allotted} bps`);
      });
      return;
    }
    case "max-concurrent":
      if (certificate.value > 1 + boundTolerance) wrong("no more than all can be met");
      return;
    case "min-cost":
      // Any flow costs something >= 0; that value and bound meet is what vouches for it.
      return;
    default:
      unreachable(certificate.objective);
  }
}

/** How far a value may lie beyond its bound, and a bound from its recomputation, relative to the sums they are made of. */
const boundTolerance = 1e-9;

function far(a: number, b: number, size: number): boolean {
  return !(Math.abs(a - b) <= boundTolerance * size);
}

interface Priced {
  readonly demandBps: readonly number[];
  /** Per demand: p(d). */
  readonly leastPrice: () => Float64Array;
  /** Per demand: the least of price + latency of a path. */
  readonly leastPriceAndLatency: () => Float64Array;
  /** What a refused bps costs in min-cost: 1 ms more than the latencies of all links with capacity left. */
  readonly refusedMs: number;
  /** Sum over links of c_e y_e. */
  readonly priced: number;
  /**
   * The same with the links' full capacities. What is left of a nearly full link is a difference of large numbers, and carries
   * their rounding: so this, and not `priced`, is what the rounding of `priced` is relative to.
   */
  readonly pricedGross: number;
}

interface Bound {
  readonly value: number;
  /** Sum of the absolute values that were added up: what rounding is relative to. */
  readonly size: number;
}

/** Demands without a path (least price Infinity) count in no bound. */
function boundOf(objective: Certificate["objective"], priced: Priced): Bound | undefined {
  const { demandBps, refusedMs } = priced;
  const sumOver = (least: Float64Array, weigh: (least: number) => number): number =>
    demandBps.reduce((sum, rate, d) => sum + (Number.isFinite(least[d]) ? rate * weigh(least[d] ?? 0) : 0), 0);
  switch (objective) {
    case "max-throughput": {
      // sum c_e y_e + sum D_d max(0, 1 - p(d))
      const value = priced.priced + sumOver(priced.leastPrice(), (least) => Math.max(0, 1 - least));
      return { value, size: value + priced.pricedGross };
    }
    case "min-cost": {
      // sum D_d min(M, least price + latency) - sum c_e y_e
      const carried = sumOver(priced.leastPriceAndLatency(), (least) => Math.min(refusedMs, least));
      return { value: carried - priced.priced, size: carried + priced.pricedGross };
    }
    case "min-max-utilization": {
      // sum D_d p(d) / sum c_e y_e
      const needed = sumOver(priced.leastPrice(), (least) => least);
      const value = needed === 0 ? 0 : needed / priced.priced;
      return { value, size: value === 0 ? 0 : value * (priced.pricedGross / priced.priced) };
    }
    case "max-concurrent": {
      // min(1, sum c_e y_e / sum D_d p(d))
      const needed = sumOver(priced.leastPrice(), (least) => least);
      const binds = needed > priced.priced;
      return binds ? { value: priced.priced / needed, size: priced.pricedGross / needed } : { value: 1, size: 1 };
    }
    case "max-min-fair":
    case "shortest-path":
      return undefined;
    default:
      return unreachable(objective);
  }
}
