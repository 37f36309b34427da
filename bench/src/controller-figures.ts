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

/** CPU that a controller spends on one request of a path, milliseconds: the mean of many, one after the other, in a time when nothing else is asked of it. */
export async function cpuPerRequest(rest: string, path: string, count: number): Promise<number> {
  const ask = async (): Promise<void> => {
    const response = await fetch(`${rest}${path}`);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  };
  for (let i = 0; i < count / 10; i += 1) await ask();
  const before = sum(await read(rest), "process_cpu_seconds_total");
  for (let i = 0; i < count; i += 1) await ask();
  return ((sum(await read(rest), "process_cpu_seconds_total") - before) * 1000) / count;
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
