/** The commands that a lab which is up takes. Each says lines and gives an exit code: 0, or 1 where it failed or found fault. */
import { classMarking, trafficClasses, trafficClassSchema, toId, type NodeId, type TrafficClass } from "@sluice/model";
import { rateText } from "sluice";
import type { HostPlace } from "./network-process.js";
import type { MininetLab } from "./mininet-lab.js";
import { probe } from "./probe.js";
import { readPlan } from "./plan-reading.js";
import { runTool } from "./run-tool.js";
import { runScenario, scenarioNames } from "./scenario.js";
import { groupProbes } from "./scenarios/probe-choice.js";

export type Say = (line: string) => void;

export interface CommandScene {
  readonly lab: MininetLab;
  readonly say: Say;
  /** Ends the lab. */
  readonly end: () => void;
}

export const commandUsage = `Commands for a lab that is up:
  status                                how things are
  ping [SRC DST [CLASS]]                one way, numbered packets over every flow group; between two hosts, ping(8)
  iperf SRC DST [CLASS] [--rate BPS]    iperf3 by UDP; by default at the admitted rate
  cut LINK [--silent], restore LINK     both directions of a cable; silently: its ports stay up
  kill agent NODE | switch NODE | controller [--for SECONDS]
  run ${scenarioNames.join("|")} [--json]
  down                                  end the lab`;

export async function runCommand(argv: readonly string[], scene: CommandScene): Promise<number> {
  const [name = "", ...args] = argv;
  switch (name) {
    case "hello":
      return 0;
    case "down":
      scene.say("The lab ends.");
      scene.end();
      return 0;
    case "status":
      return status(scene);
    case "ping":
      return args.length === 0 ? pingAll(scene) : pingPair(args, scene);
    case "iperf":
      return iperf(args, scene);
    case "cut":
      return cut(args, scene);
    case "restore":
      return restore(args, scene);
    case "kill":
      return kill(args, scene);
    case "run":
      return runScenario(args, scene);
    default:
      scene.say(`There is no command ${JSON.stringify(name)}.`);
      scene.say(commandUsage);
      return 1;
  }
}

async function status({ lab, say }: CommandScene): Promise<number> {
  const read = await lab.status();
  if (!read.ok) {
    say(read.faults[0].message);
    return 1;
  }
  const { term, plan, agents, reasons } = read.value;
  say(`controller  term ${term}, REST ${lab.rest}${reasons.length === 0 ? "" : `, not ready: ${reasons.join(" ")}`}`);
  say(`network     ${lab.network.switches.size} switches; 1 bit/s here is ${lab.scaled.factor.toFixed(0)} bit/s there`);
  say(`agents      ${agents.onTarget} of ${agents.total} hold what they should`);
  if (plan === undefined) {
    say("plan        none");
    return 1;
  }
  say(`plan        epoch ${plan.epoch}, ${plan.ruleCount} rules, check ${plan.check}, walk ${plan.walk}`);
  for (const { trafficClass, demandBps, admittedBps } of plan.classes)
    say(`  ${trafficClass.padEnd(12)}${rateText(admittedBps)} of ${rateText(demandBps)} admitted`);
  return agents.onTarget === agents.total ? 0 : 1;
}

/** Packets a second of each flow group, and for how long: few enough for any meter's burst. */
const pingPps = 5;
const pingSeconds = 4;
const pingBytes = 32;

/** One-way packets of every flow group that the plan admits. */
async function pingAll({ lab, say }: CommandScene): Promise<number> {
  const plan = await readPlan(lab.rest);
  if (!plan.ok) {
    say(plan.faults[0].message);
    return 1;
  }
  const flows = groupProbes(plan.value, { pps: pingPps, bytes: pingBytes });
  const run = await probe(lab.network, flows, { seconds: pingSeconds });
  if (!run.ok) {
    say(run.faults[0].message);
    return 1;
  }
  const totals = { sent: 0, received: 0 };
  run.value.reports.forEach(({ sent, received }, i) => {
    totals.sent += sent;
    totals.received += received;
    const flow = flows[i];
    const name = trafficClasses.find((each) => classMarking[each].dscp === flow?.dscp);
    if (received < sent) say(`${flow?.src} > ${flow?.dst} ${name}: ${received} of ${sent} arrived`);
  });
  const loss = totals.sent === 0 ? 1 : 1 - totals.received / totals.sent;
  say(`${flows.length} flow groups: ${totals.sent} packets sent, ${totals.received} arrived, ${(100 * loss).toFixed(2)} % lost`);
  return loss === 0 ? 0 : 1;
}

interface Pair {
  readonly from: HostPlace;
  readonly to: HostPlace;
  readonly trafficClass: TrafficClass;
}

function pairOf(args: readonly string[], { lab, say }: CommandScene): Pair | undefined {
  const [src = "", dst = "", className = "interactive"] = args;
  const from = lab.network.hosts.get(src);
  const to = lab.network.hosts.get(dst);
  const trafficClass = trafficClassSchema.safeParse(className);
  if (from === undefined || to === undefined) say(`Give two nodes: there is no ${JSON.stringify(from === undefined ? src : dst)}.`);
  if (!trafficClass.success) say(`A class is one of ${trafficClasses.join(", ")}.`);
  return from === undefined || to === undefined || !trafficClass.success ? undefined : { from, to, trafficClass: trafficClass.data };
}

