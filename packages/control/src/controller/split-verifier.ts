/**
 * From a scenario's split to operations that may be given to ingresses: nothing of the answer is believed. It is admitted by its gate, compiled,
 * and the plan's rules with the operations on top are walked with the scenario's links and nodes gone.
 */
import {
  fault,
  ok,
  refuse,
  trafficClasses,
  type FailureScenario,
  type Fault,
  type NodeId,
  type Result,
  type ScenarioId,
  type ScenarioSplit,
} from "@sluice/model";
import {
  digestAfter,
  failureWalkerSteps,
  loadTolerance,
  meterRateUnitBps,
  scenarioCompiler,
  type FailureWalk,
  type ScenarioOperations,
  type Steps,
} from "@sluice/rules";
import { emptyDigest, noRules } from "./belief.js";
import { admitSplit, splitGate } from "./split-gate.js";
import type { PreparedScenario, VerifiedPlan } from "./state.js";

export interface Verified {
  readonly result: Result<PreparedScenario>;
  /** Operations compiled and ways followed: what the look at it cost. */
  readonly cost: number;
}

export type SplitVerifier = (split: ScenarioSplit) => Verified;

/**
 * A verifier for the splits of one plan, made in steps: O(rules + ways x hops) once. A split: O(its groups x buckets + hops of the ways that the scenario or the
 * split changes).
 *
 * Refuses what the gate and the compiler refuse, and with `walk-failed`: a loop, a blackhole or any other violation that `walkRules` knows;
 * and traffic of a class that does not arrive although the split says that it is carried.
 *
 * Overload is judged without local repair as well, and only what overloads a link either way is refused: what a split gives up as lost, local
 * repair may still bring over a bypass that has no room. That costs the lowest classes there, and less than to have no split at all.
 */
export function* splitVerifier(plan: VerifiedPlan, scenarios: ReadonlyMap<ScenarioId, FailureScenario>): Steps<Result<SplitVerifier>> {
  const { topology, rules, record, assignmentsAfter, input } = plan;
  const compiler = scenarioCompiler(topology, record.plan, assignmentsAfter);
  if (!compiler.ok) return compiler;
  yield record.plan.groups.length;
  const gate = splitGate(record.plan, scenarios, input.settings.splitWeightSumMax);
  const walker = yield* failureWalkerSteps(topology, rules);
  const positionOf = new Map(topology.links.map(({ id }, i) => [id, i]));
  const planned = plannedOf(plan);
  return ok((answer) => {
    const admitted = admitSplit(gate, answer);
    if (!admitted.ok) return { result: admitted, cost: 1 };
    const split = admitted.value;
    const operations = compiler.value(split);
    if (!operations.ok) return { result: operations, cost: 1 + split.groups.length };
    let walk = walker.walk(split.scenario, { overrides: operations.value });
    let cost = 1 + countOf(operations.value) + walk.waysFollowed;
    const crowded = walk.verdict === "fail" && walk.violations.length === walk.violationCount && walk.violations.every(isOverload);
    if (crowded) {
      const bare = walker.walk(split.scenario, { overrides: operations.value, repairs: false });
      cost += bare.waysFollowed;
      // What is reported stays the walk with repair: that is what happens.
      if (bare.verdict === "pass") walk = { ...walk, verdict: "pass" };
    }
    const found = flawOf({ walk, split, planned });
    if (found !== undefined) return { result: refuse(found), cost };
    const loadBps = new Float64Array(topology.links.length);
    for (const { linkId, loadBps: load } of walk.linkLoads) loadBps[positionOf.get(linkId) ?? -1] = load;
    const { interactive, elastic, bulk } = walk.lostBps;
    const { interactive: interactiveEnds, elastic: elasticEnds, bulk: bulkEnds } = walk.endsLostBps;
    return {
      result: ok({
        split,
        operations: operations.value,
        digests: digestsAfter(plan, operations.value),
        crowded,
        walk: {
          loadBps,
          utilizationMax: walk.utilizationMax,
          lostBps: interactive + elastic + bulk + interactiveEnds + elasticEnds + bulkEnds,
        },
      }),
      cost,
    };
  });
}

type ByClass = FailureWalk["deliveredBps"];

/** What the plan's meters admit, and how many groups do: by class. */
function plannedOf({ record }: VerifiedPlan): { readonly admittedBps: ByClass; readonly groups: ByClass } {
  const admittedBps = { interactive: 0, elastic: 0, bulk: 0 };
  const groups = { interactive: 0, elastic: 0, bulk: 0 };
  for (const group of record.plan.groups) {
    admittedBps[group.trafficClass] += group.admittedBps;
    groups[group.trafficClass] += 1;
  }
  return { admittedBps, groups };
}

function flawOf({
  walk,
  split,
  planned,
}: {
  readonly walk: FailureWalk;
  readonly split: ScenarioSplit;
  readonly planned: ReturnType<typeof plannedOf>;
}): Fault | undefined {
  if (walk.verdict !== "pass") return walk.violations[0] ?? fault("walk-failed", "The walk of the failure refused the split.");
  for (const trafficClass of trafficClasses) {
    const carriedBps = planned.admittedBps[trafficClass] - split.lostBps[trafficClass];
    // A meter counts whole units, rounded down: every group may be that much short.
    const roundedBps = planned.groups[trafficClass] * meterRateUnitBps + planned.admittedBps[trafficClass] * loadTolerance;
    const deliveredBps = walk.deliveredBps[trafficClass];
    if (deliveredBps < carriedBps - roundedBps) {
      return fault("walk-failed", `The split says that ${carriedBps} bps of ${trafficClass} are carried; ${deliveredBps} bps arrive.`);
    }
  }
  return undefined;
}

function isOverload({ data }: Fault): boolean {
  return data?.["kind"] === "overload";
}

function countOf(operations: ScenarioOperations): number {
  let count = 0;
  for (const ofNode of operations.values()) count += ofNode.length;
  return count;
}

function digestsAfter({ rules, digests }: VerifiedPlan, operations: ScenarioOperations): ReadonlyMap<NodeId, string> {
  return new Map(
    [...operations].map(([nodeId, ofNode]) => [
      nodeId,
      digestAfter(digests.get(nodeId) ?? emptyDigest, rules.get(nodeId) ?? noRules, ofNode),
    ]),
  );
}
