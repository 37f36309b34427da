/**
 * Outage by layer: every cable of a running network is cut in turn, under a real controller process, with an agent and a rule table for each
 * switch, and fluid traffic through what they hold. Time is the machine's own; only the switches' detection of a dead port is emulated.
 */
import { cablesOf, planSettingsDefault, protectionDefault, type Cable, type DemandMatrix, type LinkId, type Topology } from "@sluice/model";
import { forwardFluid, type OfferedTraffic } from "@sluice/rules";
import { loadNetwork, publishedGermany50, type BenchNetwork, type NetworkName } from "./network.js";
import { demandsOver, ringWithChords } from "./push.js";
import type { BenchReport } from "./report.js";
import { startNetwork, type ControllerEvent, type RunningNetwork } from "./running-network.js";
import { milliseconds, percentile, spreadOf } from "./sample.js";

/** What a port needs to notice that its link is dead: BFD at 3.3 ms three times, or loss of light, ms. */
const detectionMs = 10;
const layers = ["unrepaired", "repaired", "split", "replanned"] as const;

/** Of one cut; ms from the cut, but for the activation: from the first news at the controller. */
interface Cut {
  readonly cable: LinkId;
  /** Until no traffic with a bypass is sent to the dead link any more. */
  readonly localMs: number;
  /** Until every ingress concerned has acknowledged; absent where no ingress is concerned. */
  readonly activationMs?: number;
  readonly ingresses: number;
  /** Until the last traffic has moved to the new plan. */
  readonly newPlanMs: number;
  /** Shares of what was delivered before, lost by layer; absent where that was not asked for. */
  readonly lost?: Readonly<Record<(typeof layers)[number], number>>;
}

export const outageNetworks = ["b4", "abilene", "geant", "germany50", publishedGermany50, "ring100"] as const;
export type OutageNetwork = (typeof outageNetworks)[number];

export interface OutageOptions {
  /** So many cables at most, evenly over all. */
  readonly cutsMax: number;
  /** Also what each layer loses. It is computed in the process of the agents, which do not answer meanwhile: large networks look slower than they are. */
  readonly losses: boolean;
}

export async function benchOutage(names: readonly OutageNetwork[], options: OutageOptions): Promise<BenchReport> {
  const rows: string[][] = [];
  const numbers: object[] = [];
  for (const name of names) {
    const network = networkOf(name);
    const cuts = await cutAll(network, options);
    const activations = cuts.flatMap(({ activationMs }) => (activationMs === undefined ? [] : [activationMs]));
    const worst = (of: (cut: Cut) => number): string => (100 * Math.max(...cuts.map(of))).toFixed(2);
    rows.push([
      name,
      `${network.topology.nodes.length}`,
      `${cuts.length}`,
      milliseconds(spreadOf(cuts.map(({ localMs }) => localMs))),
      activations.length === 0 ? "-" : `${milliseconds(spreadOf(activations))} p95 ${percentile(activations, 0.95).toFixed(0)}`,
      `${Math.max(...cuts.map(({ ingresses }) => ingresses))}`,
      milliseconds(spreadOf(cuts.map(({ newPlanMs }) => newPlanMs))),
      options.losses ? layers.map((layer) => worst(({ lost }) => lost?.[layer] ?? 0)).join(" / ") : "-",
    ]);
    numbers.push({ network: name, cuts });
  }
  return {
    bench: "outage",
    head: ["network", "nodes", "cuts", "local repair ms", "activation ms", "ingresses", "new plan ms", "worst loss % by layer"],
    rows,
    legend: [
      "Median (smallest-largest) over the cuts, one cable at a time, the network mended and protected again between them.",
      `Local repair: from the cut until the switches go round it, emulated detection of ${detectionMs} ms included. Activation: from the first news at the controller until the last ingress has acknowledged.`,
      "New plan: from the cut until the last traffic has moved to the re-optimized plan, acknowledged; solve, packet walk of plan and update, and write included; the clearing away of old rules is not.",
      "Loss (with --losses): traffic not delivered any more, by layer: unrepaired / repaired locally / scenario split / new plan; what exceeds the links that are left is lost in all of them.",
    ],
    numbers,
  };
}

function networkOf(name: OutageNetwork): Pick<BenchNetwork, "topology" | "demands"> {
  if (name !== "ring100") return loadNetwork(name satisfies NetworkName | typeof publishedGermany50);
  const topology = ringWithChords(100);
  return { topology, demands: demandsOver(topology, 1) };
}

