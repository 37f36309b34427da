/**
 * What the switches of this machine carry. They share its processors: offered more, they lose packets in the buffers before any queue, of all
 * classes alike, and what is measured is the machine.
 */
import { classMarking, fault, ok, refuse, type Result } from "@sluice/model";
import type { MininetLab } from "../mininet-lab.js";
import { readPlan, type PlanReading } from "../plan-reading.js";
import { probe, type ProbeFlow } from "../probe.js";
import { contentionBytes, contentionFrameBits, contentionOf, switchesCrossed, switchesKey } from "./contention.js";

/** The trial's rate, times that of the contention: what is carried then leaves room. */
const margin = 1.5;
const seconds = 3;
/** Of what was to be sent, at least this was; of that at most this was lost. */
const sentShareMin = 0.98;
const lostShareMax = 0.005;
/** Links' rates that are tried, of those that the lab has. */
const shares: readonly number[] = [1, 0.7, 0.5, 0.35, 0.25];
/** No link is filled by more than this in a trial: nothing is lost in queues. */
const fillMax = 0.7;
const sourcePortFirst = 25_000;

export interface Carried {
  /** The largest of `shares` that was carried. */
  readonly share: number;
  /** Packets a second through switches, each counted once at each switch. */
  readonly packetHopsPerSecond: number;
  /** What was tried and lost. */
  readonly failed: readonly string[];
}

/** Packets a second, each counted at each switch that it crosses. */
function packetHops(
  plan: PlanReading,
  groups: readonly { readonly group: PlanReading["demands"][number]; readonly factor: number }[],
): number {
  const crossed = switchesCrossed(plan);
  return groups.reduce(
    (sum, { group, factor }) => sum + (((group.admittedBps ?? 0) * factor) / contentionFrameBits) * (crossed.get(switchesKey(group)) ?? 0),
    0,
  );
}

/**
 * The share of the links' rates at which the contention over the fullest link asks of the switches at most 1 / `margin` of what they were seen to
 * carry, by traffic of all groups that fills no link. Faults: `unavailable` where not even the least share is carried.
 */
export async function carriedShare(lab: MininetLab): Promise<Result<Carried>> {
  const plan = await readPlan(lab.rest);
  if (!plan.ok) return plan;
  const contention = contentionOf(plan.value, new Map(lab.scaled.topology.links.map(({ id, capacityBps }) => [id, capacityBps])));
  if (contention === undefined) return refuse(fault("not-found", "No tunnel carries anything."));
  const everything = plan.value.demands.filter(({ admittedBps = 0 }) => admittedBps > 0);
  const all = packetHops(
    plan.value,
    everything.map((group) => ({ group, factor: 1 })),
  );
  const failed: string[] = [];
  for (const share of shares) {
    const wanted = margin * share * packetHops(plan.value, contention.groups);
    const factor = Math.min(fillMax, wanted / all);
    const flows = everything.map(({ src, dst, trafficClass, admittedBps = 0 }, i): ProbeFlow => ({
      src,
      dst,
      dscp: classMarking[trafficClass].dscp,
      pps: (admittedBps * factor) / contentionFrameBits,
      bytes: contentionBytes,
      sourcePort: sourcePortFirst + (i % 30_000),
    }));
    const run = await probe(lab.network, flows, { seconds });
    if (!run.ok) return run;
    const asked = flows.reduce((sum, { pps }) => sum + pps * seconds, 0);
    const sent = run.value.reports.reduce((sum, report) => sum + report.sent, 0);
    const lost = sent - run.value.reports.reduce((sum, report) => sum + report.received, 0);
    if (sent >= sentShareMin * asked - flows.length && lost <= lostShareMax * sent)
      return ok({ share, packetHopsPerSecond: factor * all, failed });
    failed.push(
      `${Math.round(factor * all)} a second: ${((100 * sent) / asked).toFixed(1)} % sent, ${((100 * lost) / sent).toFixed(1)} % of it lost`,
    );
  }
  return refuse(fault("unavailable", `The machine is too busy for any rate that was tried: ${failed.join("; ")}.`));
}
