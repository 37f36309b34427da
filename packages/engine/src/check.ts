/**
 * The independent checker: says whether a plan is a right answer to a snapshot, by arithmetic of its own on the two of them. It
 * imports nothing that took part in making the plan but the candidate tunnels, which are part of the question and not of the
 * answer; check-bound.ts recomputes the certificates' bounds.
 */
import {
  buildTopology,
  canonicalHash,
  compareFlowGroups,
  flowGroupId,
  hasSoftDrains,
  isUsable,
  rungs,
  trafficClasses,
  tunnelId,
  withoutSoftDrained,
  type CheckReport,
  type Demand,
  type Plan,
  type Snapshot,
  type Topology,
  type TrafficClass,
  type Tunnel,
  type TunnelGroup,
} from "@sluice/model";
import { checkCertificates } from "./check-bound.js";
import { checkGuarantees, reservedResidual } from "./check-guarantee.js";
import { guaranteedPaths, reserves } from "./check-guarantee-price.js";
import { checkedPaths, type CheckedPaths } from "./check-paths.js";
import { checkProtection } from "./check-protection.js";
import { checkTolerance, differ, exceeds, Report, violationsListedMax } from "./check-report.js";
import { candidateTunnels, rangesOverAllPaths, type CandidateTunnels } from "./tunnels/candidate-tunnels.js";

export interface CheckOptions {
  /**
   * The paths among which the plan's certificates say it is best: a given path set, or `all-paths` for the edge-based
   * formulation. Left out, the checker derives the candidate tunnels from the snapshot's own policy, or takes all paths where that
   * prices them.
   */
  readonly candidates?: CandidateTunnels | "all-paths" | undefined;
}

/** Judges a plan, whatever its own `check` says. Never throws for a bad plan. O(hops of all groups + candidate tunnels). */
export function checkPlan(snapshot: Snapshot, plan: Omit<Plan, "check">, options: CheckOptions = {}): CheckReport {
  const report = new Report();
  const built = buildTopology(snapshot.topology);
  if (!built.ok) {
    return { verdict: "fail", checked: {}, violations: built.faults.slice(0, violationsListedMax), utilizationMax: 0 };
  }
  const whole = built.value;
  checkSoftDrained(whole, plan, report);
  // What a plan avoids is no part of the network that its paths, residuals and bounds are of.
  const topology = plan.softDrained === "avoided" ? withoutSoftDrained(whole) : whole;
  if (plan.inputHash !== canonicalHash(snapshot)) report.add("input-mismatch", "/inputHash", "The plan was made from another snapshot.");

  const tunnels = checkTunnels(topology, snapshot, plan, options, report);
  checkTables(topology, plan, report);
  const demands = new Map(snapshot.demands.demands.map((demand) => [flowGroupId(demand), demand]));
  checkGroups({ snapshot, plan, tunnels, demands }, report);
  if (options.candidates === undefined) checkTunnelCounts(snapshot, plan, report);
  const candidates = options.candidates ?? candidatesAround(whole, snapshot, plan);
  const paths = checkedPaths(topology, snapshot, candidates);
  checkAccounts({ plan, demands, paths }, report);
  const loads = loadsByClass(topology, plan, tunnels);
  const utilizationMax = checkCapacity(topology, loads, report);
  checkTotals(snapshot, plan, report);
  // Bypasses and backups are for failures: they may use what is soft-drained.
  checkProtection(whole, snapshot, plan, report);
  const guarantees = { topology, snapshot, plan, tunnels, loads };
  checkGuarantees(guarantees, report);
  const residualBps = residuals(topology, loads);
  for (const each of trafficClasses) if (reserves(snapshot, each)) residualBps[each] = reservedResidual(guarantees, each);
  const pathsWithGuarantee = (each: TrafficClass): CheckedPaths | undefined =>
    reserves(snapshot, each) ? guaranteedPaths(topology, snapshot, each, candidates) : undefined;
  checkCertificates({ topology, snapshot, plan, residualBps, paths, guaranteedPaths: pathsWithGuarantee }, report);

  return {
    verdict: report.count === 0 ? "pass" : "fail",
    checked: {
      demands: snapshot.demands.demands.length,
      flowGroups: plan.groups.length,
      links: topology.links.length,
      linkPrices: plan.classes.reduce((sum, item) => sum + item.certificate.linkPrices.length, 0),
      tunnels: plan.tunnels.length,
      ...(plan.protection === undefined ? {} : { backups: plan.protection.backups.length, bypasses: plan.protection.bypasses.length }),
      violations: report.count,
    },
    violations: report.violations,
    utilizationMax,
  };
}

