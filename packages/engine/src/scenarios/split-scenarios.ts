/**
 * What ingresses switch to when something fails, computed before it does: the groups of a plan that a scenario touches, split anew on the tunnels and
 * backups that are installed and survive. Class by class in priority, each in what the classes above leave; groups that need not change do not.
 * Meta's backup allocation (EBB 2023, section 4.3) and SWAN's (2013, section 4.1) solve the same for what may fail; here with a proof for each.
 */
import { setImmediate } from "node:timers/promises";
import {
  assert,
  buildTopology,
  compareFlowGroups,
  fault,
  flowGroupId,
  guaranteeOf,
  objectiveOf,
  ok,
  protectionOf,
  refuse,
  trafficClasses,
  type FailureScenario,
  type Plan,
  type PlanTimings,
  type Result,
  type ScenarioSplit,
  type Snapshot,
  type Topology,
  type TrafficClass,
  type TunnelGroup,
} from "@sluice/model";
import type { OptimizeOptions } from "../optimize.js";
import { stopwatch } from "../stopwatch.js";
import type { CarryOptions } from "./carry-touched.js";
import { checkScenario, failureOf, type Failure } from "./failure.js";
import type { Placement } from "./placement.js";
import { classOf, indexPlan, type PlanIndex } from "./plan-index.js";
import { fits } from "./room.js";
import { makeRoomForTrickle } from "./trickle.js";
import { restrictedLoad, splitClass, untouchedLoad, type ClassSplit } from "./split-class.js";

export interface SplitOptions extends Pick<OptimizeOptions, "lp" | "nowMs"> {
  /** Whether each scenario starts from the plan's flow and prices (default), or from nothing: an answer as good, and later. */
  readonly warm?: boolean | undefined;
  /** Called with each split as soon as it is there; `index` is that of its scenario. */
  readonly onSplit?: ((split: ScenarioSplit, index: number) => void) | undefined;
  /** Asked before each scenario: true ends the work with `cancelled`. */
  readonly isCancelled?: (() => boolean) | undefined;
}

export interface ScenarioSplits {
  /** In the order of the scenarios. */
  readonly splits: readonly ScenarioSplit[];
  readonly timings: PlanTimings;
}

/**
 * One split for each scenario; one that touches nothing has no groups. `plan` is the answer to `snapshot`, and the scenarios are of its topology, or
 * `dangling-reference`. Each reduced program has the deadline of a solve; as long as none comes to that, equal inputs give equal bytes
 * (though `warm` and not may differ, within the gap). The event loop turns between scenarios. Faults: `cancelled`, those of the topology.
 */
export async function splitScenarios(
  snapshot: Snapshot,
  plan: Plan,
  scenarios: readonly FailureScenario[],
  options: SplitOptions,
): Promise<Result<ScenarioSplits>> {
  const clock = stopwatch(options.nowMs);
  const built = buildTopology(snapshot.topology);
  if (!built.ok) return built;
  const topology = built.value;
  for (const scenario of scenarios) {
    const known = checkScenario(topology, scenario);
    if (!known.ok) return known;
  }
  const index = indexPlan(topology, plan);
  const carryOptions = carryOptionsOf(snapshot, index, options, clock.lap);
  clock.lap("index");
  const splits: ScenarioSplit[] = [];
  for (const [i, scenario] of scenarios.entries()) {
    if (options.isCancelled?.() === true)
      return refuse(fault("cancelled", `Splits were computed for ${i} of ${scenarios.length} scenarios.`));
    const split = await splitScenario({ snapshot, topology, index }, scenario, carryOptions);
    clock.lap("assemble");
    splits.push(split);
    options.onSplit?.(split, i);
    await setImmediate();
    clock.lap("wait");
  }
  return ok({ splits, timings: clock.timings() });
}

type OptionsOfClass = (trafficClass: TrafficClass) => CarryOptions;

/** What is the same for all scenarios. */
function carryOptionsOf(snapshot: Snapshot, index: PlanIndex, options: SplitOptions, lap: (stage: string) => void): OptionsOfClass {
  const { settings, demands } = snapshot;
  const functions = new Map(
    demands.demands.flatMap((demand) => {
      const { bandwidthFunction } = demand;
      return bandwidthFunction === undefined ? [] : [[flowGroupId(demand), bandwidthFunction] as const];
    }),
  );
  const byClass = new Map(
    trafficClasses.map((trafficClass) => {
      const made: CarryOptions = {
        lp: settings.solver === "javascript-lp-solver" ? options.lp.javascriptLpSolver : options.lp.highs,
        nowMs: options.nowMs,
        timeLimitSeconds: settings.deadlineSeconds,
        objective: objectiveOf(settings, trafficClass),
        gapMax: settings.gapMax,
        weightSumMax: settings.splitWeightSumMax,
        warm: options.warm ?? true,
        planPrice: planPrices(index, trafficClass),
        bandwidthFunctionOf: (group) => {
          const found = index.plan.groups[group];
          return found === undefined || functions.size === 0 ? undefined : functions.get(flowGroupId(found));
        },
        lap,
      };
      return [trafficClass, made] as const;
    }),
  );
  return (trafficClass) => {
    const found = byClass.get(trafficClass);
    assert(found !== undefined, "there are options for every class");
    return found;
  };
}

/** Prices of throughput; those of other objectives are in other units, and start from zero. */
function planPrices({ plan, linkIds, linkIndex }: PlanIndex, trafficClass: TrafficClass): Float64Array {
  const price = new Float64Array(linkIds.length);
  const certificate = plan.classes.find((item) => item.trafficClass === trafficClass)?.certificate;
  if (certificate?.objective !== "max-throughput") return price;
  for (const entry of certificate.linkPrices) {
    const e = linkIndex.get(entry.linkId);
    if (e !== undefined) price[e] = entry.price;
  }
  return price;
}

