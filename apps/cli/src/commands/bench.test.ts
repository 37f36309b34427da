import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BenchReport } from "../bench/bench-report.js";
import { dataDir, dataTitle, hasData } from "../testing/data.js";
import { run, sourceSolver } from "../testing/run.js";
import { tinyFraction, tinyId, tinyInstance, tinyThroughput, writeTinyBench } from "../testing/tiny-bench.js";

let tiny = "";
let scratch = "";
beforeAll(async () => {
  tiny = await writeTinyBench();
  scratch = await mkdtemp(join(tmpdir(), "sluice-bench-out-"));
});
afterAll(async () => {
  for (const folder of [tiny, scratch]) await rm(folder, { recursive: true, force: true });
});

const bench = (...argv: readonly string[]): readonly string[] => ["bench", "--data", tiny, "--warm-up", "0", ...argv];

describe("sluice bench", () => {
  test("solves, judges and compares: the JSON of a report", async () => {
    const ran = await run(bench("-o", "json", "--repeat", "2"));
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const report = JSON.parse(ran.stdout) as BenchReport;
    expect(report).toMatchObject({
      kind: "bench-report",
      formatVersion: 1,
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      machine: { cores: expect.any(Number), memoryBytes: expect.any(Number), node: process.versions.node },
      settings: { objective: "max-throughput", gap: 1e-3, tunnels: "given", repeat: 2, highs: false, threads: null },
      summary: { instances: 1, reached: 1, highs: null },
    });
    const [row] = report.instances;
    expect(row).toMatchObject({
      id: tinyId,
      label: "Tiny uniform x1",
      fault: null,
      highs: null,
      answer: {
        size: { nodes: 4, links: 4, demands: 2, paths: 3, unroutable: 0 },
        verdict: "pass",
        violations: [],
        solver: "auto",
      },
      published: {
        optimum: tinyThroughput,
        figures: {
          NCFlow: { ofOptimum: 16 / 18, seconds: 0.25 },
          "POP best": { objective: 17, variant: "k = 4, split 0.5" },
          "POP fastest": { objective: 12, seconds: 0.1 },
          SMORE: { ofOptimum: 18.5 / 18 },
          Gurobi: { ofOptimum: 1 },
        },
      },
    });
    expect(row?.published.figures).not.toHaveProperty("CSPF");
    const answer = row?.answer;
    expect(row?.ofOptimum).toBeGreaterThan(0.999);
    expect(answer?.gap).toBeLessThan(1e-3);
    expect(answer?.totalSeconds).toHaveLength(2);
    expect(answer?.cpuSeconds).toBeGreaterThan(0);
    const { tunnels = 0, solve = 0, check = 0, total } = answer?.seconds ?? {};
    expect(total).toBeCloseTo(tunnels + solve + check, 9);
  });

  test("the table has a row an instance, the peers' figures and a summary; progress goes to stderr", async () => {
    const ran = await run(bench("tiny", "--progress"));
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(
      /^instance +nodes +links +demands +paths +of optimum +gap +read +tunnels +solve +check +total +MB +verdict +solver$/m,
    );
    expect(ran.stdout).toMatch(/^Tiny uniform x1 +4 +4 +2 +3 +\S+ +\S+e-\d+ .* pass +auto$/m);
    expect(ran.stdout).toMatch(/^instance +Sluice +NCFlow +POP best +POP fastest +SMORE +Gurobi$/m);
    expect(ran.stdout).toContain("0.8889 0.250 s");
    expect(ran.stdout).toContain("1 of 1 instances solved to a proven gap of 1e-3");
    expect(ran.stderr).toContain("sluice: 1 of 1, Tiny uniform x1: solve");
  });

  test("the largest fraction that all demands can have at once", async () => {
    const ran = await run(
      bench(tinyId, "--objective", "max-concurrent", "--exact", "--engine", "first-order", "--threads", "1", "-o", "json"),
    );
    const report = JSON.parse(ran.stdout) as BenchReport;
    expect(report.settings.gap).toBe(1e-6);
    expect(report.instances[0]?.answer).toMatchObject({
      verdict: "pass",
      value: expect.closeTo(tinyFraction, 6),
      bound: expect.closeTo(tinyFraction, 6),
    });
    // POP with one part is no approximation.
    expect(Object.keys(report.instances[0]?.published.figures ?? {})).toEqual(["Gurobi"]);
  });

  test("own tunnels are bounded by what any paths could carry", async () => {
    const ran = await run(bench("--tunnels", "own", "-o", "json"));
    const { instances } = JSON.parse(ran.stdout) as BenchReport;
    // The given paths are all there are.
    expect(instances[0]?.answer).toMatchObject({ verdict: "pass", violations: [], size: { paths: 3 } });
    expect(instances[0]?.ofOptimum).toBeGreaterThan(0.999);
    expect(instances[0]?.ofUnrestricted).toBeGreaterThan(0.999);
    expect(instances[0]?.ofUnrestricted).toBeLessThan(1 + 1e-9);
  });

  test("--highs runs its methods on the same instance and gives the ratio to the fastest", async () => {
    const ran = await run(bench("--highs", "--gap", "0.05", "-o", "json"));
    expect(ran.code).toBe(0);
    const { instances, summary } = JSON.parse(ran.stdout) as BenchReport;
    const race = instances[0]?.highs;
    expect(new Set(race?.attempts.map(({ method }) => method))).toEqual(new Set(["first-order", "interior-point", "simplex"]));
    expect(race?.fastest?.answer).toMatchObject({ verdict: "pass", value: expect.any(Number) });
    expect(race?.fastest?.answer.value).toBeGreaterThan(0.95 * tinyThroughput);
    expect(instances[0]?.ratioToHighs).toBeCloseTo((race?.fastest?.totalSeconds ?? 0) / (instances[0]?.answer?.seconds.total ?? 0), 9);
    expect(summary.highs).toMatchObject({ compared: 1, atLeast: 0, ratioMedian: instances[0]?.ratioToHighs });
  });

  test("--json and --markdown write the report; the Markdown file keeps what is not the run's own section", async () => {
    const json = join(scratch, "report.json");
    const markdown = join(scratch, "page.md");
    await writeFile(markdown, "# Benchmarks\n\nOur own words.\n");
    for (let i = 0; i < 2; i++) expect(await run(bench("--json", json, "--markdown", markdown))).toMatchObject({ code: 0 });
    expect((JSON.parse(await readFile(json, "utf8")) as BenchReport).summary.reached).toBe(1);
    const page = await readFile(markdown, "utf8");
    expect(page).toMatch(/^# Benchmarks\n\nOur own words\.\n\n<!-- bench: max-throughput, gap 1e-3, given tunnels -->\n/);
    expect(page.match(/\| Tiny uniform x1 \| 4 \|/g)).toHaveLength(1);
    expect(page).toContain("| instance | Sluice | NCFlow |");
  });

  test("an answer that exceeds a capacity is called infeasible: exit code 1", async () => {
    const overfull = { ...sourceSolver, module: new URL("../testing/overfull-bench-child.ts", import.meta.url) };
    const ran = await run(bench(), { bench: overfull });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/Tiny uniform x1 .* INFEASIBLE/);
    expect(ran.stdout).toContain("0 of 1 instances solved");
    expect(ran.stderr).toMatch(/Tiny uniform x1: Link \d of capacity \d+ carries/);
  });

  test("a gap that is not reached in time is an answer all the same: exit code 3", async () => {
    const idle = { ...sourceSolver, module: new URL("../testing/idle-bench-child.ts", import.meta.url) };
    const ran = await run(bench(), { bench: idle });
    expect(ran).toMatchObject({ code: 3, stderr: "" });
    expect(ran.stdout).toMatch(/Tiny uniform x1 +4 +4 +2 +3 +0\.00000 +1\.0e\+0 .* pass, time-limit +idle/);
  });

  test("ended before it began: 130 and nothing but the head of the table", async () => {
    const ran = await run(bench(), { signal: AbortSignal.abort() });
    expect(ran).toMatchObject({ code: 130, stderr: "" });
    expect(ran.stdout).not.toContain("Tiny");
  });

  test("Ctrl-C ends it with 130, and the process of the instance with it", async () => {
    const main = fileURLToPath(new URL("../main.ts", import.meta.url));
    const child = spawn(process.execPath, [...sourceSolver.execArgv, main, ...bench("--warm-up", "60", "--progress")], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (chunk.includes("warm up")) child.kill("SIGINT");
    });
    // The instance's process has the same stderr: its end is the end of both.
    const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
    expect({ code, signal }).toEqual({ code: 130, signal: null });
    expect(stdout).not.toContain("Tiny");
    expect(stderr).not.toContain("solve");
  });

  test("the memory is that of the instance's process, not of the one that started it", async () => {
    const large = Buffer.alloc(5e8, 1);
    const ran = await run(bench("-o", "json"));
    const { memoryBytes = 0 } = (JSON.parse(ran.stdout) as BenchReport).instances[0]?.answer ?? {};
    expect(memoryBytes).toBeGreaterThan(2e7);
    expect(memoryBytes).toBeLessThan(large.length);
  });

  test("help teaches by example", async () => {
    const { stdout } = await run(["bench", "--help"]);
    for (const words of ["sluice bench Uninett2010", "--exact", "docs/benchmarks.md", "SLUICE_DATA"]) expect(stdout).toContain(words);
  });
});

