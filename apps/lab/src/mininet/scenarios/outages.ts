/**
 * Each cable is cut and mended under probes of 1,000 packets a second: how long local repair takes, and whether anything is lost later. A silent
 * cut leaves the ports up: without BFD nobody notices, and its outage lasts until it is mended.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { bfdMultiplier } from "@sluice/agent";
import { cablesOf, ok, type Result } from "@sluice/model";
import type { Cut, MininetLab } from "../mininet-lab.js";
import { readEvents, readPlan } from "../plan-reading.js";
import { probe } from "../probe.js";
import { crossingOf, isConnected, probesOf } from "./probe-choice.js";
import { medianOf, type Section } from "./report.js";

/** Goals of local repair, ms, for the median and for the worst cut. */
const medianMsMax = 15;
const worstMsMax = 50;
/** After the first packet, ms: the cut, the mending, and the end, by when the link is used again. */
const cutMs = 1_000;
const mendMs = 6_000;
const endMs = 13_000;
/** A BFD session takes longer to come up again, ms. */
const silentEndMs = 16_000;
/** Losses that begin so long after a cut belong to it, ms: five times the goal. */
const repairWindowMs = 250;
/** Longest that a plan with the mended link may take to be in force, ms. */
const healedMsMax = 40_000;

type Found = Result<Omit<Section, "seconds" | "load">>;
interface Options {
  readonly cablesMax: number;
}

export function outages(lab: MininetLab, options: Options): Promise<Found> {
  return cutEach(lab, "down", options);
}

export function silentOutages(lab: MininetLab, options: Options): Promise<Found> {
  return cutEach(lab, "silent", options);
}

async function cutEach(lab: MininetLab, cut: Cut, { cablesMax }: Options): Promise<Found> {
  const rows: (readonly (string | number)[])[] = [];
  const repairs: number[] = [];
  let later = 0;
  let unseen = 0;
  // What switches need to notice.
  const bfdMs = cut === "silent" ? lab.bfdIntervalMs : undefined;
  const detectionMs = bfdMs === undefined ? 0 : bfdMultiplier * bfdMs;
  const isSeen = cut === "down" || bfdMs !== undefined;
  const windowMs = repairWindowMs + detectionMs;
  const seconds = (cut === "silent" ? silentEndMs : endMs) / 1000;
  for (const { id, linkIds } of cablesOf(lab.scaled.topology).slice(0, cablesMax)) {
    const plan = await readPlan(lab.rest);
    if (!plan.ok) return plan;
    const hasOtherWay = (pair: { readonly src: string; readonly dst: string }): boolean =>
      isConnected(lab.scaled.topology.links, linkIds, pair);
    const crossings = linkIds.flatMap((linkId) => crossingOf(plan.value, linkId, hasOtherWay) ?? []);
    if (crossings.length === 0) {
      rows.push([id, "not cut: nothing that is large enough for probes has another way", 0, "-", 0, 0, 0]);
      continue;
    }
    const before = await journalEnd(lab);
    if (!before.ok) return before;
    let cutNs = { from: 0n, to: 0n };
    const run = await probe(lab.network, crossings.flatMap(probesOf), {
      seconds,
      during: async () => {
        await sleep(cutMs);
        const from = process.hrtime.bigint();
        await lab.cutCable(id, cut);
        cutNs = { from, to: process.hrtime.bigint() };
        await sleep(mendMs - cutMs);
        await lab.restoreCable(id);
      },
    });
    if (!run.ok) return run;
    // The command that cuts takes a moment; packets are lost from within it.
    const cutAtMs = { from: run.value.msOf(cutNs.from), to: run.value.msOf(cutNs.to) };
    const all = run.value.reports.flatMap((report) => report.outages);
    const ofCut = all.filter(({ atMs }) => atMs > cutAtMs.from && atMs < cutAtMs.to + windowMs);
    const lostLater = all.filter((outage) => !ofCut.includes(outage)).reduce((sum, { lost }) => sum + lost, 0);
    const worst = Math.max(0, ...ofCut.map(({ ms }) => ms));
    later += lostLater;
    if (ofCut.length > 0) repairs.push(worst);
    else unseen += 1;
    const sent = run.value.reports.reduce((sum, report) => sum + report.sent, 0);
    const reordered = run.value.reports.reduce((sum, report) => sum + report.reordered, 0);
    const probes = crossings.map(({ src, dst, share }) => `${src}>${dst} ${(100 * share).toFixed(0)} %`).join(", ");
    if (isSeen) {
      const healed = await lab.waitForEvents(before.value, ["link-up", "plan-applied"], healedMsMax);
      if (!healed.ok) return healed;
    }
    rows.push([
      id,
      probes,
      sent,
      ofCut.length === 0 ? "-" : worst.toFixed(1),
      ofCut.reduce((sum, { lost }) => sum + lost, 0),
      lostLater,
      reordered,
    ]);
  }
  const median = medianOf(repairs);
  const worst = Math.max(0, ...repairs);
  const goals = { median: medianMsMax + detectionMs, worst: worstMsMax + detectionMs };
  const table = {
    headings: [
      "cable",
      "probes, and share of the group over the cable",
      "sent",
      `${isSeen ? "repair" : "outage"} ms`,
      "lost",
      "lost later",
      "reordered",
    ],
    rows,
  };
  const noMore = {
    promise: "no loss at the switch to the scenario's split, to the new plan, and back",
    found: `${later} packets`,
    kept: later === 0,
  };
  if (!isSeen) {
    const lasting = repairs.filter((ms) => ms > (mendMs - cutMs) / 2).length;
    const found = `${lasting} of ${repairs.length} outages lasted until the cable was mended, ${((mendMs - cutMs) / 1000).toFixed(0)} s`;
    return ok({
      name: "silent cuts without BFD",
      ...table,
      verdicts: [{ promise: "nobody notices", found, kept: lasting === repairs.length }, noMore],
    });
  }
  return ok({
    name: bfdMs === undefined ? "outages" : `silent cuts, BFD every ${bfdMs} ms`,
    ...table,
    verdicts: [
      {
        promise: `median repair <= ${goals.median} ms`,
        found:
          repairs.length === 0
            ? `no outage, ${unseen} cuts`
            : `${median.toFixed(1)} ms of ${repairs.length} cuts, ${unseen} more lost nothing`,
        kept: repairs.length > 0 ? median <= goals.median : unseen > 0,
      },
      { promise: `worst repair <= ${goals.worst} ms`, found: `${worst.toFixed(1)} ms`, kept: worst <= goals.worst },
      noMore,
    ],
  });
}

async function journalEnd(lab: MininetLab): Promise<Result<number>> {
  const events = await readEvents(lab.rest, 0);
  return events.ok ? ok(events.value.at(-1)?.sequence ?? 0) : events;
}
