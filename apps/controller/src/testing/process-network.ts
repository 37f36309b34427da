/**
 * A network of the real binaries for end-to-end tests: a controller process with its embedded database, an agent process for each
 * switch, a stock gRPC client that knows only the .proto files, and REST. Runs what the build made.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { callStream, callUnary, definitionFromFiles, stockClient } from "../grpc/testdata/stock-client.js";

const controllerMain = fileURLToPath(new URL("../../dist/main.js", import.meta.url));
const agentMain = fileURLToPath(new URL("../../../agent/dist/main.js", import.meta.url));

/** A line of a process's log. */
export type LogEntry = Readonly<Record<string, unknown>>;

export interface ControllerProcess {
  readonly child: ChildProcess;
  readonly grpc: string;
  readonly rest: string;
  readonly term: number;
}

export interface Status {
  readonly term: number;
  readonly epochNewest: number;
  readonly plan?: {
    readonly epoch: number;
    readonly rung: string;
    readonly check: string;
    readonly walk: string;
    readonly ruleCount: number;
  };
  readonly agents: { readonly total: number; readonly onTarget: number };
}

export interface ProcessNetworkOptions {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly cables: readonly (readonly [string, string])[];
  /** Besides those that every agent needs. */
  readonly agentArgs?: readonly string[];
}

export class ProcessNetwork {
  readonly folder = mkdtempSync(join(tmpdir(), "sluice-e2e-"));
  readonly agents = new Map<string, ChildProcess>();
  readonly links: readonly { readonly id: string; readonly from: string; readonly to: string }[];
  /** What all processes logged since they were started, in the order of arrival; `node` says which agent. */
  readonly log: LogEntry[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #watchers = new Set<() => void>();
  #controller: ControllerProcess | undefined;

  constructor(readonly options: ProcessNetworkOptions) {
    for (const main of [controllerMain, agentMain]) {
      if (!existsSync(main)) throw new Error(`${main} is not built: run npm run setup`);
    }
    this.links = options.cables.flatMap(([a, b]) => [
      { id: `${a}-${b}`, from: a, to: b },
      { id: `${b}-${a}`, from: b, to: a },
    ]);
  }

  get controller(): ControllerProcess {
    if (this.#controller === undefined) throw new Error("the controller was not started");
    return this.#controller;
  }

  async startController(grpc = "127.0.0.1:0", rest = "127.0.0.1:0"): Promise<void> {
    const args = ["--data-dir", join(this.folder, "data"), "--grpc", grpc, "--rest", rest, "--cycle-seconds", "0.2"];
    const child = this.#run(controllerMain, args);
    this.#controller = await new Promise((resolve, reject) => {
      child.once("exit", (code) =>
        reject(new Error(`the controller ended with ${code}:\n${JSON.stringify(this.log.slice(-20), null, 1)}`)),
      );
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).once("line", (line) => {
        resolve({ child, ...(JSON.parse(line) as { grpc: string; rest: string; term: number }) });
      });
    });
  }

  startAgent(node: string): void {
    const own = this.links.filter(({ from }) => from === node).flatMap(({ id }) => ["--link", id]);
    const args = ["--node", node, "--controller", this.controller.grpc, "--state-dir", join(this.folder, node), "--links-from-stdin"];
    this.agents.set(node, this.#run(agentMain, [...args, ...(this.options.agentArgs ?? []), ...own]));
  }

  /** A cable goes down or comes up: both its ends are told. */
  setCable(a: string, b: string, state: "down" | "up"): void {
    this.agents.get(a)?.stdin?.write(`${state} ${a}-${b}\n`);
    this.agents.get(b)?.stdin?.write(`${state} ${b}-${a}\n`);
  }

  /** The first entry from the given place on for which the condition holds; waits for it within the test's time limit. */
  logged(condition: (entry: LogEntry) => boolean, from = 0): Promise<LogEntry> {
    return new Promise((resolve) => {
      let next = from;
      const look = (): void => {
        for (; next < this.log.length; next += 1) {
          const entry = this.log[next];
          if (entry === undefined || !condition(entry)) continue;
          this.#watchers.delete(look);
          return resolve(entry);
        }
      };
      this.#watchers.add(look);
      look();
    });
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.controller.rest}${path}`);
    // A busy machine: the controller says when to come back.
    if (response.status === 503 && response.headers.has("retry-after")) {
      await response.body?.cancel();
      await new Promise((resolve) => setTimeout(resolve, 500));
      return this.get(path);
    }
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Waits, within the test's time limit, until what is there satisfies the condition. */
  async until<T>(path: string, condition: (there: T) => boolean): Promise<T> {
    for (;;) {
      const there = await this.get<T>(path);
      if (condition(there)) return there;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Until a plan newer than that of the epoch is in force and every switch holds it. */
  settled(after = 0): Promise<Status> {
    const { length } = this.options.nodes;
    return this.until<Status>(
      "/v1/status",
      ({ plan, agents: { total, onTarget } }) => (plan?.epoch ?? 0) > after && total === length && onTarget === total,
    );
  }

  async sendTopology(latencyMs: (linkId: string) => number): Promise<unknown> {
    const topology = {
      name: this.options.name,
      nodes: this.options.nodes.map((id) => ({ id })),
      links: this.links.map((link) => ({ ...link, capacityBps: 1e10, latencyMs: latencyMs(link.id), metric: 1 })),
    };
    const stock = this.#client("TopologyService");
    const { error, response } = await callUnary(stock, "ReplaceTopology", { topology });
    stock.close();
    if (error !== undefined) throw error;
    return response;
  }

  /** The same demand between all pairs. */
  async sendDemands(sequence: number, rateBps: number): Promise<readonly unknown[]> {
    const { nodes } = this.options;
    const demands = nodes.flatMap((src) =>
      nodes.filter((dst) => dst !== src).map((dst) => ({ src, dst, trafficClass: "TRAFFIC_CLASS_ELASTIC", rateBps })),
    );
    const stock = this.#client("DemandService");
    const { error, answers } = await callStream(stock, "StreamMeasurements", [{ sequence, matrix: { name: `m${sequence}`, demands } }]);
    stock.close();
    if (error !== undefined) throw error;
    return answers;
  }

  /** SIGTERM to every process; their exit codes, or the signals that ended them. */
  async end(): Promise<readonly unknown[]> {
    const all = [...this.agents.values(), this.controller.child];
    const ended = all.map((child) => new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code))));
    for (const child of all) child.kill("SIGTERM");
    return Promise.all(ended);
  }

  /** Whatever still runs is killed, whatever was written goes. */
  remove(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  #client(service: string) {
    return stockClient(definitionFromFiles(), `sluice.v1.${service}`, Number(this.controller.grpc.split(":").at(-1)));
  }

  #run(main: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [main, ...args], { stdio: ["pipe", "pipe", "pipe"] });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.log.push(line.startsWith("{") ? (JSON.parse(line) as LogEntry) : { line });
      for (const look of this.#watchers) look();
    });
    return child;
  }
}
