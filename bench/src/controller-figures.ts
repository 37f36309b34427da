/** What a controller's own metrics tell about a stretch of time: its CPU, its event loop, its watchers. */

export interface ControllerFigures {
  /** Of the process with all its threads, seconds; the embedded database is one of them. */
  readonly cpuSeconds: number;
  /** Share of the time that the event loop was busy. */
  readonly loopShare: number;
  /** Delay of the event loop, ms, as `monitorEventLoopDelay` has it: its own interval of 10 ms is in it. */
  readonly loopP50Ms: number;
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  readonly residentBytes: number;
  readonly watchers: number;
  readonly watchersDropped: number;
}

/** Begins a stretch; the function returned ends it. Each reading of the metrics starts the loop's histogram anew. */
export async function measureController(rest: string): Promise<() => Promise<ControllerFigures>> {
  const before = await read(rest);
  const start = performance.now();
  return async () => {
    const after = await read(rest);
    const seconds = (performance.now() - start) / 1000;
    const risen = (name: string): number => sum(after, name) - sum(before, name);
    return {
      cpuSeconds: risen("process_cpu_seconds_total"),
      loopShare: risen("sluice_event_loop_active_seconds_total") / seconds,
      loopP50Ms: sum(after, "nodejs_eventloop_lag_p50_seconds") * 1000,
      loopP99Ms: sum(after, "nodejs_eventloop_lag_p99_seconds") * 1000,
      loopMaxMs: sum(after, "nodejs_eventloop_lag_max_seconds") * 1000,
      residentBytes: sum(after, "process_resident_memory_bytes"),
      watchers: sum(after, "sluice_event_watchers"),
      watchersDropped: risen("sluice_event_watchers_dropped_total"),
    };
  };
}

export interface RequestCost {
  /** Requests of each path, the first half of which only warms up. */
  readonly count: number;
  /** At a time. */
  readonly atOnce: number;
  /** For how long it is measured first what the controller spends without requests, ms. */
  readonly idleMs: number;
}

/** CPU that a controller spends on one request of each path, milliseconds: the mean of many, without what it spends anyway in that time. */
export async function cpuPerRequest(rest: string, paths: readonly string[], cost: RequestCost): Promise<Readonly<Record<string, number>>> {
  const spent = async (run: () => Promise<unknown>): Promise<{ readonly cpu: number; readonly seconds: number }> => {
    const [before, start] = [sum(await read(rest), "process_cpu_seconds_total"), performance.now()];
    await run();
    return { cpu: sum(await read(rest), "process_cpu_seconds_total") - before, seconds: (performance.now() - start) / 1000 };
  };
  const idle = await spent(() => new Promise((resolve) => setTimeout(resolve, cost.idleMs)));
  const each = Math.ceil(cost.count / 2 / cost.atOnce);
  const found: Record<string, number> = {};
  for (const path of paths) {
    const half = () => Promise.all(Array.from({ length: cost.atOnce }, () => askRepeatedly(`${rest}${path}`, each)));
    await half();
    const { cpu, seconds } = await spent(half);
    found[path] = ((cpu - (idle.cpu / idle.seconds) * seconds) * 1000) / (each * cost.atOnce);
  }
  return found;
}

async function askRepeatedly(url: string, times: number): Promise<void> {
  for (let answered = 0; answered < times;) {
    const response = await fetch(url);
    await response.arrayBuffer();
    if (response.ok) answered += 1;
    // More than one actor may ask for in a second.
    else if (response.status === 429) await new Promise((resolve) => setTimeout(resolve, 1_000));
    else throw new Error(`${url} answered ${response.status}`);
  }
}

/** Resolves with the seconds until a watcher was cut off, or undefined where that takes too long. */
export async function untilDropped(rest: string, before: number, msMax: number): Promise<number | undefined> {
  for (const start = performance.now(); performance.now() - start < msMax; await new Promise((resolve) => setTimeout(resolve, 500))) {
    if (sum(await read(rest), "sluice_event_watchers_dropped_total") > before) return (performance.now() - start) / 1000;
  }
  return undefined;
}

async function read(rest: string): Promise<readonly string[]> {
  const response = await fetch(`${rest}/metrics`);
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  return (await response.text()).split("\n");
}

/** Of all series of a name. */
function sum(lines: readonly string[], name: string): number {
  const series = lines.filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  if (series.length === 0) throw new Error(`/metrics has no ${name}`);
  return series.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
