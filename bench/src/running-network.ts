/** A real controller process with an agent for each node in this process, as the lab runs them, for benchmarks that need one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryDatapath, openControllerChannel, runAgent, type MemoryDatapath, type RunningAgent } from "@sluice/agent";
import { ControllerClient, startController } from "@sluice/lab";
import { topologyDocument, type DemandMatrix, type NodeId, type PlanSettings, type Topology } from "@sluice/model";
import { valueOf } from "./network.js";

export const controllerEntry = new URL("../../apps/controller/dist/main.js", import.meta.url);
/** Longest wait for a plan to be in force, ms. */
const applyMsMax = 120_000;
/** Between two looks at the journal, ms: each costs the controller as much as a request does, and events say themselves when they were. */
const pollMs = 250;
/** Until a controller that was busy is asked again, ms. */
const busyMs = 500;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface ControllerEvent {
  readonly sequence: number;
  readonly at: string;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface RunningNetwork {
  readonly rest: string;
  readonly pid: number;
  /** The switches under the agents. */
  readonly datapaths: ReadonlyMap<NodeId, MemoryDatapath>;
  measure(matrix: DemandMatrix): Promise<void>;
  /** Waits for the next event of the kind, or of one of the kinds, that comes after the given one. */
  next(kind: string | readonly string[], after: number): Promise<ControllerEvent>;
  /** The sequence number of the newest event, at or above the given one. */
  newest(after: number): Promise<number>;
  get<T>(path: string): Promise<T>;
  stop(): Promise<void>;
}

/** `detectionMs`: how long a switch takes to notice that a link went down. `prepare`: what stands in the data directory before the controller starts. */
export async function startNetwork(
  topology: Topology,
  settings: PlanSettings,
  {
    cycleSeconds,
    detectionMs = 0,
    prepare,
  }: { readonly cycleSeconds: number; readonly detectionMs?: number; readonly prepare?: (dataDir: string) => Promise<void> },
): Promise<RunningNetwork> {
  const dataDir = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  await prepare?.(dataDir);
  const controller = valueOf(
    await startController({
      entry: controllerEntry,
      dataDir,
      grpc: "127.0.0.1:0",
      rest: "127.0.0.1:0",
      cycleSeconds,
      settings,
      logFile: join(dataDir, "controller.log"),
      verbose: false,
    }),
  );
  const { grpc, rest, pid } = controller.serving;
  const client = new ControllerClient(grpc);
  valueOf(await client.replaceTopology(topologyDocument(topology)));
  const channel = openControllerChannel(grpc);
  const datapaths = new Map(
    topology.nodes.map(({ id: nodeId }) => {
      const links = topology.links.filter(({ from }) => from === nodeId).map(({ id: linkId }) => ({ linkId, up: true }));
      return [nodeId, memoryDatapath({ links, detectionMs })];
    }),
  );
  const agents: RunningAgent[] = [...datapaths].map(([nodeId, datapath]) =>
    runAgent({ nodeId, controller: grpc, channel, datapath, log: silent }),
  );

  async function get<T>(path: string): Promise<T> {
    const deadline = performance.now() + applyMsMax;
    let response = await fetch(`${rest}${path}`);
    // A controller that is busy says so; here somebody waits for what it is busy with.
    while (response.status === 503 && performance.now() < deadline) {
      await response.arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, busyMs));
      response = await fetch(`${rest}${path}`);
    }
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  }

  return {
    rest,
    pid,
    datapaths,
    get,
    async measure(matrix) {
      valueOf(await client.measure(matrix));
    },
    async next(kind, after) {
      const deadline = performance.now() + applyMsMax;
      for (let seen = after; performance.now() < deadline;) {
        const { items } = await get<{ items: readonly ControllerEvent[] }>(`/v1/events?after=${seen}&limit=1000`);
        const found = items.find((event) => (typeof kind === "string" ? event.kind === kind : kind.includes(event.kind)));
        if (found !== undefined) return found;
        seen = items.at(-1)?.sequence ?? seen;
        if (items.length === 0) await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
      throw new Error(`no event ${String(kind)} within ${applyMsMax / 1000} s`);
    },
    async newest(after) {
      for (let seen = after; ;) {
        const { items } = await get<{ items: readonly ControllerEvent[] }>(`/v1/events?after=${seen}&limit=1000`);
        const last = items.at(-1);
        if (last === undefined) return seen;
        seen = last.sequence;
      }
    },
    async stop() {
      await Promise.all(agents.map((agent) => agent.stop()));
      client.close();
      channel.close();
      await controller.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
