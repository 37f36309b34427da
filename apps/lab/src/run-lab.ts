/** The lab from start to end: controller, agents, traffic, the day, and what of it is shown. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { AgentRefused, makeDirectory, runAgent, type RunningAgent } from "@sluice/agent";
import { checkDemandEnds, fault, refuse, topologyDocument, type Fault, type Faults, type Result, type Topology } from "@sluice/model";
import pino from "pino";
import {
  exitCode,
  exitCodeOf,
  noteLines,
  readSeriesOrMatrix,
  refusalLines,
  type ExitCode,
  type MatricesInput,
  type Terminal,
} from "sluice";
import { ControllerClient } from "./controller-client.js";
import {
  isAnswered,
  protectUnlessSet,
  readProtection,
  readStatus,
  type ControllerStatus,
  type ProtectionStatus,
} from "./controller-status.js";
import { ControllerSupervisor, pause } from "./controller-supervisor.js";
import { dayOf, momentAt } from "./demand-clock.js";
import { openDisplay, type Display } from "./display.js";
import { FailureWatch } from "./failure-watch.js";
import { FluidNetwork } from "./fluid-network.js";
import type { LabView } from "./lab-view.js";
import { parseLinkEvents, type LinkEvent } from "./link-cut.js";
import type { LabOptions } from "./options.js";
import { panel } from "./panel.js";
import { summaryOf } from "./summary.js";
import { viewOf } from "./view-of.js";

/** How often traffic is forwarded anew and the picture looked at, ms. */
const stepMs = 200;
/** How often it is looked what is prepared for failures, ms. */
const protectionMs = 1_000;
/** Longest that demand stands still while a cut is being answered, ms: figures before and after are of the same demand. */
const demandHeldMsMax = 5_000;
/** Longest wait for the first plan to be in force, ms. */
const firstPlanMsMax = 120_000;
/** At least this long between two plans that demand asks for, seconds; less where intervals are shorter. */
const cycleSecondsMax = 1;

export interface LabIo {
  readonly terminal: Terminal;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly rows?: number };
  readonly controllerEntry: URL;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
}

interface Shown extends LabIo {
  readonly display: Display;
}

/** What is ended at the end, last started first. */
type Ending = () => Promise<void>;

export async function runLab(options: LabOptions, io: LabIo): Promise<ExitCode> {
  const { terminal } = io;
  terminal.progress("read network");
  const read = await readSeriesOrMatrix(options.network);
  if (!read.ok) return refused(terminal, inOurWords(read.faults));
  const { topology } = read.value.network;
  const ends = checkDemandEnds(topology, momentAt(read.value.matrices, 0).matrix);
  if (!ends.ok) return refused(terminal, ends.faults);
  const events = parseLinkEvents(topology, { down: options.linkDown, up: options.linkUp });
  if (!events.ok) return refused(terminal, events.faults);
  for (const line of noteLines(read.value.network.notes, terminal.errorColors)) terminal.tell(line);

  const endings: Ending[] = [];
  try {
    const shown = { ...io, display: openDisplay(terminal, io.stdout) };
    const lab = await bringUp({ options, io: shown, input: read.value, endings });
    if (!lab.ok) return refused(terminal, lab.faults);
    return await runDay(lab.value, { options, io: shown, events: events.value });
  } finally {
    terminal.settle();
    for (const end of endings.toReversed()) await end();
  }
}

function refused(terminal: Terminal, faults: Faults): ExitCode {
  terminal.settle();
  if (faults[0].code === "cancelled") return exitCode.interrupted;
  for (const line of refusalLines(faults, terminal)) terminal.tell(line);
  // What a controller that cannot serve says is nobody's bad input.
  return faults[0].code === "unavailable" ? exitCode.verdictFailed : exitCodeOf(faults[0]);
}

/** What the command line of `sluice` calls `--topology` is `--network` here. */
function inOurWords(faults: Faults): Faults {
  const [first, ...rest] = faults.map((each): Fault => {
    if (each.pointer !== "--topology") return each;
    return { ...each, pointer: "--network", message: each.message.replaceAll("--topology", "--network") };
  });
  return first === undefined ? faults : [first, ...rest];
}

interface Lab {
  readonly topology: Topology;
  readonly matrices: MatricesInput["matrices"];
  readonly network: FluidNetwork;
  readonly supervisor: ControllerSupervisor;
  readonly client: ControllerClient;
  /** Of the newest plan that a kept database had from earlier. */
  readonly epochBefore: number;
  /** Each time that a controller was started again, which has not been told of the moment. */
  readonly onServing: (listener: () => void) => void;
}

interface BringUp {
  readonly options: LabOptions;
  readonly io: Shown;
  readonly input: MatricesInput;
  readonly endings: Ending[];
}

