/** The plan changes while packets flow: none is lost, and none meets half of the old plan and half of the new one. */
import { setTimeout as sleep } from "node:timers/promises";
import { buildDemandMatrix, classMarking, ok, type DemandMatrix, type Result } from "@sluice/model";
import type { MininetLab } from "../mininet-lab.js";
import { labelCounts } from "../ovs-reading.js";
import { readPlan } from "../plan-reading.js";
import { probe, type ProbeFlow } from "../probe.js";
import { probeBytes } from "./probe-choice.js";
import type { Section } from "./report.js";

/** Each flow group of every pair has so many probes a second. */
const pps = 10;
const sourcePortFirst = 21_000;
const seconds = 16;
/** When demand changes, and when it changes back, ms after the first packet. */
const changeMs = 2_000;
const backMs = 9_000;
const appliedMsMax = 40_000;

export async function update(lab: MininetLab): Promise<Result<Omit<Section, "seconds" | "load">>> {
  const plan = await readPlan(lab.rest);
  if (!plan.ok) return plan;
  const groups = plan.value.demands.filter(({ admittedBps = 0 }) => admittedBps > 0);
  const flows = groups.map(({ src, dst, trafficClass }, i): ProbeFlow => ({
    src,
    dst,
    dscp: classMarking[trafficClass].dscp,
    pps,
    bytes: probeBytes,
    sourcePort: sourcePortFirst + (i % 40_000),
  }));
  const before = await lab.status();
  if (!before.ok) return before;
  const changed = turned(lab.scaled.matrix);
  if (!changed.ok) return changed;
  const unwantedBefore = await unwanted(lab);
  const run = await probe(lab.network, flows, {
    seconds,
    during: async () => {
      await sleep(changeMs);
      await lab.measure(changed.value);
      await sleep(backMs - changeMs);
      await lab.measure();
    },
  });
  if (!run.ok) return run;
  const settled = await lab.waitFor(({ agents }) => agents.onTarget === agents.total, appliedMsMax);
  if (!settled.ok) return settled;
  const epochs = settled.value.epochNewest - before.value.epochNewest;
  const astray = (await unwanted(lab)) - unwantedBefore;
  const sum = (figure: "sent" | "received" | "reordered" | "duplicated"): number =>
    run.value.reports.reduce((total, report) => total + report[figure], 0);
  const lost = sum("sent") - sum("received");
  return ok({
    name: "update",
    headings: ["flow groups", "plans", "sent", "lost", "duplicated", "reordered", "met no entry"],
    rows: [[groups.length, epochs, sum("sent"), lost, sum("duplicated"), sum("reordered"), astray]],
    verdicts: [
      { promise: "the plan changed under load", found: `${epochs} new plans`, kept: epochs >= 2 },
      { promise: "no packet lost", found: `${lost} of ${sum("sent")}`, kept: lost === 0 },
      // A label belongs to one tunnel of one version: a packet under it that meets a switch without it shows in the counters of what no entry wanted.
      { promise: "no packet met mixed versions", found: `${astray} packets met no entry for their label`, kept: astray === 0 },
    ],
  });
}

/** The demands of a network that is turned around: what i sent to j, j sends to i. Every flow group stays, and most tunnels change their load. */
function turned(matrix: DemandMatrix): Result<DemandMatrix> {
  return buildDemandMatrix(
    `${matrix.name}, turned`,
    matrix.demands.map(({ src, dst, ...rest }) => ({ ...rest, src: dst, dst: src })),
  );
}

async function unwanted(lab: MininetLab): Promise<number> {
  const counts = await Promise.all(
    [...lab.network.switches.values()].map(
      async (place) => labelCounts(await lab.ofctl(place, "dump-flows", lab.network.bridge, "table=1")).unwanted,
    ),
  );
  return counts.reduce((total, count) => total + count, 0);
}
