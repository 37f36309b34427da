/**
 * Writes examples/: the two networks from published facts, and a synthetic day of demand for each. Everything comes from the
 * tables below and a seed, so the files can be made again byte by byte: `npx tsx --conditions=@sluice/source scripts/generate-examples.ts`.
 * Sources and assumptions: examples/README.md.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fiberLatencyMs, greatCircleKm, writeDemands, writeTopology } from "../packages/formats/src/index.js";
import {
  assert,
  parseTopology,
  toId,
  trafficClasses,
  type DemandSeries,
  type FlowGroup,
  type NodeId,
  type Topology,
} from "../packages/model/src/index.js";

interface SiteRow {
  readonly id: string;
  readonly name: string;
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
  /** How much the site attracts and sends, relative to the others. */
  readonly weight: number;
}

/** Two links, one each way, that share an SRLG. */
interface CableRow {
  readonly ends: readonly [string, string];
  readonly capacityBps: number;
  /** Where it is not given: latency in units of 10 us. */
  readonly metric?: number;
}

interface Network {
  readonly file: string;
  readonly name: string;
  readonly sites: readonly SiteRow[];
  readonly cables: readonly CableRow[];
  readonly dayName: string;
  readonly seed: number;
  /** Mean of the demand of all flow groups together over the day. */
  readonly meanBps: number;
}

/** The 2013 paper gives no capacities: one assumption for all cables. */
const cableBps = 400e9;

export const b4: Network = {
  file: "b4",
  name: "B4 (2013)",
  sites: [
    { id: "changhua", name: "Changhua County, Taiwan", latitudeDeg: 24.1, longitudeDeg: 120.5, weight: 0.6 },
    { id: "singapore", name: "Singapore", latitudeDeg: 1.3, longitudeDeg: 103.8, weight: 0.5 },
    { id: "dalles", name: "The Dalles, Oregon", latitudeDeg: 45.6, longitudeDeg: -121.2, weight: 1.2 },
    { id: "bluffs", name: "Council Bluffs, Iowa", latitudeDeg: 41.3, longitudeDeg: -95.9, weight: 1.4 },
    { id: "mayes", name: "Mayes County, Oklahoma", latitudeDeg: 36.3, longitudeDeg: -95.3, weight: 1.2 },
    { id: "douglas", name: "Douglas County, Georgia", latitudeDeg: 33.8, longitudeDeg: -84.7, weight: 1 },
    { id: "lenoir", name: "Lenoir, North Carolina", latitudeDeg: 35.9, longitudeDeg: -81.5, weight: 1 },
    { id: "berkeley", name: "Berkeley County, South Carolina", latitudeDeg: 33.2, longitudeDeg: -80, weight: 1.1 },
    { id: "eemshaven", name: "Eemshaven, Netherlands", latitudeDeg: 53.4, longitudeDeg: 6.8, weight: 0.6 },
    { id: "ghislain", name: "Saint-Ghislain, Belgium", latitudeDeg: 50.5, longitudeDeg: 3.8, weight: 0.8 },
    { id: "dublin", name: "Dublin, Ireland", latitudeDeg: 53.3, longitudeDeg: -6.3, weight: 0.7 },
    { id: "hamina", name: "Hamina, Finland", latitudeDeg: 60.6, longitudeDeg: 27.2, weight: 0.5 },
  ],
  cables: [
    { ends: ["changhua", "singapore"], capacityBps: cableBps },
    { ends: ["changhua", "dalles"], capacityBps: cableBps },
    { ends: ["singapore", "mayes"], capacityBps: cableBps },
    { ends: ["dalles", "bluffs"], capacityBps: cableBps },
    { ends: ["dalles", "douglas"], capacityBps: cableBps },
    { ends: ["bluffs", "mayes"], capacityBps: cableBps },
    { ends: ["bluffs", "lenoir"], capacityBps: cableBps },
    { ends: ["bluffs", "berkeley"], capacityBps: cableBps },
    { ends: ["mayes", "douglas"], capacityBps: cableBps },
    { ends: ["douglas", "lenoir"], capacityBps: cableBps },
    { ends: ["douglas", "berkeley"], capacityBps: cableBps },
    { ends: ["lenoir", "berkeley"], capacityBps: cableBps },
    { ends: ["lenoir", "dublin"], capacityBps: cableBps },
    { ends: ["berkeley", "ghislain"], capacityBps: cableBps },
    { ends: ["eemshaven", "ghislain"], capacityBps: cableBps },
    { ends: ["eemshaven", "dublin"], capacityBps: cableBps },
    { ends: ["ghislain", "dublin"], capacityBps: cableBps },
    { ends: ["ghislain", "hamina"], capacityBps: cableBps },
    { ends: ["dublin", "hamina"], capacityBps: cableBps },
  ],
  dayName: "B4 day (synthetic: gravity, daily wave, noise)",
  seed: 20_130_812,
  meanBps: 3.45e12,
};

