/** Cycle time by stage: from a snapshot to verified update stages, as the controller does it, in one process. */
import { optimize } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { planSettingsDefault, type Snapshot } from "@sluice/model";
import { assign, compileRules, emptyAssignments, orderUpdate, walkRules, walkUpdate } from "@sluice/rules";
import { loadNetwork, networkNames, valueOf, type NetworkName } from "./network.js";
import type { BenchReport } from "./report.js";
import { milliseconds, spreadOf, type Spread } from "./sample.js";

const stages = ["tunnels", "solve", "quantize", "check", "rules", "walk", "update", "total"] as const;
type StageName = (typeof stages)[number];

export async function benchCycle(names: readonly NetworkName[] = networkNames, runs = 5): Promise<BenchReport> {
  const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
  const nowMs = (): number => performance.now();
  const rows: string[][] = [];
  const numbers: Record<string, unknown> = {};
  for (const name of names) {
    const network = loadNetwork(name);
    const { topology, demands } = network;
    const samples = new Map<StageName, number[]>(stages.map((stage) => [stage, []]));
    const baseline: number[] = [];
    let summary: Record<string, number> = {};
    for (let run = 0; run < runs; run += 1) {
      const snapshot: Snapshot = { topology, demands, settings: { ...planSettingsDefault, deadlineSeconds: 60 } };
      const start = nowMs();
      const { plan, timings } = valueOf(await optimize(snapshot, { lp, nowMs }));
      const planned = nowMs();
      const assignments = valueOf(assign(emptyAssignments, plan, topology));
      const target = valueOf(compileRules(topology, plan, assignments));
      const compiled = nowMs();
      const walk = walkRules(topology, target);
      const walked = nowMs();
      const installed = new Map();
      const update = orderUpdate({ topology, installed, target, slack: snapshot.settings.updateSlack });
      const updateWalk = walkUpdate(topology, installed, update);
      const end = nowMs();
      for (const each of [walk, updateWalk]) if (each.verdict !== "pass") throw new Error(JSON.stringify(each.violations[0]));
      for (const stage of ["tunnels", "solve", "quantize", "check"] as const) samples.get(stage)?.push((timings[stage] ?? 0) * 1000);
      samples.get("rules")?.push(compiled - planned);
      samples.get("walk")?.push(walked - compiled);
      samples.get("update")?.push(end - walked);
      samples.get("total")?.push(end - start);

      const greedyStart = nowMs();
      const greedy = valueOf(
        await optimize({ ...snapshot, settings: { ...snapshot.settings, objective: "shortest-path" } }, { lp, nowMs }),
      );
      baseline.push(nowMs() - greedyStart);
      const admitted = (each: typeof plan): number => each.classes.reduce((sum, one) => sum + one.admittedBps, 0);
      summary = {
        nodes: topology.nodes.length,
        links: topology.links.length,
        demands: demands.demands.length,
        rules: [...target.values()].reduce((sum, rules) => sum + rules.size, 0),
        admittedShare: admitted(plan) / plan.classes.reduce((sum, one) => sum + one.demandBps, 0),
        admittedOverShortestPath: admitted(plan) / admitted(greedy.plan),
      };
    }
    const spreads = Object.fromEntries(stages.map((stage) => [stage, spreadOf(samples.get(stage) ?? [])])) as Record<StageName, Spread>;
    const baselineSpread = spreadOf(baseline);
    numbers[name] = { ...summary, milliseconds: spreads, shortestPathPlanMilliseconds: baselineSpread };
    rows.push([
      name,
      `${summary["nodes"]}/${summary["links"]}`,
      `${summary["demands"]}`,
      `${summary["rules"]}`,
      ...stages.map((stage) => milliseconds(spreads[stage])),
      (spreads.total.median / baselineSpread.median).toFixed(1),
      `${((summary["admittedShare"] ?? 0) * 100).toFixed(2)} %`,
      (summary["admittedOverShortestPath"] ?? 0).toFixed(3),
    ]);
  }
  return {
    bench: "cycle",
    head: ["network", "nodes/links", "demands", "rules", ...stages.map((stage) => `${stage} ms`), "x baseline", "admitted", "over s-p"],
    rows,
    legend: [
      `Median (smallest-largest) of ${runs} runs in one process, k-shortest:4, max-throughput, solver auto.`,
      "x baseline: total time over that of a shortest-path plan in the same run; over s-p: admitted throughput over that of the shortest-path plan.",
    ],
    numbers,
  };
}
