/** `sluice failures`: made here from files, and asked of a controller. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { worstFirst, type FailureReport } from "@sluice/failures";
import { trafficClasses } from "@sluice/model";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ControllerReport } from "../failures/controller-report.js";
import { examplesDir } from "../testing/data.js";
import { run, sourceSolver } from "../testing/run.js";

/**
 *   a ══10══ b      a wants 8 Gb/s to b, interactive; 4 Gb/s from c to b, bulk. Cables: a-b 10, a-c 10, c-b 10 Gb/s, and d hangs on
 *    ╲      ╱       a alone (2 Gb/s): a bridge.
 *    10   10        When a-b is cut, what went over it has 6 Gb/s beside the bulk traffic, which yields.
 *      ╲ ╱
 *       c
 */
const gbps = 1e9;
const cable = (from: string, to: string, rate: number) =>
  [
    [from, to],
    [to, from],
  ].map(([a = "", b = ""]) => ({ id: `${a}-${b}`, from: a, to: b, capacityBps: rate * gbps, latencyMs: 1, metric: 1 }));
const topology = {
  kind: "topology",
  name: "triangle with a tail",
  nodes: ["a", "b", "c", "d"].map((id) => ({ id })),
  links: [...cable("a", "b", 10), ...cable("a", "c", 10), ...cable("c", "b", 10), ...cable("a", "d", 2)],
};
const demands = {
  kind: "demand-matrix",
  name: "two ways, one way",
  demands: [
    { src: "a", dst: "b", trafficClass: "interactive", rateBps: 8 * gbps },
    { src: "c", dst: "b", trafficClass: "bulk", rateBps: 4 * gbps },
    { src: "d", dst: "b", trafficClass: "elastic", rateBps: 1 * gbps },
  ],
};

let dir = "";
let network: readonly string[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "sluice-failures-"));
  await writeFile(join(dir, "topology.json"), JSON.stringify(topology));
  await writeFile(join(dir, "demands.json"), JSON.stringify(demands));
  network = ["--topology", join(dir, "topology.json"), "--demands", join(dir, "demands.json")];
});
afterAll(() => rm(dir, { recursive: true, force: true }));
const b4 = ["--topology", join(examplesDir, "b4.json"), "--demands", join(examplesDir, "b4-day.json"), "--interval", "40"];

async function report(argv: readonly string[]): Promise<FailureReport> {
  const ran = await run(["failures", ...argv, "-o", "json"]);
  expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(ran.stdout) as FailureReport;
}

