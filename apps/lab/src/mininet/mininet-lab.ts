/** The lab on Mininet from start to end: the network, the controller, an agent in each switch's namespace. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { managementAddress, networkPlanOf, type ScaledNetwork } from "@sluice/formats";
import {
  fault,
  ok,
  planSettingsDefault,
  protectionDefault,
  refuse,
  topologyDocument,
  type LinkId,
  type NodeId,
  type PlanSettings,
  type Result,
} from "@sluice/model";
import { channelSecurity, openTlsSource } from "@sluice/wire";
import { ControllerClient } from "../controller-client.js";
import { startController, type ControllerProcess, type ControllerProcessOptions, type Serving } from "../controller-process.js";
import { isAnswered, readStatus, type ControllerStatus } from "../controller-status.js";
import { AgentProcess } from "./agent-process.js";
import { makeLabCertificates } from "./lab-certificates.js";
import { startNetwork, type BuiltNetwork, type NetworkProcess, type SwitchPlace } from "./network-process.js";
import { readEvents } from "./plan-reading.js";
import { runTool } from "./run-tool.js";

export const controllerPort = 50_051;
/** Longest wait for the first plan to be in force, ms. */
const planMsMax = 240_000;
const pollMs = 250;
/** At least this long between two plans that demand asks for, seconds. */
const cycleSeconds = 1;
/** A controller that died by itself is started again after this, ms. */
const restartMs = 1_000;
/** Reading back costs each switch three processes: so often for a small network, and in a large one as often as 12 switches would together, ms. */
const readBackMsLeast = 3_000;
const readBackMsPerSwitch = 250;
/** Longer than the controller's patience with a silent stream: an agent that is never silent is never probed, and then thinks the controller silent. */
const countersMs = 10_000;

export const labSettings: PlanSettings = { ...planSettingsDefault, protection: protectionDefault };

export interface LabParts {
  readonly scaled: ScaledNetwork;
  readonly stateDir: string;
  readonly controllerEntry: URL;
  /** Between BFD messages on links; absent: there is no BFD. */
  readonly bfdIntervalMs?: number;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  readonly tell: (line: string) => void;
}

type Ending = () => Promise<void>;

/** How a cable is cut. */
export type Cut = "down" | "silent";

/** Whatever is sent by the interface vanishes, before any queue. */
function silence(name: string, isSilent: boolean): readonly [string, ...string[]] {
  const table = `netdev sluice-cut-${name}`;
  const chain = `chain out { type filter hook egress device "${name}" priority 0; policy drop; };`;
  return ["nft", isSilent ? `table ${table} { ${chain} };` : `delete table ${table}`];
}

export class MininetLab {
  readonly network: BuiltNetwork;
  readonly agents: ReadonlyMap<NodeId, AgentProcess>;
  readonly bfdIntervalMs: number | undefined;
  #scaled: ScaledNetwork;
  /** How cables are cut, by their ids. */
  readonly #cut = new Map<string, Cut>();
  readonly #process: NetworkProcess;
  readonly #client: ControllerClient;
  readonly #options: ControllerProcessOptions;
  readonly #tell: (line: string) => void;
  #controller: ControllerProcess;
  #serving: Serving;
  #downUntilMs = 0;
  readonly #watching: Promise<void>;
  #stopping = false;
  readonly #nowMs: () => number;
  /** Settles when the network is gone though nobody stopped it. */
  readonly failed: Promise<string>;

  constructor(given: {
    readonly parts: LabParts;
    readonly process: NetworkProcess;
    readonly agents: ReadonlyMap<NodeId, AgentProcess>;
    readonly client: ControllerClient;
    readonly controller: ControllerProcess;
    readonly controllerOptions: ControllerProcessOptions;
  }) {
    this.#scaled = given.parts.scaled;
    this.bfdIntervalMs = given.parts.bfdIntervalMs;
    this.#process = given.process;
    this.#tell = given.parts.tell;
    this.#nowMs = given.parts.nowMs;
    this.network = given.process.network;
    this.agents = given.agents;
    this.failed = given.process.ended;
    this.#client = given.client;
    this.#controller = given.controller;
    this.#serving = given.controller.serving;
    this.#options = given.controllerOptions;
    this.#watching = this.#watch();
  }

