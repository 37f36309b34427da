/**
 * The real binaries: a controller process with its embedded database, an agent process for each switch, a stock gRPC client that
 * knows only the .proto files, and REST. Runs what the build made (`npm test` builds first).
 *
 *     n0 --- n1
 *     |  \   |        every cable 10 Gb/s each way; n0-n2 is shorter than the ways around
 *     n3 --- n2
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { optimize } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { buildTopology, canonicalJson, type Result } from "@sluice/model";
import { assign, compileRules, digestOfRuleSet, parseAssignments } from "@sluice/rules";
import { prismaStore } from "@sluice/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callStream, callUnary, definitionFromFiles, stockClient } from "./grpc/testdata/stock-client.js";

const controllerMain = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const agentMain = fileURLToPath(new URL("../../agent/dist/main.js", import.meta.url));
const nodes = ["n0", "n1", "n2", "n3"];
const cables = [
  ["n0", "n1"],
  ["n1", "n2"],
  ["n2", "n3"],
  ["n3", "n0"],
  ["n0", "n2"],
] as const;
const links = cables.flatMap(([a, b]) => [
  { id: `${a}-${b}`, from: a, to: b },
  { id: `${b}-${a}`, from: b, to: a },
]);

interface Started {
  readonly child: ChildProcess;
  readonly grpc: string;
  readonly rest: string;
  readonly term: number;
  /** Resolves at the next event of the kind in the controller's log. */
  logged(kind: string): Promise<Record<string, unknown>>;
}

