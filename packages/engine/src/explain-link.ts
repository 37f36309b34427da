/**
 * What a link is worth. Two answers, both true: at once, from the prices, what more capacity could give at most; and by solving
 * again, what it does give.
 */
import {
  assert,
  fault,
  ok,
  refuse,
  trafficClasses,
  type Certificate,
  type LinkId,
  type LinkLoad,
  type Plan,
  type Result,
  type Snapshot,
  type TrafficClass,
} from "@sluice/model";
import { pricesOf } from "./explain-demand.js";
import { linkLoads } from "./link-loads.js";
import { optimize, type OptimizeOptions } from "./optimize.js";
import { rateText } from "./rate-text.js";

export interface LinkExplanation extends LinkLoad {
  readonly utilization: number;
  /** The amount of capacity that the sentences are about. */
  readonly extraBps: number;
  readonly classes: readonly LinkPriceExplanation[];
  readonly sentence: string;
}

export interface LinkPriceExplanation {
  readonly trafficClass: TrafficClass;
  readonly objective: Certificate["objective"];
  /** In the unit of the certificate, per bps. Absent where nothing can be said: no bound, or nothing of the link left for the class. */
  readonly price?: number;
  /** price x extraBps: the class's objective improves by no more, for this and for any smaller amount. */
  readonly gainMax?: number;
  readonly sentence: string;
}

/**
 * A price is the slope of the optimum as capacity is added, and the optimum is concave in capacity: so `price x extra` is an upper
 * bound for every amount, reached for small enough ones unless the optimum has a kink just there. It is about one class, on its
 * candidate tunnels, with the traffic of the classes above it where it is; and is exact up to the certificate's gap.
 *
 * The link must be in the snapshot's topology. `extraBps` defaults to a tenth of the link's capacity. O(hops of all groups).
 */
export function explainLink(snapshot: Snapshot, plan: Plan, linkId: LinkId, extraBps?: number): LinkExplanation {
  const load = linkLoads(snapshot.topology, plan).find((item) => item.linkId === linkId);
  assert(load !== undefined, `link ${linkId} is in the topology`);
  const extra = extraBps ?? (load.capacityBps > 0 ? load.capacityBps / 10 : 1e9);
  const classes = plan.classes.map((item) => explainPrice(plan, item.trafficClass, load, extra));
  const utilization = load.capacityBps > 0 ? load.loadBps / load.capacityBps : 0;
  const state = `${linkId} carries ${rateText(load.loadBps)} of ${rateText(load.capacityBps)} (${(utilization * 100).toFixed(1)} %).`;
  const priced = classes.filter((item) => item.price === undefined || item.price > 0).map((item) => item.sentence);
  const drained = softDrainText(snapshot, plan, load);
  const worth = priced.length > 0 ? priced.join(" ") : `More capacity on ${linkId} would admit no more of any class.`;
  return { ...load, utilization, extraBps: extra, classes, sentence: `${state}${drained} ${worth}` };
}

/** Why a link that plans keep off carries something all the same; nothing of other links. */
function softDrainText({ topology }: Snapshot, plan: Plan, { linkId, from, to, loadBps }: LinkLoad): string {
  const isSoft = ({ id, drain }: { readonly id: string; readonly drain: string }): boolean =>
    drain === "soft-drained" && (id === linkId || id === from || id === to);
  if (![...topology.links.filter(({ id }) => id === linkId), ...topology.nodes].some(isSoft)) return "";
  if (plan.softDrained === "avoided") return " It is soft-drained, and all that is admitted goes around it.";
  return loadBps > 0 ? " It is soft-drained, and carries what nothing else has room for." : " It is soft-drained, and carries nothing.";
}

/** Relative: what is less than this of a link's capacity is no room (as in plan-classes.ts). */
const residualShareMin = 1e-9;