describe("sluice failures, from files", { timeout: 120_000 }, () => {
  test("what each layer loses, by hand", async () => {
    const { scenarios, admittedBps, ...head } = await report(network);
    expect(head).toMatchObject({
      kind: "failure-report",
      formatVersion: 1,
      layers: ["unrepaired", "local-repair", "scenario-split", "new-plan"],
    });
    expect(head).not.toHaveProperty("pairs");
    for (const [name, rate] of [
      ["interactive", 8],
      ["elastic", 1],
      ["bulk", 4],
    ] as const)
      expect(Math.abs(admittedBps[name] / (rate * gbps) - 1)).toBeLessThan(1e-5);
    expect(scenarios.map(({ id }) => id).sort()).toEqual(
      ["link:a-b", "link:a-c", "link:a-d", "link:b-c", "node:a", "node:b", "node:c", "node:d"].sort(),
    );
    expect(scenarios.toSorted(worstFirst)).toEqual(scenarios);
    const lost = (id: string, layer: "unrepaired" | "local-repair" | "scenario-split" | "new-plan") =>
      trafficClasses.map((name) => (scenarios.find((each) => each.id === id)?.layers[layer]?.lostBps[name] ?? Number.NaN) / gbps);
    // 13 Gb/s to b over 10: interactive and elastic go first, and 3 of the 4 bulk are lost.
    const kept = lost("link:a-b", "scenario-split");
    expect(kept.map((rate) => Math.round(rate * 1000) / 1000)).toEqual([0, 0, 3]);
    expect(lost("link:a-b", "new-plan").map((rate) => Math.round(rate * 1000) / 1000)).toEqual([0, 0, 3]);
    // A bridge: nobody can help d.
    for (const layer of ["unrepaired", "local-repair", "scenario-split", "new-plan"] as const)
      expect(lost("link:a-d", layer).map((rate) => Math.round(rate * 1000) / 1000)).toEqual([0, 1, 0]);
    // Traffic to b has no end without b: no layer counts it.
    const b = scenarios.find(({ id }) => id === "node:b");
    expect(trafficClasses.map((name) => Math.round((b?.endsLostBps[name] ?? 0) / gbps))).toEqual([8, 1, 4]);
    for (const layer of ["unrepaired", "local-repair", "scenario-split", "new-plan"] as const)
      expect(lost("node:b", layer)).toEqual([0, 0, 0]);
  });

  test("the table has the worst rows, says what it left out, and sums layers up", async () => {
    const ran = await run(["failures", ...network, "--top", "2", "--layers", "scenario-split,unrepaired", "--scenarios", "link"]);
    expect(ran.code).toBe(0);
    const lines = ran.stdout.split("\n");
    expect(lines[1]).toMatch(/^scenarios +4$/);
    expect(lines[3]).toMatch(/^scenario +links +unrepaired: lost +split: lost +by class +fullest link +ends lost$/);
    expect(lines[4]).toMatch(/^link:a-d +2 +1 Gb\/s 7\.69 % +1 Gb\/s 7\.69 % +elastic 1 Gb\/s/);
    expect(lines[5]).toMatch(/^link:a-b +2 .*bulk 3 Gb\/s/);
    expect(lines[6]).toBe("and 2 more: --top, or -o json");
    expect(ran.stdout).toMatch(/\nsplit +\d of 4 scenarios lose traffic; the most 3 Gb\/s, in link:a-b\n/);
    expect(ran.stdout).not.toContain("new plan");
    expect(ran.stdout).not.toContain("prepared");
  });

  test("B4: a plan made before gives the same report; pairs are drawn, and said to be", async () => {
    const plan = join(dir, "b4-plan.json");
    expect((await run(["solve", ...b4, "--guarantee", "protected", "--plan-out", plan])).code).toBe(0);
    const layers = ["--layers", "unrepaired,local-repair,scenario-split"];
    const made = await report([...b4, ...layers]);
    expect(made.scenarios).toHaveLength(31);
    expect(await report([...b4, ...layers, "--plan", plan])).toEqual(made);
    const pairs = await report([...b4, "--plan", plan, "--scenarios", "none", "--pairs", "20", "--seed", "7", "--layers", "local-repair"]);
    expect(pairs.pairs).toEqual({ possible: 171, taken: 20, sampled: true, seed: 7 });
    expect(pairs.scenarios.map(({ linkIds }) => linkIds.length)).toEqual(Array.from({ length: 20 }, () => 4));
    const table = await run(["failures", ...b4, "--plan", plan, "--scenarios", "none", "--pairs", "20", "--layers", "local-repair"]);
    expect(table.stdout).toContain("20 of 171 pairs, drawn with seed 1: a worse one may be among the others");
  });

  test.each([
    [["--layers", "unrepaired,miracle"], "--layers", "not-allowed"],
    [["--layers", ""], "--layers", "not-allowed"],
    [["--scenarios", "meteor"], "--scenarios", "not-allowed"],
    [["--tunnels", "any"], "--tunnels", "not-allowed"],
    [["--top", "0"], "--top", "out-of-range"],
    [["--pairs", "0"], "--pairs", "out-of-range"],
    [["--pairs", "--seed", "-1"], "--seed", "negative"],
    [["--guarantee", "always"], "--guarantee", "not-allowed"],
    [["--epoch", "3"], "--epoch", "not-allowed"],
    [["--controller", "http://127.0.0.1:1"], "--controller", "malformed"],
    [["--plan", "absent.json"], "--plan", "not-found"],
  ] as const)("%j is refused, naming %s", async (argv, option, code) => {
    const ran = await run(["failures", ...network, ...argv]);
    expect([ran.code, ran.stdout]).toEqual([2, ""]);
    expect(ran.stderr).toContain(option);
    expect(ran.stderr).toContain(`[${code}]`);
  });

  test("a plan of another network, or no network at all, is refused", async () => {
    const plan = join(dir, "plan.json");
    expect((await run(["solve", ...network, "--plan-out", plan])).code).toBe(0);
    const other = await run(["failures", ...b4, "--plan", plan]);
    expect([other.code, other.stdout]).toEqual([2, ""]);
    expect(other.stderr).toContain("[input-mismatch]");
    const edgeBased = join(dir, "any.json");
    expect((await run(["solve", ...network, "--tunnels", "any", "--plan-out", edgeBased])).code).toBe(0);
    expect((await run(["failures", ...network, "--plan", edgeBased])).stderr).toContain("[not-allowed]");
    const none = await run(["failures"]);
    expect([none.code, none.stdout]).toEqual([2, ""]);
    expect(none.stderr).toContain("--topology");
  });

  test("Ctrl-C ends it and the process that it started, without output", async () => {
    const main = fileURLToPath(new URL("../main.ts", import.meta.url));
    const argv = ["failures", ...b4, "--pairs", "1000", "--progress"];
    const child = spawn(process.execPath, [...sourceSolver.execArgv, main, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    let workers: readonly number[] = [];
    child.stderr.on("data", (chunk: Buffer) => {
      if (workers.length > 0 || !/split |walk /.test(chunk.toString("utf8"))) return;
      void childrenOf(child.pid ?? 0).then((found) => {
        workers = found;
        child.kill("SIGINT");
      });
    });
    const [stdout, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    expect({ stdout, code, signal }).toEqual({ stdout: "", code: 130, signal: null });
    expect(workers.length).toBeGreaterThan(0);
    for (const pid of workers) expect(await isAlive(pid)).toBe(false);
    expect((await readdir(dir)).filter((name) => !name.endsWith(".json"))).toEqual([]);
  });
});

/** Linux: the main thread's children, and theirs. */
async function childrenOf(pid: number): Promise<readonly number[]> {
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const own = listed.split(" ").filter(Boolean).map(Number);
  return [...own, ...(await Promise.all(own.map(childrenOf))).flat()];
}

/** A killed process that nobody has waited for yet is a zombie: gone but for its entry. */
async function isAlive(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 50; tries += 1) {
    const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
    if (status === undefined || /\) Z /.test(status)) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

describe("sluice failures --controller", { timeout: 120_000 }, () => {
  let server: Server | undefined;
  afterEach(async () => {
    server?.close();
    if (server?.listening === true) await once(server, "close");
  });

  /** A controller that gives these answers one after the other. */
  async function controller(answers: readonly { readonly status?: number; readonly body: unknown }[]) {
    const asked: URLSearchParams[] = [];
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://controller");
      const answer = answers[asked.length];
      asked.push(searchParams);
      response.writeHead(pathname === "/v1/failures" ? (answer?.status ?? 200) : 404, { connection: "close" });
      response.end(typeof answer?.body === "string" ? answer.body : JSON.stringify(answer?.body));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    return { asked, url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}` };
  }

  test("prints what the controller reports, all pages, in the same table", async () => {
    const own = await report([...network, "--layers", "unrepaired,scenario-split"]);
    const { scenarios, ...head } = own;
    const items = scenarios.map((each, i) => ({ ...each, split: i === 0 ? "none" : i === 1 ? "made" : "given" }));
    const page = (from: number, to: number, more: object) => ({
      body: { ...head, epoch: 4, inForce: true, total: items.length, items: items.slice(from, to), ...more },
    });
    const answers = [page(0, 3, { nextCursor: "abc" }), page(3, 8, {})];
    const { asked, url } = await controller([...answers, ...answers]);
    const argv = ["failures", "--controller", url, "--scenarios", "link,node", "--pairs", "5", "--epoch", "4", "--layers", "unrepaired"];
    const ran = await run([...argv, "-o", "json"]);
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: "" });
    const got = JSON.parse(ran.stdout) as ControllerReport;
    expect(got).toEqual({ ...head, epoch: 4, inForce: true, scenarios: items, notes: [] });
    expect(Object.fromEntries(asked[0] ?? [])).toEqual({
      epoch: "4",
      kinds: "link,node",
      pairs: "5",
      seed: "1",
      layers: "unrepaired",
      limit: "1000",
    });
    expect(asked[1]?.get("cursor")).toBe("abc");
    const table = (await run(argv)).stdout.split("\n");
    expect(table[0]).toMatch(/^plan +epoch 4, in force$/);
    expect(table[3]).toMatch(/^splits +6 prepared; 1 not prepared, shown as they would be; 1 refused: local repair goes on$/);
    // But for these two lines it is the table of the same report made here.
    const here = await run(["failures", ...network, "--layers", "unrepaired,scenario-split"]);
    expect(table.filter((_, i) => i !== 0 && i !== 3).join("\n")).toBe(here.stdout);
  });

  test("says that it waits while the controller computes, where progress is asked for", async () => {
    const { scenarios: items, ...head } = await report([...network, "--layers", "unrepaired"]);
    server = createServer((_, response) => {
      // Later than it is said for the second time.
      setTimeout(() => {
        response.writeHead(200, { "content-type": "application/json", connection: "close" });
        response.end(JSON.stringify({ ...head, epoch: 4, inForce: true, total: items.length, items }));
      }, 1_200);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
    const ran = await run(["failures", "--controller", url, "--progress", "-o", "json"]);
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(
      /^sluice: the controller looks at failures, 0 s\n(sluice: the controller looks at failures, \d+ s\n)+sluice: read the report/,
    );
    expect((await run(["failures", "--controller", url, "-o", "json"])).stderr).toBe("");
  });

  test("tells what the controller refuses in our words, and what is no controller", async () => {
    const problem = {
      type: "/problems/unavailable",
      detail: "Another failure report is being computed; try again later.",
      faults: [{ code: "unavailable", message: "Another failure report is being computed; try again later." }],
    };
    const pairs = { detail: "No.", faults: [{ code: "out-of-range", message: "/query/pairs: Too big.", pointer: "/query/pairs" }] };
    const { url } = await controller([
      { status: 503, body: problem },
      { status: 422, body: pairs },
      { body: "<html>" },
      { body: { kind: "failure-report", items: 3 } },
    ]);
    const ask = (...more: readonly string[]) => run(["failures", "--controller", url, ...more]);
    expect(await ask()).toMatchObject({ code: 3, stdout: "", stderr: expect.stringMatching(/being computed.*\[unavailable\]/) as string });
    expect(await ask("--pairs", "20000")).toMatchObject({ code: 2, stderr: expect.stringMatching(/--pairs.*\[out-of-range\]/) as string });
    for (const _ of [1, 2])
      expect(await ask()).toMatchObject({ code: 2, stderr: expect.stringMatching(/not what was asked for.*\[malformed\]/) as string });
    server?.close();
    expect(await ask()).toMatchObject({ code: 3, stderr: expect.stringMatching(/could not be reached.*\[unavailable\]/) as string });
    expect(await run(["failures", "--controller", "::"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("[malformed]") as string,
    });
  });

  test("does not wait after Ctrl-C", async () => {
    const interruption = new AbortController();
    server = createServer(() => interruption.abort()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
    expect(await run(["failures", "--controller", url], { signal: interruption.signal })).toMatchObject({ code: 130, stdout: "" });
    server.closeAllConnections();
  });
});