  get rest(): string {
    return this.#serving.rest;
  }

  get serving(): Serving {
    return this.#serving;
  }

  status(): Promise<Result<ControllerStatus>> {
    return readStatus(this.rest);
  }

  measure(matrix = this.scaled.matrix): Promise<Result<number>> {
    return this.#client.measure(matrix);
  }

  /** What the lab stands for now. */
  get scaled(): ScaledNetwork {
    return this.#scaled;
  }

  /** The same network with other capacities, on its links and in the controller's topology; the demand is told by `measure`. */
  async rescale(scaled: ScaledNetwork): Promise<Result<undefined>> {
    const shaped = await this.#process.shape(new Map(networkPlanOf(scaled.topology, "").cables.map(({ id, bps }) => [id, bps])));
    if (!shaped.ok) return shaped;
    const sent = await this.#client.replaceTopology(topologyDocument(scaled.topology));
    if (!sent.ok) return sent;
    this.#scaled = scaled;
    return ok(undefined);
  }

  /**
   * Both directions of a cable at once, as a digger does it: `down` takes the ports down, `silent` makes packets vanish while the ports stay up.
   * False where there is no such link, or it is cut already.
   */
  async cutCable(linkId: string, cut: Cut): Promise<boolean> {
    const cable = this.network.links.get(linkId)?.cable;
    if (cable === undefined || this.#cut.has(cable)) return false;
    await this.#setCable(cable, cut, false);
    this.#cut.set(cable, cut);
    return true;
  }

  /** Mends it again; false where it is not cut. */
  async restoreCable(linkId: string): Promise<boolean> {
    const cable = this.network.links.get(linkId)?.cable ?? "";
    const cut = this.#cut.get(cable);
    if (cut === undefined) return false;
    await this.#setCable(cable, cut, true);
    this.#cut.delete(cable);
    return true;
  }

  async #setCable(cable: string, cut: Cut, up: boolean): Promise<void> {
    const ends = new Map(
      [...this.network.links.values()].flatMap((link) => (link.cable === cable ? [[link.interface, link.node] as const] : [])),
    );
    // One end that is set down takes the carrier from the other.
    const touched = cut === "down" ? [...ends].slice(0, 1) : [...ends];
    const runs = touched.map(async ([name, node]) => {
      const place = this.network.switches.get(node);
      if (place === undefined) throw new Error(`no switch ${node}`);
      const done = await runTool(cut === "down" ? ["ip", "link", "set", name, up ? "up" : "down"] : silence(name, !up), { pid: place.pid });
      if (done.code !== 0) throw new Error(`${cut} ${name}: ${done.stderr.trim()}`);
    });
    await Promise.all(runs);
  }