function explainPrice(plan: Plan, trafficClass: TrafficClass, load: LinkLoad, extraBps: number): LinkPriceExplanation {
  const { linkId, capacityBps, loadBpsByClass } = load;
  const item = plan.classes.find((one) => one.trafficClass === trafficClass);
  assert(item !== undefined, `the plan has the class ${trafficClass}`);
  const { certificate, demandBps } = item;
  const { objective } = certificate;
  if (certificate.bound === undefined) {
    return {
      trafficClass,
      objective,
      sentence: `For ${trafficClass} (${objective}) there are no prices; solving again tells what more capacity gives.`,
    };
  }
  const above = trafficClasses.slice(0, trafficClasses.indexOf(trafficClass)).reduce((sum, one) => sum + loadBpsByClass[one], 0);
  if (demandBps > 0 && capacityBps - above <= residualShareMin * capacityBps) {
    // Bounds leave out links on which a class has nothing, so their price says nothing.
    return {
      trafficClass,
      objective,
      sentence: `Nothing of ${linkId} is left for ${trafficClass}; solving again tells what more capacity gives.`,
    };
  }
  const price = pricesOf(plan, trafficClass).get(linkId) ?? 0;
  const gainMax = price * extraBps;
  const more = `${rateText(extraBps)} more on ${linkId}`;
  return { trafficClass, objective, price, gainMax, sentence: `${more} would ${effectOf(certificate, gainMax)} of ${trafficClass}.` };
}

function effectOf({ objective }: Certificate, gainMax: number): string {
  const figure = Number(gainMax.toPrecision(3));
  switch (objective) {
    case "max-throughput":
      return `admit at most ${rateText(gainMax)} more`;
    case "min-cost":
      return `lower the cost by at most ${figure} bps x ms`;
    case "min-max-utilization":
      return `lower the largest utilization by at most ${figure}`;
    case "max-concurrent":
      return `raise the share that all can have by at most ${figure}`;
    case "max-min-fair":
    case "shortest-path":
      return "do what the prices do not tell";
  }
}

export interface LinkGain {
  readonly linkId: LinkId;
  readonly extraBps: number;
  /** What would be allotted more in all, and by class: lower classes may lose to higher ones. */
  readonly gainBps: number;
  readonly gainBpsByClass: Readonly<Record<TrafficClass, number>>;
  /** Each class's objective as it is and as it would be. */
  readonly objectives: readonly { readonly trafficClass: TrafficClass; readonly before: number; readonly after: number }[];
  readonly sentence: string;
}

/** Plans again with `extraBps` more capacity on one link and compares: "10 Gb/s more on A-B would admit 7.3 Gb/s more." */
export async function measureLinkGain(
  snapshot: Snapshot,
  plan: Plan,
  { linkId, extraBps }: { readonly linkId: LinkId; readonly extraBps: number },
  options: OptimizeOptions,
): Promise<Result<LinkGain>> {
  if (!snapshot.topology.links.some((link) => link.id === linkId)) return refuse(fault("not-found", `The topology has no link ${linkId}.`));
  const solved = await optimize(widened(snapshot, { linkId, extraBps }), options);
  return solved.ok ? ok(linkGain(plan, solved.value.plan, { linkId, extraBps })) : solved;
}

/** The snapshot with `extraBps` more capacity on the link. */
export function widened(snapshot: Snapshot, { linkId, extraBps }: { readonly linkId: LinkId; readonly extraBps: number }): Snapshot {
  const links = snapshot.topology.links.map((link) => (link.id === linkId ? { ...link, capacityBps: link.capacityBps + extraBps } : link));
  return { ...snapshot, topology: { ...snapshot.topology, links } };
}

/** What the plan `after`, made for the `widened` snapshot, allots more than `plan`. As exact as the two plans are optimal. */
export function linkGain(plan: Plan, after: Plan, { linkId, extraBps }: { readonly linkId: LinkId; readonly extraBps: number }): LinkGain {
  const allotted = (of: Plan, trafficClass: TrafficClass): number =>
    of.classes.find((item) => item.trafficClass === trafficClass)?.allottedBps ?? 0;
  const [interactive = 0, elastic = 0, bulk = 0] = trafficClasses.map((one) => allotted(after, one) - allotted(plan, one));
  const gainBps = interactive + elastic + bulk;
  // A solver's last digits are no gain.
  const noise = 1e-6 * plan.classes.reduce((sum, item) => sum + item.allottedBps, 0);
  const effect = Math.abs(gainBps) <= noise ? "nothing more" : `${rateText(Math.abs(gainBps))} ${gainBps > 0 ? "more" : "less"}`;
  return {
    linkId,
    extraBps,
    gainBps,
    gainBpsByClass: { interactive, elastic, bulk },
    objectives: plan.classes.map(({ trafficClass, certificate }) => ({
      trafficClass,
      before: certificate.value,
      after: after.classes.find((item) => item.trafficClass === trafficClass)?.certificate.value ?? 0,
    })),
    sentence: `${rateText(extraBps)} more on ${linkId} would admit ${effect}.`,
  };
}
