/** Reads one instance of the peers' benchmark (see the README of the data) into a problem. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Problem } from "@sluice/mcf";

/** The folder of shared data: SLUICE_DATA, or ../shared/data beside the repository. */
const dataFolder = process.env["SLUICE_DATA"] ?? resolve(import.meta.dirname, "../../../../../shared/data");

export interface PeerInstance {
  readonly id: string;
  readonly topology: string;
  readonly n: number;
  readonly tm: string;
  readonly dtype: "f32" | "f64";
  readonly maxFlow: { readonly gurobi_lp: { readonly obj: number } | null };
  readonly maxConcurrent: { readonly gurobi_lp?: { readonly obj: number } } | null;
}

export const hasPeerBench = existsSync(`${dataFolder}/peer-bench/instances.json`);

export function peerInstances(): readonly PeerInstance[] {
  return JSON.parse(readFileSync(`${dataFolder}/peer-bench/instances.json`, "utf8")) as readonly PeerInstance[];
}

/** Rates and capacities are taken as they are: one unit is one bps. */
export function readPeerProblem(instance: PeerInstance): Problem {
  const directory = `${dataFolder}/peer-bench`;
  const { n, edges } = JSON.parse(readFileSync(`${directory}/topologies/${instance.topology}.json`, "utf8")) as {
    readonly n: number;
    readonly edges: readonly (readonly [number, number, number])[];
  };
  const linkAt = new Map(edges.map(([from, to], link) => [`${from}>${to}`, link]));
  const rates = readRates(`${directory}/${instance.tm}`, instance.dtype);
  const paths = new Map(
    gunzipSync(readFileSync(`${directory}/paths/${instance.topology}.k4-edge-disjoint.txt.gz`))
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(":", 2) as [string, string]),
  );
  const demandBps: number[] = [];
  const demandSrc: number[] = [];
  const demandDst: number[] = [];
  const pathStart = [0];
  const linkStart = [0];
  const pathLinks: number[] = [];
  for (let src = 0; src < n; src++) {
    for (let dst = 0; dst < n; dst++) {
      const rate = rates[src * n + dst] ?? 0;
      if (rate === 0 || src === dst) continue;
      demandBps.push(rate);
      demandSrc.push(src);
      demandDst.push(dst);
      for (const path of (paths.get(`${src} ${dst}`) ?? "").split(";").filter((text) => text !== "")) {
        const nodes = path.split(",");
        for (let i = 1; i < nodes.length; i++) {
          const link = linkAt.get(`${nodes[i - 1]}>${nodes[i]}`);
          if (link === undefined) throw new Error(`${instance.topology} has no link ${nodes[i - 1]}>${nodes[i]}`);
          pathLinks.push(link);
        }
        linkStart.push(pathLinks.length);
      }
      pathStart.push(linkStart.length - 1);
    }
  }
  return {
    nodeCount: n,
    linkCount: edges.length,
    linkFrom: Int32Array.from(edges, ([from]) => from),
    linkTo: Int32Array.from(edges, ([, to]) => to),
    capacityBps: Float64Array.from(edges, ([, , capacity]) => capacity),
    latencyMs: new Float64Array(edges.length).fill(1),
    metric: new Float64Array(edges.length).fill(1),
    demandCount: demandBps.length,
    demandBps: Float64Array.from(demandBps),
    demandSrc: Int32Array.from(demandSrc),
    demandDst: Int32Array.from(demandDst),
    bandwidthFunctions: [],
    pathCount: linkStart.length - 1,
    pathStart: Int32Array.from(pathStart),
    linkStart: Int32Array.from(linkStart),
    pathLinks: Int32Array.from(pathLinks),
  };
}

function readRates(file: string, dtype: "f32" | "f64"): Float32Array | Float64Array {
  const bytes = gunzipSync(readFileSync(file));
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return dtype === "f32" ? new Float32Array(buffer) : new Float64Array(buffer);
}
