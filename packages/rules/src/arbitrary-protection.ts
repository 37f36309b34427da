/**
 * Random protection for random plans, for property tests: any way around each link of a tunnel, any backup tunnel. What an engine would
 * choose is not sought; what rules and updates make of it must be right for all of it.
 */
import {
  assert,
  bypassId,
  cablesOf,
  compareText,
  labelMin,
  toId,
  tunnelOf,
  type Bypass,
  type LinkId,
  type Plan,
  type PlanProtection,
  type Rule,
  type Topology,
  type Tunnel,
} from "@sluice/model";
import fc from "fast-check";
import { arbitraryNetwork, arbitraryRule, simplePaths, type ArbitraryNetwork, type NetworkShape } from "./arbitrary.js";

/** Which of the first so many ways around a link a bypass may be. */
const waysMax = 5;

export interface ProtectionChoice {
  readonly localRepair: "none" | "link" | "node";
  /** Chooses among the ways around a link and among backups; another number, another choice. */
  readonly pick: number;
  readonly backups: boolean;
}

export const arbitraryProtection: fc.Arbitrary<ProtectionChoice> = fc.record({
  localRepair: fc.constantFrom("link" as const, "node" as const, "none" as const),
  pick: fc.nat({ max: 20 }),
  backups: fc.boolean(),
});

/** A network with plans that are protected, each in a way of its own, or (now and then) not at all. */
export function arbitraryProtectedNetwork(
  shape: NetworkShape & { readonly always?: boolean } = {},
): fc.Arbitrary<ArbitraryNetwork & { readonly choices: readonly (ProtectionChoice | undefined)[] }> {
  const { plans = 2, always = false } = shape;
  const choice = always ? arbitraryProtection : fc.option(arbitraryProtection, { nil: undefined, freq: 8 });
  return fc.tuple(arbitraryNetwork(shape), fc.array(choice, { minLength: plans, maxLength: plans })).map(([network, choices]) => ({
    topology: network.topology,
    choices,
    plans: network.plans.map((plan, i) => {
      const chosen = choices[i];
      return chosen === undefined ? plan : withProtection(network.topology, plan, chosen);
    }),
  }));
}

/** The plan with bypasses for every hop of its tunnels that has a way around, and backups for its tunnels. */
export function withProtection(topology: Topology, plan: Plan, { localRepair, pick, backups }: ProtectionChoice): Plan {
  const planned = new Set(plan.tunnels.map(({ id }) => id));
  const backupTunnels = new Map<string, Tunnel>();
  const stands: PlanProtection["backups"][number][] = [];
  for (const { id: tunnelId, src, dst } of backups ? plan.tunnels : []) {
    const others = simplePaths(topology, { src, dst }, waysMax)
      .map((path) => tunnelOf(topology, path))
      .filter(({ id }) => id !== tunnelId);
    const backup = others[pick % Math.max(1, others.length)];
    if (backup === undefined) continue;
    if (!planned.has(backup.id)) backupTunnels.set(backup.id, backup);
    stands.push({ tunnelId, backupId: backup.id, disjointness: "partial", sharedLinkIds: [], sharedNodeIds: [], sharedSrlgIds: [] });
  }
  const byId = (a: { readonly id: string }, b: { readonly id: string }) => compareText(a.id, b.id);
  return {
    ...plan,
    protection: {
      bypasses:
        localRepair === "none" ? [] : bypassesOf(topology, [...plan.tunnels, ...backupTunnels.values()], { localRepair, pick }).sort(byId),
      backupTunnels: [...backupTunnels.values()].sort(byId),
      backups: stands,
    },
  };
}

function bypassesOf(
  topology: Topology,
  tunnels: readonly Tunnel[],
  { localRepair, pick }: Pick<ProtectionChoice, "localRepair" | "pick">,
): Bypass[] {
  const cableOf = new Map(cablesOf(topology).flatMap(({ linkIds }) => linkIds.map((id) => [id, new Set<LinkId>(linkIds)] as const)));
  const found = new Map<string, Bypass | undefined>();
  for (const { path } of tunnels) {
    path.forEach((protects, hop) => {
      const link = topology.linkById.get(protects);
      const then = topology.linkById.get(path[hop + 1] ?? ("" as LinkId));
      if (link === undefined) return;
      for (const next of localRepair === "node" && then !== undefined ? [then, undefined] : [undefined]) {
        const merge = next?.to ?? link.to;
        const name = `${protects} ${next === undefined ? "" : merge}`;
        if (found.has(name)) continue;
        const links = topology.links.filter(
          ({ id, from, to }) => cableOf.get(protects)?.has(id) !== true && (next === undefined || (from !== link.to && to !== link.to)),
        );
        const ways = simplePaths({ ...topology, links }, { src: link.from, dst: merge }, waysMax);
        const way = ways[pick % Math.max(1, ways.length)];
        found.set(
          name,
          way && {
            id: bypassId(protects, way),
            protects,
            ...(next === undefined ? {} : { avoids: link.to }),
            path: way,
            sharedSrlgIds: [],
          },
        );
      }
    });
  }
  return [...found.values()].filter((bypass) => bypass !== undefined);
}

/** What `arbitraryRepairRule` outputs to. */
export const repairLinks: readonly LinkId[] = ["x", "y", "z"].map((id) => toId<LinkId>(id));

/** The link that the failover group of this number protects, of those. */
export function repairLinkOf(failoverId: number): LinkId {
  const link = repairLinks[failoverId % repairLinks.length];
  assert(link !== undefined, "one of three links");
  return link;
}

/** Any rule that a switch can hold, with failover groups and rules that use them; each number always protects the same link. */
export function arbitraryRepairRule(): fc.Arbitrary<Rule> {
  const failover = fc
    .record({ number: fc.nat({ max: 5 }), turn: fc.integer({ min: 1, max: 2 }), pushes: fc.array(fc.boolean(), { maxLength: 2 }) })
    .map(({ number, turn, pushes }): Rule => {
      const failoverId = labelMin + number;
      const others = [failoverId + turn, failoverId + 3 - turn].map(repairLinkOf);
      return {
        kind: "failover",
        failoverId,
        buckets: [
          { output: repairLinkOf(failoverId) },
          ...pushes.map((push, i) => ({ output: others[i] ?? repairLinkOf(0), ...(push ? { pushLabel: labelMin + number } : {}) })),
        ],
      };
    });
  const used = fc
    .tuple(arbitraryRule(repairLinks), fc.array(fc.nat({ max: 5 }), { minLength: 3, maxLength: 3 }))
    .map(([rule, numbers]): Rule => {
      const repair = (i: number) => ({ output: repairLinkOf(labelMin + (numbers[i] ?? 0)), failoverId: labelMin + (numbers[i] ?? 0) });
      if (rule.kind === "group") return { ...rule, buckets: rule.buckets.map((bucket, i) => ({ ...bucket, ...repair(i) })) };
      if (rule.kind !== "label" || rule.action.kind !== "output") return rule;
      const { output: link, failoverId } = repair(0);
      return { ...rule, action: numbers[1] === 0 ? { kind: "pop-output", link } : { kind: "output", link, failoverId } };
    });
  return fc.oneof({ weight: 2, arbitrary: failover }, { weight: 2, arbitrary: arbitraryRule(repairLinks) }, { weight: 3, arbitrary: used });
}
