/** REST reads at a constant rate: without other work, while solves run back to back, and with watchers of the journal on top. */
import { Worker } from "node:worker_threads";
import { planSettingsDefault, type DemandMatrix } from "@sluice/model";
import { cpuPerRequest, measureController, untilDropped, type ControllerFigures } from "./controller-figures.js";
import { fillJournal } from "./long-journal.js";
import { loadNetwork, type NetworkName } from "./network.js";
import type { BenchReport } from "./report.js";
import { startNetwork, type RunningNetwork } from "./running-network.js";
import { percentile } from "./sample.js";

export const restNetworks = ["germany50", "b4"] as const satisfies readonly NetworkName[];
export type RestNetwork = (typeof restNetworks)[number];

/** How often each is asked for, of 20. */
const mix: readonly (readonly [number, string])[] = [
  [6, "/v1/status"],
  [3, "/v1/links"],
  [2, "/v1/agents"],
  [2, "/v1/plans?limit=20"],
  [1, "/v1/topology"],
  [2, "/v1/demands?limit=100"],
  [1, "/v1/tunnels?limit=100"],
  [2, "/v1/events?limit=50"],
  [1, "/v1/protection"],
];
const sockets = 128;
/** By which the CPU of each path is measured. */
const cost = { count: 2_000, atOnce: 4, idleMs: 5_000 };
/** Longest wait for the watcher that reads nothing to be cut off, ms: some heartbeats. */
const dropMsMax = 120_000;
/** For what limits of requests a second look back at, ms, with some to spare. */
const limitMs = 2_000;
const readers = 499;
/** What the journal holds beforehand, for the watcher that reads nothing: more than any socket takes by itself. */
const oldEvents = 20_000;
const oldEventBytes = 1_000;

export interface RestLoadOptions {
  readonly perSecond: number;
  readonly seconds: number;
}

interface Load {
  readonly durations: readonly number[];
  readonly lateMs: readonly number[];
  readonly statuses: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly seconds: number;
}

interface Watched {
  readonly delays: readonly number[];
  readonly events: number;
  readonly fewest: number;
  readonly most: number;
  readonly gaps: number;
  /** Readers that were cut off. */
  readonly ended: number;
}

export async function benchRest(names: readonly RestNetwork[], options: RestLoadOptions): Promise<BenchReport> {
  const rows: string[][] = [];
  const costs: string[] = [];
  const numbers: Record<string, unknown> = {};
  for (const name of names) {
    const { topology, demands } = loadNetwork(name);
    const settings = { ...planSettingsDefault, deadlineSeconds: 60 };
    const prepare = (dataDir: string) => fillJournal(dataDir, { events: oldEvents, bytes: oldEventBytes });
    const network = await startNetwork(topology, settings, { cycleSeconds: 0.1, prepare });
    try {
      const { cpuMs, droppedSeconds, readersCutOff, gaps, ...phases } = await phasesOf(network, demands, options);
      numbers[name] = { cpuMs, droppedSeconds, readersCutOff, gaps, ...phases };
      for (const [title, figures] of Object.entries(phases)) rows.push(row(name, title, figures));
      costs.push(
        `${name}, CPU of the controller for one request, without what it spends anyway: ${textOf(cpuMs)}.`,
        `${name}, the watcher that reads nothing was ${droppedSeconds === undefined ? "not cut off" : `cut off ${droppedSeconds.toFixed(0)} s after the load at the latest`}; of the ${readers} others ${readersCutOff}, with ${gaps} gaps in what they got.`,
      );
    } finally {
      await network.stop();
    }
  }
  return {
    bench: "rest",
    head: [
      "",
      "phase",
      "asked/s",
      "p50 ms",
      "p99 ms",
      "largest ms",
      "not 200",
      "late p99 ms",
      "cycles",
      "CPU s/s",
      "loop busy",
      "loop p50, p99, max ms",
      "events, delay p50, p99 ms",
      "dropped",
    ],
    rows,
    legend: [
      `${options.perSecond} GET requests a second for ${options.seconds} s, sent when they are due whether or not those before are answered, on ${sockets} connections over loopback.`,
      `Times are from when a request was due; late: how late the load generator itself sent it. Of 20 requests: ${mix.map(([share, path]) => `${share} ${path}`).join(", ")}.`,
      `watchers: ${readers} read the event stream, one more asks for ${oldEvents} events of ${oldEventBytes} bytes and reads none; delay: from an event's own time to its arrival at each of them.`,
      "CPU s/s: of the controller's process with the embedded database; loop busy: share of the time; loop: delays of its event loop, 10 ms of measuring in each.",
      ...costs,
      "Load generator, agents, solver and controller share this machine; CPU of a request does not depend on what else runs there, times do.",
    ],
    numbers: { ...options, networks: numbers },
  };
}

function textOf(cpuMs: Readonly<Record<string, number>>): string {
  return Object.entries(cpuMs)
    .map(([path, ms]) => `${path} ${ms.toFixed(2)} ms`)
    .join(", ");
}