/** The policy's candidates where some are soft-drained: those around them are part of the question even where the others are not used. */
function candidatesAround(
  whole: Topology,
  { demands, settings }: Snapshot,
  { softDrained }: Pick<Plan, "softDrained">,
): CandidateTunnels | undefined {
  if (softDrained === undefined || rangesOverAllPaths(settings.tunnels, whole)) return undefined;
  const known = demands.demands.filter(({ src, dst }) => whole.nodeById.has(src) && whole.nodeById.has(dst));
  return candidateTunnels(whole, known, settings.tunnels);
}

/** A plan says what it does about soft drains where there are any, and only there. */
function checkSoftDrained(topology: Topology, { softDrained }: Pick<Plan, "softDrained">, report: Report): void {
  if (hasSoftDrains(topology) === (softDrained !== undefined)) return;
  report.add(
    "input-mismatch",
    "/softDrained",
    `The plan says ${softDrained ?? "nothing"} of soft drains; the topology has ${softDrained === undefined ? "some" : "none"}.`,
  );
}

/** Each tunnel is a loopless path from its source to its destination on usable links, is used, and is there once. */
function checkTunnels(
  topology: Topology,
  { settings }: Snapshot,
  plan: Pick<Plan, "tunnels" | "groups">,
  { candidates }: CheckOptions,
  report: Report,
): ReadonlyMap<string, Tunnel> {
  const sound = new Map<string, Tunnel>();
  const used = new Set<string>(plan.groups.flatMap((group) => group.members.map((member) => member.tunnelId)));
  // A given path set brings its own bound on latency.
  const latencyMsMax = candidates === undefined ? (settings.tunnels.latencyMsMax ?? Infinity) : Infinity;
  plan.tunnels.forEach((tunnel, i) => {
    const pointer = `/tunnels/${i}`;
    const defect = defectOfTunnel(topology, tunnel);
    if (sound.has(tunnel.id)) report.add("duplicate-id", pointer, `Tunnel ${tunnel.id} is in the plan twice.`);
    else if (defect !== undefined) report.add("tunnel-broken", pointer, `Tunnel ${tunnel.id}: ${defect}.`);
    else if (!used.has(tunnel.id)) report.add("dangling-reference", pointer, `Tunnel ${tunnel.id} is used by no group.`);
    else sound.set(tunnel.id, tunnel);
    let latencyMs = 0;
    for (const id of tunnel.path) {
      const link = topology.linkById.get(id);
      if (link === undefined) continue;
      latencyMs += link.latencyMs;
      if (!isUsable(topology, link)) {
        report.add("tunnel-unusable", pointer, `Tunnel ${tunnel.id} uses ${id}, which is down or drained, or ends at a node that is.`);
      }
    }
    if (exceeds(latencyMs, latencyMsMax)) {
      report.add("tunnel-unusable", pointer, `Tunnel ${tunnel.id} takes ${latencyMs} ms; the bound is ${latencyMsMax} ms.`);
    }
  });
  return sound;
}

