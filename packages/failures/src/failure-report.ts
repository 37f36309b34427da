/**
 * What each failure would cost, layer by layer: before anything repairs it, after local repair, after the scenario split, with a new plan.
 * Everything but the last is read off the installed rules by the packet walk, and by fluid traffic where links overflow; nothing is
 * taken from what the plan or the splits say of themselves.
 */
import { splitScenarios, type OptimizeOptions } from "@sluice/engine";
import {
  buildTopology,
  ok,
  topologyUnder,
  trafficClasses,
  type FailureScenario,
  type Plan,
  type Result,
  type ScenarioSplit,
  type Snapshot,
  type Topology,
  type TrafficClass,
} from "@sluice/model";
import { assign, compileRules, emptyAssignments, failureWalker, scenarioCompiler, type Assignments } from "@sluice/rules";
import { layerOf, type LayerOutcome } from "./layer.js";
import { newPlanOutcome } from "./new-plan.js";
import type { ScenarioSet } from "./scenario-set.js";

export type { LayerOutcome } from "./layer.js";

/** In the order in which they act. */
export const layerNames = ["unrepaired", "local-repair", "scenario-split", "new-plan"] as const;
export type LayerName = (typeof layerNames)[number];

export interface ScenarioReport {
  readonly id: FailureScenario["id"];
  readonly kind: FailureScenario["kind"];
  readonly linkIds: FailureScenario["linkIds"];
  readonly nodeIds: FailureScenario["nodeIds"];
  /** Admitted traffic that starts or ends at a node that is gone, bps: nothing can carry it, and no layer's figures count it. */
  readonly endsLostBps: Readonly<Record<TrafficClass, number>>;
  /** Only those that were asked for. */
  readonly layers: Readonly<Partial<Record<LayerName, LayerOutcome>>>;
  /**
   * Whose split the layer `scenario-split` shows: one that was `given`, one that was `made` for the report, or `none`, where it is known that there is
   * none and local repair goes on serving. Absent without that layer.
   */
  readonly split?: "given" | "made" | "none";
}

export interface FailureReport {
  readonly kind: "failure-report";
  readonly formatVersion: 1;
  readonly inputHash: string;
  readonly admittedBps: Readonly<Record<TrafficClass, number>>;
  readonly layers: readonly LayerName[];
  readonly pairs?: ScenarioSet["pairs"];
  /** Worst first: by what the last layer but a new plan loses, the most important class first; then by the fullest link. */
  readonly scenarios: readonly ScenarioReport[];
}

export interface FailureReportInput {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  /** Those that the plan's rules were compiled with; left out: fresh ones. */
  readonly assignments?: Assignments | undefined;
  readonly set: ScenarioSet;
  readonly layers: readonly LayerName[];
  /** Splits that are known already, by scenario; undefined where it is known that there is none. Others are made here. */
  readonly splits?: ReadonlyMap<FailureScenario["id"], ScenarioSplit | undefined> | undefined;
}

export interface FailureReportOptions {
  readonly lp: OptimizeOptions["lp"];
  readonly nowMs: () => number;
  readonly onProgress?: (stage: string, fraction: number) => void;
  readonly isCancelled?: () => boolean;
}

