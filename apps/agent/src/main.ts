/** Composition root of the agent: the only place where its parts are made and joined. */
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { identityOfAlternativeNames, identityUri, isId, toId, type LinkId, type NodeId } from "@sluice/model";
import { hostOf, isLoopbackHost, openTlsSource, type TlsSource } from "@sluice/wire";
import { Command, InvalidArgumentError } from "commander";
import pino from "pino";
import { AgentRefused, runAgent, type AgentOptions, type RunningAgent } from "./agent.js";
import { keepAliveFile } from "./alive-file.js";
import type { Datapath } from "./datapath.js";
import { memoryDatapath, ruleCountMaxDefault, type MemoryDatapath } from "./memory-datapath.js";
import { openOvsDatapath, type OvsDatapath } from "./ovs/ovs-datapath.js";

/** Exit codes beyond 0 (ended by a signal): the state was refused; an invariant is broken (as sysexits.h has it). */
const exitRefused = 1;
const exitBroken = 70;
/** A stop that takes longer than this is forced, ms. */
const stopMsMax = 5_000;
/** Open vSwitch may start after its agent: it is tried again after this, ms. */
const ovsRetryMs = 1_000;
/** How often Open vSwitch is read back and compared, and counters are reported, unless told otherwise, ms. */
const readBackMsDefault = 5_000;
const countersMsDefault = 1_000;

function id<T extends NodeId | LinkId>(text: string): T {
  if (!isId(text)) throw new InvalidArgumentError("An id has 1 to 128 printable characters.");
  return toId<T>(text);
}

/** Of a variadic option: called for each value with those before it. */
function linkIds(text: string, before: readonly LinkId[] | undefined): readonly LinkId[] {
  return [...(before ?? []), id<LinkId>(text)];
}

function address(text: string): string {
  const isList = text.split(",").every((each) => /^[^,\s]+:\d{1,5}$/.test(each));
  if (!isList) throw new InvalidArgumentError("Give host:port, like 127.0.0.1:50051, or several of them separated by commas.");
  return text;
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value === 0) throw new InvalidArgumentError("Give a whole number above 0.");
  return value;
}

/** Longer than any detection is worth, ms. */
const detectionMsMax = 60_000;

function milliseconds(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > detectionMsMax) throw new InvalidArgumentError(`Give whole milliseconds, at most ${detectionMsMax}.`);
  return value;
}

function bfdInterval(text: string): number {
  const value = milliseconds(text);
  if (value === 0) throw new InvalidArgumentError("BFD needs an interval of at least 1 ms.");
  return value;
}

/** Of a variadic option: `LINK=INTERFACE`; a link's id may hold an equals sign, an interface's name here does not. */
function ports(text: string, before: ReadonlyMap<LinkId, string> | undefined): ReadonlyMap<LinkId, string> {
  const at = text.lastIndexOf("=");
  if (at <= 0 || at === text.length - 1) throw new InvalidArgumentError("Give LINK=INTERFACE, like ams-lon=eth1.");
  return new Map(before).set(id<LinkId>(text.slice(0, at)), text.slice(at + 1));
}

