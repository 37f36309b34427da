/** How groups split flows over their buckets, by the switches' own counters, against the weights. */
import { classMarking, ok, trafficClasses, type Result } from "@sluice/model";
import type { MininetLab } from "../mininet-lab.js";
import { probe, type ProbeFlow } from "../probe.js";
import { bucketCounts, ingressesOf, weightsOf } from "../ovs-reading.js";
import { withHeavierDemand } from "./heavier-demand.js";
import type { Section } from "./report.js";

/** Flows sent through each group that is looked at, each of its own source port. */
const flows = 400;
const seconds = 2;
const sourcePortFirst = 40_000;
const bytes = 16;
/** Groups looked at: the one with the most buckets at each ingress, up to so many. */
const groupsMax = 16;
/** Standard deviations that a bucket may be off, and what the hash's slots (64 at least) add. */
const deviations = 4;
const slotShare = 1 / 64;

/** Demand is that of the lab so many times: the fullest links are full, and the groups over them are split. */
const demandFactor = 1.6;

export function splits(lab: MininetLab): Promise<Result<Omit<Section, "seconds" | "load">>> {
  return withHeavierDemand(lab, demandFactor, () => measured(lab));
}

async function measured(lab: MininetLab): Promise<Result<Omit<Section, "seconds" | "load">>> {
  const chosen: { node: string; dst: string; dscp: number; groupId: number; weights: readonly number[]; before: readonly number[] }[] = [];
  const nodeOf = new Map(lab.scaled.topology.nodes.map(({ id, prefix }) => [prefix, id]));
  for (const [node, place] of lab.network.switches) {
    const { bridge } = lab.network;
    const weights = weightsOf(await lab.ofctl(place, "dump-groups", bridge));
    const counts = bucketCounts(await lab.ofctl(place, "dump-group-stats", bridge));
    const ingresses = ingressesOf(await lab.ofctl(place, "dump-flows", bridge, "table=0"));
    const widest = ingresses
      .map(({ prefix, dscp, groupId }) => ({ dst: nodeOf.get(prefix) ?? "", dscp, groupId, weights: weights.get(groupId) ?? [] }))
      .filter((each) => each.weights.length > 1 && each.dst !== "")
      .toSorted((a, b) => b.weights.length - a.weights.length || a.groupId - b.groupId)[0];
    if (widest !== undefined && chosen.length < groupsMax) chosen.push({ node, ...widest, before: counts.get(widest.groupId) ?? [] });
  }
  const probes = chosen.flatMap(({ node, dst, dscp }) =>
    Array.from({ length: flows }, (_, i): ProbeFlow => ({ src: node, dst, dscp, sourcePort: sourcePortFirst + 13 * i, pps: 1, bytes })),
  );
  const run = await probe(lab.network, probes, { seconds });
  if (!run.ok) return run;
  const lost = run.value.reports.reduce((sum, { sent, received }) => sum + sent - received, 0);
  const rows: (readonly (string | number)[])[] = [];
  let astray = 0;
  let buckets = 0;
  for (const { node, dst, dscp, groupId, weights, before } of chosen) {
    const place = lab.network.switches.get(node);
    if (place === undefined) continue;
    const after = bucketCounts(await lab.ofctl(place, "dump-group-stats", lab.network.bridge)).get(groupId) ?? [];
    const counts = weights.map((_, i) => (after[i] ?? 0) - (before[i] ?? 0));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const weightSum = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, i) => {
      const share = weight / weightSum;
      // Packets of one flow go together: the draw has as many parts as there are flows.
      const bound = deviations * Math.sqrt((share * (1 - share)) / flows) + slotShare;
      buckets += 1;
      if (total === 0 || Math.abs((counts[i] ?? 0) / total - share) > bound) astray += 1;
    });
    const trafficClass = trafficClasses.find((name) => classMarking[name].dscp === dscp) ?? "";
    const text = (parts: readonly number[], sum: number): string => parts.map((part) => ((100 * part) / sum).toFixed(1)).join(" : ");
    rows.push([`${node} > ${dst} ${trafficClass}`, weights.join(":"), text(weights, weightSum), total, text(counts, Math.max(1, total))]);
  }
  return ok({
    name: "splits",
    headings: ["flow group", "weights", "expected %", "packets", "measured %"],
    rows,
    verdicts: [
      {
        promise: `shares within ${deviations} standard deviations of ${flows} flows and 1/64`,
        found: `${astray} of ${buckets} buckets are not`,
        kept: astray === 0 && buckets > 0,
      },
      { promise: "no packet lost", found: `${lost} lost`, kept: lost === 0 },
    ],
  });
}