async function cutAll(
  { topology, demands }: Pick<BenchNetwork, "topology" | "demands">,
  { cutsMax, losses }: OutageOptions,
): Promise<readonly Cut[]> {
  const settings = { ...planSettingsDefault, protection: { ...protectionDefault, scenarios: ["link" as const] } };
  const network = await startNetwork(topology, settings, { cycleSeconds: 0.5, detectionMs });
  try {
    await network.measure(demands);
    let last = await network.next("plan-protected", 0);
    const cables = cablesOf(topology);
    const step = Math.max(1, cables.length / cutsMax);
    const cuts: Cut[] = [];
    for (let i = 0; i < cables.length && cuts.length < cutsMax; i = Math.ceil(cuts.length * step)) {
      const cable = cables[i];
      if (cable === undefined) break;
      const done = await cutOne({ network, topology, demands, losses }, cable, last.sequence);
      cuts.push(done.cut);
      last = done.last;
    }
    return cuts;
  } finally {
    await network.stop();
  }
}

interface Scene {
  readonly network: RunningNetwork;
  readonly topology: Topology;
  readonly demands: DemandMatrix;
  readonly losses: boolean;
}

async function cutOne(scene: Scene, cable: Cable, before: number): Promise<{ readonly cut: Cut; readonly last: ControllerEvent }> {
  const { network, topology, losses } = scene;
  const dead = new Set(cable.linkIds);
  const whole = losses ? delivered(scene, new Set()) : 0;
  const share = (): number => (losses ? Math.max(0, 1 - delivered(scene, dead) / whole) : 0);
  const set = (up: boolean): void => {
    for (const id of cable.linkIds) {
      const from = topology.linkById.get(id)?.from;
      if (from !== undefined) network.datapaths.get(from)?.setLink(id, up);
    }
  };
  const after = await network.newest(before);
  const cutMs = performance.timeOrigin + performance.now();
  const noticed = noticedBy(scene, cable);
  set(false);
  const unrepaired = share();
  const localMs = (await noticed) - cutMs;
  const repaired = share();
  // Where no ingress is concerned, the new plan comes first.
  const activated = await network.next(["scenario-programmed", "plan-applied"], after);
  const split = activated.kind === "scenario-programmed" ? share() : repaired;
  const plan = activated.kind === "plan-applied" ? activated : await network.next("plan-applied", activated.sequence);
  const replanned = share();
  set(true);
  const back = await network.next("plan-applied", plan.sequence);
  const last = await protectedAgain(network, { epoch: back.data["epoch"], after: plan.sequence });
  return {
    cut: {
      cable: cable.id,
      localMs,
      ...(activated.kind === "scenario-programmed" ? { activationMs: Number(activated.data["msFromEvent"]) } : {}),
      ingresses: activated.kind === "scenario-programmed" ? Number(activated.data["ingresses"]) : 0,
      newPlanMs: Date.parse(plan.at) - cutMs - 1000 * (Number(plan.data["seconds"]) - Number(plan.data["movedSeconds"])),
      ...(losses ? { lost: { unrepaired, repaired, split, replanned } } : {}),
    },
    last,
  };
}

/** Splits for a plan may be ready before or after its rules are. */
async function protectedAgain(
  network: RunningNetwork,
  { epoch, after }: { readonly epoch: unknown; readonly after: number },
): Promise<ControllerEvent> {
  const event = await network.next("plan-protected", after);
  return event.data["epoch"] === epoch ? event : protectedAgain(network, { epoch, after: event.sequence });
}

/** When the last end of the cable has noticed, ms since the epoch. */
function noticedBy({ network, topology }: Scene, cable: Cable): Promise<number> {
  const ends = cable.linkIds.map((linkId) => {
    const from = topology.linkById.get(linkId)?.from;
    const datapath = from === undefined ? undefined : network.datapaths.get(from);
    return new Promise<number>((resolve) => {
      const stop = datapath?.onLinkChange(({ linkId: changed, up }) => {
        if (changed !== linkId || up) return;
        stop?.();
        resolve(performance.timeOrigin + performance.now());
      });
    });
  });
  return Promise.all(ends).then((times) => Math.max(...times));
}

/** bps of all classes that arrive, through the tables as they are and over the links that are left. */
function delivered({ network, topology, demands }: Scene, dead: ReadonlySet<LinkId>): number {
  const offered: readonly OfferedTraffic[] = demands.demands;
  const report = forwardFluid({
    topology,
    switches: new Map([...network.datapaths].map(([nodeId, { table }]) => [nodeId, table])),
    offered,
    isLinkUp: (linkId) => !dead.has(linkId),
    isPortLive: (linkId) => {
      const from = topology.linkById.get(linkId)?.from;
      return from !== undefined && network.datapaths.get(from)?.isPortLive(linkId) === true;
    },
  });
  return report.flows.reduce((sum, { deliveredBps }) => sum + deliveredBps, 0);
}