function defectOfTunnel(topology: Topology, tunnel: Tunnel): string | undefined {
  let at: string = tunnel.src;
  const visited = new Set<string>([at]);
  for (const id of tunnel.path) {
    const link = topology.linkById.get(id);
    if (link === undefined) return `link ${id} is not in the topology`;
    if (link.from !== at) return `link ${id} does not start at ${at}`;
    at = link.to;
    if (visited.has(at)) return `it visits ${at} twice`;
    visited.add(at);
  }
  if (tunnel.path.length === 0) return "it has no links";
  if (at !== tunnel.dst) return `it ends at ${at}, not at ${tunnel.dst}`;
  return tunnel.id === tunnelId(tunnel.path) ? undefined : "its id is not that of its path";
}

/** Where a node says what its rule table has room for, no other tunnel ends there or leads through it, and none begins there for elsewhere. */
function checkTables(topology: Topology, { tunnels }: Pick<Plan, "tunnels">, report: Report): void {
  for (const { id, tableRoom } of topology.nodes) {
    if (tableRoom === undefined) continue;
    const named = new Set(tableRoom.tunnels.map((path) => tunnelId(path)));
    const destinations = new Set<string>(tableRoom.destinations);
    tunnels.forEach((tunnel, i) => {
      const isThrough = tunnel.path.some((link) => topology.linkById.get(link)?.to === id);
      if (isThrough ? named.has(tunnel.id) : tunnel.src !== id || destinations.has(tunnel.dst)) return;
      report.add("tunnel-unusable", `/tunnels/${i}`, `Tunnel ${tunnel.id} needs rules that the table of ${id} has no room for.`);
    });
  }
}

interface GroupsInQuestion {
  readonly snapshot: Snapshot;
  readonly plan: Pick<Plan, "groups">;
  readonly tunnels: ReadonlyMap<string, Tunnel>;
  readonly demands: ReadonlyMap<string, Demand>;
}

/** Each group answers a demand, admits at most that, and splits it by positive integer weights over tunnels between its ends. */
function checkGroups({ snapshot, plan, tunnels, demands }: GroupsInQuestion, report: Report): void {
  plan.groups.forEach((group, i) => {
    const pointer = `/groups/${i}`;
    const id = flowGroupId(group);
    const previous = plan.groups[i - 1];
    if (previous !== undefined && compareFlowGroups(previous, group) >= 0) {
      report.add("duplicate-id", pointer, `Group ${id} is there twice, or out of order.`);
    }
    const demand = demands.get(id);
    if (demand === undefined) report.add("dangling-reference", pointer, `Group ${id} answers no demand.`);
    else if (differ(group.demandBps, demand.rateBps)) {
      report.add(
        "totals-wrong",
        `${pointer}/demandBps`,
        `Group ${id} says that ${group.demandBps} bps are asked for; it is ${demand.rateBps}.`,
      );
    }
    if (report.number(group.admittedBps, `${pointer}/admittedBps`) && demand !== undefined && exceeds(group.admittedBps, demand.rateBps)) {
      report.add("over-demand", `${pointer}/admittedBps`, `Group ${id} admits ${group.admittedBps} bps of ${demand.rateBps}.`);
    }
    if (group.admittedBps === 0) report.add("split-invalid", pointer, `Group ${id} admits nothing and should not be there.`);
    checkMembers(group, { pointer, tunnels, weightSumMax: snapshot.settings.splitWeightSumMax }, report);
  });
}