interface Planned {
  readonly snapshot: Snapshot;
  readonly topology: Topology;
  readonly index: PlanIndex;
}

async function splitScenario(planned: Planned, scenario: FailureScenario, optionsOf: OptionsOfClass): Promise<ScenarioSplit> {
  const { snapshot, topology, index } = planned;
  const failure = failureOf(topology, index, scenario);
  const held = heldLoads(snapshot, index, failure);
  const aboveBps = new Float64Array(index.linkIds.length);
  const lostBps = { interactive: 0, elastic: 0, bulk: 0 };
  const lostBpsMin = { interactive: 0, elastic: 0, bulk: 0 };
  const placements: Placement[] = [];
  for (const [c, trafficClass] of trafficClasses.entries()) {
    const guarantee = guaranteeOf(protectionOf(snapshot.settings), trafficClass);
    const heldBps = sumOf(index, held.slice(c + 1));
    const split: ClassSplit = await splitClass({ index, failure, trafficClass: c, guarantee, aboveBps, heldBps }, optionsOf(trafficClass));
    addTo(aboveBps, split.loadBps);
    lostBps[trafficClass] = split.lostBps;
    lostBpsMin[trafficClass] = split.lostBpsMin;
    placements.push(...split.placements);
  }
  const mayGive = trafficClasses.map((trafficClass) => guaranteeOf(protectionOf(snapshot.settings), trafficClass).kind === "protected");
  const fitted = makeRoomForTrickle({ index, failure, placements, loadBps: aboveBps, mayGive });
  for (const [i, placement] of fitted.entries()) {
    const trafficClass = trafficClasses[classOf(index, placement.group)] ?? "bulk";
    lostBps[trafficClass] += (placements[i]?.rateBps ?? 0) - placement.rateBps;
  }
  const groups = fitted.flatMap((placement) => {
    const group = tunnelGroupOf(index, placement);
    return group === undefined ? [] : [group];
  });
  return { scenario, groups: groups.sort(compareFlowGroups), lostBps, lostBpsMin, ...fullest(index, failure, aboveBps) };
}

/**
 * By class, for those whose guarantee this scenario does not break: what they have set aside for it. It breaks where their loads do not fit beside all
 * that stays as it is above them; what happens between others on links that they do not use is no business of theirs.
 */
function heldLoads({ settings }: Snapshot, index: PlanIndex, failure: Failure): readonly (Float64Array | undefined)[] {
  const isGuaranteed = trafficClasses.map((trafficClass) => {
    const { kind } = guaranteeOf(protectionOf(settings), trafficClass);
    return kind === "guaranteed" || kind === "availability";
  });
  if (!isGuaranteed.includes(true)) return [];
  const above = new Float64Array(index.linkIds.length);
  return trafficClasses.map((_, c) => {
    const load =
      isGuaranteed[c] === true ? restrictedLoad({ index, failure, trafficClass: c }) : untouchedLoad({ index, failure, trafficClass: c });
    addTo(above, load);
    if (isGuaranteed[c] !== true) return undefined;
    const holds = above.every(
      (bps, e) => failure.deadLink[e] === 1 || load[e] === 0 || fits(bps, index.capacityBps[e] as number, index.capacityBps[e] as number),
    );
    return holds ? load : undefined;
  });
}

function sumOf(index: PlanIndex, loads: readonly (Float64Array | undefined)[]): Float64Array {
  const sum = new Float64Array(index.linkIds.length);
  for (const load of loads) if (load !== undefined) addTo(sum, load);
  return sum;
}

function addTo(sum: Float64Array, load: Float64Array): void {
  for (let e = 0; e < sum.length; e++) sum[e] = (sum[e] as number) + (load[e] as number);
}

/** The group as its ingress is to have it; undefined where that is what it has. */
function tunnelGroupOf(index: PlanIndex, { group, rateBps, tunnels, weights, allottedBps }: Placement): TunnelGroup | undefined {
  const planned = index.plan.groups[group];
  assert(planned !== undefined, "the group is in the plan");
  const members = tunnels.map((tunnel, i) => {
    const id = index.tunnels[tunnel]?.id;
    assert(id !== undefined, "the tunnel is installed");
    return { tunnelId: id, allottedBps: allottedBps[i] ?? 0, weight: weights[i] ?? 0 };
  });
  const weightOf = new Map(planned.members.map(({ tunnelId, weight }) => [tunnelId, weight]));
  const same =
    rateBps === planned.admittedBps &&
    members.length === planned.members.length &&
    members.every(({ tunnelId, weight }) => weightOf.get(tunnelId) === weight);
  return same ? undefined : { ...planned, admittedBps: rateBps, members };
}

function fullest(
  { capacityBps, linkIds }: PlanIndex,
  { deadLink }: Failure,
  loadBps: Float64Array,
): Pick<ScenarioSplit, "utilizationMax" | "fullestLinkId"> {
  let at = -1;
  let utilizationMax = 0;
  for (let e = 0; e < loadBps.length; e++) {
    if (deadLink[e] === 1) continue;
    const utilization = (loadBps[e] as number) / (capacityBps[e] as number);
    if (utilization > utilizationMax) {
      utilizationMax = utilization;
      at = e;
    }
  }
  const fullestLinkId = linkIds[at];
  return fullestLinkId === undefined ? { utilizationMax } : { utilizationMax, fullestLinkId };
}
