/**
 * What updates cost in steps and in throttled traffic: the update to the re-planned plan after every single cable cut, and back when the cable is
 * mended. Counts only; nothing here depends on the machine's load but the time of ordering.
 */
import { optimize, splitScenarios } from "@sluice/engine";
import { highsBackend } from "@sluice/lp";
import {
  failureScenarios,
  planSettingsDefault,
  protectionDefault,
  topologyDocument,
  buildTopology,
  topologyUnder,
  type NodeId,
  type NodeRules,
  type Plan,
  type Rule,
  type RuleSet,
  type Snapshot,
  type Topology,
} from "@sluice/model";
import {
  applyOperations,
  assign,
  compileRules,
  emptyAssignments,
  orderUpdate,
  scenarioCompiler,
  walkUpdate,
  type Assignments,
  type UpdatePlan,
} from "@sluice/rules";
import { fewestStepsByLp } from "./update-lp.js";
import { loadNetwork, networkNames, valueOf, type NetworkName } from "./network.js";
import type { BenchReport } from "./report.js";
import { milliseconds, spreadOf } from "./sample.js";

/** From what to what an update leads, and where. */
export interface UpdateCase {
  readonly cut: string;
  /** `replan`: from the scenario's split on the network that is left to the new plan for it; `mend`: from there to the plan for the whole network. */
  readonly kind: "replan" | "mend";
  readonly topology: Topology;
  readonly installed: RuleSet;
  readonly target: RuleSet;
}

/** Updates of one network: every `step`-th cable. */
export async function* updateCases(name: NetworkName, { cuts }: { readonly cuts: number }): AsyncGenerator<UpdateCase> {
  const highs = await highsBackend();
  const solvers = { lp: { highs, javascriptLpSolver: highs }, nowMs: () => performance.now() };
  const network = loadNetwork(name);
  const settings = { ...planSettingsDefault, deadlineSeconds: 300, protection: { ...protectionDefault, scenarios: ["link" as const] } };
  const snapshot: Snapshot = { topology: topologyDocument(network.topology), demands: network.demands, settings };
  const { topology } = network;
  const { plan } = valueOf(await optimize(snapshot, solvers));
  const all = failureScenarios(snapshot.topology, ["link"]);
  const step = Math.max(1, Math.floor(all.length / cuts));
  const scenarios = all.filter((_, i) => i % step === 0).slice(0, cuts);
  const { splits } = valueOf(await splitScenarios(snapshot, plan, scenarios, { ...solvers, warm: true }));
  const assignments = valueOf(assign(emptyAssignments, plan, topology));
  const rules = valueOf(compileRules(topology, plan, assignments));
  const compile = valueOf(scenarioCompiler(topology, plan, assignments));
  for (const [i, scenario] of scenarios.entries()) {
    const split = splits[i];
    if (split === undefined) throw new Error(`no split for ${scenario.id}`);
    const installed = new Map<NodeId, NodeRules>(rules);
    for (const [nodeId, operations] of valueOf(compile(split)))
      installed.set(nodeId, applyOperations(installed.get(nodeId) ?? new Map<string, Rule>(), operations));
    const cutDocument = topologyUnder(snapshot.topology, scenario);
    const cut = valueOf(buildTopology(cutDocument));
    const replanned = valueOf(await optimize({ ...snapshot, topology: cutDocument }, solvers)).plan;
    const after = compiled(cut, replanned, assignments, installed);
    yield { cut: scenario.id, kind: "replan", topology: cut, installed, target: after.rules };
    const back = compiled(topology, plan, after.assignments, after.rules);
    yield { cut: scenario.id, kind: "mend", topology, installed: after.rules, target: back.rules };
  }
}

function compiled(topology: Topology, plan: Plan, before: Assignments, rules: RuleSet) {
  const assignments = valueOf(assign(before, plan, topology));
  return { assignments, rules: valueOf(compileRules(topology, plan, assignments, { before: rules })) };
}

