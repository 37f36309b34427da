/**
 * The checker's part for guarantees: what a class was promised is held against what its weights do when things fail, by arithmetic of its own on
 * plan and snapshot. A class that is guaranteed something goes through every failure that is covered; an availability is added up anew.
 */
import { failureScenarios, guaranteeOf, isUsable, protectionOf, trafficClasses, type Plan, type TrafficClass } from "@sluice/model";
import { countSubsets, groupsDownTo, Network, subsetsUpTo, usedCables, type PlanInQuestion } from "./check-failure-loads.js";
import { cableByLink, reserves } from "./check-guarantee-price.js";
import { checkTolerance, differ, exceeds, type Report } from "./check-report.js";

/** Failures walked one by one; where more are covered, links are held against the sum of the most that each tunnel may carry. */
const failuresWalkedMax = 20_000;
/** The most that an availability may be off for the order in which probabilities are added up. */
const availabilityTolerance = 1e-9;
/** Solvers may end this far, relative, from what a class would get without its guarantee. */
const withoutTolerance = 1e-6;
/** As in the definition of an availability: so many failures, until the rest is this share of what the target leaves. */
const restShareMax = 0.2;

export interface GuaranteesInQuestion extends PlanInQuestion {
  readonly plan: Pick<Plan, "classes" | "groups">;
  /** Per class and link, bps, while nothing fails. */
  readonly loads: Readonly<Record<TrafficClass, Float64Array>>;
}

/** O(classes x (failures walked + paths) x groups touched). */
export function checkGuarantees(question: GuaranteesInQuestion, report: Report): void {
  const { snapshot, plan } = question;
  plan.classes.forEach((item, i) => {
    if (!trafficClasses.includes(item.trafficClass)) return;
    const pointer = `/classes/${i}/guarantee`;
    const { trafficClass, guarantee: published } = item;
    const promised = guaranteeOf(protectionOf(snapshot.settings), trafficClass);
    if (!reserves(snapshot, trafficClass)) {
      if (published !== undefined)
        report.add("protection-wrong", pointer, `${trafficClass} is promised nothing that it would have to reserve for.`);
      return;
    }
    if (published === undefined || JSON.stringify(sorted(published.guarantee)) !== JSON.stringify(sorted(promised))) {
      report.add("protection-wrong", pointer, `${trafficClass} is promised ${JSON.stringify(promised)}; the plan does not say so.`);
      return;
    }
    if (report.number(published.withoutBps, `${pointer}/withoutBps`) && published.withoutBps < item.admittedBps * (1 - withoutTolerance)) {
      report.add(
        "protection-wrong",
        `${pointer}/withoutBps`,
        `${trafficClass} is said to be admitted less without its guarantee than with it.`,
      );
    }
    checkReserved(question, { trafficClass, reserved: published.reservedBps, pointer }, report);
    if (promised.kind === "guaranteed") checkGuaranteed(question, trafficClass, promised.failures, report);
    if (promised.kind === "availability") {
      checkAvailability(question, { trafficClass, target: promised.target, said: published.availability, pointer }, report);
    }
  });
}

function sorted(record: object): readonly (readonly [string, unknown])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What a class reserves of each link is finite, in order, and no less than it uses. */
function checkReserved(
  { topology, loads }: GuaranteesInQuestion,
  {
    trafficClass,
    reserved,
    pointer,
  }: { trafficClass: TrafficClass; reserved: readonly { linkId: string; bps: number }[]; pointer: string },
  report: Report,
): void {
  const known = new Map(reserved.map(({ linkId, bps }) => [linkId, bps]));
  reserved.forEach(({ linkId, bps }, i) => {
    const at = `${pointer}/reservedBps/${i}`;
    const previous = reserved[i - 1];
    if (!topology.linkById.has(linkId as never)) report.add("dangling-reference", at, `Link ${linkId} is not in the topology.`);
    if (previous !== undefined && previous.linkId >= linkId) report.add("duplicate-id", at, "Reservations are not sorted by link.");
    report.number(bps, `${at}/bps`);
  });
  topology.links.forEach(({ id }, link) => {
    const load = loads[trafficClass][link] ?? 0;
    if (exceeds(load, known.get(id) ?? 0)) report.add("protection-wrong", pointer, `${trafficClass} uses more of ${id} than it reserves.`);
  });
}

