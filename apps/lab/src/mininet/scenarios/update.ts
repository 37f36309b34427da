/** The plan changes while packets flow: none is lost, and none meets half of the old plan and half of the new one. */
import { setTimeout as sleep } from "node:timers/promises";
import { buildDemandMatrix, fault, ok, refuse, type DemandMatrix, type Result } from "@sluice/model";
import { startLabelMeter } from "../label-meter.js";
import { labelAccount, pairKey, pairsAstray, type PairCounts } from "../label-ways.js";
import type { MininetLab } from "../mininet-lab.js";
import { labelCounts } from "../ovs-reading.js";
import { readPlan } from "../plan-reading.js";
import { probe, type ProbeFlow } from "../probe.js";
import type { ProbeReport } from "../probe-analysis.js";
import { groupProbes, sharedPps } from "./probe-choice.js";
import type { Section } from "./report.js";

/** Each flow group of every pair has so many probes a second, or fewer where there are many. */
const ppsMax = 10;
/** How long probes are sent: on a machine that is too busy to plan twice in the first time, the second. */
const durations: readonly number[] = [16, 60];
/** When demand changes, ms after the first packet; in the middle it changes back. */
const changeMs = 2_000;
/** Plans that the two changes ask for. */
const plansLeast = 2;
const appliedMsMax = 40_000;

type Found = Omit<Section, "seconds" | "load">;

export async function update(lab: MininetLab): Promise<Result<Found>> {
  let last: Result<Found> = refuse(fault("internal", "Nothing was measured."));
  for (const seconds of durations) {
    const changed = await changedTwice(lab, seconds);
    if (!changed.ok) return changed;
    last = ok(changed.value.section);
    // What is broken already is not tried until it is not.
    const [, ...others] = changed.value.section.verdicts;
    if (changed.value.plans >= plansLeast || others.some(({ kept }) => !kept)) break;
  }
  return last;
}

async function changedTwice(lab: MininetLab, seconds: number): Promise<Result<{ readonly plans: number; readonly section: Found }>> {
  const plan = await readPlan(lab.rest);
  if (!plan.ok) return plan;
  const pps = sharedPps(groupProbes(plan.value, { pps: ppsMax }).length, ppsMax);
  const flows = groupProbes(plan.value, { pps });
  const before = await lab.status();
  if (!before.ok) return before;
  const changed = turned(lab.scaled.matrix);
  if (!changed.ok) return changed;
  const unwantedBefore = await unwanted(lab);
  const meter = await startLabelMeter(lab.network);
  if (!meter.ok) return meter;
  const run = await probe(lab.network, flows, {
    seconds,
    during: async () => {
      await sleep(changeMs);
      await lab.measure(changed.value);
      await sleep((seconds * 1000) / 2 - changeMs);
      await lab.measure();
    },
  });
  const counts = await meter.value.read();
  const stopped = await meter.value.stop();
  if (!run.ok) return run;
  if (!counts.ok) return counts;
  if (!stopped.ok) return stopped;
  const settled = await lab.waitFor(({ agents }) => agents.onTarget === agents.total, appliedMsMax);
  if (!settled.ok) return settled;
  const epochs = settled.value.epochNewest - before.value.epochNewest;
  const astray = (await unwanted(lab)) - unwantedBefore;
  const { reports } = run.value;
  const sum = (figure: "sent" | "received" | "reordered" | "duplicated"): number =>
    reports.reduce((total, report) => total + report[figure], 0);
  const lost = sum("sent") - sum("received");
  const account = labelAccount(counts.value, lab.scaled.topology.linkById);
  const labelled = account.ways.reduce((total, { packets }) => total + packets, 0);
  const pairs = { sent: byPair(flows, reports, "sent"), received: byPair(flows, reports, "received") };
  const oddPairs = new Set([...pairsAstray(account, pairs.sent), ...pairsAstray(account, pairs.received)]).size;
  const [first] = account.astray;
  const oddLabels = `${account.astray.length} of ${account.ways.length + account.astray.length}`;
  const section: Found = {
    name: "update",
    headings: [
      "flow groups",
      "plans",
      "sent",
      "lost",
      "duplicated",
      "reordered",
      "met no entry",
      "labels",
      "under labels",
      "labels astray",
    ],
    rows: [
      [
        flows.length,
        epochs,
        sum("sent"),
        lost,
        sum("duplicated"),
        sum("reordered"),
        astray,
        account.ways.length + account.astray.length,
        labelled,
        account.astray.length,
      ],
    ],
    verdicts: [
      { promise: "the plan changed under load", found: `${epochs} new plans`, kept: epochs >= plansLeast },
      { promise: "no packet lost", found: `${lost} of ${sum("sent")}`, kept: lost === 0 },
      // A packet under a label that a switch does not know shows in the counters of what no entry wanted.
      { promise: "every switch knew the label of every packet", found: `${astray} packets met no entry for theirs`, kept: astray === 0 },
      {
        promise: "every packet was popped under the label that it was pushed with, on one way",
        found: `${oddLabels} labels are not so${first === undefined ? "" : `, as ${first.label}: ${first.reason}`}`,
        kept: account.astray.length === 0 && account.ways.length > 0,
      },
      {
        promise: "between two sites as many packets were under labels as were sent, and as arrived",
        found: `${oddPairs} of ${pairs.sent.size} pairs are not so`,
        kept: oddPairs === 0,
      },
    ],
  };
  return ok({ plans: epochs, section });
}

/** Packets of all flows between two sites. */
function byPair(flows: readonly ProbeFlow[], reports: readonly ProbeReport[], figure: "sent" | "received"): PairCounts {
  const counts = new Map<string, number>();
  flows.forEach((flow, i) => counts.set(pairKey(flow), (counts.get(pairKey(flow)) ?? 0) + (reports[i]?.[figure] ?? 0)));
  return counts;
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