async function pingPair(args: readonly string[], scene: CommandScene): Promise<number> {
  const pair = pairOf(args, scene);
  if (pair === undefined) return 1;
  const tos = String(classMarking[pair.trafficClass].dscp << 2);
  const done = await runTool(["ping", "-n", "-c", "10", "-i", "0.2", "-W", "1", "-Q", tos, pair.to.address], { pid: pair.from.pid });
  for (const line of `${done.stdout}${done.stderr}`.trim().split("\n")) scene.say(line);
  return done.code === 0 ? 0 : 1;
}

const iperfSeconds = 5;
const iperfPayload = 1400;
/** Meters count whole frames: Ethernet, IPv4 and UDP headers. */
const headerBytes = 14 + 20 + 8;

async function iperf(args: readonly string[], scene: CommandScene): Promise<number> {
  const at = args.indexOf("--rate");
  const plain = at < 0 ? args : args.filter((_, i) => i !== at && i !== at + 1);
  const pair = pairOf(plain, scene);
  if (pair === undefined) return 1;
  const plan = await readPlan(scene.lab.rest);
  if (!plan.ok) {
    scene.say(plan.faults[0].message);
    return 1;
  }
  const [src, dst] = plain;
  const group = plan.value.demands.find((each) => each.src === src && each.dst === dst && each.trafficClass === pair.trafficClass);
  const admittedBps = group?.admittedBps ?? 0;
  const rateBps = at < 0 ? (admittedBps * iperfPayload) / (iperfPayload + headerBytes) : Number(args[at + 1]);
  if (!(rateBps > 0)) {
    scene.say(at < 0 ? "The plan admits nothing of this flow group: give --rate." : "--rate takes bits a second.");
    return 1;
  }
  const tos = String(classMarking[pair.trafficClass].dscp << 2);
  const port = "5201";
  for (const { pid } of [pair.from, pair.to]) await markUnmarked(pid);
  const serving = runTool(["iperf3", "-s", "-1", "-p", port, "--idle-timeout", "15"], { pid: pair.to.pid });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const client = [
    "iperf3",
    "-c",
    pair.to.address,
    "-p",
    port,
    "-u",
    "-b",
    String(Math.round(rateBps)),
    "-l",
    String(iperfPayload),
    "-t",
    String(iperfSeconds),
  ] as const;
  const done = await runTool([...client, "--tos", tos], { pid: pair.from.pid });
  await serving;
  scene.say(`admitted: ${rateText(admittedBps)}`);
  for (const line of `${done.stdout}${done.stderr}`.trim().split("\n")) scene.say(line);
  return done.code === 0 ? 0 : 1;
}

/** iperf3 marks the data that its client sends; all else of it would belong to no class, and no rule would take it anywhere. */
async function markUnmarked(pid: number): Promise<void> {
  const { dscp } = classMarking.interactive;
  const chain = `chain out { type filter hook egress device "eth0" priority 0; ip dscp 0 ip dscp set ${dscp}; };`;
  const done = await runTool(["nft", `add table netdev sluice; delete table netdev sluice; table netdev sluice { ${chain} };`], { pid });
  if (done.code !== 0) throw new Error(`nft: ${done.stderr.trim()}`);
}

async function cut(args: readonly string[], { lab, say }: CommandScene): Promise<number> {
  const isSilent = args.includes("--silent");
  const [linkId = ""] = args.filter((arg) => arg !== "--silent");
  if (!lab.network.links.has(linkId)) return noLink(linkId, say);
  const done = await lab.cutCable(linkId, isSilent ? "silent" : "down");
  const how = isSilent ? ", its ports stay up" : "";
  say(done ? `${linkId} is cut, both ways${how}.` : `${linkId} is cut already.`);
  return done ? 0 : 1;
}

async function restore([linkId = ""]: readonly string[], { lab, say }: CommandScene): Promise<number> {
  if (!lab.network.links.has(linkId)) return noLink(linkId, say);
  const done = await lab.restoreCable(linkId);
  say(done ? `${linkId} is mended, both ways.` : `${linkId} is not cut.`);
  return done ? 0 : 1;
}

function noLink(linkId: string, say: Say): number {
  say(`There is no link ${JSON.stringify(linkId)}.`);
  return 1;
}

async function kill(args: readonly string[], { lab, say }: CommandScene): Promise<number> {
  const [what = "", node = ""] = args;
  if (what === "controller") {
    const at = args.indexOf("--for");
    const seconds = at < 0 ? 1 : Number(args[at + 1]);
    if (!(seconds >= 0 && seconds <= 3600)) {
      say("--for takes seconds, at most 3600.");
      return 1;
    }
    lab.killController(seconds);
    say(`The controller is killed; it is started again in ${seconds} s.`);
    return 0;
  }
  const agent = lab.agents.get(toId<NodeId>(node === "" ? "-" : node));
  const place = lab.network.switches.get(node);
  if (agent === undefined || place === undefined || (what !== "agent" && what !== "switch")) {
    say(`kill agent NODE, kill switch NODE, or kill controller; the nodes are ${[...lab.network.switches.keys()].join(", ")}.`);
    return 1;
  }
  if (what === "agent") agent.kill();
  else await lab.killSwitch(place);
  say(`The ${what} of ${node} is killed; it is started again.`);
  return 0;
}