const program = new Command("sluice-agent")
  .description(
    "The agent of one switch. It keeps one stream to the controller, says what the switch holds, applies the rules it is\n" +
      "sent and acknowledges each, and reports counters and link events. While no controller can be reached, the switch\n" +
      "keeps forwarding by the rules it has. The switch is a rule table in memory, or with --ovs-bridge an Open vSwitch.",
  )
  .requiredOption("--node <id>", "id of the switch in the controller's topology", id<NodeId>)
  .requiredOption(
    "--controller <host:port>",
    "where the controller serves gRPC; where there are several: all of them, separated by commas",
    address,
  )
  .option("--tls-cert <file>", "the agent's certificate (PEM), which names the switch; all three of --tls-* or none")
  .option("--tls-key <file>", "its private key (PEM)")
  .option("--tls-ca <file>", "authorities (PEM) of the controller's certificate")
  .requiredOption("--state-dir <dir>", "directory of this agent alone: what it has promised to obey, over restarts")
  .option("--link <id...>", "outgoing links of the switch, all up; without any, the controller believes its topology", linkIds)
  .option("--links-from-stdin", "take links down and up by lines on stdin, `down LINK` or `up LINK`: to rehearse cuts", false)
  .option("--detection-ms <ms>", "how long the switch takes to notice that a link went down or came up", milliseconds, 0)
  .option("--ovs-bridge <name>", "program this bridge of Open vSwitch, with --port for each link, and --deliver")
  .option("--ovs-run-dir <dir>", "where Open vSwitch keeps its sockets (OVS_RUNDIR)", "/var/run/openvswitch")
  .option("--port <link=interface...>", "the bridge's port of each outgoing link", ports)
  .option("--deliver <interface>", "the bridge's port toward the site")
  .option(
    "--bfd-interval-ms <ms>",
    "find links that fail though their ports stay up: Open vSwitch speaks BFD at this interval, and three that are missing are a failure; " +
      "both ends of a link must",
    bfdInterval,
  )
  .option("--read-back-ms <ms>", "how often what the switch holds is read back and compared", count, readBackMsDefault)
  .option("--counters-ms <ms>", "how often counters are reported", count, countersMsDefault)
  .option("--rule-count-max <n>", "rules that the table holds", count, ruleCountMaxDefault)
  .option("--alive-file <file>", "written every few seconds while the agent runs: its age tells a supervisor of one that hangs")
  .option("--log-level <level>", "debug, info, warn or error", "info")
  .addHelpText(
    "after",
    `
Logs go to stderr, one JSON object a line. SIGINT and SIGTERM end the agent with exit code 0.
Exit code 1: the state in --state-dir cannot be trusted, or certificates cannot be used, and the message says what to do.
Without --tls-cert, --tls-key and --tls-ca the controller must be on this machine. Their files are read again when they change, and on SIGHUP.

Example:
  sluice-agent --node ams --controller 127.0.0.1:50051 --state-dir ./state/ams --link ams-lon --link ams-fra
  sluice-agent --node ams --controller 10.254.0.1:50051 --tls-cert certs/agent-ams.crt --tls-key certs/agent-ams.key --tls-ca certs/ca.crt \\
    --state-dir ./state/ams --ovs-bridge br0 --port ams-lon=eth1 --port ams-fra=eth2 --deliver eth0`,
  )
  .parse();

const given = program.opts<{
  node: NodeId;
  controller: string;
  tlsCert?: string;
  tlsKey?: string;
  tlsCa?: string;
  stateDir: string;
  link?: readonly LinkId[];
  linksFromStdin: boolean;
  detectionMs: number;
  ovsBridge?: string;
  ovsRunDir: string;
  port?: ReadonlyMap<LinkId, string>;
  deliver?: string;
  bfdIntervalMs?: number;
  readBackMs: number;
  countersMs: number;
  ruleCountMax: number;
  aliveFile?: string;
  logLevel: string;
}>();
const log = pino({ level: given.logLevel, base: { node: given.node } }, pino.destination({ fd: 2, sync: true }));

const links = (given.link ?? []).map((linkId) => ({ linkId, up: true }));

function memory(): MemoryDatapath {
  const datapath = memoryDatapath({ links, ruleCountMax: given.ruleCountMax, detectionMs: given.detectionMs });
  datapath.onLinkChange(({ linkId, up }) => {
    const groups = [...datapath.table.rules.values()].flatMap((rule) =>
      rule.kind === "failover" && rule.buckets[0]?.output === linkId ? [rule] : [],
    );
    const around = groups.flatMap(({ failoverId }) => datapath.liveBucket(failoverId)?.output ?? []);
    log.info({ link: linkId, up, failoverGroups: groups.length, ...(up ? {} : { around }) }, `the port is ${up ? "live" : "dead"}`);
  });
  if (given.linksFromStdin) {
    createInterface({ input: process.stdin }).on("line", (line) => {
      const [, state, name] = /^(up|down) (.+)$/.exec(line.trim()) ?? [];
      const link = links.find(({ linkId }) => linkId === name);
      if (link !== undefined) datapath.setLink(link.linkId, state === "up");
      else log.warn({ line: line.slice(0, 200) }, "not understood: write `down LINK` or `up LINK`, with a link of this switch");
    });
  }
  return datapath;
}

/** Waits for as long as Open vSwitch, or one of its ports, is not there; undefined where the agent is told to stop meanwhile. */
async function openVSwitch(bridge: string, deliver: string): Promise<OvsDatapath | undefined> {
  const options = {
    place: { runDir: given.ovsRunDir, bridge },
    ports: { links: given.port ?? new Map<LinkId, string>(), deliver },
    ruleCountMax: given.ruleCountMax,
    readBackMs: given.readBackMs,
    ...(given.bfdIntervalMs === undefined ? {} : { bfdIntervalMs: given.bfdIntervalMs }),
    log,
  };
  for (;;) {
    const opened = await openOvsDatapath(options);
    if (stopping) {
      if (opened.ok) await opened.value.stop();
      return undefined;
    }
    if (opened.ok) {
      opened.value.onLinkChange(({ linkId, up }) => log.info({ link: linkId, up }, `the port is ${up ? "live" : "dead"}`));
      return opened.value;
    }
    log.warn({ faults: opened.faults }, "Open vSwitch is not ready; it is tried again");
    await sleep(ovsRetryMs);
  }
}