/** What a class with a guarantee is left of each link: what higher classes neither use nor reserve. */
export function reservedResidual({ topology, plan, loads }: GuaranteesInQuestion, trafficClass: TrafficClass): Float64Array {
  const left = Float64Array.from(topology.links, ({ capacityBps }) => capacityBps);
  const index = new Map<string, number>(topology.links.map(({ id }, i) => [id, i]));
  for (const item of plan.classes) {
    if (trafficClasses.indexOf(item.trafficClass) >= trafficClasses.indexOf(trafficClass)) continue;
    if (item.guarantee === undefined) loads[item.trafficClass]?.forEach((bps, link) => (left[link] = (left[link] ?? 0) - bps));
    else
      for (const { linkId, bps } of item.guarantee.reservedBps) left[index.get(linkId) ?? -1] = (left[index.get(linkId) ?? -1] ?? 0) - bps;
  }
  return left.map((bps, i) => {
    const link = topology.links[i];
    return link !== undefined && isUsable(topology, link) && bps > checkTolerance * link.capacityBps ? bps : 0;
  });
}

interface CoveredFailure {
  readonly name: string;
  readonly links: readonly number[];
  readonly node?: string | undefined;
}

/** Under every covered failure every group of the class is carried whole, and no link that it uses is over capacity. */
function checkGuaranteed(question: GuaranteesInQuestion, trafficClass: TrafficClass, failures: number, report: Report): void {
  const { topology } = question;
  const network = new Network(groupsDownTo(question, trafficClass), topology.links.length);
  const linksOfCable = usedCables(topology, network);
  const cables = [...linksOfCable.keys()].sort((a, b) => a - b);
  const isWalked = countSubsets(cables.length, failures) <= failuresWalkedMax;
  for (const failure of singleFailures(question)) walkFailure(question, { network, trafficClass, failure }, report);
  if (!isWalked) {
    checkBySum(question, { network, trafficClass, failures }, report);
    return;
  }
  for (const chosen of subsetsUpTo(cables, failures)) {
    const links = chosen.flatMap((cable) => linksOfCable.get(cable) ?? []);
    const name = links.map((link) => topology.links[link]?.id ?? "").join(" ");
    walkFailure(question, { network, trafficClass, failure: { name, links } }, report);
  }
}

function singleFailures({ topology, snapshot }: GuaranteesInQuestion): readonly CoveredFailure[] {
  const index = new Map<string, number>(topology.links.map(({ id }, i) => [id, i]));
  const kinds = protectionOf(snapshot.settings).scenarios.filter((kind) => kind !== "link");
  return failureScenarios(topology, kinds).map(({ id, linkIds, nodeIds }) => ({
    name: id,
    links: linkIds.map((link) => index.get(link) ?? -1),
    node: nodeIds[0],
  }));
}

interface FailureInQuestion {
  readonly network: Network;
  readonly trafficClass: TrafficClass;
  readonly failure: CoveredFailure;
}

function walkFailure({ topology }: GuaranteesInQuestion, { network, trafficClass, failure }: FailureInQuestion, report: Report): void {
  const { loadBps, lost } = network.fail(failure.links);
  const uses = new Set<number>();
  network.groups.forEach((group, g) => {
    if (group.trafficClass !== trafficClass || group.src === failure.node || group.dst === failure.node) return;
    if (lost.has(g)) {
      report.add("protection-wrong", "/groups", `${group.src}>${group.dst} (${trafficClass}) is not carried when ${failure.name} fails.`);
    } else for (const { links } of group.members) for (const link of links) uses.add(link);
  });
  for (const link of uses) {
    const { id, capacityBps } = topology.links[link] ?? { id: "", capacityBps: 0 };
    if (exceeds(loadBps[link] ?? 0, capacityBps)) {
      report.add(
        "protection-wrong",
        `/links/${id}`,
        `When ${failure.name} fails, ${trafficClass} and the classes above it need ${loadBps[link]} bps of ${capacityBps} on ${id}.`,
      );
    }
  }
}

