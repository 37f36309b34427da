/**
 * Rule tables as a limit of plans. While an update is under way a switch holds what its traffic used before and what the new plan wants. Where a
 * verified plan does not fit that way, it is not written: what each such table has room for (`TableRoom`) becomes part of the question, and the
 * question is asked again. What is installed costs nothing, so a full table keeps its tunnels; the rest of its room goes to what carries most, the
 * highest class first. The next cycle asks without such limits again.
 */
import {
  compareText,
  fault,
  topologyDocument,
  trafficClasses,
  type Fault,
  type NodeId,
  type NodeRules,
  type Path,
  type Plan,
  type Rule,
  type RuleSet,
  type Snapshot,
  type TableRoom,
  type Tunnel,
  type TunnelId,
} from "@sluice/model";
import { worstRules } from "./belief.js";
import type { ControllerState, VerifiedPlan } from "./state.js";
import { withoutUnused } from "./unused-rules.js";

/** How often a question is asked again with less room before the cycle gives up. */
export const tableAttemptsMax = 4;

export interface FullTable {
  readonly nodeId: NodeId;
  readonly ruleCountMax: number;
  /** Rules that it would have to hold at once. */
  readonly ruleCount: number;
  /** What it holds now without what nothing uses. */
  readonly kept: NodeRules;
}

type Planned = Pick<VerifiedPlan, "rules" | "assignmentsAfter" | "topology"> & { readonly plan: Plan };

/** Tables that cannot hold the target's rules beside those that are in use now. O(nodes), and O(rules) where some may be too small. */
export function fullTables(state: ControllerState, target: RuleSet): readonly FullTable[] {
  if (crowded(state, target).length === 0) return [];
  const swept = withoutUnused(installedRules(state), target);
  return crowded(state, target, swept).map(({ nodeId, ruleCountMax, ruleCount }) => {
    return { nodeId, ruleCountMax, ruleCount, kept: swept.get(nodeId) ?? new Map() };
  });
}

/** Whether the target fits some table only without what nothing uses there. */
export function needsSweep(state: ControllerState, target: RuleSet): boolean {
  return crowded(state, target).length > 0;
}

/** The question again, with what these tables have room for, and what was found for others before. */
export function withTableRooms(state: ControllerState, snapshot: Snapshot, planned: Planned, full: readonly FullTable[]): Snapshot {
  const document = snapshot.topology;
  const rooms = new Map(
    full.map((table) => [table.nodeId, roomOf(state, planned, table, document.nodes.find(({ id }) => id === table.nodeId)?.tableRoom)]),
  );
  const nodes = document.nodes.map((node) => {
    const tableRoom = rooms.get(node.id);
    return tableRoom === undefined ? node : { ...node, tableRoom };
  });
  return { ...snapshot, topology: topologyDocument({ ...document, nodes }) };
}

export function tablesFault(full: readonly FullTable[]): Fault {
  const [first] = full;
  const more = full.length > 1 ? `, and ${full.length - 1} more` : "";
  const text = `The rule table of ${first?.nodeId ?? "?"} holds ${first?.ruleCountMax ?? 0} rules and would need room for ${first?.ruleCount ?? 0}${more}; no plan was found that fits.`;
  return fault("table-full", text, { data: { nodes: full.length, nodeId: first?.nodeId ?? "" } });
}

interface Crowded {
  readonly nodeId: NodeId;
  readonly ruleCountMax: number;
  readonly ruleCount: number;
}

/** A switch that was never heard has said nothing of its table. */
function crowded(state: ControllerState, target: RuleSet, installed?: RuleSet): readonly Crowded[] {
  const found: Crowded[] = [];
  for (const { nodeId, ruleCountMax, belief } of state.switches.values()) {
    if (ruleCountMax === 0) continue;
    const wanted = target.get(nodeId);
    const held = installed === undefined ? worstRules(belief) : (installed.get(nodeId) ?? new Map<never, never>());
    if (wanted === undefined || held.size + wanted.size <= ruleCountMax) continue;
    let ruleCount = held.size;
    for (const key of wanted.keys()) if (!held.has(key)) ruleCount += 1;
    if (ruleCount > ruleCountMax) found.push({ nodeId, ruleCountMax, ruleCount });
  }
  return found;
}

function installedRules(state: ControllerState): RuleSet {
  return new Map([...state.switches.values()].map(({ nodeId, belief }) => [nodeId, worstRules(belief)]));
}

/** What rules of one table are for: a tunnel through it or to it, or traffic of its own to one destination. */
interface Use {
  readonly tunnel?: Tunnel;
  readonly destination?: NodeId;
  /** Place of the highest class that it carries, and its rate over all classes, bps. */
  readonly rank: number;
  readonly bps: number;
  /** Rules that are not there yet. */
  cost: number;
}

