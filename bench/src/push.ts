/** Rules pushed per second: a real controller, its embedded database, and one gRPC stream to each of 100 agents. */
import { buildTopology, planSettingsDefault, type Demand, type DemandMatrix, type NodeId, type Topology } from "@sluice/model";
import { valueOf } from "./network.js";
import type { BenchReport } from "./report.js";
import { startNetwork } from "./running-network.js";
import { spreadOf, type Spread } from "./sample.js";

export async function benchPush(nodes = 100, runs = 3): Promise<BenchReport> {
  const topology = ringWithChords(nodes);
  const installs: number[] = [];
  const updates: number[] = [];
  let rules = 0;
  for (let run = 0; run < runs; run += 1) {
    const network = await startNetwork(topology, { ...planSettingsDefault, objective: "shortest-path" }, { cycleSeconds: 0.2 });
    try {
      await network.measure(demandsOver(topology, 1));
      const installed = await network.next("plan-applied", 0);
      const plans = await network.get<{ items: readonly { ruleCount: number }[] }>("/v1/plans?limit=1");
      rules = plans.items[0]?.ruleCount ?? 0;
      installs.push(Number(installed.data["seconds"]));
      await network.measure(demandsOver(topology, 2));
      updates.push(Number((await network.next("plan-applied", installed.sequence)).data["seconds"]));
    } finally {
      await network.stop();
    }
  }
  const install = spreadOf(installs);
  const update = spreadOf(updates);
  return {
    bench: "push",
    head: ["agents", "rules", "install s", "rules/s", "all meters changed s"],
    rows: [[`${nodes}`, `${rules}`, seconds(install), (rules / install.median).toFixed(0), seconds(update)]],
    legend: [
      `Median (smallest-largest) of ${runs} runs; from the first stage sent to the last rule acknowledged PROGRAMMED, packet walk of the update included.`,
      "All agents run in one process beside the controller on this machine: their work is in the figure.",
    ],
    numbers: { agents: nodes, rules, installSeconds: install, rulesPerSecond: rules / install.median, updateSeconds: update },
  };
}

/** Each node is joined to the next and to the one seven further: about 500 rules a switch with the demands below. */
export function ringWithChords(nodes: number): Topology {
  const ids = Array.from({ length: nodes }, (_, i) => `n${String(i).padStart(3, "0")}` as NodeId);
  const links = ids.flatMap((id, i) =>
    [1, 7].flatMap((step) => {
      const other = ids[(i + step) % nodes];
      if (other === undefined || other === id) return [];
      const common = { capacityBps: 4e12, latencyMs: step, metric: step, srlgIds: [], drain: "active", operational: "up" } as const;
      return [
        { id: `${id}>${other}`, from: id, to: other, ...common },
        { id: `${other}>${id}`, from: other, to: id, ...common },
      ];
    }),
  );
  return valueOf(
    buildTopology({
      kind: "topology",
      name: `ring-${nodes}`,
      sites: [],
      nodes: ids.map((id) => ({ id, drain: "active", operational: "up" })),
      links,
    } as never),
  );
}

/** Every node sends to each of the others. */
export function demandsOver(topology: Topology, scale: number): DemandMatrix {
  const demands = topology.nodes.flatMap(({ id: src }) =>
    topology.nodes
      .filter(({ id: dst }) => dst !== src)
      .map(({ id: dst }): Demand => ({ src, dst, trafficClass: "elastic", rateBps: scale * 1e8 })),
  );
  return { kind: "demand-matrix", name: `all pairs x ${scale}`, demands };
}

function seconds({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
}
