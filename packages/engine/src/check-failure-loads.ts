/** The checker's own arithmetic of failures: what the groups of a plan put on links, and which of them are lost, when links are down. */
import { trafficClasses, type Plan, type Snapshot, type Topology, type TrafficClass, type Tunnel } from "@sluice/model";
import { cableByLink, reserves } from "./check-guarantee-price.js";

export interface WeighedGroup {
  readonly src: string;
  readonly dst: string;
  readonly trafficClass: TrafficClass;
  readonly admittedBps: number;
  readonly members: readonly { readonly links: readonly number[]; readonly weight: number }[];
  /** Sends over what survives; the others count as planned. */
  readonly moves: boolean;
}

export interface PlanInQuestion {
  readonly topology: Topology;
  readonly snapshot: Snapshot;
  readonly plan: Pick<Plan, "groups">;
  /** Sound tunnels by id. */
  readonly tunnels: ReadonlyMap<string, Tunnel>;
}

/** The groups of a class and of those above it. */
export function groupsDownTo({ topology, snapshot, plan, tunnels }: PlanInQuestion, trafficClass: TrafficClass): readonly WeighedGroup[] {
  const index = new Map<string, number>(topology.links.map(({ id }, i) => [id, i]));
  return plan.groups
    .filter((group) => trafficClasses.indexOf(group.trafficClass) <= trafficClasses.indexOf(trafficClass))
    .map((group) => ({
      src: group.src,
      dst: group.dst,
      trafficClass: group.trafficClass,
      admittedBps: group.admittedBps,
      moves: reserves(snapshot, group.trafficClass),
      members: group.members.map(({ tunnelId, weight }) => ({
        weight,
        links: (tunnels.get(tunnelId)?.path ?? []).map((id) => index.get(id) ?? -1),
      })),
    }));
}

/** Loads and losses when links are down, one failure after the other. */
export class Network {
  readonly groups: readonly WeighedGroup[];
  readonly #plannedBps: Float64Array;
  readonly #groupsOfLink: ReadonlyMap<number, readonly number[]>;

  constructor(groups: readonly WeighedGroup[], linkCount: number) {
    this.groups = groups;
    this.#plannedBps = new Float64Array(linkCount);
    const groupsOfLink = new Map<number, number[]>();
    groups.forEach((group, g) => {
      put(this.#plannedBps, group, group.members, 1);
      if (!group.moves) return;
      for (const link of new Set(group.members.flatMap(({ links }) => links)))
        groupsOfLink.set(link, [...(groupsOfLink.get(link) ?? []), g]);
    });
    this.#groupsOfLink = groupsOfLink;
  }

  /** Links that moving groups use, rising. */
  usedLinks(): readonly number[] {
    return [...this.#groupsOfLink.keys()].sort((a, b) => a - b);
  }

  fail(links: Iterable<number>): { readonly loadBps: Float64Array; readonly lost: ReadonlySet<number> } {
    const down = new Set(links);
    const loadBps = this.#plannedBps.slice();
    const lost = new Set<number>();
    for (const g of new Set([...down].flatMap((link) => this.#groupsOfLink.get(link) ?? []))) {
      const group = this.groups[g];
      if (group === undefined) continue;
      put(loadBps, group, group.members, -1);
      const alive = group.members.filter((member) => !member.links.some((link) => down.has(link)));
      if (alive.length === 0) lost.add(g);
      else put(loadBps, group, alive, 1);
    }
    return { loadBps, lost };
  }
}

function put(loadBps: Float64Array, { admittedBps }: WeighedGroup, members: WeighedGroup["members"], sign: 1 | -1): void {
  let sum = 0;
  for (const { weight } of members) sum += weight;
  for (const { links, weight } of members)
    for (const link of links) loadBps[link] = (loadBps[link] ?? 0) + (sign * admittedBps * weight) / sum;
}

/** Cables that moving groups use, with all of their links. */
export function usedCables(topology: Topology, network: Network): ReadonlyMap<number, readonly number[]> {
  const cableOf = cableByLink(topology);
  const used = new Set(network.usedLinks().map((link) => cableOf[link] ?? -1));
  const linksOfCable = new Map<number, number[]>();
  cableOf.forEach((cable, link) => {
    if (used.has(cable)) linksOfCable.set(cable, [...(linksOfCable.get(cable) ?? []), link]);
  });
  return linksOfCable;
}

/** How many subsets of 1 to `size` there are. */
export function countSubsets(items: number, size: number): number {
  let count = 0;
  let each = 1;
  for (let i = 1; i <= Math.min(items, size); i++) {
    each = (each * (items - i + 1)) / i;
    count += each;
  }
  return count;
}

/** The empty set, then sets of one, and so on, each size in lexical order. */
export function* subsetsUpTo(items: readonly number[], size: number): Generator<readonly number[], void, undefined> {
  for (let each = 0; each <= Math.min(size, items.length); each++) yield* subsetsOf(items, each, 0, []);
}

function* subsetsOf(
  items: readonly number[],
  size: number,
  from: number,
  taken: readonly number[],
): Generator<readonly number[], void, undefined> {
  if (taken.length === size) yield taken;
  else for (let i = from; i <= items.length - (size - taken.length); i++) yield* subsetsOf(items, size, i + 1, [...taken, items[i] ?? -1]);
}
