/** Joins the controller's account and what the rules did with the traffic to one view. Pure. */
import { trafficClasses, type Topology } from "@sluice/model";
import type { FluidReport } from "@sluice/rules";
import type { ControllerStatus, PlanStatus } from "./controller-status.js";
import { utilizationOf, type ClassView, type LabView, type LinkView } from "./lab-view.js";

export interface ViewParts {
  readonly topology: Topology;
  readonly status: ControllerStatus;
  readonly plan: PlanStatus;
  readonly report: FluidReport;
  readonly isLinkUp: (linkId: Topology["links"][number]["id"]) => boolean;
  readonly interval: LabView["interval"];
  /** From the measurement to the plan in force, where it was timed. */
  readonly appliedSeconds?: number | undefined;
  readonly protection?: LabView["protection"];
  readonly failure?: LabView["failure"];
  readonly restarts: number;
  readonly rest: string;
  readonly grpc: string;
}

export function viewOf({ topology, status, plan, report, ...rest }: ViewParts): LabView {
  const links = report.links
    .map((link): LinkView => {
      const to = topology.linkById.get(link.linkId)?.to ?? link.from;
      const { linkId, from, capacityBps, carriedBps } = link;
      return { linkId, from, to, capacityBps, carriedBps, droppedBps: link.droppedBps + link.lostBps, up: rest.isLinkUp(linkId) };
    })
    // Stable: links of equal use stay in the order of their ids.
    .toSorted((a, b) => utilizationOf(b) - utilizationOf(a));
  return {
    network: { name: topology.name, nodes: topology.nodes.length, links: topology.links.length },
    interval: rest.interval,
    term: status.term,
    epoch: plan.epoch,
    switchesProgrammed: status.agents.onTarget,
    switches: status.agents.total,
    rules: plan.ruleCount,
    rung: plan.rung,
    classes: classesOf(plan, report),
    links,
    utilizationMax: plan.utilizationMax,
    check: plan.check,
    walk: plan.walk,
    seconds: { ...plan.seconds, ...(rest.appliedSeconds === undefined ? {} : { applied: rest.appliedSeconds }) },
    unroutable: plan.unroutable,
    protection: rest.protection,
    failure: rest.failure,
    restarts: rest.restarts,
    rest: rest.rest,
    grpc: rest.grpc,
  };
}

function classesOf(plan: PlanStatus, report: FluidReport): readonly ClassView[] {
  return trafficClasses.flatMap((trafficClass): readonly ClassView[] => {
    const planned = plan.classes.find((each) => each.trafficClass === trafficClass);
    if (planned === undefined) return [];
    const flows = report.flows.filter((flow) => flow.trafficClass === trafficClass);
    const sum = (of: (flow: (typeof flows)[number]) => number) => flows.reduce((total, flow) => total + of(flow), 0);
    const measured = {
      offeredBps: sum((flow) => flow.offeredBps),
      // Blackholed traffic never met a meter, or got past it: what is admitted is what left the ingress.
      admittedBps: sum((flow) => flow.deliveredBps + flow.queueDroppedBps + flow.lostBps),
      deliveredBps: sum((flow) => flow.deliveredBps),
    };
    return [{ ...planned, measured }];
  });
}
