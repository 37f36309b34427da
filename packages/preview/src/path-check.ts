/**
 * Could this demand be met, and how? Each answer is a plan for the one demand alone on the capacity that is left to it, made and checked as
 * every plan is: so it honours the tunnel policy, the latency bound and the table budget that a real plan would.
 */
import { linkLoads, optimize, type OptimizeOptions } from "@sluice/engine";
import {
  buildDemandMatrix,
  buildTopology,
  fault,
  guaranteeOf,
  isUsable,
  ok,
  pathLatencyMs,
  protectionOf,
  refuse,
  trafficClasses,
  unprotected,
  type Demand,
  type FlowGroup,
  type LinkId,
  type LinkLoad,
  type Plan,
  type PlanSettings,
  type Result,
  type Snapshot,
  type Topology,
  type TrafficClass,
  type Tunnel,
} from "@sluice/model";

export interface PathQuestion {
  /** Topology and settings of now; what is admitted is that of the plan. */
  readonly snapshot: Snapshot;
  /** Absent where there is no plan: the network is empty then. */
  readonly plan?: Plan | undefined;
  /** Comes on top of what its flow group is admitted already. */
  readonly demand: FlowGroup & { readonly rateBps: number };
  /** Tighter than that of the settings, where both are given the lower one counts. */
  readonly latencyMsMax?: number | undefined;
}

export interface PathAnswer {
  /** Tunnels that carry something, the largest share first. */
  readonly tunnels: readonly (Tunnel & { readonly latencyMs: number; readonly rateBps: number })[];
  readonly admittedBps: number;
  /** Links that are full, the dearest first: without more on one of them no more is admitted. Empty where all is admitted. */
  readonly binding: readonly { readonly linkId: LinkId; readonly roomBps: number; readonly capacityBps: number }[];
}

export interface PathCheck {
  readonly kind: "path-check";
  readonly formatVersion: 1;
  readonly demand: PathQuestion["demand"];
  readonly latencyMsMax?: number | undefined;
  /**
   * `yes`: beside all that is admitted now. `yes-taking`: at the cost of lower classes. `in-part`: only some of it, even so. `no`: nothing of it;
   * `no-path`: no tunnel within the latency bound over links that may be used.
   */
  readonly verdict: "yes" | "yes-taking" | "in-part" | "no" | "no-path";
  /** Beside all that is admitted now: nobody loses anything. */
  readonly beside: PathAnswer;
  /** With what lower classes would have to give up; where `beside` does not admit all, and there are lower classes. */
  readonly taking?:
    | (PathAnswer & {
        /**
         * Per link and class what is admitted there now and would find no room, the lowest class first. They may find room elsewhere: a what-if
         * says what they lose in the end.
         */
        readonly takes: readonly { readonly linkId: LinkId; readonly trafficClass: TrafficClass; readonly takenBps: number }[];
      })
    | undefined;
  /** What other tunnels than the policy's would admit beside all that is admitted now; where that is more. */
  readonly otherTunnels?: PathAnswer | undefined;
  /** What the answer leaves out. */
  readonly notes: readonly string[];
}

/** Relative: a rate this near to the one asked for meets it. */
const metShareMin = 1 - 1e-6;
/** Relative to capacity: less than this is rounding, not room (as in the engine). */
const roomShareMin = 1e-9;
/** Most tunnels of a pair that a policy can ask for. */
const tunnelsMost = 16;