interface Status {
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

const folder = mkdtempSync(join(tmpdir(), "sluice-e2e-"));
const children = new Set<ChildProcess>();
const agents = new Map<string, ChildProcess>();
let controller: Started;

function run(main: string, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

function startController(grpc = "127.0.0.1:0", rest = "127.0.0.1:0"): Promise<Started> {
  const child = run(controllerMain, ["--data-dir", join(folder, "data"), "--grpc", grpc, "--rest", rest, "--cycle-seconds", "0.2"]);
  const watchers = new Set<(entry: Record<string, unknown>) => void>();
  const log: string[] = [];
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on("line", (line) => {
    log.push(line);
    if (!line.startsWith("{")) return;
    for (const watcher of watchers) watcher(JSON.parse(line) as Record<string, unknown>);
  });
  const logged = (kind: string): Promise<Record<string, unknown>> =>
    new Promise((resolve) => {
      const watcher = (entry: Record<string, unknown>): void => {
        if (entry["event"] !== kind) return;
        watchers.delete(watcher);
        resolve(entry);
      };
      watchers.add(watcher);
    });
  return new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the controller ended with ${code}:\n${log.join("\n")}`)));
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once("line", (line) => {
      resolve({ child, logged, ...(JSON.parse(line) as { grpc: string; rest: string; term: number }) });
    });
  });
}

function startAgent(node: string): void {
  const own = links.filter(({ from }) => from === node).flatMap(({ id }) => ["--link", id]);
  const args = ["--node", node, "--controller", controller.grpc, "--state-dir", join(folder, node), "--links-from-stdin", ...own];
  const child = run(agentMain, args);
  child.stderr?.resume();
  agents.set(node, child);
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(`${controller.rest}${path}`);
  expect(response.status, path).toBe(200);
  return (await response.json()) as T;
}

/** Waits, within the test's time limit, until the status satisfies the condition. */
async function until(condition: (status: Status) => boolean): Promise<Status> {
  for (;;) {
    const status = await get<Status>("/v1/status");
    if (condition(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const settled = ({ plan, agents: { total, onTarget } }: Status): boolean =>
  plan !== undefined && total === nodes.length && onTarget === total;

async function agentIn(node: string, state: string): Promise<void> {
  for (;;) {
    const { items } = await get<{ items: readonly { nodeId: string; state: string }[] }>("/v1/agents");
    if (items.some((agent) => agent.nodeId === node && agent.state === state)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function client(service: string) {
  return stockClient(definitionFromFiles(), `sluice.v1.${service}`, Number(controller.grpc.split(":").at(-1)));
}

async function sendTopology(): Promise<void> {
  const stock = client("TopologyService");
  const topology = {
    name: "square",
    nodes: nodes.map((id) => ({ id })),
    links: links.map((link) => ({ ...link, capacityBps: 1e10, latencyMs: link.id === "n0-n2" ? 1 : 2, metric: 1 })),
  };
  const { error, response } = await callUnary(stock, "ReplaceTopology", { topology });
  stock.close();
  expect(error).toBeUndefined();
  expect(response).toMatchObject({ version: 1 });
}

async function sendDemands(sequence: number, rateBps: number): Promise<void> {
  const stock = client("DemandService");
  const demands = nodes.flatMap((src) =>
    nodes.filter((dst) => dst !== src).map((dst) => ({ src, dst, trafficClass: "TRAFFIC_CLASS_ELASTIC", rateBps })),
  );
  const { error, answers } = await callStream(stock, "StreamMeasurements", [{ sequence, matrix: { name: `m${sequence}`, demands } }]);
  stock.close();
  expect(error).toBeUndefined();
  expect(answers).toMatchObject([{ sequence, demandCount: demands.length, faults: [] }]);
}

beforeAll(async () => {
  for (const main of [controllerMain, agentMain]) {
    if (!existsSync(main)) throw new Error(`${main} is not built: run npm run setup`);
  }
  controller = await startController();
  for (const node of nodes) startAgent(node);
});

afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

// One story: each part goes on from where the one before it ended.
describe("controller and agents as processes", { timeout: 90_000 }, () => {
  it("turn topology and demand that came by gRPC into rules on every switch, and show it by REST", async () => {
    await sendTopology();
    await sendDemands(1, 1e9);
    const status = await until(settled);
    expect(status.plan).toMatchObject({ rung: "optimal", check: "pass", walk: "pass" });
    const { items } = await get<{ items: readonly { nodeId: string; ruleCount: number; state: string }[] }>("/v1/agents");
    expect(items.map(({ nodeId }) => nodeId)).toEqual(nodes);
    expect(items.reduce((sum, { ruleCount }) => sum + ruleCount, 0)).toBe(status.plan?.ruleCount);
    const query = `demand=${encodeURIComponent("n0>n2/elastic")}`;
    const explained = await get<unknown>(`/v1/plans/${status.plan?.epoch}/explanation?${query}`);
    expect(JSON.stringify(explained)).toContain('"reason":"met"');
  });

  it("plan anew around a link that an agent reports down, and use it again when it is up", async () => {
    const carries = async (): Promise<number> => {
      const { items } = await get<{ items: readonly { linkId: string; planned?: { loadBps: number } }[] }>("/v1/links");
      return items.find(({ linkId }) => linkId === "n0-n2")?.planned?.loadBps ?? Number.NaN;
    };
    expect(await carries()).toBeGreaterThan(0);
    const before = (await get<Status>("/v1/status")).epochNewest;
    agents.get("n0")?.stdin?.write("down n0-n2\n");
    await until((status) => settled(status) && (status.plan?.epoch ?? 0) > before);
    expect(await carries()).toBe(0);

    const down = (await get<Status>("/v1/status")).epochNewest;
    agents.get("n0")?.stdin?.write("up n0-n2\n");
    await until((status) => settled(status) && (status.plan?.epoch ?? 0) > down);
    expect(await carries()).toBeGreaterThan(0);
  });

  it("go on after the controller was killed in the middle of a push", async () => {
    const { epochNewest } = await get<Status>("/v1/status");
    const updating = controller.logged("update-started");
    await sendDemands(2, 2e9);
    await updating;
    const { grpc, rest, child, term } = controller;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;

    controller = await startController(grpc, rest.replace("http://", ""));
    expect(controller.term).toBe(term + 1);
    const status = await until((each) => settled(each) && (each.plan?.epoch ?? 0) > epochNewest);
    expect(status.plan).toMatchObject({ check: "pass", walk: "pass" });
    const { items } = await get<{ items: readonly { rateBps: number }[] }>("/v1/demands");
    expect(items.map(({ rateBps }) => rateBps)).toEqual(items.map(() => 2e9));
  });

  it("take back an agent that was killed, and program it again", async () => {
    const agent = agents.get("n3");
    const gone = new Promise((resolve) => agent?.once("exit", resolve));
    agent?.kill("SIGKILL");
    await gone;
    await agentIn("n3", "absent");
    startAgent("n3");
    await agentIn("n3", "synced");
    expect(await until(settled)).toMatchObject({ agents: { total: nodes.length, onTarget: nodes.length } });
  });

  it("end cleanly on SIGTERM", async () => {
    const ended = [controller.child, ...agents.values()].map(
      (child) => new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code))),
    );
    for (const child of [...agents.values(), controller.child]) child.kill("SIGTERM");
    expect(await Promise.all(ended)).toEqual(ended.map(() => 0));
  });

  it("left inputs from which every cycle can be run again to the same bytes", async () => {
    const store = valueOf(await prismaStore({ dataDir: join(folder, "data") }));
    try {
      const lp = { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() };
      const plans = valueOf(await store.listPlans({ limit: 100 }));
      expect(plans.length).toBeGreaterThanOrEqual(4);
      for (const { epoch } of plans) {
        const record = valueOf(await store.getPlan(epoch));
        const { topology: document, demands, settings, assignmentsBefore } = valueOf(await store.getCycleInput(record.cycleInputHash));
        const again = valueOf(await optimize({ topology: document, demands, settings }, { lp, nowMs: () => performance.now() }));
        expect(canonicalJson(again.plan)).toBe(canonicalJson(record.plan));
        const topology = valueOf(buildTopology(document));
        const assignments = valueOf(assign(valueOf(parseAssignments(assignmentsBefore)), again.plan, topology));
        expect(digestOfRuleSet(valueOf(compileRules(topology, again.plan, assignments)))).toBe(record.rulesDigest);
      }
    } finally {
      await store.close();
    }
  });
});

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.value;
}
