/** Refused arguments and files: each error names the option or the file and the field, has a code, and exits with 2 without a word on stdout. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run, sourceSolver } from "../testing/run.js";

const link = { id: "a-b", from: "a", to: "b", capacityBps: 1e9, latencyMs: 1, metric: 1 };
const topology = { kind: "topology", name: "two", nodes: [{ id: "a" }, { id: "b" }], links: [link] };
const demand = { src: "a", dst: "b", trafficClass: "elastic", rateBps: 1e8 };
const demands = { kind: "demand-matrix", name: "one", demands: [demand] };
const series = {
  kind: "demand-series",
  name: "day",
  intervalSeconds: 300,
  flowGroups: [{ src: "a", dst: "b", trafficClass: "bulk" }],
  ratesBps: [[1], [2]],
};

/** name -> content */
const files: Readonly<Record<string, string | Uint8Array>> = {
  "good.json": JSON.stringify(topology),
  "demands.json": JSON.stringify(demands),
  "series.json": JSON.stringify(series),
  "empty.json": "",
  "half.json": JSON.stringify(topology).slice(0, 80),
  "binary.bin": new Uint8Array([0xff, 0xfe, 0, 1, 2, 3]),
  "gzip.gz": gzipSync("hello").subarray(0, 12),
  "negative.json": JSON.stringify({ ...topology, links: [{ ...link, capacityBps: -1 }] }),
  "text.json": JSON.stringify({ ...topology, links: [{ ...link, capacityBps: "1e9" }] }),
  "huge.json": JSON.stringify(topology).replace("1000000000", "1e999"),
  "dangling.json": JSON.stringify({ ...topology, links: [{ ...link, to: "c" }] }),
  "loop.json": JSON.stringify({ ...topology, links: [{ ...link, to: "a" }] }),
  "twice.json": JSON.stringify({ ...topology, nodes: [{ id: "a" }, { id: "b" }, { id: "a" }] }),
  "unknown.json": JSON.stringify({ ...topology, capacity: 3 }),
  "missing.json": JSON.stringify({ ...topology, links: [{ id: "a-b", from: "a", to: "b" }] }),
  "stranger.json": JSON.stringify({ ...demands, demands: [{ ...demand, dst: "z" }] }),
  "rate.json": JSON.stringify({ ...demands, demands: [{ ...demand, rateBps: -5 }] }),
  "class.json": JSON.stringify({ ...demands, demands: [{ ...demand, trafficClass: "gold" }] }),
  "double.json": JSON.stringify({ ...demands, demands: [demand, demand] }),
  "matrix.txt": "0 1 2\n3 0 4\n5 6 0\n",
  "nan.txt": "0 nan\n1 0\n",
  "plan-kind.json": JSON.stringify({ kind: "topology" }),
  "plan-bare.json": JSON.stringify({ kind: "sluice-plan", formatVersion: 1 }),
  "plan-version.json": JSON.stringify({ kind: "sluice-plan", formatVersion: 2 }),
};

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "sluice-cli-"));
  for (const [name, content] of Object.entries(files)) await writeFile(join(dir, name), content);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** `@name` stands for a file in the scratch directory. */
const at = (argv: string): readonly string[] => argv.split(" ").map((each) => (each.startsWith("@") ? join(dir, each.slice(1)) : each));
const solve = "solve --topology @good.json --demands @demands.json";

