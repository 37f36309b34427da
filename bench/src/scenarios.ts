/**
 * Splits for every single cable cut, made before it happens: all of them from one plan, with the plan's flow to start from and from nothing, beside
 * what a controller does that prepares nothing: a whole new plan for the network that is left.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { checkSplit, optimize, splitScenarios } from "@sluice/engine";
import { highsBackend } from "@sluice/lp";
import { peerInstances, readPeerProblem } from "@sluice/mcf/peer-bench";
import {
  buildDemandMatrix,
  failureScenarios,
  parseTopology,
  planSettingsDefault,
  protectionDefault,
  toId,
  topologyDocument,
  topologyUnder,
  trafficClasses,
  type FailureScenario,
  type NodeId,
  type Plan,
  type ScenarioSplit,
  type Snapshot,
} from "@sluice/model";
import { loadNetwork, networkNames, valueOf, type NetworkName } from "./network.js";
import type { BenchReport } from "./report.js";
import { milliseconds, spreadOf } from "./sample.js";

export const scenarioNetworks = [...networkNames, "uscarrier"] as const;
export type ScenarioNetwork = (typeof scenarioNetworks)[number];

/** Whole new plans are made for so many scenarios, evenly spread, and stand for the others. */
const plansAnewMax = 4;
/** So many splits, evenly spread, are checked: the checker looks at all groups of a plan each time. */
const splitsCheckedMax = 48;
/** The peers' gravity matrix, halved: a tenth of it does not fit, and nearly nine pairs of ten are admitted something. */
const usCarrier = "UsCarrier_gravity_265430709_x32";
const usCarrierShare = 0.5;
const megabyte = 1e6;

type Solvers = Pick<Parameters<typeof optimize>[1], "lp" | "nowMs">;

export async function benchScenarios(names: readonly ScenarioNetwork[], runs: number): Promise<BenchReport> {
  const highs = await highsBackend();
  const solvers: Solvers = { lp: { highs, javascriptLpSolver: highs }, nowMs: () => performance.now() };
  const rows: string[][] = [];
  const numbers: Record<string, unknown> = {};
  for (const name of names) {
    const snapshot = snapshotOf(name);
    const figures = await measure(snapshot, solvers, runs);
    numbers[name] = figures;
    const { warm, cold, anew } = figures;
    rows.push([
      name,
      String(figures.scenarios),
      `${figures.groups} (${figures.groupsChanged})`,
      seconds(warm.all),
      seconds(cold.all),
      (cold.all.median / warm.all.median).toFixed(2),
      milliseconds(warm.each),
      milliseconds(anew),
      (anew.median / warm.each.median).toFixed(0),
      `${figures.splitsMb.toFixed(0)} / ${figures.growthMb.toFixed(0)}`,
      `${(100 * figures.lostShare).toFixed(2)} (${(100 * figures.lostShareMin).toFixed(2)})`,
      figures.verdict,
    ]);
  }
  return {
    bench: "scenarios",
    head: [
      "network",
      "cables",
      "groups (changed)",
      "warm, all, CPU s",
      "cold, all, CPU s",
      "x",
      "warm, one, ms",
      "new plan ms",
      "x",
      "splits / peak MB",
      "lost % (at least)",
      "check",
    ],
    rows,
    legend: [
      `All single-cable scenarios of one plan, ${runs} runs of each, warm and cold in turn; median (smallest-largest). CPU seconds of the whole process.`,
      "warm: from the plan's flow; cold: from nothing; both split only what has to change. changed: groups that change, summed over scenarios.",
      `new plan: the network that is left optimized from nothing, CPU ms, in ${plansAnewMax} scenarios evenly spread; its ratio is to the median split (wall clock).`,
      "splits / peak: heap that all splits hold, and the most that the heap grew meanwhile, garbage included.",
      "lost: mean over scenarios of what the plan admits, and what no split of the groups that change would save. check: the independent checker.",
    ],
    numbers,
  };
}

async function measure(snapshot: Snapshot, solvers: Solvers, runs: number) {
  const { plan } = valueOf(await optimize(snapshot, solvers));
  const scenarios = failureScenarios(snapshot.topology, ["link"]);
  const warm: Sweep[] = [];
  const cold: Sweep[] = [];
  // The first run of each compiles, and is not counted.
  for (let run = 0; run <= runs; run++) {
    const order = run % 2 === 0 ? [true, false] : [false, true];
    for (const isWarm of order) {
      const swept = await sweep({ snapshot, plan, scenarios, solvers, warm: isWarm });
      if (run > 0) (isWarm ? warm : cold).push(swept);
    }
  }
  const splits = warm.at(-1)?.splits ?? [];
  const checked = spread(splits, splitsCheckedMax);
  const failed = checked.filter((split) => checkSplit(snapshot, plan, split).verdict === "fail").length;
  const admittedBps = plan.classes.reduce((sum, item) => sum + item.admittedBps, 0);
  const shareOf = (figure: (split: ScenarioSplit) => Readonly<Record<string, number>> | undefined): number =>
    splits.reduce((sum, split) => sum + trafficClasses.reduce((bps, each) => bps + (figure(split)?.[each] ?? 0), 0), 0) /
    (admittedBps * splits.length);
  return {
    scenarios: scenarios.length,
    groups: plan.groups.length,
    groupsChanged: splits.reduce((sum, { groups }) => sum + groups.length, 0),
    tunnels: plan.tunnels.length,
    backupTunnels: plan.protection?.backupTunnels.length ?? 0,
    warm: summed(warm),
    cold: summed(cold),
    anew: spreadOf(await plansAnew(snapshot, scenarios, solvers)),
    splitsMb: spreadOf(warm.map(({ splitsMb }) => splitsMb)).median,
    growthMb: spreadOf(warm.map(({ growthMb }) => growthMb)).median,
    lostShare: shareOf(({ lostBps }) => lostBps),
    lostShareMin: shareOf(({ lostBpsMin }) => lostBpsMin),
    timings: warm.at(-1)?.timings,
    verdict: failed === 0 ? `${checked.length} pass` : `${failed} of ${checked.length} FAIL`,
  };
}

