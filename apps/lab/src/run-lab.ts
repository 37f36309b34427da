/** The lab from start to end: controller, agents, traffic, the day, and what of it is shown. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { AgentRefused, runAgent, type RunningAgent } from "@sluice/agent";
import { checkDemandEnds, fault, refuse, topologyDocument, type Faults, type Result, type Topology } from "@sluice/model";
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
import { isAnswered, readStatus, type ControllerStatus } from "./controller-status.js";
import { ControllerSupervisor, pause } from "./controller-supervisor.js";
import { dayOf, momentAt } from "./demand-clock.js";
import { FluidNetwork } from "./fluid-network.js";
import type { LabView } from "./lab-view.js";
import { parseLinkEvents, type LinkEvent } from "./link-cut.js";
import type { LabOptions } from "./options.js";
import { cycleLine, invitation, panel } from "./panel.js";
import { Screen } from "./screen.js";
import { summaryOf } from "./summary.js";
import { viewOf } from "./view-of.js";

/** How often traffic is forwarded anew and the picture looked at, ms. */
const stepMs = 200;
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

/** What is ended at the end, last started first. */
type Ending = () => Promise<void>;

export async function runLab(options: LabOptions, io: LabIo): Promise<ExitCode> {
  const { terminal } = io;
  terminal.progress("read network");
  const read = await readSeriesOrMatrix(options.network);
  if (!read.ok) return refused(terminal, read.faults);
  const { topology } = read.value.network;
  const ends = checkDemandEnds(topology, momentAt(read.value.matrices, 0).matrix);
  if (!ends.ok) return refused(terminal, ends.faults);
  const events = parseLinkEvents(topology, { down: options.linkDown, up: options.linkUp });
  if (!events.ok) return refused(terminal, events.faults);
  for (const line of noteLines(read.value.network.notes, terminal.errorColors)) terminal.tell(line);

  const endings: Ending[] = [];
  try {
    const lab = await bringUp({ options, io, input: read.value, endings });
    if (!lab.ok) return refused(terminal, lab.faults);
    return await runDay(lab.value, { options, io, events: events.value });
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
  readonly io: LabIo;
  readonly input: MatricesInput;
  readonly endings: Ending[];
}

async function bringUp({ options, io, input, endings }: BringUp): Promise<Result<Lab>> {
  const { terminal, nowMs } = io;
  const { topology } = input.network;
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "sluice-lab-")));
  if (options.dataDir === undefined) endings.push(() => rm(dataDir, { recursive: true, force: true }));
  await mkdir(join(dataDir, "agents"), { recursive: true });

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
    nowMs,
    onDeath: (how, waitMs) =>
      terminal.tell(`The controller died: ${how}. The switches keep forwarding; it is started again in ${waitMs / 1000} s.`),
    onServing({ term }) {
      terminal.tell(`The controller serves again, in term ${term}.`);
      for (const listener of listeners) listener();
    },
  });
  if (!supervisor.ok) return supervisor;
  endings.push(() => supervisor.value.stop());
  if (io.signal.aborted) return refuse(fault("cancelled", "The lab was stopped."));
  const { grpc } = supervisor.value.serving;

  const before = await readStatus(supervisor.value.serving.rest);
  if (!before.ok) return before;
  const client = new ControllerClient(grpc);
  listeners.push(() => client.reconnect());
  endings.push(async () => client.close());
  terminal.progress("send the topology");
  const sent = await client.replaceTopology(topologyDocument(topology));
  if (!sent.ok) return sent;

  terminal.progress("start the agents");
  const network = new FluidNetwork(topology);
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
  readonly io: LabIo;
  readonly events: readonly LinkEvent[];
}

