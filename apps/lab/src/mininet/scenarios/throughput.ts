/** The fullest link is offered more than it carries: the most important class gets what the plan admits. */
import { classMarking, ok, refuse, fault, trafficClasses, type Result } from "@sluice/model";
import type { MininetLab } from "../mininet-lab.js";
import { readPlan, type PlannedDemand } from "../plan-reading.js";
import { probe, type ProbeFlow } from "../probe.js";
import { withHeavierDemand } from "./heavier-demand.js";
import type { Section } from "./report.js";

const seconds = 8;
const bytes = 1_400;
/** What meters count of each packet. */
const frameBits = (14 + 20 + 8 + bytes) * 8;
const sourcePortFirst = 25_000;
/** Flows of each group: enough to come near the weights. */
const flowsPerGroup = 8;
/** Elastic and bulk are offered so many times what is admitted: their meters drop the rest. */
const overload = 1.3;
/** The most that is sent in all, of the class itself and of the others, bits a second: what the machine forwards without dropping at random. */
const topBpsMax = 20e6;
/** How far the top class may be from its allocation. */
const tolerance = 0.1;

/** Demand is that of the lab so many times: the fullest links are full, and the groups over them are split. */
const demandFactor = 1.6;

export function throughput(lab: MininetLab): Promise<Result<Omit<Section, "seconds" | "load">>> {
  return withHeavierDemand(lab, demandFactor, () => overFullestLink(lab));
}

async function overFullestLink(lab: MininetLab): Promise<Result<Omit<Section, "seconds" | "load">>> {
  const plan = await readPlan(lab.rest);
  if (!plan.ok) return plan;
  const { demands, tunnels } = plan.value;
  const capacity = new Map<string, number>(lab.scaled.topology.links.map(({ id, capacityBps }) => [id, capacityBps]));
  const load = new Map<string, number>();
  for (const { path, flowGroups } of tunnels)
    for (const link of path)
      load.set(
        link,
        flowGroups.reduce((sum, { plannedBps }) => sum + plannedBps, load.get(link) ?? 0),
      );
  const fill = (link: string): number => (load.get(link) ?? 0) / (capacity.get(link) ?? Infinity);
  const link = [...load.keys()].toSorted((a, b) => fill(b) - fill(a) || (a < b ? -1 : 1))[0];
  if (link === undefined) return refuse(fault("not-found", "No tunnel carries anything."));
  // Groups with any tunnel over the link.
  const crossing = demands.filter(({ src, dst, trafficClass, admittedBps = 0 }) => {
    const uses = tunnels.filter(
      (tunnel) => tunnel.src === src && tunnel.dst === dst && tunnel.flowGroups.some((use) => use.trafficClass === trafficClass),
    );
    return admittedBps > 0 && uses.some(({ path }) => path.includes(link));
  });
  const [topClass, ...lower] = trafficClasses;
  let sum = 0;
  const top = crossing.filter(({ trafficClass, admittedBps = 0 }) => {
    if (trafficClass !== topClass || sum + admittedBps > topBpsMax) return false;
    sum += admittedBps;
    return true;
  });
  const others = crossing.filter(({ trafficClass }) => lower.some((name) => name === trafficClass));
  const flows = [...top.map((group) => flowsOf(group, 1)), ...others.map((group) => flowsOf(group, overload))];
  const numbered = flows.flat().map((flow, i) => ({ ...flow, sourcePort: sourcePortFirst + i }));
  const run = await probe(lab.network, numbered, { seconds });
  if (!run.ok) return run;
  const rows: (readonly (string | number)[])[] = [];
  let worst = 0;
  const totals = new Map<string, { offered: number; allocated: number; measured: number }>();
  [...top, ...others].forEach((group, i) => {
    const from = flows.slice(0, i).reduce((count, each) => count + each.length, 0);
    const reports = run.value.reports.slice(from, from + (flows[i]?.length ?? 0));
    const bpsOf = (packets: number): number => (packets * frameBits) / seconds;
    const offered = bpsOf(reports.reduce((total, { sent }) => total + sent, 0));
    const arrived = bpsOf(reports.reduce((total, { received }) => total + received, 0));
    const allocated = group.admittedBps ?? 0;
    const before = totals.get(group.trafficClass) ?? { offered: 0, allocated: 0, measured: 0 };
    totals.set(group.trafficClass, {
      offered: before.offered + offered,
      allocated: before.allocated + allocated,
      measured: before.measured + arrived,
    });
    if (group.trafficClass !== topClass) return;
    const off = arrived / allocated - 1;
    worst = Math.max(worst, Math.abs(off));
    rows.push([
      `${group.src} > ${group.dst} ${group.trafficClass}`,
      mbps(offered),
      mbps(allocated),
      mbps(arrived),
      `${(100 * off).toFixed(1)} %`,
    ]);
  });
  for (const [name, { offered, allocated, measured }] of totals)
    rows.push([`all ${name}`, mbps(offered), mbps(allocated), mbps(measured), `${(100 * (measured / allocated - 1)).toFixed(1)} %`]);
  const offeredShare = [...totals.values()].reduce((all, { offered }) => all + offered, 0) / (capacity.get(link) ?? 1);
  return ok({
    name: `throughput over ${link}, planned ${(100 * fill(link)).toFixed(0)} % full`,
    headings: ["flow group", "offered Mb/s", "allocated Mb/s", "measured Mb/s", "off"],
    rows,
    verdicts: [
      {
        promise: `${topClass} within ${100 * tolerance} % of its allocation`,
        found: `worst of ${top.length} groups ${(100 * worst).toFixed(1)} %, offered to the link in all ${(100 * offeredShare).toFixed(0)} % of its capacity`,
        kept: top.length > 0 && worst <= tolerance,
      },
    ],
  });
}

function flowsOf({ src, dst, trafficClass, admittedBps = 0 }: PlannedDemand, factor: number): readonly ProbeFlow[] {
  const pps = (admittedBps * factor) / frameBits / flowsPerGroup;
  return Array.from({ length: flowsPerGroup }, () => ({ src, dst, dscp: classMarking[trafficClass].dscp, sourcePort: 0, pps, bytes }));
}

function mbps(bps: number): string {
  return (bps / 1e6).toFixed(2);
}