/** Faults: `not-found` for ends that the topology does not have, `self-loop`, and those of planning. Four solves of one demand at most. */
export async function pathCheck(question: PathQuestion, options: Pick<OptimizeOptions, "lp" | "nowMs">): Promise<Result<PathCheck>> {
  const { snapshot, plan, demand } = question;
  const built = buildTopology(snapshot.topology);
  if (!built.ok) return built;
  const topology = built.value;
  const ends = endFaults(topology, demand);
  if (ends !== undefined) return ends;
  const latencyMsMax = lowest(question.latencyMsMax, snapshot.settings.tunnels.latencyMsMax);
  const settings = settingsFor(snapshot.settings, latencyMsMax);
  const loads = loadsOf(topology, plan);
  const solve = (room: ReadonlyMap<LinkId, number>, more: Partial<PlanSettings> = {}, edgeBased = false) =>
    answerWithin({ topology, demand, room, settings: { ...settings, ...more } }, { ...options, edgeBased });

  const free = roomBeside(topology, loads, trafficClasses);
  const beside = await solve(free);
  if (!beside.ok) return beside;
  const isMet = (answer: PathAnswer): boolean => answer.admittedBps >= metShareMin * demand.rateBps;
  const rank = trafficClasses.indexOf(demand.trafficClass);
  const common = {
    kind: "path-check" as const,
    formatVersion: 1 as const,
    demand,
    ...(latencyMsMax === undefined ? {} : { latencyMsMax }),
  };
  const notes = notesOf(snapshot.settings, demand.trafficClass);
  if (beside.value === "no-path") return ok({ ...common, verdict: "no-path", beside: nothing, notes });
  if (isMet(beside.value)) return ok({ ...common, verdict: "yes", beside: beside.value, notes });

  const room = roomBeside(topology, loads, trafficClasses.slice(0, rank + 1));
  const taken =
    rank + 1 < trafficClasses.length ? await takingLeast({ topology, demand, room, settings }, beside.value, options) : ok(undefined);
  if (!taken.ok) return taken;
  const taking =
    taken.value === undefined ? undefined : { ...taken.value, takes: takesOf(topology, loads, taken.value, demand.trafficClass) };
  const wider = await widerAnswer(solve, free, latencyMsMax);
  if (!wider.ok) return wider;
  const otherTunnels =
    wider.value !== undefined && wider.value.admittedBps > beside.value.admittedBps * (2 - metShareMin) ? wider.value : undefined;
  const best = taking ?? beside.value;
  return ok({
    ...common,
    verdict: isMet(best) ? "yes-taking" : best.admittedBps > 0 ? "in-part" : "no",
    beside: beside.value,
    ...(taking === undefined ? {} : { taking }),
    ...(otherTunnels === undefined ? {} : { otherTunnels }),
    notes,
  });
}

const nothing: PathAnswer = { tunnels: [], admittedBps: 0, binding: [] };

function endFaults(topology: Topology, { src, dst }: FlowGroup) {
  for (const end of ["src", "dst"] as const) {
    const id = end === "src" ? src : dst;
    if (!topology.nodeById.has(id)) return refuse(fault("not-found", `The topology has no node ${id}.`, { pointer: `/${end}` }));
  }
  return src === dst ? refuse(fault("self-loop", `The demand starts and ends at ${src}.`, { pointer: "/dst" })) : undefined;
}

function lowest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}

/** Of one demand the most is sought; nothing is held ready for failures. */
function settingsFor(settings: PlanSettings, latencyMsMax: number | undefined): PlanSettings {
  const tunnels = { ...settings.tunnels, ...(latencyMsMax === undefined ? {} : { latencyMsMax }) };
  const isShortest = settings.objective === "shortest-path";
  return { ...settings, objective: isShortest ? "shortest-path" : "max-throughput", tunnels, protection: unprotected };
}

function notesOf(settings: PlanSettings, trafficClass: TrafficClass): readonly string[] {
  const guarantee = guaranteeOf(protectionOf(settings), trafficClass);
  return guarantee.kind === "guaranteed" || guarantee.kind === "availability"
    ? [
        `${trafficClass} is promised to survive failures, for which a plan sets capacity aside: this looks at the network while nothing fails. Ask a what-if with the demand added.`,
      ]
    : [];
}