export interface UpdateFigures {
  /** Stages that move traffic. */
  readonly steps: number;
  /** Acknowledgements that the last move has to wait for, its own included: what the update takes in round trips. */
  readonly rounds: number;
  /** Flow groups that are admitted less than the lesser of old and new at some time. */
  readonly groupsThrottled: number;
  /** The most that they are admitted less, summed, bps. */
  readonly throttledBps: number;
  /** The same times the rounds that it lasts. */
  readonly throttledBpsRounds: number;
  /** Operations on meters, groups and flow entries. */
  readonly operations: number;
}

/** Read off the messages alone: nothing is believed of how the update was made. */
export function figuresOf({ installed, target }: Pick<UpdateCase, "installed" | "target">, update: UpdatePlan): UpdateFigures {
  const moving = update.stages.filter(({ purpose }) => purpose === "throttle" || purpose === "flip");
  const rounds = roundsOf(update);
  const changed = new Set(moving.flatMap(({ messages }) => messages.map(({ nodeId }) => nodeId)));
  let groupsThrottled = 0;
  let throttledBps = 0;
  let throttledBpsRounds = 0;
  for (const nodeId of changed) {
    let rules = installed.get(nodeId) ?? new Map<string, Rule>();
    const least = new Map<string, number>();
    for (const [key, bps] of ratesOf(target.get(nodeId) ?? new Map<string, Rule>())) {
      const before = ratesOf(rules).get(key);
      if (before !== undefined) least.set(key, Math.min(bps, before));
    }
    const worst = new Map<string, number>();
    let since = 0;
    let missing = 0;
    for (const { index, messages } of update.stages) {
      const message = messages.find((each) => each.nodeId === nodeId);
      if (message === undefined) continue;
      const at = rounds.get(index)?.get(nodeId) ?? 0;
      throttledBpsRounds += missing * (at - since);
      since = at;
      rules = applyOperations(rules, message.operations);
      missing = 0;
      const now = ratesOf(rules);
      for (const [key, bps] of least) {
        const less = bps - (now.get(key) ?? 0);
        if (less <= bps * 1e-9) continue;
        missing += less;
        worst.set(key, Math.max(worst.get(key) ?? 0, less));
      }
    }
    groupsThrottled += worst.size;
    for (const bps of worst.values()) throttledBps += bps;
  }
  const all = moving.flatMap(({ index, messages }) => messages.map(({ nodeId }) => rounds.get(index)?.get(nodeId) ?? 0));
  return {
    steps: moving.length,
    rounds: Math.max(0, ...all),
    groupsThrottled,
    throttledBps,
    throttledBpsRounds,
    operations: moving.reduce((sum, { messages }) => sum + messages.reduce((count, { operations }) => count + operations.length, 0), 0),
  };
}

function ratesOf(rules: NodeRules): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  for (const [key, rule] of rules) {
    if (rule.kind !== "ingress") continue;
    const meter = rules.get(`meter/${rule.meterId}`);
    if (meter?.kind === "meter") rates.set(key, meter.rateBps);
  }
  return rates;
}

/** By stage and node: how many messages, one after the other, are acknowledged when this one is, it included. */
function roundsOf({ stages }: UpdatePlan): ReadonlyMap<number, ReadonlyMap<NodeId, number>> {
  const byStage = new Map<number, Map<NodeId, number>>();
  const last = new Map<NodeId, number>();
  for (const { index, messages } of stages) {
    const ofStage = new Map<NodeId, number>();
    for (const { nodeId, waitsFor } of messages)
      ofStage.set(nodeId, 1 + Math.max(0, last.get(nodeId) ?? 0, ...waitsFor.map((other) => last.get(other) ?? 0)));
    for (const [nodeId, round] of ofStage) last.set(nodeId, round);
    byStage.set(index, ofStage);
  }
  return byStage;
}