async function bringUp({ options, io, input, endings }: BringUp): Promise<Result<Lab>> {
  const { terminal, display, nowMs } = io;
  const { topology } = input.network;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "sluice-lab-")));
  if (options.dataDir === undefined) endings.push(() => rm(dataDir, { recursive: true, force: true }));
  makeDirectory(join(dataDir, "agents"));

  const listeners: (() => void)[] = [];
  terminal.progress("start the controller");
  const supervisor = await ControllerSupervisor.start({
    entry: io.controllerEntry,
    dataDir: join(dataDir, "controller"),
    grpc: options.grpc,
    rest: options.rest,
    cycleSeconds: Math.max(0.1, Math.min(cycleSecondsMax, options.intervalSeconds / 2)),
    ...(options.settings === undefined ? {} : { settings: options.settings }),
    logFile: join(dataDir, "controller.log"),
    verbose: options.verbose,
    restart: !options.once,
    signal: io.signal,
    nowMs,
    onDeath: (how, waitMs) =>
      display.tell(`The controller died: ${how}. The switches keep forwarding; it is started again in ${waitMs / 1000} s.`),
    onServing({ term }) {
      display.tell(`The controller serves again, in term ${term}.`);
      for (const listener of listeners) listener();
    },
  });
  if (!supervisor.ok) return supervisor;
  endings.push(() => supervisor.value.stop());
  if (io.signal.aborted) return refuse(fault("cancelled", "The lab was stopped."));
  const { grpc } = supervisor.value.serving;

  const before = await readStatus(supervisor.value.serving.rest);
  if (!before.ok) return before;
  if (options.settings === undefined) {
    const protecting = await protectUnlessSet(supervisor.value.serving.rest);
    if (!protecting.ok) return protecting;
  }
  const client = new ControllerClient(grpc);
  listeners.push(() => client.reconnect());
  endings.push(async () => client.close());
  terminal.progress("send the topology");
  const sent = await client.replaceTopology(topologyDocument(topology));
  if (!sent.ok) return sent;

  terminal.progress("start the agents");
  const network = new FluidNetwork(topology, { detectionMs: options.detectionMs });
  const log = pino({ level: "info" }, pino.destination({ dest: join(dataDir, "agents.log"), sync: false }));
  const agents: RunningAgent[] = [];
  endings.push(async () => {
    await Promise.all(agents.map((agent) => agent.stop()));
  });
  try {
    for (const { nodeId, datapath } of network.datapaths) {
      // A node's id may be no file name, or too long a one.
      const stateDir = join(dataDir, "agents", createHash("sha256").update(nodeId).digest("hex").slice(0, 32));
      agents.push(runAgent({ nodeId, controller: grpc, stateDir, datapath, log: log.child({ node: nodeId }) }));
    }
  } catch (error) {
    if (error instanceof AgentRefused) return { ok: false, faults: error.faults };
    throw error;
  }
  const onServing = (listener: () => void) => void listeners.push(listener);
  return {
    ok: true,
    value: {
      topology,
      matrices: input.matrices,
      network,
      supervisor: supervisor.value,
      client,
      epochBefore: before.value.epochNewest,
      onServing,
    },
  };
}

interface Day {
  readonly options: LabOptions;
  readonly io: Shown;
  readonly events: readonly LinkEvent[];
}

/** Where the run stands; changes as it goes. */
interface Standing {
  /** Of the series, not wrapped. */
  step: number;
  intervalStartMs: number;
  /** When the first plan was seen in force. */
  firstMs: number | undefined;
  /** Cuts and repairs still to come. */
  pending: readonly LinkEvent[];
  protection: ProtectionStatus | undefined;
  protectionReadMs: number;
}

/** Moves demand through the day until interrupted; with `--once` until the first plan is in force. */
async function runDay(lab: Lab, { options, io, events }: Day): Promise<ExitCode> {
  const { terminal, display, signal, nowMs } = io;
  const stop = AbortSignal.any([signal, failureSignal(lab.supervisor)]);
  const startMs = nowMs();
  const standing: Standing = {
    step: options.startInterval,
    intervalStartMs: startMs,
    firstMs: undefined,
    pending: events,
    protection: undefined,
    protectionReadMs: -Infinity,
  };
  const watch = new FailureWatch({
    topology: lab.topology,
    network: lab.network,
    rest: () => (lab.supervisor.isServing ? lab.supervisor.serving.rest : undefined),
    tell: (line) => display.tell(line),
    signal: stop,
  });
  const following = options.once ? Promise.resolve() : watch.followJournal();
  let lastMs = startMs;
  lab.onServing(() => void measure(lab, standing.step, io));
  void measure(lab, standing.step, io);

  while (!stop.aborted) {
    const now = nowMs();
    lab.network.forward((now - lastMs) / 1000);
    lastMs = now;
    const status = await readStatus(lab.supervisor.serving.rest);
    const isFresh = standing.firstMs !== undefined && now - standing.protectionReadMs < protectionMs;
    if (!options.once && !isFresh) {
      const protection = await readProtection(lab.supervisor.serving.rest);
      standing.protection = protection.ok ? protection.value : undefined;
      standing.protectionReadMs = now;
    }
    const view = status.ok ? viewNow(lab, status.value, { standing, watch, elapsedMs: now - startMs }) : undefined;
    if (view !== undefined) {
      if (options.once) return finishOnce(view, options, io);
      standing.firstMs ??= now;
      display.show(view);
    } else if (standing.firstMs === undefined) {
      if (now - startMs > firstPlanMsMax) return refused(terminal, [noPlanFault(status)]);
      const detail = status.ok ? ` (${status.value.cycle.phase}, ${status.value.agents.onTarget} switches ready)` : "";
      terminal.progress(`wait for the first plan${detail}`);
    }
    if (standing.firstMs !== undefined) moveOn(lab, standing, now, { options, io, watch });
    await pause(Math.max(0, stepMs - (nowMs() - now)), stop);
  }
  await following;
  if (signal.aborted) return options.once ? exitCode.interrupted : exitCode.ok;
  return refused(terminal, [fault("unavailable", `The controller is gone: ${await lab.supervisor.failed}`)]);
}