  /** The controller dies as by a crash and stays away for so long. */
  killController(seconds: number): void {
    this.#downUntilMs = this.#nowMs() + seconds * 1000;
    process.kill(this.#serving.pid, "SIGKILL");
  }

  /** ovs-vswitchd of a switch dies as by a crash; the network's process starts it again. */
  async killSwitch(place: SwitchPlace): Promise<void> {
    const { stdout } = await runTool(["cat", join(place.runDir, "ovs-vswitchd.pid")]);
    process.kill(Number(stdout.trim()), "SIGKILL");
  }

  /** `ovs-ofctl` on a switch; throws where it fails. */
  async ofctl({ runDir }: SwitchPlace, ...args: readonly string[]): Promise<string> {
    const done = await runTool(["ovs-ofctl", "-O", "OpenFlow15", ...args], { env: { OVS_RUNDIR: runDir } });
    if (done.code !== 0) throw new Error(`ovs-ofctl ${args[0]}: ${done.stderr.trim()}`);
    return done.stdout;
  }

  /** Resolves when every switch holds a plan as `isDone` wants it; a fault after `msMax`. */
  async waitFor(isDone: (status: ControllerStatus) => boolean, msMax: number, signal?: AbortSignal): Promise<Result<ControllerStatus>> {
    const untilMs = this.#nowMs() + msMax;
    for (;;) {
      const status = await this.status();
      if (status.ok && isDone(status.value)) return status;
      if (signal?.aborted === true) return refuse(fault("cancelled", "The lab was stopped."));
      if (this.#nowMs() > untilMs) {
        if (!status.ok) return status;
        const { reasons, cycle, agents } = status.value;
        const why = [...reasons, ...(cycle.lastFaults ?? []).map(({ message }) => message)].join(" ");
        return refuse(
          fault("deadline-exceeded", `Waited ${msMax / 1000} s: ${agents.onTarget} of ${agents.total} switches are programmed. ${why}`),
        );
      }
      await sleep(pollMs);
    }
  }

  /** Resolves when no link is down, and every switch holds a plan that was made since. */
  async waitForLinks(msMax: number, signal?: AbortSignal): Promise<Result<ControllerStatus>> {
    const up = await this.waitFor(({ network }) => network?.linksDown === 0, msMax, signal);
    if (!up.ok) return up;
    const events = await readEvents(this.rest, 0);
    if (!events.ok) return events;
    const last = events.value.findLast(({ kind }) => kind === "link-up");
    if (last !== undefined) {
      const applied = await this.waitForEvents(last.sequence, ["plan-applied"], msMax);
      if (!applied.ok) return applied;
    }
    return this.waitFor(({ agents }) => agents.total > 0 && agents.onTarget === agents.total, msMax, signal);
  }

  /** Resolves when events of these kinds have been written in this order, after that sequence number; a fault after `msMax`. */
  async waitForEvents(after: number, kinds: readonly string[], msMax: number): Promise<Result<undefined>> {
    const untilMs = this.#nowMs() + msMax;
    for (;;) {
      const events = await readEvents(this.rest, after);
      if (events.ok) {
        let next = 0;
        for (const { kind } of events.value) if (kind === kinds[next]) next += 1;
        if (next === kinds.length) return ok(undefined);
        if (this.#nowMs() > untilMs)
          return refuse(fault("deadline-exceeded", `Waited ${msMax / 1000} s for ${kinds.slice(next).join(", ")}.`));
      } else if (this.#nowMs() > untilMs) return events;
      await sleep(pollMs);
    }
  }

  async stopController(): Promise<void> {
    this.#stopping = true;
    this.#client.close();
    await this.#controller.stop();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    for (;;) {
      const how = await this.#controller.ended;
      if (this.#stopping) return;
      this.#tell(`The controller is gone: ${how}.`);
      let waitMs = Math.max(restartMs, this.#downUntilMs - this.#nowMs());
      for (; waitMs > 0 && !this.#stopping; waitMs -= pollMs) await sleep(pollMs);
      if (this.#stopping) return;
      const again = await startController(this.#options);
      if (!again.ok) {
        this.#tell(`The controller does not come back: ${again.faults[0].message}`);
        return;
      }
      this.#controller = again.value;
      this.#serving = again.value.serving;
      if (this.#stopping) return this.#controller.stop();
      this.#client.reconnect();
      void this.#client.measure(this.scaled.matrix);
      this.#tell(`The controller serves again, in term ${this.#serving.term}.`);
    }
  }
}

/** Brings everything up until the first plan is in force. What `endings` gets is to be done last first, also where this fails. */
export async function bringUp(parts: LabParts, endings: Ending[]): Promise<Result<MininetLab>> {
  const { scaled, stateDir, controllerEntry, signal, tell, nowMs } = parts;
  const { topology, matrix } = scaled;
  const startMs = nowMs();
  const seconds = (): string => `${((nowMs() - startMs) / 1000).toFixed(1)} s`;
  tell(`Building ${topology.nodes.length} switches and ${topology.links.length} links...`);
  const built = await startNetwork(networkPlanOf(topology, join(stateDir, "ovs")), { stateDir, signal });
  if (!built.ok) return built;
  endings.push(() => built.value.stop());
  const { network } = built.value;
  tell(`${seconds()}: the network is up.`);

  const nodeIds = topology.nodes.map(({ id }) => id);
  const certificates = await makeLabCertificates({ stateDir, host: managementAddress, nodeIds, nowMs: Date.now() });
  if (!certificates.ok) return certificates;
  const controllerOptions: ControllerProcessOptions = {
    entry: controllerEntry,
    dataDir: join(stateDir, "controller"),
    grpc: `${managementAddress}:${controllerPort}`,
    tls: certificates.value.controller,
    rest: "127.0.0.1:0",
    cycleSeconds,
    settings: labSettings,
    logFile: join(stateDir, "controller.log"),
    verbose: false,
  };
  const controller = await startController({ ...controllerOptions, signal });
  if (!controller.ok) return controller;
  let endController: Ending = () => controller.value.stop();
  endings.push(() => endController());
  const { serving } = controller.value;
  tell(`${seconds()}: the controller serves gRPC on ${serving.grpc}, REST on ${serving.rest}.`);

  const ownTls = await openTlsSource(certificates.value.operator, { onWarning: tell });
  if (!ownTls.ok) return ownTls;
  const trust = channelSecurity(ownTls.value, serving.grpc);
  const client = new ControllerClient(serving.grpc, trust.credentials, trust.options);
  const sent = await client.replaceTopology(topologyDocument(topology));
  if (!sent.ok) return sent;
  const measured = await client.measure(matrix);
  if (!measured.ok) return measured;

  const agents = new Map<NodeId, AgentProcess>();
  endings.push(async () => {
    await Promise.all([...agents.values()].map((agent) => agent.stop()));
  });
  const readBackMs = Math.max(readBackMsLeast, readBackMsPerSwitch * topology.nodes.length);
  for (const { id } of topology.nodes) {
    const place = network.switches.get(id);
    const tls = certificates.value.agents.get(id);
    if (place === undefined || tls === undefined) return refuse(fault("internal", `The network has no switch ${id}.`));
    const own = topology.links.filter(({ from }) => from === id);
    const interfaces = new Map<LinkId, string>(own.map((link) => [link.id, network.links.get(link.id)?.interface ?? ""]));
    const common = {
      place,
      bridge: network.bridge,
      interfaces,
      controller: serving.grpc,
      tls,
      stateDir,
      bfdIntervalMs: parts.bfdIntervalMs,
    };
    agents.set(id, new AgentProcess({ node: id, ...common, readBackMs, countersMs }));
  }
  // The same addresses again, so that agents and clients find it.
  const again = { ...controllerOptions, rest: new URL(serving.rest).host };
  const lab = new MininetLab({ parts, process: built.value, agents, client, controller: controller.value, controllerOptions: again });
  endController = () => lab.stopController();
  tell(`${seconds()}: ${agents.size} agents are started.`);
  const inForce = await lab.waitFor((status) => isAnswered(status, matrix.name, 0), planMsMax, signal);
  if (!inForce.ok) return inForce;
  // BFD needs the agents of both ends: links whose other end came late were down, and perhaps a plan has been made without them.
  const whole = parts.bfdIntervalMs === undefined ? inForce : await lab.waitForLinks(planMsMax, signal);
  if (!whole.ok) return whole;
  const { plan } = whole.value;
  tell(
    `${seconds()}: plan ${plan?.epoch} is in force on ${agents.size} switches: ${plan?.ruleCount} rules, check ${plan?.check}, walk ${plan?.walk}.`,
  );
  return ok(lab);
}
