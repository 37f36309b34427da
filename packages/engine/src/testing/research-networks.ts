/**
 * Networks of the shared research data with their shared risks, for tests of protection: Abilene and GEANT, whose cables are SRLGs, and the IP layers
 * of B4 and IBM over their fibres (ARROW, Zhong et al. 2021), where a cut takes down every IP link that rides the fibre. Latency is unknown but
 * for ARROW's (length of fibre, 5 us/km); elsewhere the metric stands for it, or 1 ms a link.
 */
import { existsSync, readFileSync } from "node:fs";
import { parseTopology, type Topology, type TopologyInput } from "@sluice/model";
import { dataFolder } from "./germany50.js";

export const researchNetworkNames = ["abilene", "geant", "B4", "IBM"] as const;
export type ResearchNetworkName = (typeof researchNetworkNames)[number];

const files: Readonly<Record<ResearchNetworkName, readonly string[]>> = {
  abilene: ["abilene/topology.txt"],
  geant: ["geant/GEANT.json"],
  B4: ["arrow/B4/IP_topo_1.txt", "arrow/B4/optical_topo.txt"],
  IBM: ["arrow/IBM/IP_topo_1.txt", "arrow/IBM/optical_topo.txt"],
};

export const hasResearchNetworks = researchNetworkNames.every((name) => files[name].every((file) => existsSync(`${dataFolder}/${file}`)));

export function researchNetwork(name: ResearchNetworkName): Topology {
  const [first = "", second = ""] = files[name].map((file) => readFileSync(`${dataFolder}/${file}`, "utf8"));
  const links = name === "abilene" ? abilene(first) : name === "geant" ? geant(first) : arrow(first, second);
  const nodes = [...new Set(links.flatMap(({ from, to }) => [from, to]))].map((id) => ({ id }));
  const topology = parseTopology({ name, nodes, links });
  if (!topology.ok) throw new Error(JSON.stringify(topology.faults));
  return topology.value;
}

type LinkInput = TopologyInput["links"][number];

function rowsOf(text: string): readonly (readonly string[])[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.trim().split("\t"));
}

/** One number for both directions of a cable. */
function cableName(a: number, b: number): string {
  return `cable:${Math.min(a, b)}-${Math.max(a, b)}`;
}

function abilene(text: string): readonly LinkInput[] {
  return rowsOf(text)
    .slice(2)
    .map((row) => {
      const [, from = 0, to = 0, metric = 1, kbps = 0] = row.map(Number);
      return {
        id: `${from}-${to}`,
        from: `n${from}`,
        to: `n${to}`,
        capacityBps: kbps * 1000,
        latencyMs: metric / 100,
        metric,
        srlgIds: [cableName(from, to)],
      };
    });
}

function geant(text: string): readonly LinkInput[] {
  const { links } = JSON.parse(text) as {
    readonly links: readonly { readonly source: number; readonly target: number; readonly capacity: number }[];
  };
  return links.map(({ source, target, capacity }) => ({
    id: `${source}-${target}`,
    from: `n${source}`,
    to: `n${target}`,
    capacityBps: capacity,
    latencyMs: 1,
    metric: 1,
    srlgIds: [cableName(source, target)],
  }));
}

function arrow(ip: string, optical: string): readonly LinkInput[] {
  const fibers = rowsOf(optical)
    .slice(1)
    .map((row) => {
      const [a = 0, b = 0, km = 0] = row.map(Number);
      return { srlgId: `fiber:${Math.min(a, b)}-${Math.max(a, b)}`, km };
    });
  return rowsOf(ip)
    .slice(1)
    .map(([from = "", to = "", index = "", wavelengths = "", rides = ""]) => {
      const ridden = (JSON.parse(rides) as number[]).map((number) => fibers[number - 1]);
      const km = ridden.reduce((sum, fiber) => sum + (fiber?.km ?? 0), 0);
      return {
        id: `${from}-${to}#${index}`,
        from: `s${from}`,
        to: `s${to}`,
        capacityBps: Number(wavelengths) * 100e9,
        latencyMs: km * 0.005,
        metric: km,
        srlgIds: ridden.map((fiber) => fiber?.srlgId ?? "?"),
      };
    });
}
