/**
 * Which scenario answers what is down. Only cables that tunnels or backup tunnels of the plan use are relevant: what happens to others changes
 * nothing. A report by one end counts for the whole cable, so failures are sets of cables, and the scenario that is looked for, the smallest that
 * contains them all and of which every cable was reported, is the one with exactly these relevant cables.
 */
import { cablesOf, compareText, type FailureScenario, type Link, type LinkId, type ScenarioId, type Topology } from "@sluice/model";
import type { VerifiedPlan } from "./state.js";

export interface ScenarioChoice {
  /** The topology that the plan was made for. */
  readonly topology: Topology;
  readonly cableOf: ReadonlyMap<LinkId, LinkId>;
  /** The relevant cables, each with those of its links that the plan uses. */
  readonly usedByCable: ReadonlyMap<LinkId, readonly LinkId[]>;
  readonly byCables: Map<string, FailureScenario>;
}

/** O(E log E + hops of tunnels). */
export function scenarioChoice({ topology, record: { plan } }: Pick<VerifiedPlan, "topology" | "record">): ScenarioChoice {
  const used = new Set([...plan.tunnels, ...(plan.protection?.backupTunnels ?? [])].flatMap(({ path }) => path));
  const cableOf = new Map<LinkId, LinkId>();
  const usedByCable = new Map<LinkId, readonly LinkId[]>();
  for (const { id, linkIds } of cablesOf(topology)) {
    for (const linkId of linkIds) cableOf.set(linkId, id);
    const usedOfCable = linkIds.filter((linkId) => used.has(linkId));
    if (usedOfCable.length > 0) usedByCable.set(id, usedOfCable);
  }
  return { topology, cableOf, usedByCable, byCables: new Map() };
}

/**
 * Enters a scenario that may be chosen from now on. One that takes down a cable in one direction, of which the plan uses the other, is never
 * chosen: a report of one end cannot tell them apart. Of two with the same relevant cables the one with fewer links stays, or the first.
 */
export function enterScenario(choice: ScenarioChoice, scenario: FailureScenario): void {
  const cables = relevantCables(choice, scenario.linkIds);
  if (cables.size === 0) return;
  const gone = new Set(scenario.linkIds);
  for (const id of cables) if (choice.usedByCable.get(id)?.every((linkId) => gone.has(linkId)) !== true) return;
  const key = keyOf(cables);
  const there = choice.byCables.get(key);
  if (there === undefined || scenario.linkIds.length < there.linkIds.length) choice.byCables.set(key, scenario);
}

/** The relevant cables of which a link is down now that the plan took for up. O(E). */
export function cablesDown(choice: ScenarioChoice, now: Topology): ReadonlySet<LinkId> {
  const planned = choice.topology;
  if (now === planned) return new Set();
  const isNews = (link: Link) => {
    const before = planned.linkById.get(link.id);
    return before !== undefined && isDown(now, link) && !isDown(planned, before);
  };
  return relevantCables(
    choice,
    now.links.filter(isNews).map(({ id }) => id),
  );
}

export function chooseScenario({ byCables }: ScenarioChoice, cableIds: ReadonlySet<LinkId>): ScenarioId | undefined {
  return byCables.get(keyOf(cableIds))?.id;
}

function relevantCables({ cableOf, usedByCable }: ScenarioChoice, linkIds: readonly LinkId[]): ReadonlySet<LinkId> {
  const cables = new Set<LinkId>();
  for (const linkId of linkIds) {
    const cable = cableOf.get(linkId);
    if (cable !== undefined && usedByCable.has(cable)) cables.add(cable);
  }
  return cables;
}

function isDown({ nodeById }: Topology, { operational, from, to }: Link): boolean {
  return operational === "down" || nodeById.get(from)?.operational === "down" || nodeById.get(to)?.operational === "down";
}

function keyOf(cables: ReadonlySet<LinkId>): string {
  return JSON.stringify([...cables].sort(compareText));
}
