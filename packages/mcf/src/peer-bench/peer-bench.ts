/**
 * The benchmark on which NCFlow (NSDI 2021) and POP (SOSP 2021) published results, read from a folder into problems:
 *
 *   instances.json                             sizes, file names and published results (published.ts)
 *   topologies/NAME.json                       `{n, edges: [[from, to, capacity], ...]}`
 *   paths/NAME.k4-edge-disjoint.txt.gz         `s t:node,node,...;node,...`, a line per ordered pair (path-set.ts)
 *   tms/ID.f32.gz or .f64.gz                   n x n little-endian rates, row to column (traffic-matrix.ts)
 *
 * @sluice/formats reads the same files into documents of named nodes and links. This reader keeps to indices from the first byte on: on
 * the largest instance, 30 million links of a million paths, it takes a second where documents take many and gigabytes.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { admit, fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";
import type { Problem } from "../problem.js";
import { parseJson, readFileBytes } from "./file-bytes.js";
import { parsePathSet } from "./path-set.js";
import { peerInstancesSchema, type PeerInstance } from "./published.js";
import { parseTrafficMatrix } from "./traffic-matrix.js";

export type { PeerInstance, PopResult, PublishedConcurrent, PublishedFlow, PublishedResult } from "./published.js";

/** Largest network, nodes: the matrix alone has the square of it. */
const peerNodesMax = 10_000;

/** The benchmark's place in the shared data: `SLUICE_DATA`, or ../shared/data beside the repository. */
export function peerBenchFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const data = env["SLUICE_DATA"];
  return join(data === undefined || data === "" ? resolve(repositoryFolder(), "../shared/data") : data, "peer-bench");
}

/** The folder above this file, compiled or not, that is the workspace's root; the working directory outside any. */
function repositoryFolder(): string {
  for (let folder = import.meta.dirname; dirname(folder) !== folder; folder = dirname(folder)) {
    if (existsSync(join(folder, "pnpm-workspace.yaml"))) return folder;
  }
  return process.cwd();
}

/** Whether the data are there: tests on them are skipped where they are not. */
export const hasPeerBench = existsSync(join(peerBenchFolder(), "instances.json"));

/** The instances of a folder, in the file's order. Faults: `not-found`, `malformed`, and what the gate refuses; each names its file. */
export function loadPeerInstances(folder: string = peerBenchFolder()): Result<readonly PeerInstance[]> {
  const file = join(folder, "instances.json");
  const bytes = readFileBytes(file);
  if (!bytes.ok) return bytes;
  const document = parseJson(bytes.value, file);
  if (!document.ok) return document;
  return named(file, admit(peerInstancesSchema, document.value));
}

/**
 * One instance as a problem, with the published path set. Rates and capacities are taken as they are: one unit is one bps. Demands in
 * rising order of source, then destination; links in the file's order; a demand whose pair has no path has none here. O(bytes of the files);
 * at most the text of the path set and four bytes for each link of a path at once. Faults name the file: `not-found`, `malformed`, `out-of-range`,
 * `negative`, `not-finite`, `duplicate-id`, `dangling-reference`, `not-allowed`.
 */
export function loadPeerProblem(instance: PeerInstance, folder: string = peerBenchFolder()): Result<Problem> {
  const network = loadTopology(join(folder, "topologies", `${instance.topology}.json`), instance.n);
  if (!network.ok) return network;
  const tmFile = join(folder, instance.tm);
  const tmBytes = readFileBytes(tmFile);
  if (!tmBytes.ok) return tmBytes;
  const demands = named(tmFile, parseTrafficMatrix(tmBytes.value, { n: instance.n, type: instance.dtype }));
  if (!demands.ok) return demands;
  const pathFile = join(folder, "paths", `${instance.topology}.k4-edge-disjoint.txt.gz`);
  const pathBytes = readFileBytes(pathFile);
  if (!pathBytes.ok) return pathBytes;
  const paths = named(pathFile, parsePathSet(pathBytes.value, { ...network.value, ...demands.value }));
  if (!paths.ok) return paths;
  return ok({ ...network.value, ...demands.value, ...paths.value, bandwidthFunctions: [] });
}

/** For tests and measurements, which can do nothing about a fault: throws it. */
export function peerInstances(folder: string = peerBenchFolder()): readonly PeerInstance[] {
  return valueOf(loadPeerInstances(folder));
}

/** For tests and measurements, which can do nothing about a fault: throws it. */
export function readPeerProblem(instance: PeerInstance, folder: string = peerBenchFolder()): Problem {
  return valueOf(loadPeerProblem(instance, folder));
}

const nodeSchema = z.int().min(0);
const topologySchema = z.object({
  n: z.int().min(1).max(peerNodesMax),
  edges: z.array(z.tuple([nodeSchema, nodeSchema, z.number().min(0)])),
});

type Network = Pick<Problem, "nodeCount" | "linkCount" | "linkFrom" | "linkTo" | "capacityBps" | "latencyMs" | "metric">;

function loadTopology(file: string, n: number): Result<Network> {
  const bytes = readFileBytes(file);
  if (!bytes.ok) return bytes;
  const document = parseJson(bytes.value, file);
  if (!document.ok) return document;
  const admitted = named(file, admit(topologySchema, document.value));
  if (!admitted.ok) return admitted;
  const { edges } = admitted.value;
  if (admitted.value.n !== n) {
    return refuse(
      fault("out-of-range", `/n: the instance has ${n} nodes, its topology ${admitted.value.n}.`, { pointer: "/n", data: { file } }),
    );
  }
  // Interoute has links from a node to itself: no path takes them, and links keep their numbers.
  const stray = edges.findIndex(([from, to]) => from >= n || to >= n);
  if (stray >= 0) {
    const pointer = `/edges/${stray}`;
    return refuse(fault("out-of-range", `${pointer}: nodes from 0 to ${n - 1} are expected.`, { pointer, data: { file } }));
  }
  return ok({
    nodeCount: n,
    linkCount: edges.length,
    linkFrom: Int32Array.from(edges, ([from]) => from),
    linkTo: Int32Array.from(edges, ([, to]) => to),
    capacityBps: Float64Array.from(edges, ([, , capacity]) => capacity),
    latencyMs: new Float64Array(edges.length).fill(1),
    metric: new Float64Array(edges.length).fill(1),
  });
}

/** Says of every fault in which file it was found. */
function named<T>(file: string, result: Result<T>): Result<T> {
  if (result.ok) return result;
  const [first, ...rest] = result.faults;
  const inFile = (each: typeof first): typeof first => ({ ...each, data: { ...each.data, file } });
  return { ok: false, faults: [inFile(first), ...rest.map(inFile)] };
}

function valueOf<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  const [{ message, data }] = result.faults;
  throw new Error(`${String(data?.["file"] ?? "peer-bench")}: ${message}`);
}
