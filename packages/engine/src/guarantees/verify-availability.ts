/** Of how much of the time what is admitted is carried, failure by failure, on the weights as switches will have them. */
import type { LinkId, Topology } from "@sluice/model";
import type { Problem } from "@sluice/mcf";
import type { ClassInput } from "../plan-class.js";
import { FailureLoads, type SplitGroup } from "./failure-loads.js";
import { likelyFailures, type LikelyFailures } from "./likely-failures.js";
import type { WeightedPaths } from "./worst-loads.js";

/** Loads above capacity by less, relative, are rounding. */
const overloadTolerance = 1e-9;
/** Availabilities are sums of many probabilities. */
const availabilityTolerance = 1e-12;

export interface Verified {
  /** Per demand: what keeps the target. A group that falls short of it is admitted nothing: what it leaves can only help the others. */
  readonly admittedBps: Float64Array;
  /** The least of a group that is admitted something. */
  readonly availability: number | undefined;
  readonly notes: readonly string[];
}

export interface AvailabilityInQuestion {
  readonly problem: Problem;
  readonly split: WeightedPaths;
  readonly cableOfLink: Int32Array;
  readonly target: number;
  /** That a cable is down. */
  readonly probability: number;
}

export function verifyAvailability(input: ClassInput, question: AvailabilityInQuestion): Verified {
  const { problem, split, cableOfLink, target, probability } = question;
  const own = ownGroups(problem, split);
  const loads = new FailureLoads([...own.map(({ group }) => group), ...higherGroups(input)], cableOfLink);
  const carried = carriedShares(input.topology, { loads, own }, likelyFailures(loads.cables, probability, target));
  const keeps = (share: number): boolean => share >= target - availabilityTolerance;
  const admittedBps = split.admittedBps.slice();
  own.forEach(({ demand }, g) => {
    if (!keeps(carried[g] as number)) admittedBps[demand] = 0;
  });
  const kept = carried.filter(keeps);
  const short = carried.length - kept.length;
  return {
    admittedBps,
    availability: kept.length === 0 ? undefined : kept.reduce((least, share) => Math.min(least, share), 1),
    notes:
      short === 0 ? [] : [`${short} flow groups fall short of the availability with the weights that they have, and are admitted nothing.`],
  };
}

interface OwnGroup {
  readonly demand: number;
  readonly group: SplitGroup;
}

/** Per group: of how much of the time something of it survives, and every link that it may use is within capacity. */
function carriedShares(
  topology: Topology,
  { loads, own }: { readonly loads: FailureLoads; readonly own: readonly OwnGroup[] },
  { failures }: LikelyFailures,
): Float64Array {
  const users = topology.links.map((): number[] => []);
  own.forEach(({ group }, g) => {
    for (const link of new Set(group.members.flatMap(({ links }) => links))) users[link]?.push(g);
  });
  const carried = new Float64Array(own.length);
  for (const { cables, probability } of failures) {
    const { dead, loadBps } = loads.under(cables);
    const lost = new Set(dead);
    topology.links.forEach(({ capacityBps }, link) => {
      if ((loadBps[link] as number) > capacityBps * (1 + overloadTolerance)) for (const g of users[link] ?? []) lost.add(g);
    });
    for (let g = 0; g < own.length; g++) if (!lost.has(g)) carried[g] = (carried[g] as number) + probability;
  }
  return carried;
}

function ownGroups(problem: Problem, { weight, admittedBps }: WeightedPaths): readonly OwnGroup[] {
  return [...admittedBps.keys()].flatMap((demand) => {
    const rate = admittedBps[demand] as number;
    if (!(rate > 0)) return [];
    const members: SplitGroup["members"][number][] = [];
    for (let path = problem.pathStart[demand] as number; path < (problem.pathStart[demand + 1] as number); path++) {
      if (!((weight[path] as number) > 0)) continue;
      const links = Array.from(problem.pathLinks.subarray(problem.linkStart[path], problem.linkStart[path + 1]));
      members.push({ links, weight: weight[path] as number });
    }
    return [{ demand, group: { admittedBps: rate, members, rescales: true } }];
  });
}

/** The groups of the classes above. Of these, a class without a guarantee counts with its plan's loads, whatever fails. */
export function higherGroups({ topology, higher }: ClassInput): readonly SplitGroup[] {
  const linkIndex = new Map<LinkId, number>(topology.links.map((link, i) => [link.id, i]));
  return higher.flatMap(({ groups, plan }) =>
    groups.map(({ admittedBps, members }): SplitGroup => ({
      admittedBps,
      rescales: plan.guarantee !== undefined,
      members: members.map(({ path, weight }) => ({ links: path.map((id) => linkIndex.get(id) ?? 0), weight })),
    })),
  );
}
