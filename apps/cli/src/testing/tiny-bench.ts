/**
 * A peer benchmark of one handwritten instance, in a folder of its own:
 *
 *   0 ──10──► 1 ──10──► 3        0 wants 30 to 3 over both ways, 1 wants 4 to 3: 18 fit into 3
 *   └────8──► 2 ───8────►        all can have 18/34 at once
 */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

export const tinyId = "Tiny_uniform_7_x1";
export const tinyThroughput = 18;
export const tinyFraction = 18 / 34;

const edges = [
  [0, 1, 10],
  [1, 3, 10],
  [0, 2, 8],
  [2, 3, 8],
];

export const tinyInstance = {
  id: tinyId,
  topology: "Tiny",
  n: 4,
  m: 4,
  model: "uniform",
  seed: 7,
  scale: 1,
  commodities: 2,
  tm: "tms/Tiny.f32.gz",
  dtype: "f32",
  maxFlow: {
    gurobi_lp: { obj: tinyThroughput, s: 0.5 },
    ncflow: { obj: 16, s: 0.25 },
    pop: [
      { k: 16, split: 0, obj: 12, s: 0.1 },
      { k: 4, split: 0.5, obj: 17, s: 0.2 },
    ],
    cspf: null,
    smore: { "4": { obj: 18.5, s: 1 } },
  },
  maxConcurrent: { gurobi_lp: { obj: tinyFraction, s: 0.5 }, pop: [{ k: 1, split: 0, obj: tinyFraction, s: 0.5 }] },
};

/** Gives the folder; `changed` replaces files, or leaves them out where it is undefined. */
export async function writeTinyBench(changed: Readonly<Record<string, string | Uint8Array | undefined>> = {}): Promise<string> {
  const rates = new Float32Array(16);
  rates[3] = 30;
  rates[7] = 4;
  const files: Readonly<Record<string, string | Uint8Array | undefined>> = {
    "instances.json": JSON.stringify([tinyInstance]),
    "topologies/Tiny.json": JSON.stringify({ n: 4, edges }),
    "tms/Tiny.f32.gz": gzipSync(rates),
    "paths/Tiny.k4-edge-disjoint.txt.gz": gzipSync("0 3:0,1,3;0,2,3\n1 3:1,3\n"),
    ...changed,
  };
  const folder = await mkdtemp(join(tmpdir(), "sluice-bench-"));
  for (const [name, content] of Object.entries(files)) {
    if (content === undefined) continue;
    const file = join(folder, "peer-bench", name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  return folder;
}