function checkMembers(
  group: TunnelGroup,
  { pointer, tunnels, weightSumMax }: { pointer: string; tunnels: ReadonlyMap<string, Tunnel>; weightSumMax: number },
  report: Report,
): void {
  const id = flowGroupId(group);
  let weightSum = 0;
  let allottedBps = 0;
  const seen = new Set<string>();
  group.members.forEach((member, i) => {
    const at = `${pointer}/members/${i}`;
    const tunnel = tunnels.get(member.tunnelId);
    if (tunnel === undefined)
      report.add("dangling-reference", at, `Group ${id} uses ${member.tunnelId}, which is no sound tunnel of the plan.`);
    else if (tunnel.src !== group.src || tunnel.dst !== group.dst) {
      report.add("tunnel-broken", at, `Group ${id} uses ${tunnel.id}, which goes from ${tunnel.src} to ${tunnel.dst}.`);
    }
    if (seen.has(member.tunnelId)) report.add("split-invalid", at, `Group ${id} has ${member.tunnelId} twice.`);
    seen.add(member.tunnelId);
    if (!Number.isSafeInteger(member.weight) || member.weight < 1) {
      report.add("split-invalid", `${at}/weight`, `Group ${id}: the weight ${member.weight} is no positive integer.`);
    }
    weightSum += member.weight;
    if (report.number(member.allottedBps, `${at}/allottedBps`)) allottedBps += member.allottedBps;
  });
  if (group.members.length === 0) report.add("split-invalid", pointer, `Group ${id} has no tunnels.`);
  if (!(weightSum <= weightSumMax))
    report.add("split-invalid", pointer, `Group ${id}: weights sum to ${weightSum}, above ${weightSumMax}.`);
  if (exceeds(allottedBps, group.demandBps)) {
    report.add("over-demand", pointer, `Group ${id} was allotted ${allottedBps} bps of ${group.demandBps}.`);
  }
}

/** Where tunnels are priced, no group has more than its k: of the other policies' tunnels, and of those for a guarantee, there are no more. */
function checkTunnelCounts(snapshot: Snapshot, plan: Pick<Plan, "groups">, report: Report): void {
  const { tunnels } = snapshot.settings;
  if (!rangesOverAllPaths(tunnels, snapshot.topology)) return;
  plan.groups.forEach((group, i) => {
    if (reserves(snapshot, group.trafficClass)) return;
    const { length } = group.members;
    if (length > tunnels.k) {
      report.add("split-invalid", `/groups/${i}`, `Group ${flowGroupId(group)} has ${length} tunnels, more than ${tunnels.k}.`);
    }
  });
}

interface AccountsInQuestion {
  readonly plan: Pick<Plan, "groups" | "unroutable">;
  readonly demands: ReadonlyMap<string, Demand>;
  readonly paths: CheckedPaths;
}

/** Demands without a path, and only they, are called unroutable. (That all others are carried or refused is in the totals.) */
function checkAccounts({ plan, demands, paths }: AccountsInQuestion, report: Report): void {
  const carried = new Set<string>(plan.groups.map(flowGroupId));
  const unroutable = new Set<string>();
  plan.unroutable.forEach((group, i) => {
    const id = flowGroupId(group);
    const pointer = `/unroutable/${i}`;
    if (!demands.has(id)) report.add("dangling-reference", pointer, `${id} is called unroutable but is no demand.`);
    else if (unroutable.has(id)) report.add("duplicate-id", pointer, `${id} is called unroutable twice.`);
    else if (carried.has(id)) report.add("demand-unaccounted", pointer, `${id} is called unroutable but is carried.`);
    else if (paths.isRoutable(group)) report.add("demand-unaccounted", pointer, `${id} is called unroutable but has a path.`);
    unroutable.add(id);
  });
  for (const demand of demands.values()) {
    const id = flowGroupId(demand);
    if (demand.rateBps > 0 && !unroutable.has(id) && !paths.isRoutable(demand)) {
      report.add("demand-unaccounted", "/unroutable", `${id} has no path and is not called unroutable.`);
    }
  }
}

type Loads = Readonly<Record<TrafficClass, Float64Array>>;

/** bps per link (in the topology's order) that each class's groups put there; unsound tunnels are left out. */
function loadsByClass(topology: Topology, plan: Pick<Plan, "groups">, tunnels: ReadonlyMap<string, Tunnel>): Loads {
  const index = new Map<string, number>(topology.links.map((link, i) => [link.id, i]));
  const blank = (): Float64Array => new Float64Array(topology.links.length);
  const loads: Loads = { interactive: blank(), elastic: blank(), bulk: blank() };
  for (const group of plan.groups) {
    const load = loads[group.trafficClass];
    const weightSum = group.members.reduce((sum, member) => sum + member.weight, 0);
    for (const member of group.members) {
      for (const id of tunnels.get(member.tunnelId)?.path ?? []) {
        const link = index.get(id);
        if (link !== undefined) load[link] = (load[link] ?? 0) + group.admittedBps * (member.weight / weightSum);
      }
    }
  }
  return loads;
}

