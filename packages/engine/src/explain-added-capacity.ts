/** How much more capacity would admit a demand, and on which links. */
import {
  flowGroupId,
  guaranteeOf,
  isUsable,
  objectiveOf,
  ok,
  protectionOf,
  trafficClasses,
  type FlowGroup,
  type FlowGroupId,
  type LinkId,
  type Result,
  type Snapshot,
} from "@sluice/model";
import { buildProblem } from "./build-problem.js";
import {
  allottedOf,
  allottedShareMin,
  noChange,
  outcomeText,
  planAgain,
  type CapacityAddition,
  type Scene,
  type SmallestChange,
  type Verdict,
} from "./explain-change-scene.js";
import { leastCapacity, type CapacityQuestion } from "./explain-least-capacity.js";
import { wholeKbps } from "./explain-whole-kbps.js";
import { isReserving } from "./guarantees/plan-guaranteed.js";
import { linkLoads } from "./link-loads.js";
import { rateText } from "./rate-text.js";
import { candidateTunnels, pairKey, type CandidateTunnels } from "./tunnels/candidate-tunnels.js";

/** Plans are made again for so long at most unless told otherwise, ms. */
const budgetMsDefault = 15_000;
/** Times that capacity is sought anew because others took what was added, and halvings of what that took too much. */
const roundsMax = 6;
const halvingsMax = 5;
/** Times the demand's lack that is tried on all its links alike. */
const factorMost = 8;

/**
 * Capacity for the demand alone first. Where others of its class take a part of what is added (a plan serves its objective, not this demand), they
 * are to be met in full as well, and so on; between the last too little and the first enough the least is then sought by halving.
 */
export async function moreCapacity(scene: Scene): Promise<Result<SmallestChange>> {
  const { snapshot, explained, id, options } = scene;
  const endMs = options.nowMs() + (options.budgetMs ?? budgetMsDefault);
  const reserves = isReserving(guaranteeOf(protectionOf(snapshot.settings), explained.flowGroup.trafficClass));
  // What failures need besides is in no program of flows: there, planning alone decides.
  const least = reserves ? ok({ best: undefined, additionBpsMin: undefined }) : await byProgram(scene, endMs);
  if (!least.ok) return least;
  const { additionBpsMin } = least.value;
  const alike = least.value.best?.verdict.isEnough === true ? ok(undefined) : await alikeOnAll(scene, endMs);
  if (!alike.ok) return alike;
  const best = alike.value ?? least.value.best;
  if (best === undefined) return ok(noChange(scene, "no addition of capacity was found that admits it"));
  const { additions, verdict } = best;
  const what = additions.map(({ linkId, extraBps }) => `${rateText(extraBps)} more on ${linkId}`).join(", ");
  return ok({
    kind: "capacity",
    additions,
    additionBps: totalOf(additions),
    ...(additionBpsMin === undefined ? {} : { additionBpsMin }),
    admittedBps: verdict.admittedBps,
    isEnough: verdict.isEnough,
    sentence: `${id}: with ${what}, ${outcomeText(scene, verdict)}.`,
  });
}

interface Tried {
  readonly additions: readonly CapacityAddition[];
  readonly verdict: Verdict;
}

async function byProgram(
  scene: Scene,
  endMs: number,
): Promise<Result<{ readonly best: Tried | undefined; readonly additionBpsMin: number | undefined }>> {
  const { snapshot, plan, id, options } = scene;
  const before = new Map(plan.groups.map((group) => [flowGroupId(group), allottedOf(group)]));
  const unmet = unmetOf(scene, before);
  let inFull = new Set([id]);
  let tooLittle: readonly CapacityAddition[] = [];
  let additionBpsMin: number | undefined;
  let best: Tried | undefined;
  for (let round = 0; round < roundsMax && options.nowMs() < endMs; round++) {
    const found = await leastCapacity(questionOf(scene, before, inFull), options.lp.highs, Math.max(0.1, (endMs - options.nowMs()) / 1000));
    if (found === undefined) break;
    additionBpsMin ??= totalOf(found);
    const again = await planAgain(scene, withCapacity(snapshot, found));
    if (!again.ok) return again;
    best = { additions: found, verdict: again.value };
    if (again.value.isEnough) break;
    tooLittle = found;
    const after = new Map(again.value.plan.groups.map((group) => [flowGroupId(group), allottedOf(group)]));
    const took = [...unmet].filter((one) => (after.get(one) ?? 0) > (before.get(one) ?? 0) * (2 - allottedShareMin) && !inFull.has(one));
    const next = new Set([...inFull, ...(took.length > 0 ? took : unmet)]);
    if (next.size === inFull.size) break;
    inFull = next;
  }
  if (best?.verdict.isEnough === true && inFull.size > 1) best = await halved(scene, tooLittle, best, endMs);
  return ok({ best, additionBpsMin });
}

/** The same on every link of every tunnel that the demand could take: doubled until it is enough, then halved back. */
async function alikeOnAll(scene: Scene, endMs: number): Promise<Result<Tried | undefined>> {
  const { snapshot, explained, options } = scene;
  const lackBps = explained.demandBps - explained.admittedBps;
  const linkIds = [...new Set(explained.tunnels.flatMap(({ path }) => path))].sort();
  const all = (extraBps: number) => linkIds.map((linkId) => ({ linkId, extraBps: wholeKbps(extraBps) }));
  for (let factor = 1; factor <= factorMost && options.nowMs() < endMs; factor *= 2) {
    const additions = all(lackBps * factor);
    const again = await planAgain(scene, withCapacity(snapshot, additions));
    if (!again.ok) return again;
    if (!again.value.isEnough) continue;
    const from = factor === 1 ? [] : all((lackBps * factor) / 2);
    return ok(await halved(scene, from, { additions, verdict: again.value }, endMs));
  }
  return ok(undefined);
}

