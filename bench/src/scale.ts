/**
 * How far the first-order method goes: networks with real capacities, up to ASN2k's three million demands, all pairs by gravity on the nodes'
 * capacities, on the four shortest paths of each.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { candidatePaths, firstOrder, type Problem } from "@sluice/mcf";
import { readTopology } from "@sluice/formats";
import type { Topology } from "@sluice/model";
import { valueOf } from "./network.js";
import type { BenchReport } from "./report.js";

const dataFolder = process.env["SLUICE_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const networks = ["UsCarrier", "Kdl", "ASN2k"] as const;
/** Share of a node's capacity that its demands ask for together: so much that some links fill. */
const load = 0.3;
const tunnels = { k: 4, labelsMax: 4 };
const gaps = [1e-2, 1e-3] as const;

export function benchScale(): BenchReport {
  const rows: string[][] = [];
  const numbers: Record<string, unknown> = {};
  for (const name of networks) {
    const topology = valueOf(readTopology(readFileSync(join(dataFolder, "teal", `${name}.json`)), { name })).topology;
    const began = performance.now();
    const problem = gravityProblem(topology);
    const pathSeconds = (performance.now() - began) / 1000;
    const solves = gaps.map((gap) => {
      const start = performance.now();
      const solution = firstOrder({ problem, limit: "capacity" }, { gap, timeLimitSeconds: 300, nowMs: () => performance.now() });
      const demand = problem.demandBps.reduce((sum, rate) => sum + rate, 0);
      const seconds = (performance.now() - start) / 1000;
      return { gap, seconds, provenGap: solution.gap, iterations: solution.iterations, admittedShare: solution.value / demand };
    });
    const peakMegabytes = process.resourceUsage().maxRSS / 1024;
    numbers[name] = { demands: problem.demandCount, paths: problem.pathCount, pathSeconds, solves, peakMegabytes };
    rows.push([
      name,
      `${problem.nodeCount}/${problem.linkCount}`,
      String(problem.demandCount),
      String(problem.pathCount),
      pathSeconds.toFixed(2),
      ...solves.map(({ seconds, provenGap }) => `${seconds.toFixed(2)} (${provenGap.toExponential(1)})`),
      `${((solves.at(-1)?.admittedShare ?? 0) * 100).toFixed(1)} %`,
      peakMegabytes.toFixed(0),
    ]);
  }
  return {
    bench: "scale",
    head: ["network", "nodes/links", "demands", "paths", "paths s", ...gaps.map((gap) => `to ${gap} s`), "admitted", "peak MB"],
    rows,
    legend: [
      "One run each, in one process: the first pays for compiling. Seconds to the proven gap (in brackets), from the problem with its paths; max-throughput.",
      "peak MB: the largest resident set so far, with reading, paths and solving.",
    ],
    numbers,
  };
}

function gravityProblem({ nodes, links }: Topology): Problem {
  const index = new Map(nodes.map((node, i) => [node.id, i]));
  const linkFrom = Int32Array.from(links, (link) => index.get(link.from) ?? 0);
  const linkTo = Int32Array.from(links, (link) => index.get(link.to) ?? 0);
  const capacityBps = Float64Array.from(links, (link) => link.capacityBps);
  const out = new Float64Array(nodes.length);
  const into = new Float64Array(nodes.length);
  capacityBps.forEach((capacity, e) => {
    out[linkFrom[e] ?? 0] = (out[linkFrom[e] ?? 0] ?? 0) + capacity;
    into[linkTo[e] ?? 0] = (into[linkTo[e] ?? 0] ?? 0) + capacity;
  });
  const total = capacityBps.reduce((sum, capacity) => sum + capacity, 0);
  const count = nodes.length * (nodes.length - 1);
  const demandSrc = new Int32Array(count);
  const demandDst = new Int32Array(count);
  const demandBps = new Float64Array(count);
  let d = 0;
  for (let dst = 0; dst < nodes.length; dst++) {
    for (let src = 0; src < nodes.length; src++) {
      if (src === dst) continue;
      demandSrc[d] = src;
      demandDst[d] = dst;
      demandBps[d++] = (load * (out[src] ?? 0) * (into[dst] ?? 0)) / total;
    }
  }
  const hops = new Float64Array(links.length).fill(1);
  const network = { nodeCount: nodes.length, linkCount: links.length, linkFrom, linkTo };
  return {
    ...network,
    capacityBps,
    latencyMs: hops,
    metric: hops,
    demandCount: count,
    demandBps,
    demandSrc,
    demandDst,
    bandwidthFunctions: [],
    ...candidatePaths(network, { src: demandSrc, dst: demandDst }, hops, tunnels),
  };
}
