import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Problem } from "../problem.js";
import { hasPeerBench, loadPeerInstances, loadPeerProblem, peerBenchFolder, peerInstances, readPeerProblem } from "./peer-bench.js";

/**
 *   0 ──► 1 ──► 2        links 0>1, 1>2, 0>2, 2>0; node 3 stands alone
 *   └───────────►
 */
const edges = [
  [0, 1, 10],
  [1, 2, 20],
  [0, 2, 5.5],
  [2, 0, 0],
];
const instance = {
  id: "Tiny_gravity_1_x2",
  topology: "Tiny",
  n: 4,
  model: "gravity",
  scale: 2,
  tm: "tms/Tiny.f32.gz",
  dtype: "f32",
  maxFlow: {
    gurobi_lp: { obj: 9, s: 0.5 },
    ncflow: null,
    pop: [{ k: 16, split: 0.5, obj: 8, s: 0.1 }],
    smore: { "4": { obj: 9.5, s: 1 } },
  },
  maxConcurrent: null,
  madeBy: "a field that is not known",
};
// 0>0 lies on the diagonal; 3 cannot be reached.
const rates = [7, 1, 2, 3, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const lines = ["1 2:1,2", "0 1:0,1", "2 0:2,0", "0 2:0,1,2;0,2", "0 3:"];

const files = (): Record<string, string | Uint8Array> => ({
  "instances.json": JSON.stringify([instance]),
  "topologies/Tiny.json": JSON.stringify({ name: "Tiny", n: 4, edges }),
  "tms/Tiny.f32.gz": gzipSync(Float32Array.from(rates)),
  "paths/Tiny.k4-edge-disjoint.txt.gz": gzipSync(`${lines.join("\n")}\n`),
});

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-peer-bench-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(changed: Record<string, string | Uint8Array | undefined> = {}): void {
  for (const [name, content] of Object.entries({ ...files(), ...changed })) {
    if (content === undefined) continue;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** The first fault of reading the one instance. */
function refusal() {
  const instances = loadPeerInstances(folder);
  const [only] = instances.ok ? instances.value : [];
  if (!instances.ok || only === undefined) return instances.ok ? undefined : instances.faults[0];
  const problem = loadPeerProblem(only, folder);
  return problem.ok ? undefined : problem.faults[0];
}

describe("a handwritten instance", () => {
  it("is read into arrays, demands by source and destination, whatever the order of the lines", () => {
    write();
    const [only] = peerInstances(folder);
    expect(only?.maxFlow).toMatchObject({ gurobi_lp: { obj: 9 }, pop: [{ k: 16, split: 0.5 }], smore: { "4": { obj: 9.5 } } });
    expect(only && readPeerProblem(only, folder)).toEqual({
      nodeCount: 4,
      linkCount: 4,
      linkFrom: Int32Array.of(0, 1, 0, 2),
      linkTo: Int32Array.of(1, 2, 2, 0),
      capacityBps: Float64Array.of(10, 20, 5.5, 0),
      latencyMs: new Float64Array(4).fill(1),
      metric: new Float64Array(4).fill(1),
      demandCount: 4,
      demandBps: Float64Array.of(1, 2, 3, 4),
      demandSrc: Int32Array.of(0, 0, 0, 1),
      demandDst: Int32Array.of(1, 2, 3, 2),
      bandwidthFunctions: [],
      pathCount: 4,
      pathStart: Int32Array.of(0, 1, 3, 3, 4),
      linkStart: Int32Array.of(0, 1, 3, 4, 5),
      pathLinks: Int32Array.of(0, 0, 1, 2, 1),
    } satisfies Problem);
  });

  it.each([
    [
      "packed no file",
      { "tms/Tiny.f32.gz": new Uint8Array(Float32Array.from(rates).buffer), "paths/Tiny.k4-edge-disjoint.txt.gz": lines.join("\n") },
    ],
    ["lines that end as on Windows, and an empty one", { "paths/Tiny.k4-edge-disjoint.txt.gz": gzipSync(lines.join("\r\n\r\n")) }],
    ["no line for a pair without paths", { "paths/Tiny.k4-edge-disjoint.txt.gz": gzipSync(lines.slice(0, 4).join("\n")) }],
  ])("is the same with %s", (_, changed) => {
    write();
    const [only] = peerInstances(folder);
    const before = only && readPeerProblem(only, folder);
    write(changed);
    expect(only && readPeerProblem(only, folder)).toEqual(before);
  });

  it("may have rates of 64 bits", () => {
    write({
      "instances.json": JSON.stringify([{ ...instance, dtype: "f64" }]),
      "tms/Tiny.f32.gz": gzipSync(Float64Array.from(rates, (rate) => rate / 3)),
    });
    const [only] = peerInstances(folder);
    expect(only && [...readPeerProblem(only, folder).demandBps]).toEqual([1 / 3, 2 / 3, 1, 4 / 3]);
  });
});

describe("a refused instance names the file and what is wrong with it", () => {
  const pathFile = "paths/Tiny.k4-edge-disjoint.txt.gz";
  const paths = (...text: readonly string[]) => ({ [pathFile]: gzipSync(text.join("\n")) });
  const document = (change: object) => ({ "topologies/Tiny.json": JSON.stringify({ n: 4, edges, ...change }) });
  const matrix = (rate: number) => ({ "tms/Tiny.f32.gz": gzipSync(Float32Array.from(rates.with(6, rate))) });

  it.each<[string, Record<string, string | Uint8Array | undefined>, string, string, RegExp]>([
    ["no index", { "instances.json": undefined }, "instances.json", "not-found", /not there/],
    ["an index that is no JSON", { "instances.json": "[" }, "instances.json", "malformed", /no JSON/],
    [
      "an index without a size",
      { "instances.json": JSON.stringify([{ ...instance, n: undefined }]) },
      "instances.json",
      "missing-field",
      /\/0\/n/,
    ],
    [
      "a type of number that nobody knows",
      { "instances.json": JSON.stringify([{ ...instance, dtype: "f16" }]) },
      "instances.json",
      "not-allowed",
      /dtype/,
    ],
    ["no topology", { "topologies/Tiny.json": undefined }, "topologies/Tiny.json", "not-found", /not there/],
    ["a topology of another size", document({ n: 5 }), "topologies/Tiny.json", "out-of-range", /4 nodes, its topology 5/],
    ["a link to nowhere", document({ edges: [...edges, [0, 4, 1]] }), "topologies/Tiny.json", "out-of-range", /\/edges\/4/],
    ["a negative capacity", document({ edges: [[0, 1, -1]] }), "topologies/Tiny.json", "negative", /\/edges\/0\/2/],
    ["no matrix", { "tms/Tiny.f32.gz": undefined }, "tms/Tiny.f32.gz", "not-found", /not there/],
    [
      "a short matrix",
      { "tms/Tiny.f32.gz": gzipSync(new Float32Array(15)) },
      "tms/Tiny.f32.gz",
      "out-of-range",
      /64 bytes, and there are 60/,
    ],
    ["a matrix cut off", { "tms/Tiny.f32.gz": gzipSync(new Float32Array(16)).subarray(0, 20) }, "tms/Tiny.f32.gz", "malformed", /gzip/],
    ["a negative rate", matrix(-1), "tms/Tiny.f32.gz", "negative", /from 1 to 2 is -1/],
    ["a rate that is no number", matrix(Number.NaN), "tms/Tiny.f32.gz", "not-finite", /from 1 to 2/],
    ["no path set", { [pathFile]: undefined }, pathFile, "not-found", /not there/],
    ["an unknown link", paths("0 1:0,1", "0 2:0,2;0,3,2"), pathFile, "dangling-reference", /\/line\/2: .*no link from 0 to 3/],
    ["an unknown node", paths("0 2:0,9,2"), pathFile, "dangling-reference", /no node 9/],
    ["an unknown pair", paths("0 4:0,4"), pathFile, "dangling-reference", /no node 4/],
    ["a path from elsewhere", paths("0 2:1,2"), pathFile, "not-allowed", /begins at 1/],
    ["a path to elsewhere", paths("0 2:0,1"), pathFile, "not-allowed", /ends at 1/],
    ["a pair twice", paths("0 1:0,1", "0 1:0,1"), pathFile, "duplicate-id", /\/line\/2: .*0 1/],
    [
      "two links that paths cannot tell apart",
      document({ edges: [...edges, [0, 1, 1]] }),
      pathFile,
      "duplicate-id",
      /two links from 0 to 1/,
    ],
    ["a hop that is no number", paths("0 2:0,x,2"), pathFile, "malformed", /\/line\/1: numbers/],
    ["a blank", paths("0 2:0, 2"), pathFile, "malformed", /numbers/],
    ["an empty path", paths("0 2:0,1,2;;0,2"), pathFile, "malformed", /numbers/],
    ["a line of something else", paths("", "# a comment"), pathFile, "malformed", /\/line\/2: `source destination/],
  ])("%s", (_, changed, file, code, message) => {
    write(changed);
    expect(refusal()).toMatchObject({ code, message: expect.stringMatching(message), data: { file: join(folder, file) } });
  });
});

describe("where the data are", () => {
  it("is what SLUICE_DATA says, else beside the repository", () => {
    expect(peerBenchFolder({ SLUICE_DATA: "/data" })).toBe(join("/data", "peer-bench"));
    expect(peerBenchFolder({})).toBe(peerBenchFolder({ SLUICE_DATA: "" }));
    expect(peerBenchFolder({})).toMatch(/shared\/data\/peer-bench$/);
  });
});

const absent = hasPeerBench ? "" : " (skipped: set SLUICE_DATA to the folder of shared data)";
describe.skipIf(!hasPeerBench)(`the published instances${absent}`, () => {
  it.each(hasPeerBench ? peerInstances() : [])("$id has the published size", (each) => {
    const problem = readPeerProblem(each);
    expect([problem.linkCount, problem.demandCount]).toEqual([each.m, each.commodities]);
    expect(problem.linkStart[problem.pathCount]).toBe(problem.pathLinks.length);
    expect(problem.pathStart[problem.demandCount]).toBe(problem.pathCount);
  });
});
