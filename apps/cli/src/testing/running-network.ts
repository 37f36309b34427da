/** A network as `npm start` runs it, of the built programs: a controller process with its database, an agent for each switch, and traffic. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../../lab/dist/main.js", import.meta.url));
const controllerMain = fileURLToPath(new URL("../../../controller/dist/main.js", import.meta.url));

export const isBuilt = existsSync(main) && existsSync(controllerMain);
/** What a test that needs it says where it is not there. */
export const builtTitle = isBuilt ? "" : " (SKIPPED: not built; run npm run setup)";

export interface RunningNetwork {
  /** The controller's REST. */
  readonly url: string;
  /** Until a plan of at least this epoch is what every switch holds, and nothing else is on its way. */
  settled(epoch?: number): Promise<Status>;
  /** Waits, within the test's time limit, until the condition holds. */
  until(condition: (status: Status) => boolean): Promise<Status>;
  get<T>(path: string): Promise<T>;
  change(method: "PATCH" | "PUT" | "POST", path: string, body: unknown): Promise<void>;
  end(): Promise<void>;
}

export interface Status {
  readonly epochNewest: number;
  readonly plan?: { readonly epoch: number };
  readonly cycle: { readonly phase: string; readonly solves: number };
  readonly agents: { readonly total: number; readonly onTarget: number };
}

/**
 * Demand stands still for an hour. Resolves when the first plan is in force. On a busy machine a controller may not serve in time: then once
 * more, with the database that it has made by then.
 */
export async function runNetwork(argv: readonly string[]): Promise<RunningNetwork> {
  const scratch = await mkdtemp(join(tmpdir(), "sluice-cli-network-"));
  for (let tries = 0; ; tries += 1) {
    try {
      return await startNetwork(scratch, argv);
    } catch (error) {
      if (tries < triesMax - 1 && String(error).includes("[deadline-exceeded]")) continue;
      await rm(scratch, { recursive: true, force: true });
      throw error;
    }
  }
}

const triesMax = 3;

async function startNetwork(scratch: string, argv: readonly string[]): Promise<RunningNetwork> {
  const ports = ["--rest", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--interval-seconds", "3600", "--data-dir", join(scratch, "data")];
  const child = spawn(process.execPath, [main, ...ports, ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", TMPDIR: scratch },
  });
  const exited = once(child, "exit");
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      said += chunk.toString("utf8");
      const found = /REST (http:\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    void exited.then(([code]) => reject(new Error(`the network ended with ${String(code)}:\n${said}`)));
  });

  async function get<T>(path: string): Promise<T> {
    for (;;) {
      const response = await fetch(`${url}${path}`);
      const text = await response.text();
      if (response.ok) return JSON.parse(text) as T;
      if (response.status !== 503) throw new Error(`${path}: ${response.status} ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const network: RunningNetwork = {
    url,
    get,
    async until(condition) {
      for (;;) {
        const status = await get<Status>("/v1/status");
        if (condition(status)) return status;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    settled: (epoch = 1) =>
      network.until(({ plan, epochNewest, cycle, agents }) => {
        const isQuiet = cycle.phase === "idle" && agents.onTarget === agents.total;
        return isQuiet && plan?.epoch === epochNewest && epochNewest >= epoch;
      }),
    async change(method, path, body) {
      const headers = { "if-match": "*", "content-type": "application/json" };
      const response = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      await response.body?.cancel();
    },
    async end() {
      child.kill("SIGTERM");
      await exited;
      await rm(scratch, { recursive: true, force: true });
    },
  };
  await network.settled();
  return network;
}

const gbps = 1e9;

function cable(from: string, to: string, rateGbps: number) {
  return [
    { id: `${from}-${to}`, from, to },
    { id: `${to}-${from}`, from: to, to: from },
  ].map((link) => ({ ...link, capacityBps: rateGbps * gbps, latencyMs: 1, metric: 1, srlgIds: [`duct-${from}${to}`] }));
}

/**
 *   a ══10══ b      a wants 8 Gb/s to b, interactive; c 4 Gb/s to b, bulk; d 1 Gb/s to b, elastic. Cables: a-b, a-c and c-b have 10 Gb/s,
 *    ╲      ╱       a-d 2 Gb/s, a bridge. All fits.
 *    10   10
 *      ╲ ╱
 *  d─a  c
 */
export const triangle = {
  topology: {
    kind: "topology",
    name: "triangle with a tail",
    nodes: ["a", "b", "c", "d"].map((id) => ({ id })),
    links: [...cable("a", "b", 10), ...cable("a", "c", 10), ...cable("c", "b", 10), ...cable("a", "d", 2)],
  },
  demands: {
    kind: "demand-matrix",
    name: "three demands",
    demands: [
      { src: "a", dst: "b", trafficClass: "interactive", rateBps: 8 * gbps },
      { src: "c", dst: "b", trafficClass: "bulk", rateBps: 4 * gbps },
      { src: "d", dst: "b", trafficClass: "elastic", rateBps: 1 * gbps },
    ],
  },
} as const;

/** The triangle, running; its files are in `dir`. */
export async function runTriangle(dir: string): Promise<RunningNetwork> {
  await writeFile(join(dir, "topology.json"), JSON.stringify(triangle.topology));
  await writeFile(join(dir, "demands.json"), JSON.stringify(triangle.demands));
  return runNetwork(["--network", join(dir, "topology.json"), "--demands", join(dir, "demands.json")]);
}
