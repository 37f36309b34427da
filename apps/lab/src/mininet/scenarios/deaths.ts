/** Controller, agent and switch are killed under probes: what packets notice of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { classMarking, ok, refuse, fault, type Result } from "@sluice/model";
import type { MininetLab } from "../mininet-lab.js";
import { readPlan } from "../plan-reading.js";
import { probe, type ProbeFlow, type ProbeRun } from "../probe.js";
import { groupProbes, probeBytes, sharedPps, startingAt, topClassOf } from "./probe-choice.js";
import type { Section } from "./report.js";

type Found = Result<Omit<Section, "seconds" | "load">>;

const pps = 20;
const sourcePortFirst = 21_000;
/** When something dies, ms after the first packet. */
const deathMs = 1_000;
const backMsMax = 60_000;
/** A switch that comes back empty is found by the next look and programmed: within so long, ms. */
const reprogrammedMsMax = 20_000;

/** The controller is away for a minute. */
export async function controllerDeath(lab: MininetLab): Promise<Found> {
  const awaySeconds = 60;
  const flows = await topClassProbes(lab);
  if (!flows.ok) return flows;
  const rules = await ruleTexts(lab);
  let rulesAway = "";
  const run = await probe(lab.network, flows.value, {
    seconds: awaySeconds + 2,
    during: async () => {
      await sleep(deathMs);
      lab.killController(awaySeconds);
      await sleep(awaySeconds * 1000 - 5_000);
      rulesAway = await ruleTexts(lab);
    },
  });
  if (!run.ok) return run;
  const settled = await lab.waitFor(isOnTarget, backMsMax);
  if (!settled.ok) return settled;
  return ok({
    name: "controller killed",
    ...lossTable(run.value),
    verdicts: [
      noLoss(run.value, `traffic is unchanged for ${awaySeconds} s`),
      { promise: "rules are kept", found: rulesAway === rules ? "the same" : "others", kept: rulesAway === rules },
      { promise: "it comes back and finds its switches programmed", found: `term ${settled.value.term}`, kept: settled.value.term > 1 },
    ],
  });
}

export async function agentDeath(lab: MininetLab): Promise<Found> {
  const [node] = lab.agents.keys();
  const agent = node === undefined ? undefined : lab.agents.get(node);
  if (agent === undefined) return refuse(fault("not-found", "The lab has no agent."));
  const flows = await topClassProbes(lab);
  if (!flows.ok) return flows;
  const rules = await ruleTexts(lab);
  const pid = agent.pid;
  const run = await probe(lab.network, flows.value, {
    seconds: 10,
    during: async () => {
      await sleep(deathMs);
      agent.kill();
    },
  });
  if (!run.ok) return run;
  const settled = await lab.waitFor(isOnTarget, backMsMax);
  if (!settled.ok) return settled;
  const same = (await ruleTexts(lab)) === rules;
  return ok({
    name: `agent of ${node} killed`,
    ...lossTable(run.value),
    verdicts: [
      noLoss(run.value, "no loss"),
      { promise: "rules are kept", found: same ? "the same" : "others", kept: same },
      { promise: "it is back", found: `process ${pid}, then ${agent.pid}`, kept: agent.pid !== undefined && agent.pid !== pid },
    ],
  });
}

/** Traffic over the switch stops until it is back and programmed; how long that takes is the figure. */
export async function switchDeath(lab: MininetLab): Promise<Found> {
  const plan = await readPlan(lab.rest);
  if (!plan.ok) return plan;
  const start = startingAt(plan.value, lab.network.switches.keys());
  const place = start === undefined ? undefined : lab.network.switches.get(start.node);
  if (start === undefined || place === undefined) return refuse(fault("not-found", "No flow group is large enough for probes."));
  const { node, group } = start;
  const rules = await ruleTexts(lab);
  const flow = {
    src: node,
    dst: group.dst,
    dscp: classMarking[group.trafficClass].dscp,
    sourcePort: sourcePortFirst,
    pps: start.pps,
    bytes: probeBytes,
  };
  const run = await probe(lab.network, [flow], {
    seconds: 25,
    during: async () => {
      await sleep(deathMs);
      await lab.killSwitch(place);
    },
  });
  if (!run.ok) return run;
  const settled = await lab.waitFor(isOnTarget, backMsMax);
  if (!settled.ok) return settled;
  const report = run.value.reports[0];
  const worst = Math.max(0, ...(report?.outages ?? []).map(({ ms }) => ms));
  const same = (await ruleTexts(lab)) === rules;
  return ok({
    name: `ovs-vswitchd of ${node} killed`,
    ...lossTable(run.value),
    verdicts: [
      { promise: "found and programmed again", found: `outage ${worst.toFixed(0)} ms`, kept: worst > 0 && worst <= reprogrammedMsMax },
      { promise: "it holds the rules it held", found: same ? "the same" : "others", kept: same },
    ],
  });
}

const isOnTarget = ({ agents }: { readonly agents: { readonly total: number; readonly onTarget: number } }): boolean =>
  agents.total > 0 && agents.onTarget === agents.total;

/** Probes of all groups of the most important class that there is. */
async function topClassProbes(lab: MininetLab): Promise<Result<readonly ProbeFlow[]>> {
  const plan = await readPlan(lab.rest);
  if (!plan.ok) return plan;
  const topClass = topClassOf(plan.value);
  if (topClass === undefined) return refuse(fault("not-found", "The plan admits nothing."));
  const probes = (each: number) => groupProbes(plan.value, { pps: each, classes: [topClass] });
  return ok(probes(sharedPps(probes(pps).length, pps)));
}

/** Every rule of every switch, sorted: two of these are equal where nothing was changed. */
async function ruleTexts(lab: MininetLab): Promise<string> {
  const { bridge, switches } = lab.network;
  const texts = [...switches].map(async ([node, place]) => {
    const dumps = await Promise.all([
      lab.ofctl(place, "dump-flows", "--no-stats", bridge),
      lab.ofctl(place, "dump-groups", bridge),
      lab.ofctl(place, "dump-meters", bridge),
    ]);
    const lines = dumps.flatMap((dump) => dump.split("\n").filter((line) => !line.startsWith("OFPST")));
    return [node, ...lines.toSorted()].join("\n");
  });
  return (await Promise.all(texts)).join("\n");
}

function lossTable(run: ProbeRun): Pick<Section, "headings" | "rows"> {
  const sum = (figure: "sent" | "received" | "reordered"): number => run.reports.reduce((total, report) => total + report[figure], 0);
  const worst = Math.max(0, ...run.reports.flatMap(({ outages }) => outages.map(({ ms }) => ms)));
  return {
    headings: ["flows", "sent", "lost", "reordered", "longest outage ms"],
    rows: [[run.reports.length, sum("sent"), sum("sent") - sum("received"), sum("reordered"), worst.toFixed(1)]],
  };
}

function noLoss(run: ProbeRun, promise: string): Section["verdicts"][number] {
  const lost = run.reports.reduce((total, { sent, received }) => total + sent - received, 0);
  return { promise, found: `${lost} packets lost`, kept: lost === 0 };
}