interface Uses {
  readonly byLabel: ReadonlyMap<number, Use>;
  /** By the number of a flow group. */
  readonly byGroup: ReadonlyMap<number, Use>;
}

/** Room that was found too much for a plan that kept to it is reduced by what that plan lacked. */
function roomOf(
  state: ControllerState,
  planned: Planned,
  { nodeId, ruleCountMax, ruleCount, kept }: FullTable,
  before: TableRoom | undefined,
): TableRoom {
  const uses = usesOf(planned, nodeId);
  let free = ruleCountMax - kept.size - (before === undefined ? 0 : ruleCount - ruleCountMax);
  for (const [key, rule] of planned.rules.get(nodeId) ?? []) {
    if (kept.has(key)) continue;
    const use = useOf(uses, rule);
    // Failover groups, bypasses and backup tunnels come with the plan.
    if (use === undefined) free -= 1;
    else use.cost += 1;
  }
  const tunnels = new Map<string, Path>();
  const destinations = new Set<NodeId>();
  const add = ({ tunnel, destination }: Pick<Use, "tunnel" | "destination">): void => {
    if (tunnel !== undefined) tunnels.set(tunnel.path.join("\n"), tunnel.path);
    if (destination !== undefined) destinations.add(destination);
  };
  for (const use of [...uses.byLabel.values(), ...new Set(uses.byGroup.values())].sort(byWorth)) {
    if (use.cost > 0 && use.cost > free) continue;
    free -= use.cost;
    add(use);
  }
  const { target } = state.push;
  if (target !== undefined) {
    const standing = usesOf({ ...target, plan: target.record.plan }, nodeId);
    for (const rule of kept.values()) if (rule.kind === "label" || rule.kind === "group") add(useOf(standing, rule) ?? {});
  }
  return {
    tunnels: [...tunnels].sort(([a], [b]) => compareText(a, b)).map(([, path]) => path),
    destinations: [...destinations].sort(compareText),
  };
}

/** The highest class first, then what carries most for each of its rules. */
function byWorth(a: Use, b: Use): number {
  return a.rank - b.rank || b.bps / Math.max(1, b.cost) - a.bps / Math.max(1, a.cost) || compareText(nameOf(a), nameOf(b));
}

function nameOf({ tunnel, destination }: Use): string {
  return tunnel?.id ?? destination ?? "";
}

function useOf({ byLabel, byGroup }: Uses, rule: Rule): Use | undefined {
  switch (rule.kind) {
    case "label":
      return byLabel.get(rule.match.label);
    case "meter":
      return byGroup.get(rule.meterId);
    case "group":
    case "ingress":
      return byGroup.get(rule.groupId);
    case "failover":
      return undefined;
  }
}

/** O(tunnels x hops + groups). */
function usesOf({ plan, assignmentsAfter, topology }: Planned, nodeId: NodeId): Uses {
  const carried = new Map<TunnelId, Worth>();
  const sent = new Map<NodeId, Use>();
  const byGroup = new Map<number, Use>();
  const numbers = assignmentsAfter.ingressByNode.get(nodeId)?.numberByGroup;
  for (const group of plan.groups) {
    const { src, dst, trafficClass, admittedBps, members } = group;
    const rank = trafficClasses.indexOf(trafficClass);
    for (const { tunnelId, allottedBps } of members) carried.set(tunnelId, joined(carried.get(tunnelId), { rank, bps: allottedBps }));
    if (src === nodeId) sent.set(dst, { destination: dst, cost: 0, ...joined(sent.get(dst), { rank, bps: admittedBps }) });
  }
  for (const { dst, number } of numbers?.values() ?? []) {
    const use = sent.get(dst);
    if (use !== undefined) byGroup.set(number, use);
  }
  const byLabel = new Map<number, Use>();
  for (const tunnel of plan.tunnels) {
    const label = assignmentsAfter.labelByTunnel.get(tunnel.id);
    const worth = carried.get(tunnel.id) ?? { rank: trafficClasses.length, bps: 0 };
    if (label !== undefined && tunnel.path.some((linkId) => topology.linkById.get(linkId)?.to === nodeId))
      byLabel.set(label, { tunnel, cost: 0, ...worth });
  }
  return { byLabel, byGroup };
}

type Worth = Pick<Use, "rank" | "bps">;

function joined(a: Worth | undefined, b: Worth): Worth {
  return a === undefined ? b : { rank: Math.min(a.rank, b.rank), bps: a.bps + b.bps };
}
