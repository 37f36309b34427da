/** The last layer: what a new plan for the failed network carries of what was admitted before. */
import { linkLoads, optimize, type OptimizeOptions } from "@sluice/engine";
import {
  fault,
  ok,
  refuse,
  type LinkId,
  type LinkLoad,
  type Plan,
  type Result,
  type Snapshot,
  type TopologyDocument,
  type TrafficClass,
} from "@sluice/model";
import { perClass, type LayerOutcome } from "./layer.js";

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
  const { plan } = made.value;
  const { classes, check } = plan;
  const lostBps = perClass((name) => {
    const again = classes.find((each) => each.trafficClass === name)?.admittedBps ?? 0;
    return Math.max(0, admittedBps[name] - endsLostBps[name] - again);
  });
  const fullestLinkId = fullestLink(snapshot.topology, plan);
  return ok({ lostBps, utilizationMax: check.utilizationMax, ...(fullestLinkId === undefined ? {} : { fullestLinkId }), overfullLinks: 0 });
}

function fullestLink(topology: TopologyDocument, plan: Plan): LinkId | undefined {
  const utilization = ({ loadBps, capacityBps }: LinkLoad): number => (capacityBps > 0 ? loadBps / capacityBps : 0);
  let fullest: LinkLoad | undefined;
  for (const load of linkLoads(topology, plan)) {
    if (utilization(load) > (fullest === undefined ? 0 : utilization(fullest))) fullest = load;
  }
  return fullest?.linkId;
}