/** Undefined until every switch holds a plan for the first measurement. */
function viewNow(
  lab: Lab,
  status: ControllerStatus,
  { standing, watch, elapsedMs }: { readonly standing: Standing; readonly watch: FailureWatch; readonly elapsedMs: number },
): LabView | undefined {
  const { step, firstMs, protection } = standing;
  const { topology, matrices, network, supervisor } = lab;
  const { plan } = status;
  const isFirst = firstMs === undefined;
  if (plan === undefined || (isFirst && !isAnswered(status, momentAt(matrices, step).matrix.name, lab.epochBefore))) return undefined;
  const day = dayOf(matrices);
  return viewOf({
    topology,
    status,
    plan,
    // By the rules of this very moment, counting nothing.
    report: network.forward(0),
    isLinkUp: (linkId) => network.isLinkUp(linkId),
    interval: { index: step % day.count, count: day.count, seconds: day.seconds },
    ...(isFirst ? { appliedSeconds: elapsedMs / 1000 } : {}),
    protection,
    failure: watch.latest,
    restarts: supervisor.restarts,
    rest: supervisor.serving.rest,
    grpc: supervisor.serving.grpc,
  });
}

/** Cuts that are due, and the next interval where this one is over. */
function moveOn(
  lab: Lab,
  standing: Standing,
  now: number,
  { options, io, watch }: Pick<Day, "options" | "io"> & { readonly watch: FailureWatch },
): void {
  const elapsedSeconds = (now - (standing.firstMs ?? now)) / 1000;
  for (const { linkId, up } of standing.pending.filter(({ atSeconds }) => atSeconds <= elapsedSeconds)) {
    if (up) watch.repair(linkId);
    else void watch.cut(linkId);
  }
  standing.pending = standing.pending.filter(({ atSeconds }) => atSeconds > elapsedSeconds);
  const overdueMs = now - standing.intervalStartMs - options.intervalSeconds * 1000;
  if (overdueMs < 0 || (watch.isFollowing && overdueMs < demandHeldMsMax)) return;
  standing.step += 1;
  standing.intervalStartMs = now;
  void measure(lab, standing.step, io);
}

/** The sites send by the moment's matrix, and the controller is told what was measured. */
async function measure(
  { matrices, network, client, supervisor }: Lab,
  step: number,
  { terminal, display }: Pick<Shown, "terminal" | "display">,
): Promise<void> {
  const { matrix } = momentAt(matrices, step);
  network.offer(matrix);
  // A controller that is down was told of already, and is told of the moment when it is back.
  if (!supervisor.isServing) return;
  const measured = await client.measure(matrix);
  if (!supervisor.isServing) return;
  if (!measured.ok) for (const line of refusalLines(measured.faults, terminal)) display.tell(line);
}

function failureSignal(supervisor: ControllerSupervisor): AbortSignal {
  const failure = new AbortController();
  void supervisor.failed.then(() => failure.abort());
  return failure.signal;
}

function noPlanFault(status: Result<ControllerStatus>) {
  const seconds = firstPlanMsMax / 1000;
  if (!status.ok) return fault("deadline-exceeded", `No plan was in force within ${seconds} s: ${status.faults[0].message}`);
  const { reasons, cycle } = status.value;
  const why = [...reasons, ...(cycle.lastFaults ?? []).map(({ message }) => message)].join(" ");
  return fault("deadline-exceeded", `No plan was in force within ${seconds} s. ${why}`);
}

async function finishOnce(view: LabView, options: LabOptions, { terminal }: LabIo): Promise<ExitCode> {
  terminal.settle();
  await terminal.write(options.output === "json" ? `${JSON.stringify(summaryOf(view), null, 2)}\n` : panel(view, terminal.colors));
  return view.check === "pass" && view.walk === "pass" ? exitCode.ok : exitCode.verdictFailed;
}
