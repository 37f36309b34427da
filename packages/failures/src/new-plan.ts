/** The last layer: what a new plan for the failed network carries of what was admitted before. */
import { optimize, type OptimizeOptions } from "@sluice/engine";
import { fault, ok, refuse, trafficClasses, type LinkId, type Plan, type Result, type Snapshot, type TrafficClass } from "@sluice/model";
import type { LayerOutcome } from "./layer.js";

/**
 * Solves for the snapshot, in which the failure has happened already. A class's loss is what it was admitted before, less what no plan could
 * carry, less what the new plan admits: rates are compared by class, not flow group by flow group. Faults: those of `optimize`, `cancelled`.
 */
export async function newPlanOutcome(
  snapshot: Snapshot,
  admittedBps: Readonly<Record<TrafficClass, number>>,
  endsLostBps: Readonly<Record<TrafficClass, number>>,
  options: { readonly lp: OptimizeOptions["lp"]; readonly nowMs: () => number; readonly isCancelled?: () => boolean },
): Promise<Result<LayerOutcome>> {
  if (options.isCancelled?.() === true) return refuse(fault("cancelled", "The report was cancelled."));
  const made = await optimize(snapshot, { lp: options.lp, nowMs: options.nowMs });
  if (!made.ok) return made;
  const { classes, check, groups, tunnels } = made.value.plan;
  const lostBps = Object.fromEntries(
    trafficClasses.map((name) => {
      const again = classes.find((each) => each.trafficClass === name)?.admittedBps ?? 0;
      return [name, Math.max(0, admittedBps[name] - endsLostBps[name] - again)];
    }),
  ) as Record<TrafficClass, number>;
  const fullestLinkId = fullestLink(snapshot, { groups, tunnels });
  return ok({ lostBps, utilizationMax: check.utilizationMax, ...(fullestLinkId === undefined ? {} : { fullestLinkId }), overfullLinks: 0 });
}

function fullestLink({ topology }: Snapshot, { groups, tunnels }: Pick<Plan, "groups" | "tunnels">): LinkId | undefined {
  const pathOf = new Map(tunnels.map(({ id, path }) => [id, path]));
  const loadBps = new Map<string, number>();
  for (const { admittedBps, members } of groups) {
    const sum = members.reduce((total, { weight }) => total + weight, 0);
    for (const { tunnelId, weight } of members) {
      for (const link of pathOf.get(tunnelId) ?? []) loadBps.set(link, (loadBps.get(link) ?? 0) + (admittedBps * weight) / sum);
    }
  }
  let fullest: (typeof topology.links)[number] | undefined;
  let most = 0;
  for (const link of topology.links) {
    const utilization = link.capacityBps > 0 ? (loadBps.get(link.id) ?? 0) / link.capacityBps : 0;
    if (utilization > most) [fullest, most] = [link, utilization];
  }
  return fullest?.id;
}