let stopping = false;
let stop: () => Promise<void> = () => Promise.resolve();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    log.info(`stopping: ${signal}`);
    setTimeout(() => process.exit(1), stopMsMax).unref();
    void stop().then(() => process.exit(0));
  });
}

/**
 * Undefined for plaintext, which is for a controller on this machine. A certificate that has expired is warned of only: a new one is taken up when it is
 * there, and meanwhile the switch keeps forwarding.
 */
async function openTls(): Promise<TlsSource | undefined> {
  const { tlsCert: cert, tlsKey: key, tlsCa: ca, controller, node } = given;
  if (cert === undefined && key === undefined && ca === undefined) {
    const elsewhere = controller.split(",").find((one) => !isLoopbackHost(hostOf(one)));
    if (elsewhere === undefined) return undefined;
    return program.error(
      `error: ${elsewhere} is not on this machine: say --tls-cert, --tls-key and --tls-ca, so that both sides know each other (sluice certs makes them)`,
    );
  }
  if (cert === undefined || key === undefined || ca === undefined)
    return program.error("error: --tls-cert, --tls-key and --tls-ca go together");
  const opened = await openTlsSource({ cert, key, ca }, { onWarning: (message, faults) => log.warn({ faults }, message) });
  if (!opened.ok) {
    log.fatal({ faults: opened.faults }, opened.faults[0].message);
    process.exit(exitRefused);
  }
  const identity = identityOfAlternativeNames(opened.value.current().subjectAltName);
  const wanted = identityUri({ kind: "agent", name: node });
  if (!identity.ok || identityUri(identity.value) !== wanted) {
    const is = identity.ok ? `is that of ${identityUri(identity.value)}` : "names nobody";
    log.fatal(`The certificate in ${cert} ${is}, not of ${wanted}: the controller would refuse this agent.`);
    process.exit(exitRefused);
  }
  process.on("SIGHUP", () => {
    log.info("certificates are read again: SIGHUP");
    void opened.value.reload();
  });
  return opened.value;
}

function run(datapath: Datapath, tls: Pick<AgentOptions, "tls">): RunningAgent {
  const agent = runOrRefuse(datapath, tls);
  if (given.aliveFile !== undefined) {
    const onFailure = (err: unknown): void =>
      log.warn({ err }, "the alive file cannot be written: a supervisor will take the agent for dead");
    keepAliveFile(given.aliveFile, () => ({ nodeId: given.node, ...agent.standing() }), { onFailure });
  }
  return agent;
}

function runOrRefuse(datapath: Datapath, tls: Pick<AgentOptions, "tls">): RunningAgent {
  try {
    return runAgent({
      nodeId: given.node,
      controller: given.controller,
      ...tls,
      stateDir: given.stateDir,
      datapath,
      log,
      config: { countersIntervalMs: given.countersMs },
      onBroken: () => process.exit(exitBroken),
    });
  } catch (error) {
    if (!(error instanceof AgentRefused)) throw error;
    log.fatal({ faults: error.faults }, error.message);
    process.exit(exitRefused);
  }
}

async function main(): Promise<void> {
  const { ovsBridge, deliver } = given;
  const source = await openTls();
  const tls = source === undefined ? {} : { tls: source };
  if (ovsBridge === undefined) {
    if (given.port !== undefined || deliver !== undefined || given.bfdIntervalMs !== undefined)
      program.error("error: --port, --deliver and --bfd-interval-ms need --ovs-bridge");
    const agent = run(memory(), tls);
    stop = () => agent.stop();
  } else {
    if (deliver === undefined) return program.error("error: --ovs-bridge needs --deliver");
    if (given.link !== undefined || given.linksFromStdin)
      return program.error("error: with --ovs-bridge, links are given by --port, and cut by their ports");
    const datapath = await openVSwitch(ovsBridge, deliver);
    if (datapath === undefined) return;
    const agent = run(datapath, tls);
    stop = async () => {
      await agent.stop();
      await datapath.stop();
    };
  }
  log.info({ controller: given.controller }, "running");
}

await main();