/** For each class what the classes above it leave of every link, bps; less than the tolerance is nothing. */
function residuals(topology: Topology, { interactive, elastic }: Loads): Record<TrafficClass, Float64Array> {
  const leaves = (higher: readonly Float64Array[]): Float64Array =>
    Float64Array.from(topology.links, (link, i) => {
      if (!isUsable(topology, link)) return 0;
      const left = higher.reduce((bps, load) => bps - (load[i] ?? 0), link.capacityBps);
      return left > checkTolerance * link.capacityBps ? left : 0;
    });
  return { interactive: leaves([]), elastic: leaves([interactive]), bulk: leaves([interactive, elastic]) };
}

/** No link carries more than its capacity, nor any class more than the classes above it leave. Returns the largest utilization. */
function checkCapacity(topology: Topology, loads: Loads, report: Report): number {
  let utilizationMax = 0;
  topology.links.forEach((link, i) => {
    let sum = 0;
    for (const trafficClass of trafficClasses) {
      const load = loads[trafficClass][i] ?? 0;
      sum += load;
      if (load > 0 && exceeds(sum, link.capacityBps)) {
        report.add(
          "over-capacity",
          `/links/${link.id}`,
          `Link ${link.id}: ${trafficClass} and the classes above it need ${sum} bps of ${link.capacityBps}.`,
        );
        break;
      }
    }
    if (link.capacityBps > 0) utilizationMax = Math.max(utilizationMax, sum / link.capacityBps);
  });
  return Number.isFinite(utilizationMax) ? utilizationMax : 0;
}

/** Classes are the three, in order; their sums are those of their demands and groups; the plan stands on the worst rung. */
function checkTotals({ demands }: Snapshot, plan: Omit<Plan, "check">, report: Report): void {
  if (plan.classes.map((item) => item.trafficClass).join() !== trafficClasses.join()) {
    report.add("totals-wrong", "/classes", "The classes are not interactive, elastic, bulk.");
  }
  plan.classes.forEach((item, i) => {
    const pointer = `/classes/${i}`;
    const groups = plan.groups.filter((group) => group.trafficClass === item.trafficClass);
    const asked = demands.demands.filter((demand) => demand.trafficClass === item.trafficClass);
    const demandBps = asked.reduce((sum, demand) => sum + demand.rateBps, 0);
    const admittedBps = groups.reduce((sum, group) => sum + group.admittedBps, 0);
    const allottedBps = groups.reduce((sum, group) => sum + group.members.reduce((part, member) => part + member.allottedBps, 0), 0);
    for (const field of ["demandBps", "allottedBps", "admittedBps"] as const) report.number(item[field], `${pointer}/${field}`);
    if (differ(item.demandBps, demandBps)) {
      report.add(
        "totals-wrong",
        `${pointer}/demandBps`,
        `${item.trafficClass}: ${item.demandBps} bps are said to be asked for, ${demandBps} are.`,
      );
    }
    if (differ(item.admittedBps, admittedBps)) {
      report.add(
        "totals-wrong",
        `${pointer}/admittedBps`,
        `${item.trafficClass}: ${item.admittedBps} bps are said to be admitted, ${admittedBps} are.`,
      );
    }
    if (exceeds(allottedBps, item.allottedBps) || exceeds(item.allottedBps, demandBps)) {
      report.add("totals-wrong", `${pointer}/allottedBps`, `${item.trafficClass}: ${item.allottedBps} bps are said to be allotted.`);
    }
  });
  const worst = Math.max(0, ...plan.classes.map((item) => rungs.indexOf(item.rung)));
  if (plan.rung !== rungs[worst])
    report.add("totals-wrong", "/rung", `The plan says ${plan.rung}; its worst class stands on ${rungs[worst]}.`);
}
