/**
 * A controller for the tests of what asks one: the real process with its embedded database, and an agent process for each switch of a small
 * network, with its demands planned for. Runs what the build made; everything ends with this process, however that ends.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const controllerMain = fileURLToPath(new URL("../../../controller/dist/main.js", import.meta.url));
const agentMain = fileURLToPath(new URL("../../../agent/dist/main.js", import.meta.url));
/** Lines of the processes' logs that are kept, to explain a failure. */
const linesMax = 40;

export interface LiveNetwork {
  readonly topology: object;
  readonly demands: object;
}

/** Three switches in a ring, and one behind them: `d` hangs on `c`. 10 Gb/s a link. */
export const ring: LiveNetwork = {
  topology: {
    name: "ring",
    nodes: ["a", "b", "c", "d"].map((id) => ({ id })),
    links: [
      ["a", "b"],
      ["b", "c"],
      ["a", "c"],
      ["c", "d"],
    ].flatMap(([from = "", to = ""]) => [
      { id: `${from}-${to}`, from, to, capacityBps: 1e10, latencyMs: 5, metric: 1, srlgIds: [`cable:${from}-${to}`] },
      { id: `${to}-${from}`, from: to, to: from, capacityBps: 1e10, latencyMs: 5, metric: 1, srlgIds: [`cable:${from}-${to}`] },
    ]),
  },
  demands: {
    name: "quiet",
    demands: [
      { src: "a", dst: "b", trafficClass: "interactive", rateBps: 2e9 },
      { src: "a", dst: "c", trafficClass: "elastic", rateBps: 3e9 },
      { src: "b", dst: "d", trafficClass: "bulk", rateBps: 4e9 },
      { src: "d", dst: "a", trafficClass: "bulk", rateBps: 12e9 },
    ],
  },
};

export interface LiveControllerOptions {
  readonly network?: LiveNetwork;
  /** Roles are asked for: `tokenOf` makes tokens. */
  readonly withTokens?: boolean;
  readonly controllerArgs?: readonly string[];
}

export interface LiveController {
  /** Of its REST. */
  readonly url: string;
  /** A token of the role, good for an hour. */
  tokenOf(role: string): string;
  /** As an admin. Throws where the status is not 2xx. */
  fetch(path: string, init?: RequestInit): Promise<unknown>;
  /** Until a plan of a later epoch is in force, and every switch holds it. */
  settled(afterEpoch?: number): Promise<{ readonly epoch: number }>;
  /** Ends the controller process, keeping its data, and starts it again at the same address. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

interface Status {
  readonly plan?: { readonly epoch: number };
  readonly epochNewest: number;
  readonly agents: { readonly total: number; readonly onTarget: number };
  readonly cycle: { readonly phase: string };
}

export async function openLiveController({
  network = ring,
  withTokens = false,
  controllerArgs = [],
}: LiveControllerOptions = {}): Promise<LiveController> {
  for (const main of [controllerMain, agentMain]) {
    if (!existsSync(main)) throw new Error(`${main} is not built: run npm run setup`);
  }
  const folder = mkdtempSync(join(tmpdir(), "sluice-cli-"));
  const children = new Set<ChildProcess>();
  const lines: string[] = [];
  const secret = "a secret of the tests, long enough for HS256";
  const auth = withTokens ? ["--auth-key", join(folder, "key"), "--auth-issuer", "https://issuer.example"] : [];
  if (withTokens) await writeFile(join(folder, "key"), secret, { mode: 0o600 });

  function run(main: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [main, ...args], { stdio: ["pipe", "pipe", "pipe"] });
    children.add(child);
    child.once("exit", () => children.delete(child));
    createInterface({ input: child.stderr }).on("line", (line) => {
      lines.push(line);
      lines.splice(0, lines.length - linesMax);
    });
    return child;
  }

  async function startController(grpc: string, rest: string): Promise<{ child: ChildProcess; grpc: string; rest: string }> {
    const at = ["--data-dir", join(folder, "data"), "--grpc", grpc, "--rest", rest, "--cycle-seconds", "0.2", "--exit-with-stdin"];
    const child = run(controllerMain, [...at, ...auth, ...controllerArgs]);
    return new Promise((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the controller ended with ${code}:\n${lines.join("\n")}`)));
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).once("line", (line) => {
        resolve({ child, ...(JSON.parse(line) as { grpc: string; rest: string }) });
      });
    });
  }

  function tokenOf(role: string): string {
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: "https://issuer.example", aud: "sluice", sub: `a ${role}`, role, iat: now, exp: now + 3_600 };
    const signed = [{ alg: "HS256", typ: "JWT" }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
  }

  let serving = await startController("127.0.0.1:0", "127.0.0.1:0");
  const url = serving.rest;

  async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const headers = {
      ...(withTokens ? { authorization: `Bearer ${tokenOf("admin")}` } : {}),
      ...(init.headers as Record<string, string> | undefined),
    };
    const response = await fetch(`${url}${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }
  const put = (path: string, body: object): Promise<unknown> =>
    ask(path, { method: "PUT", headers: { "content-type": "application/json", "if-match": "*" }, body: JSON.stringify(body) });

  async function settled(afterEpoch = 0): Promise<{ readonly epoch: number }> {
    for (;;) {
      const { plan, epochNewest, agents, cycle } = (await ask("/v1/status")) as Status;
      const holds = agents.total > 0 && agents.onTarget === agents.total && cycle.phase === "idle" && plan?.epoch === epochNewest;
      if (plan !== undefined && plan.epoch > afterEpoch && holds) return { epoch: plan.epoch };
      await wait(50);
    }
  }

  await put("/v1/topology", network.topology);
  const { nodes, links } = (await ask("/v1/topology")) as { nodes: { id: string }[]; links: { id: string; from: string }[] };
  for (const { id } of nodes) {
    const own = links.filter(({ from }) => from === id).flatMap((link) => ["--link", link.id]);
    run(agentMain, ["--node", id, "--controller", serving.grpc, "--state-dir", join(folder, id), "--links-from-stdin", ...own]);
  }
  await put("/v1/demands", network.demands);
  await settled();

  const ended = (child: ChildProcess): Promise<unknown> =>
    child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once("exit", resolve));
  return {
    url,
    tokenOf,
    fetch: ask,
    settled,
    async restart() {
      serving.child.kill("SIGTERM");
      await ended(serving.child);
      serving = await startController(serving.grpc, new URL(url).host);
    },
    async close() {
      const all = [...children];
      for (const child of all) child.kill("SIGKILL");
      await Promise.all(all.map(ended));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