describe("sluice bench refuses", () => {
  test.each([
    [["Tinny"], "not-found", /no instance "Tinny"\. Near: Tiny, Tiny_uniform_7_x1\./],
    [["--objective", "min-cost"], "not-allowed", /max-throughput, max-concurrent/],
    [["--engine", "gurobi"], "not-allowed", /--engine/],
    [["--tunnels", "some"], "not-allowed", /given, own/],
    [["--gap", "0"], "out-of-range", /--gap/],
    [["--gap", "small"], "wrong-type", /--gap/],
    [["--gap", "1e-3", "--exact"], "malformed", /--exact/],
    [["--repeat", "0"], "out-of-range", /--repeat/],
    [["--threads", "2"], "not-allowed", /--engine first-order/],
    [["--threads", "0"], "out-of-range", /--threads/],
    [["--warm-up", "61"], "out-of-range", /--warm-up/],
    [["--time-limit", "-1"], "negative", /--time-limit/],
    [["--highs", "--tunnels", "own"], "not-allowed", /given path set/],
    [["-o", "xml"], "not-allowed", /--output/],
  ])("%j", async (argv, code, message) => {
    const ran = await run(bench(...argv));
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(`[${code}]`);
    expect(ran.stderr).toMatch(message);
  });

  test("a folder without the benchmark, and says what to set", async () => {
    const ran = await run(["bench", "--data", scratch]);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(join(scratch, "peer-bench", "instances.json"));
    expect(ran.stderr).toMatch(/Set SLUICE_DATA .*--data/);
  });

  test("an instance whose file is broken, by the file's name, and goes on with the others", async () => {
    const instances = [{ ...tinyInstance, id: "Broken_uniform_1_x1", topology: "Broken", model: "broken" }, tinyInstance];
    const folder = await writeTinyBench({ "instances.json": JSON.stringify(instances) });
    const ran = await run(["bench", "--data", folder, "--warm-up", "0"]);
    await rm(folder, { recursive: true });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(join("topologies", "Broken.json"));
    expect(ran.stdout).toMatch(/^Broken broken x1 .* failed/m);
    expect(ran.stdout).toMatch(/^Tiny uniform x1 .* pass/m);
  });
});

describe.skipIf(!hasData)(`sluice bench on the published instances${dataTitle}`, () => {
  test("Uninett2010 poisson-high-intra: within the gap of the published optimum", async () => {
    const ran = await run(["bench", "--data", dataDir, "Uninett2010_poisson", "-o", "json"]);
    expect(ran.stderr).toBe("");
    const { instances } = JSON.parse(ran.stdout) as BenchReport;
    expect(instances).toHaveLength(1);
    expect(instances[0]).toMatchObject({
      published: { optimum: 202_000 },
      answer: { verdict: "pass", size: { nodes: 74, links: 202, demands: 2809, paths: 5649 } },
    });
    expect(instances[0]?.ofOptimum).toBeGreaterThan(0.999);
    expect(instances[0]?.ofOptimum).toBeLessThan(1 + 1e-9);
  });
});
