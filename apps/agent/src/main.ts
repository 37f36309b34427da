/** Composition root of the agent: the only place where its parts are made and joined. */
import { createInterface } from "node:readline";
import { isId, toId, type LinkId, type NodeId } from "@sluice/model";
import { Command, InvalidArgumentError } from "commander";
import pino from "pino";
import { AgentRefused, runAgent, type RunningAgent } from "./agent.js";
import { memoryDatapath, ruleCountMaxDefault } from "./memory-datapath.js";

/** Exit codes beyond 0 (ended by a signal): the state was refused; an invariant is broken (as sysexits.h has it). */
const exitRefused = 1;
const exitBroken = 70;
/** A stop that takes longer than this is forced, ms. */
const stopMsMax = 5_000;

function id<T extends NodeId | LinkId>(text: string): T {
  if (!isId(text)) throw new InvalidArgumentError("An id has 1 to 128 printable characters.");
  return toId<T>(text);
}

/** Of a variadic option: called for each value with those before it. */
function linkIds(text: string, before: readonly LinkId[] | undefined): readonly LinkId[] {
  return [...(before ?? []), id<LinkId>(text)];
}

function address(text: string): string {
  if (!/^.+:\d{1,5}$/.test(text)) throw new InvalidArgumentError("Give host:port, like 127.0.0.1:50051.");
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

const program = new Command("sluice-agent")
  .description(
    "The agent of one switch. It keeps one stream to the controller, says what the switch holds, applies the rules it is\n" +
      "sent and acknowledges each, and reports counters and link events. While no controller can be reached, the switch\n" +
      "keeps forwarding by the rules it has. The switch is a rule table in memory.",
  )
  .requiredOption("--node <id>", "id of the switch in the controller's topology", id<NodeId>)
  .requiredOption("--controller <host:port>", "where the controller serves gRPC", address)
  .requiredOption("--state-dir <dir>", "directory of this agent alone: what it has promised to obey, over restarts")
  .option("--link <id...>", "outgoing links of the switch, all up; without any, the controller believes its topology", linkIds)
  .option("--links-from-stdin", "take links down and up by lines on stdin, `down LINK` or `up LINK`: to rehearse cuts", false)
  .option("--detection-ms <ms>", "how long the switch takes to notice that a link went down or came up", milliseconds, 0)
  .option("--rule-count-max <n>", "rules that the table holds", count, ruleCountMaxDefault)
  .option("--log-level <level>", "debug, info, warn or error", "info")
  .addHelpText(
    "after",
    `
Logs go to stderr, one JSON object a line. SIGINT and SIGTERM end the agent with exit code 0.
Exit code 1: the state in --state-dir cannot be trusted, and the message says what to do.

Example:
  sluice-agent --node ams --controller 127.0.0.1:50051 --state-dir ./state/ams --link ams-lon --link ams-fra`,
  )
  .parse();

const given = program.opts<{
  node: NodeId;
  controller: string;
  stateDir: string;
  link?: readonly LinkId[];
  linksFromStdin: boolean;
  detectionMs: number;
  ruleCountMax: number;
  logLevel: string;
}>();
const log = pino({ level: given.logLevel, base: { node: given.node } }, pino.destination({ fd: 2, sync: true }));

const links = (given.link ?? []).map((linkId) => ({ linkId, up: true }));
const datapath = memoryDatapath({ links, ruleCountMax: given.ruleCountMax, detectionMs: given.detectionMs });
let agent: RunningAgent;
try {
  agent = runAgent({
    nodeId: given.node,
    controller: given.controller,
    stateDir: given.stateDir,
    datapath,
    log,
    onBroken: () => process.exit(exitBroken),
  });
} catch (error) {
  if (!(error instanceof AgentRefused)) throw error;
  log.fatal({ faults: error.faults }, error.message);
  process.exit(exitRefused);
}
log.info({ controller: given.controller }, "running");

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

let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    log.info(`stopping: ${signal}`);
    setTimeout(() => process.exit(1), stopMsMax).unref();
    void agent.stop().then(() => process.exit(0));
  });
}