async function phasesOf(network: RunningNetwork, demands: DemandMatrix, options: RestLoadOptions) {
  await network.measure(demands);
  let last = (await network.next("plan-applied", oldEvents)).sequence;
  const cpuMs = await cpuPerRequest(
    network.rest,
    mix.map(([, path]) => path),
    cost,
  );
  // One actor may ask for so much in a second; that second is over first.
  await new Promise((resolve) => setTimeout(resolve, limitMs));
  const quiet = await phase(network, options);

  let isSolving = true;
  let cycles = 0;
  const solving = (async () => {
    for (let round = 1; isSolving; round += 1) {
      const scale = 1 + (round % 2) / 20;
      await network.measure({ ...demands, demands: demands.demands.map((each) => ({ ...each, rateBps: each.rateBps * scale })) });
      last = (await network.next("plan-applied", last)).sequence;
      cycles += 1;
    }
  })();
  const counted = async (watchers?: Worker) => {
    const before = cycles;
    const figures = await phase(network, options, watchers);
    return { ...figures, cycles: cycles - before };
  };
  const solves = await counted();
  const watchers = await startWatchers(network.rest);
  const watched = await counted(watchers);
  const droppedSeconds = watched.controller.watchersDropped > 0 ? 0 : await untilDropped(network.rest, 0, dropMsMax);
  const after = (await askWorker(watchers, "count")) as Watched;
  isSolving = false;
  await solving;
  await askWorker(watchers, "end");
  return {
    cpuMs,
    droppedSeconds,
    readersCutOff: after.ended,
    gaps: after.gaps,
    quiet: { ...quiet, cycles: 0 },
    "back to back": solves,
    "and watchers": watched,
  };
}

async function phase(network: RunningNetwork, { perSecond, seconds }: RestLoadOptions, watchers?: Worker) {
  const measured = await measureController(network.rest);
  const load = await sendLoad(network.rest, { perSecond, seconds });
  const controller = await measured();
  const watched = watchers && ((await askWorker(watchers, "count")) as Watched);
  return { ...figuresOf(load), controller, ...(watched && { watched: watchedFigures(watched) }) };
}

function sendLoad(rest: string, { perSecond, seconds }: RestLoadOptions): Promise<Load> {
  const urls = spread(mix).map((path) => `${rest}${path}`);
  const worker = new Worker(new URL("../src/rest-load.mjs", import.meta.url), {
    workerData: { urls, perSecond, milliseconds: seconds * 1000, sockets },
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** Each as often as it should be, as evenly as it goes. */
function spread(parts: typeof mix): readonly string[] {
  return parts
    .flatMap(([share, path]) => Array.from({ length: share }, (_, i) => ({ path, at: (i + 0.5) / share })))
    .sort((a, b) => a.at - b.at)
    .map(({ path }) => path);
}

async function startWatchers(rest: string): Promise<Worker> {
  const worker = new Worker(new URL("../src/watch-load.mjs", import.meta.url), {
    workerData: { url: `${rest}/v1/events/stream`, readers, stalledFrom: 0 },
  });
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  return worker;
}

function askWorker(worker: Worker, question: "count" | "end"): Promise<unknown> {
  return new Promise((resolve) => {
    worker.once(question === "end" ? "exit" : "message", resolve);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origins
    worker.postMessage(question);
  });
}

function figuresOf({ durations, lateMs, statuses, bytes, seconds }: Load) {
  const { 200: fine = 0, ...others } = statuses;
  return {
    requestsPerSecond: fine / seconds,
    p50Ms: percentile(durations, 0.5),
    p99Ms: percentile(durations, 0.99),
    maxMs: percentile(durations, 1),
    lateP99Ms: percentile(lateMs, 0.99),
    refused: Object.values(others).reduce((sum, count) => sum + count, 0),
    statuses,
    bytesPerSecond: bytes / seconds,
  };
}

function watchedFigures({ delays, ...rest }: Watched) {
  return { ...rest, delayP50Ms: percentile(delays, 0.5), delayP99Ms: percentile(delays, 0.99) };
}

type Phase = ReturnType<typeof figuresOf> & {
  readonly cycles: number;
  readonly controller: ControllerFigures;
  readonly watched?: ReturnType<typeof watchedFigures>;
};

function row(name: string, phaseName: string, { controller, watched, ...figures }: Phase): string[] {
  const seconds = figures.requestsPerSecond === 0 ? 1 : (figures.statuses[200] ?? 0) / figures.requestsPerSecond;
  const told = watched && `${watched.events} (${watched.gaps} gaps), ${watched.delayP50Ms.toFixed(0)}, ${watched.delayP99Ms.toFixed(0)}`;
  return [
    name,
    phaseName,
    figures.requestsPerSecond.toFixed(0),
    figures.p50Ms.toFixed(1),
    figures.p99Ms.toFixed(1),
    figures.maxMs.toFixed(0),
    `${figures.refused}`,
    figures.lateP99Ms.toFixed(1),
    `${figures.cycles}`,
    (controller.cpuSeconds / seconds).toFixed(2),
    `${(controller.loopShare * 100).toFixed(0)} %`,
    [controller.loopP50Ms, controller.loopP99Ms, controller.loopMaxMs].map((ms) => ms.toFixed(0)).join(", "),
    told ?? "-",
    `${controller.watchersDropped}`,
  ];
}
