/**
 * Two controllers as processes on one PostgreSQL, and the agents of B4 over real gRPC: the leader is killed, stopped and resumed, ended, and cut off from
 * the database. Runs what the build made; needs `node scripts/with-postgres.mjs`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { memoryDatapath, runAgent, type MemoryDatapath, type RunningAgent } from "@sluice/agent";
import { buildTopology, type NodeId, type Result, type Topology } from "@sluice/model";
import { prismaStore, type Store } from "@sluice/store";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const serverUrl = process.env["SLUICE_TEST_DATABASE_URL"];
const control = process.env["SLUICE_TEST_DATABASE_CONTROL"];
const controllerMain = fileURLToPath(new URL("../../controller/dist/main.js", import.meta.url));
const canRun = serverUrl !== undefined && control !== undefined && existsSync(controllerMain);

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

interface Controller {
  readonly name: string;
  readonly grpc: string;
  readonly rest: string;
  child: ChildProcess;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, never>>;
}

interface Status {
  readonly term: number;
  readonly plan?: { readonly epoch: number };
  readonly agents: { readonly total: number; readonly onTarget: number };
}

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const folder = mkdtempSync(join(tmpdir(), "sluice-several-"));
const document = JSON.parse(readFileSync(new URL("../../../examples/b4.json", import.meta.url), "utf8")) as {
  readonly nodes: readonly { readonly id: string }[];
  readonly links: readonly { readonly id: string; readonly from: string }[];
};
const log: string[] = [];
const controllers: Controller[] = [];
const agents: { readonly nodeId: string; readonly datapath: MemoryDatapath; readonly running: RunningAgent }[] = [];
/** Of the demands, as writes were acknowledged with them. */
const acknowledged: number[] = [];
let databaseUrl = "";
let store: Store;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const there = await look();
    if (there !== undefined) return there;
    await pause(100);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Resolves when it serves, leading or not. */
async function start(controller: Controller): Promise<void> {
  const address = controller.rest.slice("http://".length);
  const args = ["--data-dir", folder, "--id", controller.name, "--grpc", controller.grpc, "--rest", address, "--cycle-seconds", "0.5"];
  const environment = { ...process.env, DATABASE_URL: databaseUrl };
  controller.child = spawn(process.execPath, [controllerMain, ...args], { stdio: ["ignore", "pipe", "pipe"], env: environment });
  const { stdout, stderr } = controller.child;
  if (stdout === null || stderr === null) throw new Error("the streams of a controller are pipes");
  createInterface({ input: stderr }).on("line", (line) => log.push(`${controller.name}: ${line}`));
  const ended = once(controller.child, "exit").then(([code]) => {
    throw new Error(`${controller.name} ended with ${String(code)}:\n${log.slice(-20).join("\n")}`);
  });
  await Promise.race([once(createInterface({ input: stdout }), "line"), ended]);
  ended.catch(() => undefined);
}

/** Undefined where nobody answers. */
async function ask(controller: Controller, path: string, init: RequestInit = {}, timeoutMs = 5_000): Promise<Answer | undefined> {
  try {
    const response = await fetch(`${controller.rest}${path}`, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer["body"] };
  } catch {
    return undefined;
  }
}

function put(controller: Controller, path: string, body: unknown, timeoutMs = 30_000): Promise<Answer | undefined> {
  const headers = { "if-match": "*", "content-type": "application/json" };
  return ask(controller, path, { method: "PUT", headers, body: JSON.stringify(body) }, timeoutMs);
}

function demands(rateBps: number): unknown {
  const ids = document.nodes.map(({ id }) => id);
  const list = ids.flatMap((src) => ids.filter((dst) => dst !== src).map((dst) => ({ src, dst, trafficClass: "elastic", rateBps })));
  return { name: `${rateBps}`, demands: list };
}