/** Payload of an OC-192c and an OC-48c as the Abilene data set gives them. */
const oc192 = 9_920_000_000;
const oc48 = 2_480_000_000;

export const abilene: Network = {
  file: "abilene",
  name: "Abilene (2004)",
  sites: [
    { id: "ATLAM5", name: "Atlanta M5", latitudeDeg: 33.75, longitudeDeg: -84.3833, weight: 0.2 },
    { id: "ATLAng", name: "Atlanta", latitudeDeg: 34.5, longitudeDeg: -85.5, weight: 1 },
    { id: "CHINng", name: "Chicago", latitudeDeg: 41.8333, longitudeDeg: -87.6167, weight: 1.5 },
    { id: "DNVRng", name: "Denver", latitudeDeg: 40.75, longitudeDeg: -105, weight: 0.7 },
    { id: "HSTNng", name: "Houston", latitudeDeg: 29.77, longitudeDeg: -95.5174, weight: 1 },
    { id: "IPLSng", name: "Indianapolis", latitudeDeg: 39.7806, longitudeDeg: -86.1595, weight: 0.8 },
    { id: "KSCYng", name: "Kansas City", latitudeDeg: 38.9617, longitudeDeg: -96.5967, weight: 0.6 },
    { id: "LOSAng", name: "Los Angeles", latitudeDeg: 34.05, longitudeDeg: -118.25, weight: 1.5 },
    { id: "NYCMng", name: "New York", latitudeDeg: 40.7833, longitudeDeg: -73.9667, weight: 1.9 },
    { id: "SNVAng", name: "Sunnyvale", latitudeDeg: 37.3858, longitudeDeg: -122.0255, weight: 1.2 },
    { id: "STTLng", name: "Seattle", latitudeDeg: 47.6, longitudeDeg: -122.3, weight: 0.9 },
    { id: "WASHng", name: "Washington", latitudeDeg: 38.8973, longitudeDeg: -77.0268, weight: 1.3 },
  ],
  cables: [
    { ends: ["ATLAM5", "ATLAng"], capacityBps: oc192, metric: 1 },
    { ends: ["ATLAng", "HSTNng"], capacityBps: oc192, metric: 1176 },
    { ends: ["ATLAng", "IPLSng"], capacityBps: oc48, metric: 587 },
    { ends: ["ATLAng", "WASHng"], capacityBps: oc192, metric: 846 },
    { ends: ["CHINng", "IPLSng"], capacityBps: oc192, metric: 260 },
    { ends: ["CHINng", "NYCMng"], capacityBps: oc192, metric: 700 },
    { ends: ["DNVRng", "KSCYng"], capacityBps: oc192, metric: 639 },
    { ends: ["DNVRng", "SNVAng"], capacityBps: oc192, metric: 1295 },
    { ends: ["DNVRng", "STTLng"], capacityBps: oc192, metric: 2095 },
    { ends: ["HSTNng", "KSCYng"], capacityBps: oc192, metric: 902 },
    { ends: ["HSTNng", "LOSAng"], capacityBps: oc192, metric: 1893 },
    { ends: ["IPLSng", "KSCYng"], capacityBps: oc192, metric: 548 },
    { ends: ["LOSAng", "SNVAng"], capacityBps: oc192, metric: 366 },
    { ends: ["NYCMng", "WASHng"], capacityBps: oc192, metric: 233 },
    { ends: ["SNVAng", "STTLng"], capacityBps: oc192, metric: 861 },
  ],
  dayName: "Abilene day (synthetic: gravity, daily wave, noise)",
  seed: 20_040_301,
  meanBps: 54.5e9,
};

