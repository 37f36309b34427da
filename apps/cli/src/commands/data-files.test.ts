/** Every file of the collected data is a legal argument: each is read by the command it is for. A file that nobody reads fails the test. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { readTopology } from "@sluice/formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTunnelFile } from "../tunnel-input.js";
import { dataDir, dataTitle, hasData } from "../testing/data.js";
import { run } from "../testing/run.js";

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "sluice-cli-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function filesUnder(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .toSorted();
}

/** What is no network data: texts, and the table of published results. */
const noData = /(?:^|\/)(?:LICENSE(?:\..*)?|README\.md)$|^peer-bench\/instances\.json$/;
const isTopology = /^(?:teal|topohub|geant|peer-bench\/topologies)\/.*\.json$|^topology-zoo\/.*\.graphml$|^abilene\/topology\.txt$/;
const isArrow = /^arrow\/[^/]+\//;

/** The topology that a demand or path file belongs to. */
function topologyOf(file: string): string | undefined {
  if (file.startsWith("abilene/")) return "abilene/topology.txt";
  if (file.startsWith("geant/")) return "geant/GEANT.json";
  const arrow = /^(arrow\/[^/]+)\/demand/.exec(file)?.[1];
  if (arrow !== undefined) return arrow;
  const peer = /^peer-bench\/(?:tms|paths)\/([A-Za-z0-9]+)[._]/.exec(file)?.[1];
  return peer === undefined ? undefined : `peer-bench/topologies/${peer}.json`;
}

const files = hasData ? await filesUnder(dataDir) : [];
const topologies = [
  ...new Set(files.flatMap((file) => (isTopology.test(file) ? [file] : isArrow.test(file) ? [file.split("/").slice(0, 2).join("/")] : []))),
];
const pathSets = files.filter((file) => file.startsWith("peer-bench/paths/"));
const demands = files.filter(
  (file) => !noData.test(file) && topologyOf(file) !== undefined && !pathSets.includes(file) && !topologies.includes(file),
);

describe.skipIf(!hasData)(`files of the collected data${dataTitle}`, () => {
  test("each is a topology, demands, a path set, or no data", () => {
    const known = new Set([...topologies, ...demands, ...pathSets]);
    expect(files.filter((file) => !known.has(file) && !noData.test(file) && !isArrow.test(file))).toEqual([]);
    expect([topologies.length, demands.length, pathSets.length]).toEqual([31, 26, 10]);
  });

  test.each(topologies)("convert --topology %s", async (file) => {
    const ran = await run(["convert", "--topology", join(dataDir, file), "--to", "sluice-json"]);
    expect(ran).toMatchObject({ code: 0 });
    const again = readTopology(Buffer.from(ran.stdout), { name: "again" });
    expect(again.ok && again.value.topology.nodes.length).toBeGreaterThan(1);
    expect(again.ok && again.value.notes).toEqual([]);
  });

  test.each(demands)("convert --demands %s", async (file) => {
    const out = join(scratch, "demands");
    const ran = await run([
      "convert",
      "--topology",
      join(dataDir, topologyOf(file) ?? ""),
      "--demands",
      join(dataDir, file),
      "--to",
      "csv",
      "-o",
      out,
    ]);
    expect(ran).toMatchObject({ code: 0, stdout: "" });
    const text = await readFile(out, "utf8");
    expect(text.indexOf("\n", text.indexOf("\n") + 1)).toBeGreaterThan(0);
  });

  test.each(pathSets)("--tunnels %s", async (file) => {
    const topology = readTopology(await readFile(join(dataDir, topologyOf(file) ?? "")), { name: "network" });
    expect(topology.ok).toBe(true);
    if (!topology.ok) return;
    const read = await readTunnelFile(join(dataDir, file), topology.value.topology);
    expect(read).toMatchObject({ ok: true });
    const nodes = topology.value.topology.nodes.length;
    expect(read.ok && read.value.candidates.pairs.size).toBe(nodes * (nodes - 1));
  });
});