function loadsOf(topology: Topology, plan: Plan | undefined): ReadonlyMap<LinkId, LinkLoad> {
  if (plan === undefined) return new Map();
  // The plan may have been made on links that are gone since.
  const tunnels = plan.tunnels.filter(({ path }) => path.every((id) => topology.linkById.has(id)));
  const known = new Set(tunnels.map(({ id }) => id));
  const groups = plan.groups.filter(({ members }) => members.every(({ tunnelId }) => known.has(tunnelId)));
  return new Map(linkLoads(topology, { tunnels, groups }).map((load) => [load.linkId, load]));
}

/** What these classes leave of each link, bps. */
function roomBeside(
  topology: Topology,
  loads: ReadonlyMap<LinkId, LinkLoad>,
  classes: readonly TrafficClass[],
): ReadonlyMap<LinkId, number> {
  return new Map(
    topology.links.map(({ id, capacityBps }) => {
      const used = loads.get(id)?.loadBpsByClass;
      const room = capacityBps - classes.reduce((sum, name) => sum + (used?.[name] ?? 0), 0);
      return [id, room > roomShareMin * capacityBps ? room : 0];
    }),
  );
}

interface Within {
  readonly topology: Topology;
  readonly demand: PathQuestion["demand"];
  readonly room: ReadonlyMap<LinkId, number>;
  readonly settings: PlanSettings;
}

async function answerWithin(
  { topology, demand, room, settings }: Within,
  options: Pick<OptimizeOptions, "lp" | "nowMs" | "edgeBased">,
): Promise<Result<PathAnswer | "no-path">> {
  const { src, dst, trafficClass, rateBps } = demand;
  const alone: Demand = { src, dst, trafficClass, rateBps };
  const demands = buildDemandMatrix("path check", [alone]);
  if (!demands.ok) return demands;
  const { kind, name, sites, nodes } = topology;
  const links = topology.links.map((link) => ({ ...link, capacityBps: room.get(link.id) ?? 0 }));
  const made = await optimize({ topology: { kind, name, sites, nodes, links }, demands: demands.value, settings }, options);
  if (!made.ok) return made;
  const { plan } = made.value;
  if (plan.unroutable.length > 0) return ok("no-path");
  const [group] = plan.groups;
  const weightSum = group?.members.reduce((sum, { weight }) => sum + weight, 0) ?? 0;
  const weightOf = new Map(group?.members.map(({ tunnelId, weight }) => [tunnelId, weight]));
  const admittedBps = group?.admittedBps ?? 0;
  return ok({
    admittedBps,
    tunnels: plan.tunnels
      .map((tunnel) => {
        const weight = weightOf.get(tunnel.id) ?? 0;
        return { ...tunnel, latencyMs: pathLatencyMs(topology, tunnel.path), rateBps: (admittedBps * weight) / weightSum };
      })
      .sort(largestFirst),
    binding: admittedBps >= metShareMin * rateBps ? [] : bindingOf(topology, plan, room, trafficClass),
  });
}

/**
 * What is free stays the first choice, and lower classes give way for the rest. Where that admits less than all the room could (what is free was
 * taken by the wrong tunnels), the room is filled anew. Undefined where taking admits no more.
 */
async function takingLeast(
  within: Within,
  beside: PathAnswer,
  options: Pick<OptimizeOptions, "lp" | "nowMs">,
): Promise<Result<PathAnswer | undefined>> {
  const all = await answerWithin(within, options);
  if (!all.ok) return all;
  if (all.value === "no-path" || all.value.admittedBps <= beside.admittedBps * (2 - metShareMin)) return ok(undefined);
  const used = new Map<LinkId, number>();
  for (const { path, rateBps } of beside.tunnels) for (const id of path) used.set(id, (used.get(id) ?? 0) + rateBps);
  const room = new Map([...within.room].map(([id, bps]) => [id, Math.max(0, bps - (used.get(id) ?? 0))]));
  const demand = { ...within.demand, rateBps: within.demand.rateBps - beside.admittedBps };
  const rest = await answerWithin({ ...within, demand, room }, options);
  if (!rest.ok) return rest;
  if (rest.value === "no-path" || beside.admittedBps + rest.value.admittedBps < all.value.admittedBps * metShareMin) return ok(all.value);
  return ok({
    admittedBps: beside.admittedBps + rest.value.admittedBps,
    tunnels: joined(beside.tunnels, rest.value.tunnels),
    binding: rest.value.binding,
  });
}