/** Moves demand through the day until interrupted; with `--once` until the first plan is in force. */
async function runDay(lab: Lab, { options, io, events }: Day): Promise<ExitCode> {
  const { terminal, signal, nowMs } = io;
  const day = dayOf(lab.matrices);
  const stop = AbortSignal.any([signal, failureSignal(lab.supervisor)]);
  const show = options.output === "json" ? undefined : display(io);
  const startMs = nowMs();
  let step = options.startInterval;
  let intervalStartMs = startMs;
  let lastMs = startMs;
  let firstMs: number | undefined;
  let shownEpoch = 0;
  let pendingEvents = events;
  lab.onServing(() => void measure(lab, step, terminal));
  await measure(lab, step, terminal);

  while (!stop.aborted) {
    const now = nowMs();
    const report = lab.network.forward((now - lastMs) / 1000);
    lastMs = now;
    const status = await readStatus(lab.supervisor.serving.rest);
    const plan = status.ok ? status.value.plan : undefined;
    if (
      status.ok &&
      plan !== undefined &&
      (firstMs !== undefined || isAnswered(status.value, momentAt(lab.matrices, step).matrix.name, lab.epochBefore))
    ) {
      const view = viewOf({
        topology: lab.topology,
        status: status.value,
        plan,
        report: options.once ? lab.network.forward(0) : report,
        isLinkUp: (linkId) => lab.network.isLinkUp(linkId),
        interval: { index: step % day.count, count: day.count, seconds: day.seconds },
        ...(firstMs === undefined ? { appliedSeconds: (nowMs() - startMs) / 1000 } : {}),
        restarts: lab.supervisor.restarts,
        rest: lab.supervisor.serving.rest,
        grpc: lab.supervisor.serving.grpc,
      });
      if (options.once) return finishOnce(view, options, io);
      firstMs ??= now;
      show?.(view, plan.epoch !== shownEpoch);
      shownEpoch = plan.epoch;
    } else if (firstMs === undefined) {
      if (now - startMs > firstPlanMsMax) return refused(terminal, [noPlanFault(status)]);
      terminal.progress(
        status.ok
          ? `wait for the first plan (${status.value.cycle.phase}, ${status.value.agents.onTarget} switches ready)`
          : "wait for the controller",
      );
    }

    if (firstMs !== undefined) {
      const elapsedSeconds = (now - firstMs) / 1000;
      for (const event of pendingEvents.filter(({ atSeconds }) => atSeconds <= elapsedSeconds)) {
        lab.network.setLink(event.linkId, event.up);
        terminal.tell(`Link ${event.linkId} is ${event.up ? "repaired" : "cut"}.`);
      }
      pendingEvents = pendingEvents.filter(({ atSeconds }) => atSeconds > elapsedSeconds);
      if (now - intervalStartMs >= options.intervalSeconds * 1000) {
        step += 1;
        intervalStartMs = now;
        await measure(lab, step, terminal);
      }
    }
    await pause(Math.max(0, stepMs - (nowMs() - now)), stop);
  }
  if (signal.aborted) return exitCode.ok;
  return refused(terminal, [fault("unavailable", `The controller is gone: ${await lab.supervisor.failed}`)]);
}

/** The sites send by the moment's matrix, and the controller is told what was measured. */
async function measure({ matrices, network, client, supervisor }: Lab, step: number, terminal: Terminal): Promise<void> {
  const { matrix } = momentAt(matrices, step);
  network.offer(matrix);
  // A controller that is down was told of already, and is told of the moment when it is back.
  if (!supervisor.isServing) return;
  const measured = await client.measure(matrix);
  if (!supervisor.isServing) return;
  if (!measured.ok) for (const line of refusalLines(measured.faults, terminal)) terminal.tell(line);
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

/** On a terminal a panel that is drawn over itself; else the panel once, then a line for each plan. */
function display({ terminal, stdout }: LabIo): (view: LabView, isNewPlan: boolean) => void {
  if (stdout.isTTY === true) {
    const screen = new Screen(stdout);
    return (view) => {
      terminal.settle();
      screen.draw(`${panel(view, terminal.colors)}\n${invitation(view, terminal.colors)}`);
    };
  }
  let first = true;
  return (view, isNewPlan) => {
    if (!isNewPlan) return;
    void terminal.write(first ? `${panel(view, terminal.colors)}\n${invitation(view, terminal.colors)}\n` : `${cycleLine(view)}\n`);
    first = false;
  };
}
