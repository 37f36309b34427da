/** The fullest link is offered more than it carries: the most important class gets what the plan admits. */
import { ok, refuse, fault, trafficClasses, type Result } from "@sluice/model";
import type { MininetLab } from "../mininet-lab.js";
import { readPlan } from "../plan-reading.js";
import { probe } from "../probe.js";
import { carriedShare, type Carried } from "./carrying.js";
import { contentionFlows, contentionFrameBits, contentionOf } from "./contention.js";
import { withHeavierDemand } from "./heavier-demand.js";
import { withNarrowerLinks } from "./narrower-links.js";
import type { Section } from "./report.js";

type Found = Result<Omit<Section, "seconds" | "load">>;

const seconds = 8;
/** How far the top class may be from its allocation. */
const tolerance = 0.1;
/** Demand is that of the lab so many times: the fullest links are full, and the groups over them are split. */
const demandFactor = 1.6;

export async function throughput(lab: MininetLab): Promise<Found> {
  const carried = await withHeavierDemand(lab, demandFactor, () => carriedShare(lab));
  if (!carried.ok) return carried;
  const measured = (): Promise<Found> => overFullestLink(lab, carried.value);
  return withNarrowerLinks(lab, carried.value.share, () => withHeavierDemand(lab, demandFactor, measured));
}

async function overFullestLink(lab: MininetLab, carried: Carried): Promise<Found> {
  const plan = await readPlan(lab.rest);
  if (!plan.ok) return plan;
  const capacity = new Map<string, number>(lab.scaled.topology.links.map(({ id, capacityBps }) => [id, capacityBps]));
  const contention = contentionOf(plan.value, capacity);
  if (contention === undefined) return refuse(fault("not-found", "No tunnel carries anything."));
  const { linkId, fill, groups } = contention;
  const flows = contentionFlows(contention);
  const run = await probe(lab.network, flows.flat(), { seconds });
  if (!run.ok) return run;
  const rows: (readonly (string | number)[])[] = [];
  const [topClass] = trafficClasses;
  let worst = 0;
  let from = 0;
  const totals = new Map<string, { offered: number; allocated: number; measured: number }>();
  groups.forEach(({ group }, i) => {
    const reports = run.value.reports.slice(from, from + (flows[i]?.length ?? 0));
    from += reports.length;
    const bpsOf = (packets: number): number => (packets * contentionFrameBits) / seconds;
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
    const name = `${group.src} > ${group.dst} ${group.trafficClass}`;
    rows.push([name, mbps(offered), mbps(allocated), mbps(arrived), `${(100 * off).toFixed(1)} %`]);
  });
  const topCount = rows.length;
  for (const [name, { offered, allocated, measured }] of totals)
    rows.push([`all ${name}`, mbps(offered), mbps(allocated), mbps(measured), `${(100 * (measured / allocated - 1)).toFixed(1)} %`]);
  const offeredShare = [...totals.values()].reduce((all, { offered }) => all + offered, 0) / (capacity.get(linkId) ?? 1);
  const widest = Math.max(...capacity.values());
  const tried = carried.failed.length === 0 ? "" : `; before, ${carried.failed.join("; ")}`;
  return ok({
    name: `throughput over ${linkId}, planned ${(100 * fill).toFixed(0)} % full`,
    headings: ["flow group", "offered Mb/s", "allocated Mb/s", "measured Mb/s", "off"],
    rows,
    verdicts: [
      {
        promise: "the switches carry half as much again",
        found: `links of ${mbps(widest)} Mb/s, ${Math.round(carried.packetHopsPerSecond)} packets a second through switches${tried}`,
        kept: true,
      },
      {
        promise: `${topClass} within ${100 * tolerance} % of its allocation`,
        found: `worst of ${topCount} groups ${(100 * worst).toFixed(1)} %, offered to the link in all ${(100 * offeredShare).toFixed(0)} % of its capacity`,
        kept: topCount > 0 && worst <= tolerance,
      },
    ],
  });
}

function mbps(bps: number): string {
  return (bps / 1e6).toFixed(2);
}