/** Whoever takes it; with how long that took, ms. */
async function write(rateBps: number): Promise<{ readonly by: Controller; readonly afterMs: number }> {
  const from = performance.now();
  const by = await until(async () => {
    for (const controller of controllers) {
      if (controller.child.exitCode !== null || controller.child.signalCode !== null) continue;
      const answer = await put(controller, "/v1/demands", demands(rateBps), 3_000);
      if (answer?.status !== 200) continue;
      acknowledged.push(Number(answer.body["version"]));
      return controller;
    }
    return undefined;
  });
  return { by, afterMs: Math.round(performance.now() - from) };
}

/** All switches hold the newest plan, which is for this rate. */
async function settled(controller: Controller, after: number): Promise<number> {
  return until(async () => {
    const answer = await ask(controller, "/v1/status");
    const status = answer?.body as unknown as Status | undefined;
    const isSettled = status?.agents.total === document.nodes.length && status.agents.onTarget === status.agents.total;
    return answer?.status === 200 && isSettled && (status.plan?.epoch ?? 0) > after ? status.plan?.epoch : undefined;
  });
}

async function leader(): Promise<{ readonly controller: Controller; readonly other: Controller; readonly term: number }> {
  return until(async () => {
    for (const controller of controllers) {
      const answer = await ask(controller, "/v1/leadership", {}, 1_000);
      const other = controllers.find((each) => each !== controller);
      if ((answer?.body["role"] as string | undefined) === "leader" && other !== undefined)
        return { controller, other, term: Number(answer?.body["term"]) };
    }
    return undefined;
  });
}

const role = async (controller: Controller) => (await ask(controller, "/v1/leadership"))?.body["role"] as string | undefined;
const digests = () => agents.map(({ running }) => running.standing().digest);
const event = { at: "2026-03-01T00:00:00.000Z", kind: "written-by-the-deposed", data: {} };

/** What the server is told by scripts/with-postgres.mjs. */
async function database(what: "start" | "stop"): Promise<void> {
  const socket = connect(control ?? "");
  socket.write(`${what}\n`);
  await once(socket, "data");
  socket.end();
}

