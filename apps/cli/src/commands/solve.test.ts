import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PlanFile } from "../plan-file.js";
import type { SolveReport } from "../solve-report.js";
import { dataDir, dataTitle, hasData } from "../testing/data.js";
import { run } from "../testing/run.js";
import type { VerifyReport } from "./verify.js";

/**
 *   a ──10──► b ──10──► d        a wants 14 Gb/s elastic and 8 Gb/s bulk to d: 18 fit
 *   └───8───► c ───8───►
 */
const gbps = 1e9;
const link = (from: string, to: string, rate: number) => ({
  id: `${from}-${to}`,
  from,
  to,
  capacityBps: rate * gbps,
  latencyMs: 1,
  metric: 1,
});
const topology = {
  kind: "topology",
  name: "two ways",
  nodes: ["a", "b", "c", "d"].map((id) => ({ id })),
  links: [link("a", "b", 10), link("b", "d", 10), link("a", "c", 8), link("c", "d", 8)],
};
const demands = {
  kind: "demand-matrix",
  name: "more than fits",
  demands: [
    { src: "a", dst: "d", trafficClass: "elastic", rateBps: 14 * gbps },
    { src: "a", dst: "d", trafficClass: "bulk", rateBps: 8 * gbps },
  ],
};

let dir = "";
let network: readonly string[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  await writeFile(join(dir, "topology.json"), JSON.stringify(topology));
  await writeFile(join(dir, "demands.json"), JSON.stringify(demands));
  network = ["--topology", join(dir, "topology.json"), "--demands", join(dir, "demands.json")];
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("sluice solve", () => {
  test("admits what fits, class by class, and says how good that is", async () => {
    const ran = await run(["solve", ...network, "-o", "json"]);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const report = JSON.parse(ran.stdout) as SolveReport;
    expect(report).toMatchObject({
      kind: "solve-report",
      network: { name: "two ways", nodes: 4, links: 4 },
      rung: "optimal",
      check: { verdict: "pass", violations: [] },
      unroutable: 0,
    });
    expect(report.objective?.value).toBeCloseTo(18e9, -1);
    expect(report.objective?.bound).toBeCloseTo(18e9, -1);
    expect(report.objective?.gap).toBeLessThan(1e-9);
    expect(report.classes.map((each) => [each.trafficClass, Math.round(each.allottedBps)])).toEqual(
      expect.arrayContaining([
        ["elastic", 14e9],
        ["bulk", 4e9],
      ]),
    );
    expect(Object.keys(report.seconds)).toEqual(expect.arrayContaining(["read", "tunnels", "solve", "quantize", "check", "total"]));
  });

  test("--single-class joins the classes and says so", async () => {
    const ran = await run(["solve", ...network, "-o", "json", "--single-class", "bulk"]);
    const report = JSON.parse(ran.stdout) as SolveReport;
    expect(report.classes.filter((each) => each.demandBps > 0).map((each) => [each.trafficClass, each.demandBps])).toEqual([
      ["bulk", 22e9],
    ]);
    expect(report.notes).toMatchObject([{ kind: "inferred", count: 1 }]);
  });

  test("the table has objective, bound, gap, share, utilization, stages and verdict; notes and progress go to stderr", async () => {
    const ran = await run(["solve", ...network, "--progress"]);
    expect(ran.code).toBe(0);
    for (const word of ["objective", "upper bound", "gap", "81.82 %", "utilization", "quantize", "pass", "elastic", "bulk"]) {
      expect(ran.stdout).toContain(word);
    }
    expect(ran.stderr).toMatch(/sluice: solve/);
  });

  test("same input, same plan, byte for byte", async () => {
    const plans = await Promise.all(
      ["one", "two"].map(async (name) => {
        expect(await run(["solve", ...network, "--plan-out", join(dir, name)])).toMatchObject({ code: 0 });
        return readFile(join(dir, name), "utf8");
      }),
    );
    expect(plans[0]).toBe(plans[1]);
  });

  test("every path is allowed with --tunnels any: no less than with tunnels", async () => {
    const ran = await run(["solve", ...network, "--tunnels", "any", "-o", "json"]);
    expect(ran).toMatchObject({ code: 0 });
    expect((JSON.parse(ran.stdout) as SolveReport).objective?.value).toBeCloseTo(18e9, -1);
  });
});

describe("sluice solve --guarantee", () => {
  test("says what a promise costs and what it is worth, by class", async () => {
    const argv = ["solve", ...network, "--guarantee", "elastic=guaranteed:1,bulk=availability:0.95", "--failure-probability", "0.01"];
    const ran = await run([...argv, "-o", "json"]);
    expect(ran.code).toBe(0);
    const { classes } = JSON.parse(ran.stdout) as SolveReport;
    const of = (name: string) => classes.find(({ trafficClass }) => trafficClass === name);
    // Whichever way fails, 8 Gb/s must be left: 14 would have fitted.
    const elastic = of("elastic")?.guarantee;
    expect(elastic?.guarantee).toEqual({ kind: "guaranteed", failures: 1 });
    expect(elastic?.withoutBps).toBeCloseTo(14e9, -3);
    expect(elastic?.givenUpBps).toBeCloseTo(6e9, -3);
    expect(elastic?.givenUpShare).toBeCloseTo(6 / 14, 6);
    expect(elastic).not.toHaveProperty("availability");
    const bulk = of("bulk")?.guarantee;
    expect(bulk?.availability).toBeGreaterThanOrEqual(0.95);
    expect(bulk?.availability).toBeLessThan(1);
    expect(of("interactive")).not.toHaveProperty("guarantee");
    const { stdout } = await run(argv);
    expect(stdout).toContain("guarantee    elastic guaranteed:1 costs 6 Gb/s of 14 Gb/s (42.86 %)\n");
    expect(stdout).toMatch(/guarantee +bulk availability:0\.95 costs .*; kept 9\d\.\d+ % of the time\n/);
    expect((await run(["solve", ...network])).stdout).not.toContain("guarantee");
  });
});

describe("sluice verify --failures", () => {
  test("walks every single failure, and says how much repairs itself", async () => {
    const file = join(dir, "protected.json");
    await run(["solve", ...network, "--guarantee", "protected", "--plan-out", file]);
    const argv = ["verify", ...network, "--plan", file, "--failures"];
    const { code, stdout: json } = await run([...argv, "-o", "json"]);
    const report = JSON.parse(json) as VerifyReport;
    // Four cables of one direction each, four nodes. Nothing leads around a link here: what passes it is lost.
    expect([code, report.failures]).toEqual([
      0,
      { verdict: "pass", scenarios: 8, repaired: 2, overfull: 0, violationCount: 0, violations: [] },
    ]);
    const { stdout } = await run(argv);
    expect(stdout).toMatch(/^failures pass \(8 scenarios\); 2 wholly repaired next to the failure; 0 with overfull links/m);
  });
});

describe("sluice verify", () => {
  let solved: PlanFile | undefined;
  beforeAll(async () => {
    const file = join(dir, "plan.json");
    await run(["solve", ...network, "--plan-out", file]);
    solved = JSON.parse(await readFile(file, "utf8")) as PlanFile;
  });
  async function verdictOn(plan: unknown): Promise<{ readonly code: number; readonly report: VerifyReport }> {
    const file = join(dir, "changed.json");
    await writeFile(file, JSON.stringify(plan));
    const ran = await run(["verify", ...network, "--plan", file, "-o", "json"]);
    return { code: ran.code, report: JSON.parse(ran.stdout) as VerifyReport };
  }

  test("passes what solve made, rules and walk included", async () => {
    const { code, report } = await verdictOn(solved);
    expect(code).toBe(0);
    expect(report).toMatchObject({
      verdict: "pass",
      inputMatches: true,
      check: { verdict: "pass" },
      walk: { verdict: "pass" },
      refusal: null,
    });
    expect(report.rules?.rules).toBeGreaterThan(4);
  });

  test("passes edge-based plans, whose bound is over all paths", async () => {
    const file = join(dir, "any.json");
    expect(await run(["solve", ...network, "--tunnels", "any", "--plan-out", file])).toMatchObject({ code: 0 });
    expect(await run(["verify", ...network, "--plan", file])).toMatchObject({ code: 0 });
  });

  test("fails a plan that claims its bound over more paths than it was made with", async () => {
    const file = join(dir, "one.json");
    expect(await run(["solve", ...network, "--tunnels", "k-shortest:1", "--plan-out", file])).toMatchObject({ code: 0 });
    const made = JSON.parse(await readFile(file, "utf8")) as PlanFile;
    expect(await verdictOn(made)).toMatchObject({ code: 0 });
    expect(await verdictOn({ ...made, tunnels: "any" })).toMatchObject({ code: 1, report: { check: { verdict: "fail" } } });
  });

  test.each<[string, (file: PlanFile) => unknown]>([
    ["admits more than the link holds", (file) => withGroup(file, (group) => ({ ...group, admittedBps: group.admittedBps * 1.5 }))],
    ["admits a negative rate", (file) => withGroup(file, (group) => ({ ...group, admittedBps: -1 }))],
    ["names a tunnel that is not there", (file) => ({ ...file, plan: { ...file.plan, tunnels: file.plan.tunnels.slice(1) } })],
    [
      "has a tunnel whose links do not join",
      (file) => ({
        ...file,
        plan: { ...file.plan, tunnels: file.plan.tunnels.map((each) => ({ ...each, path: each.path.toReversed() })) },
      }),
    ],
    [
      "claims a better bound than its prices give",
      (file) => ({
        ...file,
        plan: {
          ...file.plan,
          classes: file.plan.classes.map((each) => ({ ...each, certificate: { ...each.certificate, linkPrices: [] } })),
        },
      }),
    ],
    ["is of other inputs", (file) => ({ ...file, settings: { ...file.settings, splitWeightSumMax: 3 } })],
    ["loses a flow group", (file) => ({ ...file, plan: { ...file.plan, groups: file.plan.groups.slice(1) } })],
  ])("fails a plan that %s: exit code 1", async (_, change) => {
    const { code, report } = await verdictOn(solved && change(solved));
    expect(code).toBe(1);
    expect(report).toMatchObject({ verdict: "fail", check: { verdict: "fail" } });
    expect(report.check.violations.length).toBeGreaterThan(0);
  });

  function withGroup(file: PlanFile, change: (group: PlanFile["plan"]["groups"][number]) => unknown): unknown {
    return { ...file, plan: { ...file.plan, groups: file.plan.groups.map(change) } };
  }
});

describe("sluice explain", () => {
  test("a link's worth", async () => {
    const ran = await run(["explain", ...network, "--link", "a-c"]);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain("a-c carries 8 Gb/s of 8 Gb/s");
    expect(ran.stdout).toMatch(/800 Mb\/s more on a-c would admit at most (?:800 M|0 )b\/s more of bulk/);
  });
  test.each([
    ["300Mbps", 3e8, "300 Mb/s more"],
    ["1Gbps", 5e8, "500 Mb/s more"],
  ])("a link's worth by solving again with %s more: what demand there is, not what the price allows", async (extra, gainBps, words) => {
    const files = [join(dir, "one-link.json"), join(dir, "one-demand.json"), join(dir, "one-plan.json")] as const;
    await writeFile(files[0], JSON.stringify({ ...topology, links: [link("a", "b", 1)] }));
    await writeFile(
      files[1],
      JSON.stringify({ ...demands, demands: [{ src: "a", dst: "b", trafficClass: "elastic", rateBps: 1.5 * gbps }] }),
    );
    const input = ["--topology", files[0], "--demands", files[1]];
    expect(await run(["solve", ...input, "--tunnels", "any", "--plan-out", files[2]])).toMatchObject({ code: 0 });
    for (const plan of [[], ["--plan", files[2]]]) {
      const ran = await run(["explain", ...input, "--link", "a-b", "--extra", extra, "--exact", "-o", "json", ...plan]);
      expect(ran.code).toBe(0);
      const { exact, ...bound } = JSON.parse(ran.stdout);
      expect(exact).toMatchObject({ gainBps: expect.closeTo(gainBps, -4), proven: true });
      expect(bound.classes[1]).toMatchObject({ trafficClass: "elastic", gainMax: expect.closeTo(bound.extraBps, -4) });
    }
    const ran = await run(["explain", ...input, "--link", "a-b", "--extra", extra, "--exact"]);
    expect(ran.stdout).toMatch(/at most .*\n.*Solved again: /);
    expect(ran.stdout).toContain(`would admit ${words}.`);
    expect(await run(["explain", ...network, "--link", "a-b", "--exact", "--plan", files[2]])).toMatchObject({ code: 2, stdout: "" });
    expect(await run(["explain", ...input, "--demand", "a>b", "--exact"])).toMatchObject({ code: 2, stdout: "" });
  });
  test("the smallest change that would admit a demand", async () => {
    const ran = await run(["explain", ...network, "--demand", "a>d/bulk", "--change", "-o", "json"]);
    expect(ran.code).toBe(0);
    const { change, demandBps, admittedBps } = JSON.parse(ran.stdout);
    expect(change).toMatchObject({ kind: "capacity", isEnough: true });
    expect(change.additionBps).toBeGreaterThanOrEqual(demandBps - admittedBps - 1e4);
    const words = await run(["explain", ...network, "--demand", "a>d/bulk", "--change"]);
    expect(words.stdout).toContain(`Smallest change found: ${change.sentence}`);
    expect(await run(["explain", ...network, "--link", "a-b", "--change"])).toMatchObject({ code: 2, stdout: "" });
    expect(await run(["explain", ...network, "--tunnels", "any", "--demand", "a>d/bulk", "--change"])).toMatchObject({
      code: 2,
      stdout: "",
    });
  });
  test("what binds a demand, as JSON", async () => {
    const ran = await run(["explain", ...network, "--demand", "a>d/bulk", "-o", "json"]);
    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({ kind: "explanation", demandBps: 8e9, reason: "capacity", tunnels: [{}, {}] });
  });
});

describe.skipIf(!hasData)(`published optima${dataTitle}`, { timeout: 900_000 }, () => {
  test("Uninett2010, gravity, over the published path set: 29820.700125038624 in the file's unit", async () => {
    const peer = join(dataDir, "peer-bench");
    const uninett = [
      "--topology",
      join(peer, "topologies/Uninett2010.json"),
      "--demands",
      join(peer, "tms/Uninett2010_gravity_1996736980_x32.f32.gz"),
    ];
    const argv = [...uninett, "--tunnels", join(peer, "paths/Uninett2010.k4-edge-disjoint.txt.gz")];
    const plan = join(dir, "uninett.json");
    const ran = await run([
      "solve",
      ...argv,
      "--objective",
      "max-throughput",
      "--solver",
      "highs",
      "--deadline",
      "600",
      "-o",
      "json",
      "--plan-out",
      plan,
    ]);
    expect(ran.code).toBe(0);
    const report = JSON.parse(ran.stdout) as SolveReport;
    const published = 29820.700125038624;
    expect(Math.abs((report.objectiveInFileUnits?.value ?? 0) / published - 1)).toBeLessThan(1e-6);
    expect(Math.abs((report.objectiveInFileUnits?.bound ?? 0) / published - 1)).toBeLessThan(1e-6);
    expect(report.check.verdict).toBe("pass");
    expect(await run(["verify", ...argv, "--plan", plan])).toMatchObject({ code: 0 });
    const without = await run(["verify", ...uninett, "--plan", plan]);
    expect(without).toMatchObject({ code: 2, stdout: "" });
    expect(without.stderr).toContain("--tunnels");
  });
});