function joined(a: PathAnswer["tunnels"], b: PathAnswer["tunnels"]): PathAnswer["tunnels"] {
  const byId = new Map(a.map((tunnel) => [tunnel.id, tunnel]));
  for (const tunnel of b) byId.set(tunnel.id, { ...tunnel, rateBps: tunnel.rateBps + (byId.get(tunnel.id)?.rateBps ?? 0) });
  return [...byId.values()].sort(largestFirst);
}

function largestFirst(a: PathAnswer["tunnels"][number], b: PathAnswer["tunnels"][number]): number {
  return b.rateBps - a.rateBps || (a.id < b.id ? -1 : 1);
}

/** By the certificate's prices; where there are none (nothing of any tunnel is left), the links without room. */
function bindingOf(topology: Topology, plan: Plan, room: ReadonlyMap<LinkId, number>, trafficClass: TrafficClass): PathAnswer["binding"] {
  const prices = plan.classes.find((each) => each.trafficClass === trafficClass)?.certificate.linkPrices ?? [];
  const entry = (linkId: LinkId) => ({
    linkId,
    roomBps: room.get(linkId) ?? 0,
    capacityBps: topology.linkById.get(linkId)?.capacityBps ?? 0,
  });
  if (prices.length > 0)
    return [...prices].sort((a, b) => b.price - a.price || (a.linkId < b.linkId ? -1 : 1)).map(({ linkId }) => entry(linkId));
  return topology.links.filter((link) => isUsable(topology, link) && (room.get(link.id) ?? 0) === 0).map(({ id }) => entry(id));
}

/** On each link, the lowest class gives way first. */
function takesOf(topology: Topology, loads: ReadonlyMap<LinkId, LinkLoad>, { tunnels }: PathAnswer, trafficClass: TrafficClass) {
  const added = new Map<LinkId, number>();
  for (const { path, rateBps } of tunnels) for (const id of path) added.set(id, (added.get(id) ?? 0) + rateBps);
  const lower = trafficClasses.slice(trafficClasses.indexOf(trafficClass) + 1).reverse();
  const takes: { linkId: LinkId; trafficClass: TrafficClass; takenBps: number }[] = [];
  for (const { id, capacityBps } of topology.links) {
    const load = loads.get(id);
    let over = (load?.loadBps ?? 0) + (added.get(id) ?? 0) - capacityBps;
    for (const name of lower) {
      const takenBps = Math.min(over, load?.loadBpsByClass[name] ?? 0);
      if (takenBps <= roomShareMin * capacityBps) continue;
      takes.push({ linkId: id, trafficClass: name, takenBps });
      over -= takenBps;
    }
  }
  return takes;
}

/** Over all paths where latency is not bounded, else over as many tunnels as a policy may have. */
function widerAnswer(
  solve: (room: ReadonlyMap<LinkId, number>, more?: Partial<PlanSettings>, edgeBased?: boolean) => Promise<Result<PathAnswer | "no-path">>,
  free: ReadonlyMap<LinkId, number>,
  latencyMsMax: number | undefined,
): Promise<Result<PathAnswer | undefined>> {
  const wider =
    latencyMsMax === undefined
      ? solve(free, { objective: "max-throughput" }, true)
      : solve(free, { objective: "max-throughput", tunnels: { kind: "k-shortest", k: tunnelsMost, latencyMsMax } });
  return wider.then((found) => (found.ok ? ok(found.value === "no-path" ? undefined : found.value) : found));
}