describe.skipIf(!canRun)(
  `two controllers on one PostgreSQL${canRun ? "" : " (SKIPPED: run by node scripts/with-postgres.mjs, after npm run setup)"}`,
  { timeout: 240_000 },
  () => {
    beforeAll(async () => {
      databaseUrl = new URL(serverUrl ?? "").href;
      for (const name of ["left", "right"]) {
        const controller = { name, grpc: `127.0.0.1:${await freePort()}`, rest: `http://127.0.0.1:${await freePort()}` };
        controllers.push({ ...controller, child: undefined as never });
      }
      await Promise.all(controllers.map(start));
      store = value(await prismaStore({ databaseUrl }));
      const list = controllers.map(({ grpc }) => grpc).join(",");
      const topology: Topology = value(buildTopology(document as never));
      for (const { id } of topology.nodes) {
        const links = topology.links.filter(({ from }) => from === id).map((link) => ({ linkId: link.id, up: true }));
        const datapath = memoryDatapath({ links });
        const running = runAgent({ nodeId: id as NodeId, controller: list, stateDir: join(folder, id), datapath, log: quiet });
        agents.push({ nodeId: id, datapath, running });
      }
    }, 240_000);

    afterAll(async () => {
      await Promise.all(agents.map(({ running }) => running.stop()));
      for (const { child } of controllers) child.kill("SIGKILL");
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    });

    // One story: each part goes on from where the one before it ended.
    it("have one leader, which programs every switch, and whom the other names", async () => {
      const { controller, other, term } = await leader();
      expect(await role(other)).toBe("follower");
      const refused = await put(other, "/v1/topology", document);
      expect([refused?.status, refused?.headers.get("location")]).toEqual([421, `${controller.rest}/v1/topology`]);
      expect((await put(controller, "/v1/topology", document))?.status).toBe(200);
      expect((await write(1e9)).by).toBe(controller);
      await settled(controller, 0);
      expect(new Set(agents.map(({ running }) => running.standing().termSeen))).toEqual(new Set([term]));
      await until(async () => ((await ask(other, "/v1/topology"))?.status === 200 ? true : undefined));
    });

    it("the leader is killed: the other writes, no rule is touched by the change, and every agent comes", async () => {
      const { controller, other, term } = await leader();
      const before = digests();
      controller.child.kill("SIGKILL");
      await once(controller.child, "exit");
      const { by, afterMs } = await write(1e9);
      expect(by).toBe(other);
      console.log(`killed: the next leader wrote after ${afterMs} ms`);
      expect(digests()).toEqual(before);
      await start(controller);
      await settled(other, 0);
      expect((await leader()).term).toBe(term + 1);
      expect(await role(controller)).toBe("follower");
    });

    it("the leader is stopped for longer than its lease: what it does first when it goes on is refused", async () => {
      const { controller, other, term } = await leader();
      controller.child.kill("SIGSTOP");
      // The kernel takes the request; the process hears of it when it goes on, before anything else.
      const late = put(controller, "/v1/demands", demands(7e9), 120_000);
      const { by, afterMs } = await write(2e9);
      expect(by).toBe(other);
      console.log(`stopped: the next leader wrote after ${afterMs} ms`);
      const newer = await leader();
      expect(newer.term).toBe(term + 1);
      await settled(other, 0);
      const obeyed = agents.map(({ running }) => running.standing().termSeen);
      controller.child.kill("SIGCONT");
      // Or its connection is closed, which stood idle for too long.
      expect([undefined, 421, 503]).toContain((await late)?.status);
      expect(await store.appendEvents(term, [event])).toMatchObject({ ok: false, faults: [{ code: "stale-term" }] });
      await until(async () => ((await role(controller)) === "follower" ? true : undefined));
      expect((await leader()).term).toBe(newer.term);
      expect(new Set(obeyed)).toEqual(new Set([newer.term]));
      expect(agents.map(({ running }) => running.standing().termSeen)).toEqual(obeyed);
      const stored = value(await store.loadInventory()).demands?.matrix.demands[0];
      expect(stored?.rateBps).toBe(2e9);
    });

    it("the leader is told to end: it gives the lease back, and the other has it at once", async () => {
      const { controller, other, term } = await leader();
      const from = performance.now();
      const ended = once(controller.child, "exit");
      controller.child.kill("SIGTERM");
      await until(async () => ((await role(other)) === "leader" ? true : undefined));
      console.log(`ended: the next leader led after ${Math.round(performance.now() - from)} ms`);
      expect((await write(1e9)).by).toBe(other);
      expect(await ended).toEqual([0, null]);
      expect((await leader()).term).toBe(term + 1);
      await start(controller);
      await settled(other, 0);
    });

    it("the database is away: nothing changes on switches, reads grow old, changes are refused; then somebody leads again", async () => {
      const { controller, other, term } = await leader();
      await settled(controller, 0);
      await database("stop");
      const before = digests();
      await until(async () => ((await role(controller)) === "leader" ? undefined : true));
      for (const each of [controller, other]) {
        const refused = await until(async () => {
          const answer = await put(each, "/v1/demands", demands(3e9));
          return answer?.status === 421 ? undefined : answer;
        });
        expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
        const read = await ask(each, "/v1/topology");
        expect([read?.status, Number(read?.headers.get("sluice-staleness-ms")) > 0]).toEqual([200, true]);
      }
      expect(digests()).toEqual(before);
      await database("start");
      const { afterMs } = await write(2e9);
      console.log(`database back: somebody wrote after ${afterMs} ms`);
      expect((await leader()).term).toBeGreaterThan(term);
      await settled((await leader()).controller, 0);
    });

    it("no write that was acknowledged is missing, and none was acknowledged twice", async () => {
      expect(acknowledged).toEqual([...new Set(acknowledged)].sort((a, b) => a - b));
      expect(value(await store.loadInventory()).demands?.version).toBe(acknowledged.at(-1));
      expect(value(await store.listEvents({ kinds: [event.kind], limit: 10 }))).toEqual([]);
    });
  },
);