/** Too many failures to walk: each group survives any so many cables, and the most that each tunnel may carry, added up, fits every link. */
function checkBySum(
  { topology }: GuaranteesInQuestion,
  { network, trafficClass, failures }: { network: Network; trafficClass: TrafficClass; failures: number },
  report: Report,
): void {
  const cableOf = cableByLink(topology);
  const most = new Float64Array(topology.links.length);
  const uses = new Set<number>();
  for (const group of network.groups) {
    const cables = group.members.map(({ links }) => new Set(links.map((link) => cableOf[link] ?? -1)));
    const worst = group.members.map(() => 0);
    const deaths = [
      ...new Map(
        [...new Set(cables.flatMap((each) => [...each]))].map((cable) => {
          const dead = cables.flatMap((each, i) => (each.has(cable) ? [i] : []));
          return [dead.join(), dead] as const;
        }),
      ).values(),
    ];
    for (const chosen of group.moves ? subsetsUpTo([...deaths.keys()], failures) : [[]]) {
      const dead = new Set(chosen.flatMap((i) => deaths[i] ?? []));
      const left = group.members.reduce((sum, { weight }, i) => (dead.has(i) ? sum : sum + weight), 0);
      if (left === 0 && group.trafficClass === trafficClass) {
        report.add("protection-wrong", "/groups", `${group.src}>${group.dst} (${trafficClass}) does not survive ${failures} failures.`);
      }
      group.members.forEach(({ weight }, i) => {
        if (left > 0 && !dead.has(i)) worst[i] = Math.max(worst[i] ?? 0, weight / left);
      });
    }
    group.members.forEach(({ links }, i) => {
      for (const link of links) {
        most[link] = (most[link] ?? 0) + group.admittedBps * (worst[i] ?? 0);
        if (group.trafficClass === trafficClass) uses.add(link);
      }
    });
  }
  for (const link of uses) {
    const { id, capacityBps } = topology.links[link] ?? { id: "", capacityBps: 0 };
    if (exceeds(most[link] ?? 0, capacityBps)) {
      report.add(
        "protection-wrong",
        `/links/${id}`,
        `In ${failures} failures ${trafficClass} may need ${most[link]} bps of ${capacityBps} on ${id}.`,
      );
    }
  }
}

interface AvailabilityInQuestion {
  readonly trafficClass: TrafficClass;
  readonly target: number;
  readonly said: number | undefined;
  readonly pointer: string;
}

/** Each group is carried, without a link over capacity, for at least the target's share of the time; the least is the one published. */
function checkAvailability(
  question: GuaranteesInQuestion,
  { trafficClass, target, said, pointer }: AvailabilityInQuestion,
  report: Report,
): void {
  const { topology, snapshot } = question;
  const network = new Network(groupsDownTo(question, trafficClass), topology.links.length);
  const own = network.groups.flatMap((group, g) => (group.trafficClass === trafficClass ? [{ group, g }] : []));
  if (own.length === 0) {
    if (said !== undefined) report.add("protection-wrong", `${pointer}/availability`, "Nothing is admitted, and nothing available.");
    return;
  }
  const linksOfCable = usedCables(topology, network);
  const cables = [...linksOfCable.keys()].sort((a, b) => a - b);
  const p = protectionOf(snapshot.settings).failureProbability;
  const carried = own.map(() => 0);
  let seen = 0;
  let count = 0;
  for (const chosen of subsetsUpTo(cables, cables.length)) {
    const share = p ** chosen.length * (1 - p) ** (cables.length - chosen.length);
    if (share === 0 || count === failuresWalkedMax || 1 - seen <= restShareMax * (1 - target)) break;
    count++;
    seen += share;
    const { loadBps, lost } = network.fail(chosen.flatMap((cable) => linksOfCable.get(cable) ?? []));
    const full = new Set(topology.links.flatMap(({ capacityBps }, link) => (exceeds(loadBps[link] ?? 0, capacityBps) ? [link] : [])));
    own.forEach(({ group, g }, i) => {
      const blocked = full.size > 0 && group.members.some(({ links }) => links.some((link) => full.has(link)));
      if (!lost.has(g) && !blocked) carried[i] = (carried[i] ?? 0) + share;
    });
  }
  const least = Math.min(1, ...carried);
  own.forEach(({ group }, i) => {
    if ((carried[i] ?? 0) < target - availabilityTolerance) {
      report.add(
        "protection-wrong",
        "/groups",
        `${group.src}>${group.dst} (${trafficClass}) is carried for ${carried[i]} of the time, not ${target}.`,
      );
    }
  });
  if (said === undefined || Math.abs(said - least) > availabilityTolerance || differ(Math.sign(said), 1)) {
    report.add(
      "protection-wrong",
      `${pointer}/availability`,
      `${trafficClass} is said to be available for ${said} of the time; it is ${least}.`,
    );
  }
}