interface Sweep {
  readonly cpuSeconds: number;
  /** Wall clock, per scenario. */
  readonly eachMs: readonly number[];
  readonly splits: readonly ScenarioSplit[];
  readonly splitsMb: number;
  readonly growthMb: number;
  readonly timings: unknown;
}

function summed(sweeps: readonly Sweep[]) {
  return { all: spreadOf(sweeps.map(({ cpuSeconds }) => cpuSeconds)), each: spreadOf(sweeps.flatMap(({ eachMs }) => eachMs)) };
}

interface SweepOf {
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly scenarios: readonly FailureScenario[];
  readonly solvers: Solvers;
  readonly warm: boolean;
}

async function sweep({ snapshot, plan, scenarios, solvers, warm }: SweepOf): Promise<Sweep> {
  const before = heapCollected();
  let most = before;
  const eachMs: number[] = [];
  const cpu = process.cpuUsage();
  let last = performance.now();
  const { splits, timings } = valueOf(
    await splitScenarios(snapshot, plan, scenarios, {
      ...solvers,
      warm,
      onSplit() {
        const now = performance.now();
        eachMs.push(now - last);
        last = now;
        most = Math.max(most, heapUsed());
      },
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  return {
    cpuSeconds: (user + system) / 1e6,
    eachMs,
    splits,
    splitsMb: (heapCollected() - before) / megabyte,
    growthMb: (most - before) / megabyte,
    timings,
  };
}

/** CPU milliseconds of a whole plan for each of some scenarios. */
async function plansAnew(snapshot: Snapshot, scenarios: readonly FailureScenario[], solvers: Solvers): Promise<readonly number[]> {
  const taken: number[] = [];
  for (const scenario of spread(scenarios, plansAnewMax)) {
    const cpu = process.cpuUsage();
    // What it would hold ready itself is left out: a split holds nothing ready either.
    const { protection: _, ...settings } = snapshot.settings;
    valueOf(await optimize({ ...snapshot, settings, topology: topologyUnder(snapshot.topology, scenario) }, solvers));
    const { user, system } = process.cpuUsage(cpu);
    taken.push((user + system) / 1e3);
  }
  return taken;
}

/** So many of them at most, evenly spread. */
function spread<T>(items: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, Math.ceil(items.length / most));
  return items.filter((_, i) => i % step === 0);
}

function snapshotOf(name: ScenarioNetwork): Snapshot {
  const settings = { ...planSettingsDefault, deadlineSeconds: 120, protection: protectionDefault };
  if (name === "uscarrier") return { ...usCarrierNetwork(), settings };
  const { topology, demands } = loadNetwork(name satisfies NetworkName);
  return { topology: topologyDocument(topology), demands, settings };
}

/** 158 nodes, 189 cables, 24,806 pairs in one class. */
function usCarrierNetwork(): Pick<Snapshot, "topology" | "demands"> {
  const instance = peerInstances().find(({ id }) => id === usCarrier);
  if (instance === undefined) throw new Error(`the peers' benchmark has no ${usCarrier}`);
  const problem = readPeerProblem(instance);
  const node = (index: number | undefined): NodeId => toId<NodeId>(`n${String(index ?? 0).padStart(3, "0")}`);
  const topology = valueOf(
    parseTopology({
      name: "UsCarrier",
      nodes: Array.from({ length: problem.nodeCount }, (_, i) => ({ id: node(i) })),
      links: Array.from(problem.capacityBps, (capacity, e) => {
        const [from, to] = [node(problem.linkFrom[e]), node(problem.linkTo[e])];
        return { id: `${from}-${to}`, from, to, capacityBps: capacity * 1e8, latencyMs: 1, metric: 1 };
      }),
    }),
  );
  const demands = Array.from(problem.demandBps, (rate, d) => ({
    src: node(problem.demandSrc[d]),
    dst: node(problem.demandDst[d]),
    trafficClass: "elastic" as const,
    rateBps: rate * 1e8 * usCarrierShare,
  }));
  return { topology: topologyDocument(topology), demands: valueOf(buildDemandMatrix("UsCarrier", demands)) };
}

function heapUsed(): number {
  const { heapUsed: heap, arrayBuffers } = process.memoryUsage();
  return heap + arrayBuffers;
}

/** After a full collection. */
function heapCollected(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  return heapUsed();
}

function seconds({ median, min, max }: ReturnType<typeof spreadOf>): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
}
