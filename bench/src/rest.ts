/** REST reads per second, alone and while solves run back to back. */
import { Worker } from "node:worker_threads";
import { planSettingsDefault } from "@sluice/model";
import { loadNetwork } from "./network.js";
import type { BenchReport } from "./report.js";
import { startNetwork } from "./running-network.js";
import { percentile } from "./sample.js";

const paths = ["/v1/status", "/v1/links", "/v1/agents", "/v1/plans?limit=20", "/v1/topology"];
const connections = 16;

interface Load {
  readonly durations: readonly number[];
  readonly statuses: Readonly<Record<string, number>>;
}

export async function benchRest(loadSeconds = 8): Promise<BenchReport> {
  const { name, topology, demands } = loadNetwork("germany50");
  const network = await startNetwork(topology, { ...planSettingsDefault, deadlineSeconds: 60 }, { cycleSeconds: 0.1 });
  try {
    await network.measure(demands);
    let last = (await network.next("plan-applied", 0)).sequence;
    const quiet = await load(network.rest, loadSeconds);

    let solving = true;
    let cycles = 0;
    const cycle = (async () => {
      for (let round = 1; solving; round += 1) {
        const scale = 1 + (round % 2) / 20;
        await network.measure({ ...demands, demands: demands.demands.map((each) => ({ ...each, rateBps: each.rateBps * scale })) });
        last = (await network.next("plan-applied", last)).sequence;
        cycles += 1;
      }
    })();
    const busy = await load(network.rest, loadSeconds);
    solving = false;
    await cycle;
    const figures = { quiet: figuresOf(quiet, loadSeconds), duringSolves: figuresOf(busy, loadSeconds), cycles };
    return {
      bench: "rest",
      head: ["", "requests/s", "p50 ms", "p99 ms", "largest ms", "not 200"],
      rows: [row("no solve", figures.quiet), row(`during ${cycles} cycles`, figures.duringSolves)],
      legend: [
        `${name}, ${demands.demands.length} demands, ${connections} connections over loopback for ${loadSeconds} s, routes in turn: ${paths.join(" ")}`,
        "Load generator, agents, solver and controller share this machine.",
      ],
      numbers: figures,
    };
  } finally {
    await network.stop();
  }
}

function load(rest: string, loadSeconds: number): Promise<Load> {
  const urls = paths.map((path) => `${rest}${path}`);
  const worker = new Worker(new URL("../src/rest-load.mjs", import.meta.url), {
    workerData: { urls, connections, milliseconds: loadSeconds * 1000 },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function figuresOf({ durations, statuses }: Load, loadSeconds: number) {
  const { 200: fine = 0, ...others } = statuses;
  return {
    requestsPerSecond: fine / loadSeconds,
    p50Ms: percentile(durations, 0.5),
    p99Ms: percentile(durations, 0.99),
    maxMs: percentile(durations, 1),
    refused: Object.values(others).reduce((sum, count) => sum + count, 0),
  };
}

function row(title: string, figures: ReturnType<typeof figuresOf>): readonly string[] {
  const { requestsPerSecond, p50Ms, p99Ms, maxMs, refused } = figures;
  return [title, requestsPerSecond.toFixed(0), p50Ms.toFixed(1), p99Ms.toFixed(1), maxMs.toFixed(0), `${refused}`];
}
