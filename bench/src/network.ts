/**
 * The networks that benchmarks run on: the project's own examples, and GEANT and germany50 from the data folder.
 * All pairs, three classes: where a source has one rate per pair it is divided 15 : 45 : 40 between the classes.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readDemands, readTopology, type ReadOptions } from "@sluice/formats";
import {
  buildDemandMatrix,
  buildTopology,
  matrixAt,
  topologyDocument,
  trafficClasses,
  type DemandMatrix,
  type Result,
  type Topology,
} from "@sluice/model";

const root = fileURLToPath(new URL("../../", import.meta.url));
const dataFolder = process.env["SLUICE_DATA"] ?? join(root, "..", "shared", "data");

export interface BenchNetwork {
  readonly name: string;
  readonly topology: Topology;
  readonly demands: DemandMatrix;
}

const classShare = { interactive: 0.15, elastic: 0.45, bulk: 0.4 } as const;
/**
 * Germany50's source has demands for a quarter of the pairs, and no capacities: all pairs by gravity on its nodes' totals, and
 * one capacity for all links, so small that a few percent of the demand do not fit.
 */
const germany50CapacityBps = 40e9;
const germany50RateUnitBps = 4.5e8;

export const networkNames = ["b4", "abilene", "geant", "germany50"] as const;
export type NetworkName = (typeof networkNames)[number];

/** Germany50 with the demands of its source alone, 662 pairs, in three classes: what its planners published, where `germany50` is the hardest case. */
export const publishedGermany50 = "germany50-published";

/** Loads a network at its busiest time; an absent data folder is said so. */
export function loadNetwork(name: NetworkName | typeof publishedGermany50): BenchNetwork {
  switch (name) {
    case "b4":
    case "abilene": {
      const topology = topologyFrom(join(root, "examples", `${name}.json`));
      return { name, topology, demands: demandsFrom(topology, join(root, "examples", `${name}-day.json`)) };
    }
    case "geant": {
      const topology = topologyFrom(data("geant/GEANT.json"), { capacityUnitBps: 1 });
      const all = demandsFrom(topology, data("geant/week7.hist.gz"), { rateUnitBps: 1 });
      return { name, topology, demands: inClasses(all) };
    }
    case publishedGermany50:
    case "germany50": {
      const file = data("topohub/germany50.json");
      const topology = withCapacity(topologyFrom(file), germany50CapacityBps);
      const all = demandsFrom(topology, file, { rateUnitBps: germany50RateUnitBps });
      return { name, topology, demands: inClasses(name === publishedGermany50 ? all : gravity(topology, all)) };
    }
  }
}

/** All pairs, each in proportion to what its source sends and its destination receives; the total stays. */
function gravity(topology: Topology, matrix: DemandMatrix): DemandMatrix {
  const sent = new Map<string, number>();
  const received = new Map<string, number>();
  for (const { src, dst, rateBps } of matrix.demands) {
    sent.set(src, (sent.get(src) ?? 0) + rateBps);
    received.set(dst, (received.get(dst) ?? 0) + rateBps);
  }
  const pairs = topology.nodes.flatMap(({ id: src }) =>
    topology.nodes
      .filter(({ id: dst }) => src !== dst)
      .map(({ id: dst }) => ({
        src,
        dst,
        weight: ((sent.get(src) ?? 0) + (received.get(src) ?? 0)) * ((sent.get(dst) ?? 0) + (received.get(dst) ?? 0)),
      })),
  );
  const total = matrix.demands.reduce((sum, { rateBps }) => sum + rateBps, 0);
  const weights = pairs.reduce((sum, { weight }) => sum + weight, 0);
  return {
    ...matrix,
    demands: pairs.map(({ src, dst, weight }) => ({ src, dst, trafficClass: "elastic", rateBps: (total * weight) / weights })),
  };
}

function data(path: string): string {
  const file = join(dataFolder, path);
  if (!existsSync(file)) throw new Error(`${file} is not there: set SLUICE_DATA to the data folder, or choose b4 or abilene`);
  return file;
}

function options(file: string, more: Partial<ReadOptions>): ReadOptions {
  return { name: basename(file).split(".")[0] ?? file, ...more };
}

function topologyFrom(file: string, more: Partial<ReadOptions> = {}): Topology {
  return valueOf(readTopology(readFileSync(file), options(file, more))).topology;
}

/** A series is taken at the interval with the largest total. */
function demandsFrom(topology: Topology, file: string, more: Partial<ReadOptions> = {}): DemandMatrix {
  const { matrices } = valueOf(readDemands(readFileSync(file), topology, options(file, more)));
  if (matrices.kind === "demand-matrix") return matrices;
  const totals = matrices.ratesBps.map((rates) => rates.reduce((sum, rate) => sum + rate, 0));
  return matrixAt(matrices, totals.indexOf(Math.max(...totals)));
}

/** Splits each pair's rate over the classes; a pair that already has classes keeps their sum. */
function inClasses(matrix: DemandMatrix): DemandMatrix {
  return valueOf(
    buildDemandMatrix(
      matrix.name,
      matrix.demands.flatMap(({ src, dst, rateBps }) =>
        trafficClasses.map((trafficClass) => ({ src, dst, trafficClass, rateBps: rateBps * classShare[trafficClass] })),
      ),
    ),
  );
}

function withCapacity(topology: Topology, capacityBps: number): Topology {
  const document = topologyDocument(topology);
  return valueOf(buildTopology({ ...document, links: document.links.map((link) => ({ ...link, capacityBps })) }));
}

export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults.map((each) => `${each.code} ${each.pointer ?? ""}: ${each.message}`).join("\n"));
  return result.value;
}
