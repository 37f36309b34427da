/** How much more capacity would admit a demand, and on which links. */
import {
  buildTopology,
  compareText,
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
  type Plan,
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
/** Times that capacity is sought anew because others took what was added, and halvings of what was added last. */
const roundsMax = 16;
/** So many times for the demand alone; from then on for those who took it as well, and at last for all of its class. */
const roundsAlone = 5;
const roundsWithSome = 9;
const halvingsMax = 5;
/** Times the demand's lack that is tried on all its links alike. */
const factorMost = 8;
/** Links that a sentence lists. */
const linksListedMax = 4;
/** Relative: what is more than the least by less than this is rounding. */
const moreShareMin = 1e-3;

/**
 * Capacity for the demand alone, others keeping what they have. Where others take a part of what is added (a plan serves its objective, not this
 * demand), the same is asked again of the network as it stands then: as much more is admitted each time, so what others can take runs out; after
 * some rounds those who took it are asked for in full as well, at last the whole class. Between the last too little and the first enough the least is sought by halving.
 */
export async function moreCapacity(scene: Scene): Promise<Result<SmallestChange>> {
  const { snapshot, explained, id, options } = scene;
  const endMs = options.nowMs() + (options.budgetMs ?? budgetMsDefault);
  const reserves = isReserving(guaranteeOf(protectionOf(snapshot.settings), explained.flowGroup.trafficClass));
  // What failures need besides is in no program of flows: there, planning alone decides.
  const least = reserves ? ok({ best: undefined, additionsMin: undefined }) : await byProgram(scene, endMs);
  if (!least.ok) return least;
  const { additionsMin } = least.value;
  const bound = additionsMin === undefined ? {} : { additionBpsMin: totalOf(additionsMin), additionsMin };
  const alike = least.value.best?.verdict.isEnough === true ? ok(undefined) : await alikeOnAll(scene, endMs);
  if (!alike.ok) return alike;
  const best = alike.value ?? least.value.best;
  if (best?.verdict.isEnough !== true) {
    const inTime = options.nowMs() < endMs ? "" : " in the time there was";
    const atLeast = additionsMin === undefined ? "" : `; room for it takes ${additionsText(additionsMin)} at least`;
    return ok({
      ...noChange(scene, `no addition of capacity was found${inTime} with which a plan would admit all of it${atLeast}`),
      ...bound,
    });
  }
  const { additions, verdict } = best;
  const isMore = additionsMin !== undefined && totalOf(additions) > totalOf(additionsMin) * (1 + moreShareMin);
  const others = isMore ? ` ${additionsText(additionsMin)} would make room for it, which the plan would give to others first.` : "";
  return ok({
    kind: "capacity",
    additions,
    additionBps: totalOf(additions),
    ...bound,
    admittedBps: verdict.admittedBps,
    isEnough: verdict.isEnough,
    sentence: `${id}: with ${additionsText(additions)}, ${outcomeText(scene, verdict)}.${others}`,
  });
}

function additionsText(additions: readonly CapacityAddition[]): string {
  const listed = additions.slice(0, linksListedMax).map(({ linkId, extraBps }) => `${rateText(extraBps)} more on ${linkId}`);
  const more = additions.length - listed.length;
  return more > 0 ? `${listed.join(", ")} and on ${more} more links (${rateText(totalOf(additions))} in all)` : listed.join(", ");
}

interface Tried {
  readonly additions: readonly CapacityAddition[];
  readonly verdict: Verdict;
}

async function byProgram(
  scene: Scene,
  endMs: number,
): Promise<Result<{ readonly best: Tried | undefined; readonly additionsMin: readonly CapacityAddition[] | undefined }>> {
  const { snapshot, options } = scene;
  let standing = scene;
  let inFull: ReadonlySet<FlowGroupId> = new Set([scene.id]);
  let tooLittle: readonly CapacityAddition[] = [];
  let additionsMin: readonly CapacityAddition[] | undefined;
  for (let round = 0; round < roundsMax && options.nowMs() < endMs; round++) {
    const found = await leastCapacity(questionOf(standing, inFull), options.lp.highs, Math.max(0.1, (endMs - options.nowMs()) / 1000));
    if (found === undefined || found.length === 0) break;
    additionsMin ??= found;
    const additions = sumOf(tooLittle, found);
    const widened = withCapacity(snapshot, additions);
    const again = await planAgain(scene, widened);
    if (!again.ok) return again;
    if (again.value.isEnough) {
      const enough = { additions, verdict: again.value };
      const best = round === 0 ? enough : await halved(scene, tooLittle, enough, endMs);
      return ok({ best, additionsMin });
    }
    const topology = buildTopology(widened.topology);
    if (!topology.ok) return topology;
    if (round >= roundsAlone) inFull = new Set([...inFull, ...tookMore(standing.plan, again.value.plan, scene)]);
    if (round >= roundsWithSome) inFull = allOf(scene);
    tooLittle = additions;
    standing = { ...scene, snapshot: widened, topology: topology.value, plan: again.value.plan };
  }
  return ok({ best: undefined, additionsMin });
}

/** Demands of the class that were allotted more than before. */
function tookMore(before: Plan, after: Plan, { explained }: Scene): readonly FlowGroupId[] {
  const allotted = new Map(before.groups.map((group) => [flowGroupId(group), allottedOf(group)]));
  return after.groups
    .filter(({ trafficClass }) => trafficClass === explained.flowGroup.trafficClass)
    .filter((group) => allottedOf(group) > (allotted.get(flowGroupId(group)) ?? 0) * (2 - allottedShareMin))
    .map(flowGroupId);
}

function allOf({ snapshot, explained }: Scene): ReadonlySet<FlowGroupId> {
  const { trafficClass } = explained.flowGroup;
  return new Set(snapshot.demands.demands.filter((demand) => demand.trafficClass === trafficClass).map(flowGroupId));
}

function sumOf(a: readonly CapacityAddition[], b: readonly CapacityAddition[]): readonly CapacityAddition[] {
  const extra = new Map(a.map(({ linkId, extraBps }) => [linkId, extraBps]));
  for (const { linkId, extraBps } of b) extra.set(linkId, (extra.get(linkId) ?? 0) + extraBps);
  return [...extra].map(([linkId, extraBps]) => ({ linkId, extraBps })).sort((x, y) => compareText(x.linkId, y.linkId));
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

/** These demands in full and the class's others no less than they have, on what the classes above leave where they stand. */
function questionOf({ snapshot, plan, topology, explained, options }: Scene, inFull: ReadonlySet<FlowGroupId>): CapacityQuestion {
  const { trafficClass } = explained.flowGroup;
  const demands = snapshot.demands.demands.filter((demand) => demand.trafficClass === trafficClass && demand.rateBps > 0);
  const above = trafficClasses.slice(0, trafficClasses.indexOf(trafficClass));
  const leftBps = Float64Array.from(linkLoads(topology, plan), ({ capacityBps, loadBpsByClass }) =>
    Math.max(0, capacityBps - above.reduce((sum, name) => sum + loadBpsByClass[name], 0)),
  );
  const built = buildProblem(topology, demands, tunnelsOf({ snapshot, plan, topology, options }, demands, trafficClass), leftBps);
  const allotted = new Map(plan.groups.map((group) => [flowGroupId(group), allottedOf(group)]));
  return {
    problem: built.problem,
    linkIds: topology.links.map((link) => link.id),
    atLeastBps: Float64Array.from(built.demands, (demand) => {
      const one = flowGroupId(demand);
      return inFull.has(one) ? demand.rateBps : Math.min(demand.rateBps, allotted.get(one) ?? 0);
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