describe("refused arguments", () => {
  test.each([
    ["", "Usage", ""],
    ["optimise", "arguments", "not-found"],
    ["solve", "--topology", "missing-field"],
    ["solve --topology", "--topology", "missing-field"],
    [`${solve} --nonsense`, "--nonsense", "unknown-field"],
    [`${solve} more`, "arguments", "unknown-field"],
    [`${solve} --objective fastest`, "--objective", "not-allowed"],
    [`${solve} --solver gurobi`, "--solver", "not-allowed"],
    [`${solve} --tunnels k-shortest:99`, "--tunnels", "out-of-range"],
    [`${solve} --tunnels @absent.txt`, "--tunnels", "not-found"],
    [`${solve} --deadline 0`, "--deadline", "out-of-range"],
    [`${solve} --deadline -1`, "--deadline", "negative"],
    [`${solve} --deadline soon`, "--deadline", "wrong-type"],
    [`${solve} --deadline 1e999`, "--deadline", "not-finite"],
    [`${solve} --split-weight-sum 0`, "--split-weight-sum", "out-of-range"],
    [`${solve} --latency-max zero`, "--latency-max", "wrong-type"],
    [`${solve} --output xml`, "--output", "not-allowed"],
    [`${solve} --interval 1`, "--interval", "out-of-range"],
    [`${solve} --interval -1`, "--interval", "negative"],
    ["solve --topology @good.json --demands @series.json --interval 2", "--interval", "out-of-range"],
    [`${solve} --capacity-unit parsec`, "--capacity-unit", "malformed"],
    [`${solve} --rate-unit 0`, "--rate-unit", "out-of-range"],
    [`${solve} --class gold`, "--class", "not-allowed"],
    [`${solve} --single-class gold`, "--single-class", "not-allowed"],
    [`${solve} --priority --single-class`, "--priority", "malformed"],
    [`${solve} --node-order random`, "--node-order", "not-allowed"],
    ["solve --topology @absent.json", "--topology", "not-found"],
    ["solve --topology @good.json", "--demands", "missing-field"],
    ["solve --topology @good.json --demands @", "--demands", "wrong-type"],
    [`${solve} --plan-out @absent/plan.json`, "--plan-out", "not-found"],
    ["convert --topology @good.json", "--to", "missing-field"],
    ["convert --topology @good.json --to visio", "--to", "not-allowed"],
    ["convert --topology @good.json --demands @demands.json --to node-link", "--to", "not-allowed"],
    ["convert --topology @good.json --to sluice-json --what everything", "--what", "not-allowed"],
    ["convert --topology @good.json --to csv", "--demands", "missing-field"],
    ["convert --topology @good.json --to sluice-json -o @absent/out.json", "--output", "not-found"],
    ["verify --topology @good.json --demands @demands.json", "--plan", "missing-field"],
    ["verify --topology @good.json --demands @demands.json --plan @absent.json", "--plan", "not-found"],
    ["explain --topology @good.json --demands @demands.json", "--demand", "missing-field"],
    ["explain --topology @good.json --demands @demands.json --link a-b --demand a>b", "--demand", "missing-field"],
    ["explain --topology @good.json --demands @demands.json --link b-a", "--link", "not-found"],
    ["explain --topology @good.json --demands @demands.json --demand b>a", "--demand", "not-found"],
  ])("%s", async (argv, option, code) => {
    const ran = await run(argv === "" ? [] : at(argv));
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(option);
    expect(ran.stderr).toContain(code === "" ? "Usage" : `[${code}]`);
    expect(ran.stderr.includes("what to do:")).toBe(code !== "");
  });
});

describe("refused files", () => {
  test.each([
    ["empty.json", "The file is empty", "unknown-format"],
    ["half.json", "", "malformed"],
    ["binary.bin", "", "unknown-format"],
    ["gzip.gz", "", "malformed"],
    ["demands.json", "", "unknown-format"],
    ["negative.json", "/links/0/capacityBps", "negative"],
    ["text.json", "/links/0/capacityBps", "wrong-type"],
    ["huge.json", "/links/0/capacityBps", "not-finite"],
    ["dangling.json", "/links/0/to", "dangling-reference"],
    ["loop.json", "/links/0/to", "self-loop"],
    ["twice.json", "/nodes/2/id", "duplicate-id"],
    ["unknown.json", "/capacity", "unknown-field"],
    ["missing.json", "/links/0/capacityBps", "missing-field"],
  ])("topology %s at %s is %s", async (name, pointer, code) => {
    const ran = await run(at(`convert --topology @${name} --to sluice-json`));
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(join(dir, name));
    expect(ran.stderr).toContain(pointer);
    expect(ran.stderr).toContain(`[${code}]`);
    expect(ran.stderr).toContain("what to do:");
  });

  test.each([
    ["empty.json", "The file is empty", "unknown-format"],
    ["good.json", "", "unknown-format"],
    ["stranger.json", "/demands/0/dst", "dangling-reference"],
    ["rate.json", "/demands/0/rateBps", "negative"],
    ["class.json", "/demands/0/trafficClass", "not-allowed"],
    ["double.json", "/demands/1", "duplicate-id"],
    ["matrix.txt", "/line/1", "out-of-range"],
    ["nan.txt", "/line/1/2", "not-finite"],
  ])("demands %s at %s are %s", async (name, pointer, code) => {
    const ran = await run(at(`solve --topology @good.json --demands @${name}`), {
      solver: { ...sourceSolver, module: new URL("file:///absent") },
    });
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(join(dir, name));
    expect(ran.stderr).toContain(pointer);
    expect(ran.stderr).toContain(`[${code}]`);
    expect(ran.stderr).toContain("what to do:");
  });

  test.each([
    ["empty.json", "unknown-format"],
    ["half.json", "malformed"],
    ["plan-kind.json", "unknown-format"],
    ["plan-bare.json", "missing-field"],
    ["plan-version.json", "not-allowed"],
  ])("plan %s is %s", async (name, code) => {
    const ran = await run(at(`verify --topology @good.json --demands @demands.json --plan @${name}`));
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(join(dir, name));
    expect(ran.stderr).toContain(`[${code}]`);
    expect(ran.stderr).toContain("what to do:");
  });
});

test("what is refused leaves the earlier output file as it was, and no other file behind", async () => {
  const out = join(dir, "kept.json");
  await writeFile(out, "before");
  const before = await readdir(dir);
  expect(await run(at(`convert --topology @negative.json --to sluice-json -o ${out}`))).toMatchObject({ code: 2 });
  expect(await readdir(dir)).toEqual(before);
  expect(await readFile(out, "utf8")).toBe("before");
});
