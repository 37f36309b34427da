/**
 * Germany50 from the shared data (TopoHub's node-link JSON), for tests: 50 nodes, 88 cables as two links each, latency 5 us a
 * kilometre, demands between all pairs in three classes. Capacities are not in the file: all links get the same.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { buildTopology, parseDemandMatrix, parseTopology, planSettingsDefault, trafficClasses, type Snapshot } from "@sluice/model";

/** The folder of shared data: SLUICE_DATA, or ../shared/data beside the repository. */
export const dataFolder = process.env["SLUICE_DATA"] ?? resolve(import.meta.dirname, "../../../../../shared/data");
const file = resolve(dataFolder, "topohub/germany50.json");
export const hasGermany50 = existsSync(file);

interface Topohub {
  readonly graph: { readonly demands: Readonly<Record<string, Readonly<Record<string, number>>>> };
  readonly nodes: readonly { readonly id: number; readonly name: string }[];
  readonly edges: readonly { readonly source: number; readonly target: number; readonly dist: number }[];
}

/** Shares of each pair's demand by class. */
const classShare = { interactive: 0.2, elastic: 0.5, bulk: 0.3 } as const;

export function germany50({ capacityBps, demandScale }: { capacityBps: number; demandScale: number }): Snapshot {
  const read = JSON.parse(readFileSync(file, "utf8")) as Topohub;
  const name = (id: number): string => read.nodes.find((node) => node.id === id)?.name ?? String(id);
  const topology = parseTopology({
    name: "germany50",
    nodes: read.nodes.map((node) => ({ id: node.name })),
    links: read.edges.flatMap(({ source, target, dist }) => {
      const ends = [name(source), name(target)] as const;
      return [ends, [ends[1], ends[0]] as const].map(([from, to]) => ({
        id: `${from}-${to}`,
        from,
        to,
        capacityBps,
        latencyMs: dist * 0.005,
        metric: Math.round(dist),
      }));
    }),
  });
  if (!topology.ok) throw new Error(JSON.stringify(topology.faults));
  const total = Object.entries(read.graph.demands).flatMap(([src, row]) =>
    Object.entries(row).map(([dst, value]) => ({ src: name(Number(src)), dst: name(Number(dst)), rateBps: value * 1e6 * demandScale })),
  );
  const known = new Map(total.map((demand) => [`${demand.src}>${demand.dst}`, demand.rateBps]));
  const mean = total.reduce((sum, demand) => sum + demand.rateBps, 0) / total.length;
  const demands = parseDemandMatrix({
    name: "germany50",
    demands: read.nodes.flatMap((from) =>
      read.nodes
        .filter((to) => to !== from)
        .flatMap((to) =>
          trafficClasses.map((trafficClass) => ({
            src: from.name,
            dst: to.name,
            trafficClass,
            rateBps: (known.get(`${from.name}>${to.name}`) ?? mean / 4) * classShare[trafficClass],
          })),
        ),
    ),
  });
  if (!demands.ok) throw new Error(JSON.stringify(demands.faults));
  const built = buildTopology(topology.value);
  if (!built.ok) throw new Error("unreachable");
  const { kind, sites, nodes, links } = topology.value;
  return { topology: { kind, name: "germany50", sites, nodes, links }, demands: demands.value, settings: planSettingsDefault };
}
