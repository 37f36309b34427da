/**
 * What the groups that changed could keep at best, asked of HiGHS in the plainest form: a column for each of their tunnels that survives, a row for
 * each of them, a row for each link with what all others leave of it.
 */
import { ProgramBuilder } from "@sluice/lp";
import { flowGroupId, trafficClasses, type Plan, type ScenarioSplit, type Snapshot, type TrafficClass, type Tunnel } from "@sluice/model";
import { highs } from "../../testing/planning.js";

export interface Kept {
  /** What the changed groups of the class are admitted by the plan, are allotted and admitted by the split, and could keep, bps. */
  readonly wantedBps: number;
  readonly allottedBps: number;
  readonly admittedBps: number;
  readonly bestBps: number;
}

/** Rates within the program are in Gb/s. */
const unitBps = 1e9;

export async function bestKept(snapshot: Snapshot, plan: Plan, split: ScenarioSplit, trafficClass: TrafficClass): Promise<Kept> {
  const dead = new Set<string>(split.scenario.linkIds);
  const installed = [...plan.tunnels, ...(plan.protection?.backupTunnels ?? [])];
  const tunnelById = new Map<string, Tunnel>(installed.map((tunnel) => [tunnel.id, tunnel]));
  const survives = ({ path }: Tunnel): boolean => path.every((id) => !dead.has(id));
  const changed = new Map(split.groups.map((group) => [flowGroupId(group), group]));
  const roomBps = new Map<string, number>(snapshot.topology.links.map((link) => [link.id, dead.has(link.id) ? 0 : link.capacityBps]));
  const rank = trafficClasses.indexOf(trafficClass);
  const free: Plan["groups"][number][] = [];
  for (const planned of plan.groups) {
    const group = changed.get(flowGroupId(planned)) ?? planned;
    if (trafficClasses.indexOf(group.trafficClass) > rank) continue;
    const lost = planned.members.some(({ tunnelId }) => dead.size > 0 && !survives(tunnelById.get(tunnelId) as Tunnel));
    if (planned.trafficClass === trafficClass && (lost || changed.has(flowGroupId(planned)))) {
      free.push(planned);
      continue;
    }
    const weightSum = group.members.reduce((sum, { weight }) => sum + weight, 0);
    for (const { tunnelId, weight } of group.members) {
      const tunnel = tunnelById.get(tunnelId) as Tunnel;
      if (!survives(tunnel)) continue;
      for (const id of tunnel.path) roomBps.set(id, (roomBps.get(id) ?? 0) - (group.admittedBps * weight) / weightSum);
    }
  }
  const builder = new ProgramBuilder("maximize");
  const rowOf = new Map([...roomBps].map(([id, bps]) => [id, builder.addRow({ upper: Math.max(0, bps) / unitBps })]));
  for (const group of free) {
    const row = builder.addRow({ upper: group.admittedBps / unitBps });
    for (const tunnel of installed) {
      if (tunnel.src !== group.src || tunnel.dst !== group.dst || !survives(tunnel)) continue;
      const column = builder.addColumn({ cost: 1 });
      builder.addEntry(row, column, 1);
      for (const id of tunnel.path) builder.addEntry(rowOf.get(id) ?? -1, column, 1);
    }
  }
  const allottedBps = free.reduce(
    (sum, group) => sum + (changed.get(flowGroupId(group))?.members ?? []).reduce((part, member) => part + member.allottedBps, 0),
    0,
  );
  const wantedBps = free.reduce((sum, { admittedBps }) => sum + admittedBps, 0);
  const admittedBps = free.reduce((sum, group) => sum + (changed.get(flowGroupId(group))?.admittedBps ?? 0), 0);
  if (builder.columnCount === 0) return { wantedBps, allottedBps, admittedBps, bestBps: 0 };
  const solved = await highs.solve(builder.build(), { timeLimitSeconds: 10 });
  if (solved.status !== "optimal") throw new Error(`the oracle ended ${solved.status}`);
  return { wantedBps, allottedBps, admittedBps, bestBps: (solved.objective ?? Number.NaN) * unitBps };
}