/** `lp`: the fewest steps that SWAN's program finds are looked for as well, where more than two are taken or something is throttled. */
export async function benchUpdates(
  names: readonly NetworkName[] = networkNames,
  { cuts = 1000, slack = planSettingsDefault.updateSlack, lp = false }: { cuts?: number; slack?: number; lp?: boolean } = {},
): Promise<BenchReport> {
  const highs = await highsBackend();
  const rows: string[][] = [];
  const numbers: Record<string, unknown> = {};
  for (const name of names) {
    for (const kind of ["replan", "mend"] as const) numbers[`${name} ${kind}`] = [];
    const found = new Map<UpdateCase["kind"], Found[]>([
      ["replan", []],
      ["mend", []],
    ]);
    for await (const one of updateCases(name, { cuts })) {
      const { topology, installed, target } = one;
      const before = process.cpuUsage();
      const update = orderUpdate({ topology, installed, target, slack });
      const { user, system } = process.cpuUsage(before);
      const walk = walkUpdate(topology, installed, update, { target });
      if (walk.verdict !== "pass") throw new Error(JSON.stringify(walk.violations[0]));
      const admittedBps = [...target.values()].reduce((sum, rules) => [...ratesOf(rules).values()].reduce((a, b) => a + b, sum), 0);
      const figures = figuresOf(one, update);
      const isLeast = figures.steps <= 2 && figures.groupsThrottled === 0;
      const stepsByLp = !lp ? undefined : isLeast ? figures.steps : await fewestStepsByLp(one, { slack, stepsMax: lpStepsMax, lp: highs });
      found.get(one.kind)?.push({ cut: one.cut, ms: (user + system) / 1000, admittedBps, stepsByLp, ...figures });
    }
    for (const [kind, figures] of found) {
      numbers[`${name} ${kind}`] = figures;
      const share = (bps: (each: (typeof figures)[number]) => number) =>
        spreadOf(figures.map((each) => (100 * bps(each)) / each.admittedBps));
      rows.push([
        name,
        kind,
        String(figures.length),
        milliseconds(spreadOf(figures.map(({ steps }) => steps))),
        milliseconds(spreadOf(figures.map(({ rounds }) => rounds))),
        `${figures.filter(({ groupsThrottled }) => groupsThrottled > 0).length}`,
        milliseconds(spreadOf(figures.map(({ groupsThrottled }) => groupsThrottled))),
        percent(share(({ throttledBps }) => throttledBps)),
        milliseconds(spreadOf(figures.map(({ operations }) => operations))),
        milliseconds(spreadOf(figures.map(({ ms }) => ms))),
        lp ? stepsOver(figures) : "-",
      ]);
    }
  }
  return {
    bench: "updates",
    head: [
      "network",
      "update",
      "cuts",
      "steps",
      "rounds",
      "throttling updates",
      "groups throttled",
      "throttled %",
      "operations",
      "order ms",
      "steps over the fewest",
    ],
    rows,
    legend: [
      "Median (smallest-largest) over the cuts. replan: from the scenario's split to the new plan, the cable down; mend: from there back to the plan for the whole network.",
      "Steps: stages that move traffic. Rounds: acknowledgements, one after the other, until the last traffic has moved; without crowded links four in a protected network (bypasses, failover groups, tunnels, flips).",
      "Throttled: admitted less than the lesser of old and new at some time of the update; in percent of all that the new plan admits. Operations: on meters, groups and flow entries.",
      "Steps over the fewest (--lp): in how many updates so many more steps than SWAN's program, whose flows are fractions, needs; throttled: in how many something is throttled though it finds steps.",
    ],
    numbers,
  };
}

/** The program is asked for up to so many steps. */
const lpStepsMax = 11;

interface Found extends UpdateFigures {
  readonly cut: string;
  readonly ms: number;
  readonly admittedBps: number;
  readonly stepsByLp: number | "undecided" | undefined;
}

function stepsOver(figures: readonly Found[]): string {
  const counts = new Map<string, number>();
  for (const { steps, stepsByLp, groupsThrottled } of figures) {
    const name =
      stepsByLp === undefined
        ? "none"
        : stepsByLp === "undecided"
          ? stepsByLp
          : groupsThrottled > 0
            ? "throttled"
            : `+${steps - stepsByLp}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => a.localeCompare(b, "en"))
    .map(([name, count]) => `${name}: ${count}`)
    .join(", ");
}

function percent({ median, min, max }: ReturnType<typeof spreadOf>): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
}