/** Demands of the class that are not allotted in full and have a tunnel. */
function unmetOf({ snapshot, plan, explained }: Scene, allotted: ReadonlyMap<FlowGroupId, number>): ReadonlySet<FlowGroupId> {
  const unroutable = new Set(plan.unroutable.map(flowGroupId));
  return new Set(
    snapshot.demands.demands
      .filter((demand) => demand.trafficClass === explained.flowGroup.trafficClass && !unroutable.has(flowGroupId(demand)))
      .filter((demand) => (allotted.get(flowGroupId(demand)) ?? 0) < allottedShareMin * demand.rateBps)
      .map(flowGroupId),
  );
}

function questionOf(
  { snapshot, plan, topology, explained, options }: Scene,
  allotted: ReadonlyMap<FlowGroupId, number>,
  inFull: ReadonlySet<FlowGroupId>,
): CapacityQuestion {
  const { trafficClass } = explained.flowGroup;
  const demands = snapshot.demands.demands.filter((demand) => demand.trafficClass === trafficClass && demand.rateBps > 0);
  const above = trafficClasses.slice(0, trafficClasses.indexOf(trafficClass));
  const loads = new Map(linkLoads(topology, plan).map((load) => [load.linkId, load]));
  const leftBps = Float64Array.from(topology.links, ({ id, capacityBps }) => {
    const used = above.reduce((sum, name) => sum + (loads.get(id)?.loadBpsByClass[name] ?? 0), 0);
    return Math.max(0, capacityBps - used);
  });
  const built = buildProblem(topology, demands, tunnelsOf({ snapshot, plan, topology, options }, demands, trafficClass), leftBps);
  const ids = built.demands.map(flowGroupId);
  return {
    problem: built.problem,
    linkIds: topology.links.map(({ id }) => id),
    atLeastBps: Float64Array.from(built.demands, ({ rateBps }, d) => {
      const one = ids[d];
      return one !== undefined && inFull.has(one) ? rateBps : Math.min(rateBps, one === undefined ? 0 : (allotted.get(one) ?? 0));
    }),
  };
}

/** Those that the plan uses, and those that it could; for shortest paths, only the shortest. */
function tunnelsOf(
  { snapshot, plan, topology, options }: Pick<Scene, "snapshot" | "plan" | "topology" | "options">,
  demands: readonly FlowGroup[],
  trafficClass: FlowGroup["trafficClass"],
): CandidateTunnels {
  const { settings } = snapshot;
  const given = options.candidates ?? candidateTunnels(topology, demands, settings.tunnels);
  const isUsablePath = (path: readonly LinkId[]): boolean =>
    path.every((linkId) => {
      const link = topology.linkById.get(linkId);
      return link !== undefined && isUsable(topology, link);
    });
  const isShortest = objectiveOf(settings, trafficClass) === "shortest-path";
  const pairs = new Map([...given.pairs].map(([key, paths]) => [key, paths.filter(isUsablePath).slice(0, isShortest ? 1 : undefined)]));
  if (isShortest) return { pairs };
  const tunnelById = new Map(plan.tunnels.map((tunnel) => [tunnel.id, tunnel]));
  for (const group of plan.groups) {
    if (group.trafficClass !== trafficClass) continue;
    const key = pairKey(group);
    const known = new Set(pairs.get(key)?.map((path) => path.join("\n")));
    const paths = group.members.flatMap(({ tunnelId }) => {
      const path = tunnelById.get(tunnelId)?.path;
      return path === undefined || known.has(path.join("\n")) ? [] : [path];
    });
    if (paths.length > 0) pairs.set(key, [...(pairs.get(key) ?? []), ...paths]);
  }
  return { pairs };
}

/** The least point found between what was too little and what is enough, on the line that joins the two. */
async function halved(scene: Scene, tooLittle: readonly CapacityAddition[], enough: Tried, endMs: number): Promise<Tried> {
  const from = new Map(tooLittle.map(({ linkId, extraBps }) => [linkId, extraBps]));
  const to = new Map(enough.additions.map(({ linkId, extraBps }) => [linkId, extraBps]));
  const linkIds = [...new Set([...from.keys(), ...to.keys()])].sort();
  let best = enough;
  let [low, high] = [0, 1];
  for (let i = 0; i < halvingsMax && scene.options.nowMs() < endMs; i++) {
    const at = (low + high) / 2;
    const additions = linkIds
      .map((linkId) => ({ linkId, extraBps: wholeKbps((from.get(linkId) ?? 0) * (1 - at) + (to.get(linkId) ?? 0) * at) }))
      .filter(({ extraBps }) => extraBps > 0);
    const again = await planAgain(scene, withCapacity(scene.snapshot, additions));
    if (again.ok && again.value.isEnough) {
      if (totalOf(additions) < totalOf(best.additions)) best = { additions, verdict: again.value };
      high = at;
    } else {
      low = at;
    }
  }
  return best;
}

function totalOf(additions: readonly CapacityAddition[]): number {
  return additions.reduce((sum, { extraBps }) => sum + extraBps, 0);
}

/** The snapshot with more capacity on these links. */
export function withCapacity(snapshot: Snapshot, additions: readonly CapacityAddition[]): Snapshot {
  const extra = new Map(additions.map(({ linkId, extraBps }) => [linkId, extraBps]));
  const links = snapshot.topology.links.map((link) => {
    const more = extra.get(link.id);
    return more === undefined ? link : { ...link, capacityBps: link.capacityBps + more };
  });
  return { ...snapshot, topology: { ...snapshot.topology, links } };
}