/** Faults: those of the snapshot, of the compiler, and `cancelled`. O(scenarios x what each touches), and a solve for each with `new-plan`. */
export async function failureReport(input: FailureReportInput, options: FailureReportOptions): Promise<Result<FailureReport>> {
  const { snapshot, plan, set, layers } = input;
  const built = buildTopology(snapshot.topology);
  if (!built.ok) return built;
  const topology = built.value;
  const ground = installed(topology, plan, input.assignments);
  if (!ground.ok) return ground;
  const { rules, assignments } = ground.value;
  const walker = failureWalker(topology, rules);
  const compile = scenarioCompiler(topology, plan, assignments);
  if (!compile.ok) return compile;
  const base = layerOf({ topology, rules, walker, plan }, nothingFails);
  const scene = { topology, rules, walker, plan, base };
  const splits = layers.includes("scenario-split") ? await splitsOf(input, options) : ok<SplitByScenario>(new Map());
  if (!splits.ok) return splits;

  const scenarios: ScenarioReport[] = [];
  for (const [i, scenario] of set.scenarios.entries()) {
    options.onProgress?.(`walk ${scenario.id}`, i / set.scenarios.length);
    const found: Partial<Record<LayerName, LayerOutcome>> = {};
    const unrepaired = layers.includes("unrepaired") ? layerOf(scene, scenario, { repairs: false }) : undefined;
    const { endsLostBps } = unrepaired ?? walker.walk(scenario, { repairs: false });
    if (unrepaired !== undefined) found.unrepaired = unrepaired.outcome;
    if (layers.includes("local-repair")) found["local-repair"] = layerOf(scene, scenario).outcome;
    if (layers.includes("scenario-split")) {
      const split = splits.value.get(scenario.id);
      const overrides = split === undefined ? ok(undefined) : compile.value(split);
      if (!overrides.ok) return overrides;
      found["scenario-split"] = layerOf(scene, scenario, { overrides: overrides.value, endsLostBps }).outcome;
    }
    if (layers.includes("new-plan")) {
      const again = await newPlanOutcome(
        { ...snapshot, topology: topologyUnder(topology, scenario) },
        base.deliveredBps,
        endsLostBps,
        options,
      );
      if (!again.ok) return again;
      found["new-plan"] = again.value;
    }
    const { id, kind, linkIds, nodeIds } = scenario;
    const split = layers.includes("scenario-split") ? { split: originOf(id, input.splits) } : {};
    scenarios.push({ id, kind, linkIds, nodeIds, endsLostBps, layers: found, ...split });
  }
  return ok({
    kind: "failure-report",
    formatVersion: 1,
    inputHash: plan.inputHash,
    admittedBps: base.deliveredBps,
    layers: layerNames.filter((name) => layers.includes(name)),
    ...(set.pairs === undefined ? {} : { pairs: set.pairs }),
    scenarios: scenarios.sort(worstFirst),
  });
}

type SplitByScenario = ReadonlyMap<FailureScenario["id"], ScenarioSplit | undefined>;

function originOf(id: FailureScenario["id"], known: SplitByScenario | undefined): NonNullable<ScenarioReport["split"]> {
  if (known?.has(id) !== true) return "made";
  return known.get(id) === undefined ? "none" : "given";
}

const nothingFails: FailureScenario = { id: "none", kind: "drain", linkIds: [], nodeIds: [] };

function installed(topology: Topology, plan: Plan, given: Assignments | undefined) {
  const assigned = given === undefined ? assign(emptyAssignments, plan, topology) : ok(given);
  if (!assigned.ok) return assigned;
  const rules = compileRules(topology, plan, assigned.value);
  return rules.ok ? ok({ rules: rules.value, assignments: assigned.value }) : rules;
}

async function splitsOf(
  { snapshot, plan, set, splits: known }: FailureReportInput,
  { lp, nowMs, onProgress, isCancelled }: FailureReportOptions,
): Promise<Result<SplitByScenario>> {
  const missing = set.scenarios.filter(({ id }) => known?.has(id) !== true);
  const made = await splitScenarios(snapshot, plan, missing, {
    lp,
    nowMs,
    ...(isCancelled === undefined ? {} : { isCancelled }),
    onSplit: ({ scenario }, i) => onProgress?.(`split ${scenario.id}`, i / missing.length),
  });
  if (!made.ok) return made;
  return ok(
    new Map<FailureScenario["id"], ScenarioSplit | undefined>([
      ...(known ?? []),
      ...made.value.splits.map((split) => [split.scenario.id, split] as const),
    ]),
  );
}

/** What stays lost until there is a new plan decides; a scenario without such a layer counts by what it has. */
export function worstFirst(a: ScenarioReport, b: ScenarioReport): number {
  const [before, after] = [decisive(a), decisive(b)];
  for (const name of trafficClasses) {
    const difference = (after?.lostBps[name] ?? 0) - (before?.lostBps[name] ?? 0);
    if (difference !== 0) return difference;
  }
  return (after?.utilizationMax ?? 0) - (before?.utilizationMax ?? 0) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function decisive({ layers }: ScenarioReport): LayerOutcome | undefined {
  return layers["scenario-split"] ?? layers["local-repair"] ?? layers.unrepaired ?? layers["new-plan"];
}
