/** The measured weeks of Abilene and GEANT (see the README of the data) as problems without paths. For tests only. */
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Problem } from "@sluice/mcf";
import { dataFolder } from "./germany50.js";

export const hasMeasuredWeeks = existsSync(`${dataFolder}/abilene/week1.txt.gz`) && existsSync(`${dataFolder}/geant/week7.hist.gz`);

interface MeasuredLink {
  readonly from: number;
  readonly to: number;
  readonly capacityBps: number;
}

/** One matrix of Abilene's week 1: counted in units of 100 bytes per five minutes. */
export function abileneProblem(line: number): Problem {
  const links = readFileSync(`${dataFolder}/abilene/topology.txt`, "utf8")
    .trim()
    .split("\n")
    .slice(2)
    .map((text): MeasuredLink => {
      const [, from = 0, to = 0, , kbps = 0] = text.split("\t").map(Number);
      return { from, to, capacityBps: kbps * 1000 };
    });
  return problemOf(
    12,
    links,
    readLine("abilene/week1.txt.gz", line).map((count) => (count * 800) / 300),
  );
}

/** One matrix of GEANT's week 7, bps. */
export function geantProblem(line: number): Problem {
  const { nodes, links } = JSON.parse(readFileSync(`${dataFolder}/geant/GEANT.json`, "utf8")) as {
    readonly nodes: readonly unknown[];
    readonly links: readonly { readonly source: number; readonly target: number; readonly capacity: number }[];
  };
  return problemOf(
    nodes.length,
    links.map(({ source, target, capacity }) => ({ from: source, to: target, capacityBps: capacity })),
    readLine("geant/week7.hist.gz", line),
  );
}

function readLine(file: string, line: number): readonly number[] {
  const text =
    gunzipSync(readFileSync(`${dataFolder}/${file}`))
      .toString("utf8")
      .split("\n")[line] ?? "";
  return text
    .trim()
    .split(/[\s,]+/)
    .map(Number);
}

function problemOf(nodeCount: number, links: readonly MeasuredLink[], rates: readonly number[]): Problem {
  const demands = rates
    .map((rate, i) => ({ rate, src: Math.floor(i / nodeCount), dst: i % nodeCount }))
    .filter(({ rate, src, dst }) => rate > 0 && src !== dst);
  return {
    nodeCount,
    linkCount: links.length,
    linkFrom: Int32Array.from(links, ({ from }) => from),
    linkTo: Int32Array.from(links, ({ to }) => to),
    capacityBps: Float64Array.from(links, ({ capacityBps }) => capacityBps),
    latencyMs: new Float64Array(links.length).fill(1),
    metric: new Float64Array(links.length).fill(1),
    demandCount: demands.length,
    demandBps: Float64Array.from(demands, ({ rate }) => rate),
    demandSrc: Int32Array.from(demands, ({ src }) => src),
    demandDst: Int32Array.from(demands, ({ dst }) => dst),
    bandwidthFunctions: [],
    pathCount: 0,
    pathStart: new Int32Array(demands.length + 1),
    linkStart: new Int32Array(1),
    pathLinks: new Int32Array(0),
  };
}