const intervals = 96;
const intervalSeconds = 900;
/** Interactive traffic follows people most, bulk least. Shares of the day's mean; swing around it; hour of the local peak. */
const classProfile = {
  interactive: { share: 0.15, swing: 0.5, peakHour: 20 },
  elastic: { share: 0.45, swing: 0.4, peakHour: 20 },
  bulk: { share: 0.4, swing: 0.3, peakHour: 21 },
} as const;
/** Noise of a flow group: first-order autoregressive, in the logarithm. */
const noiseMemory = 0.9;
const noiseDeviation = 0.08;

/** The files of examples/ by name. */
export function exampleFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const network of [b4, abilene]) {
    const topology = topologyOf(network);
    files.set(`${network.file}.json`, writeTopology(topology, "sluice-json"));
    files.set(`${network.file}-day.json`, writeDemands(dayOf(network), "sluice-json"));
  }
  return files;
}

export function topologyOf(network: Network): Topology {
  const place = new Map(network.sites.map((site) => [site.id, site]));
  const links = network.cables.flatMap(({ ends: [a, b], capacityBps, metric }) => {
    const [from, to] = [place.get(a), place.get(b)];
    assert(from !== undefined && to !== undefined, `the cable ${a}-${b} joins two sites of the table`);
    const latencyMs = fiberLatencyMs(greatCircleKm(from, to));
    const common = { capacityBps, latencyMs, metric: metric ?? Math.max(1, Math.round(latencyMs * 100)), srlgIds: [`cable:${a}-${b}`] };
    return [
      { id: `${a}-${b}`, from: a, to: b, ...common },
      { id: `${b}-${a}`, from: b, to: a, ...common },
    ];
  });
  const parsed = parseTopology({
    name: network.name,
    sites: network.sites.map(({ id, name, latitudeDeg, longitudeDeg }) => ({ id, name, coordinates: { latitudeDeg, longitudeDeg } })),
    nodes: network.sites.map(({ id }) => ({ id, siteId: id })),
    links,
  });
  assert(parsed.ok, "the example network is a valid topology");
  return parsed.value;
}

/**
 * A day from 00:00 UTC. Rate of (i, j, class) at time t: mean x share x gravity(i, j) x wave at i and j by local solar time x noise,
 * rounded to Mb/s.
 */
export function dayOf(network: Network): DemandSeries {
  const random = normals(network.seed);
  const sites = [...network.sites].sort((a, b) => (a.id < b.id ? -1 : 1));
  const pairs = sites.flatMap((src) => sites.filter((dst) => dst !== src).map((dst) => ({ src, dst, gravity: src.weight * dst.weight })));
  const gravitySum = pairs.reduce((sum, { gravity }) => sum + gravity, 0);
  const flows = pairs.flatMap(({ src, dst, gravity }) =>
    trafficClasses.map((trafficClass) => ({
      src,
      dst,
      trafficClass,
      meanBps: (network.meanBps * classProfile[trafficClass].share * gravity) / gravitySum,
      noise: random() * noiseDeviation,
    })),
  );
  const ratesBps = Array.from({ length: intervals }, (_, t) =>
    flows.map((flow) => {
      const { swing, peakHour } = classProfile[flow.trafficClass];
      const wave = (site: SiteRow) => 1 + swing * Math.cos((2 * Math.PI * ((t * 24) / intervals + site.longitudeDeg / 15 - peakHour)) / 24);
      const rateBps = flow.meanBps * Math.sqrt(wave(flow.src) * wave(flow.dst)) * Math.exp(flow.noise);
      flow.noise = noiseMemory * flow.noise + Math.sqrt(1 - noiseMemory ** 2) * noiseDeviation * random();
      return Math.round(rateBps / 1e6) * 1e6;
    }),
  );
  const flowGroups = flows.map(({ src, dst, trafficClass }): FlowGroup => ({
    src: toId<NodeId>(src.id),
    dst: toId<NodeId>(dst.id),
    trafficClass,
  }));
  return { kind: "demand-series", name: network.dayName, intervalSeconds, flowGroups, ratesBps };
}

/** Standard normal numbers (Box-Muller) from a 32-bit generator (mulberry32). */
function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, text] of exampleFiles()) writeFileSync(new URL(`../examples/${name}`, import.meta.url), text);
}
