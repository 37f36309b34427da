/**
 * What the controller itself computes after a failure: its machine runs in this process, with an agent's machine for each switch, and every event is timed. The
 * solver answers from the side. An event that takes long holds up everything else that the controller's process does.
 */
import {
  controllerConfigDefault,
  createAgent,
  createController,
  stepAgent,
  stepController,
  type AgentEvent,
  type AgentState,
  type ControllerEffect,
  type ControllerEvent,
  type ControllerState,
} from "@sluice/control";
import { optimize } from "@sluice/engine";
import { highsBackend } from "@sluice/lp";
import {
  cablesOf,
  ok,
  planSettingsDefault,
  protectionDefault,
  topologyDocument,
  type DemandMatrix,
  type NodeId,
  type PlanSettings,
  type Snapshot,
  type Topology,
} from "@sluice/model";
import { loadNetwork, networkNames, valueOf, type NetworkName } from "./network.js";
import { demandsOver, ringWithChords } from "./push.js";
import type { BenchReport } from "./report.js";
import { milliseconds, spreadOf } from "./sample.js";

/** Between two regular ticks, ms of virtual time. */
const tickMs = 50;
/** Events that one cut may take. */
const eventsMax = 200_000;

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;
type ControllerInput = Untimed<ControllerEvent>;
type AgentInput = Untimed<AgentEvent>;

/** Work of the controller's machine from the news of a failure until the last traffic has moved, ms of the processor. */
interface Replan {
  readonly totalMs: number;
  /** By kind of event. */
  readonly byKind: Readonly<Record<string, number>>;
  /** The longest events, longest first. */
  readonly longest: readonly { readonly kind: string; readonly ms: number }[];
  /** Messages and operations until then. */
  readonly messages: number;
  readonly operations: number;
}

export const replanNetworks = [...networkNames, "ring160"] as const;
export type ReplanNetworkName = (typeof replanNetworks)[number];

interface ReplanNetwork {
  readonly topology: Topology;
  readonly demands: DemandMatrix;
}

/** ring160: as many nodes as UsCarrier has, three times the demands of germany50, ways twice as long. */
function networkOf(name: ReplanNetworkName): ReplanNetwork {
  if (name !== "ring160") return loadNetwork(name satisfies NetworkName);
  const topology = ringWithChords(160);
  return { topology, demands: demandsOver(topology, 1) };
}

export async function benchReplan(names: readonly ReplanNetworkName[], cuts: number): Promise<BenchReport> {
  const rows: string[][] = [];
  const numbers: Record<string, unknown> = {};
  for (const name of names) {
    const network = networkOf(name);
    const replans = await replansOf(network, cuts);
    numbers[name] = replans;
    const longest = replans.map((each) => each.longest[0]?.ms ?? 0);
    rows.push([
      name,
      `${network.topology.nodes.length}/${network.topology.links.length}`,
      `${network.demands.demands.length}`,
      `${replans.length}`,
      milliseconds(spreadOf(replans.map(({ operations }) => operations))),
      milliseconds(spreadOf(replans.map(({ totalMs }) => totalMs))),
      milliseconds(spreadOf(longest)),
      replans
        .at(-1)
        ?.longest.map(({ kind, ms }) => `${kind} ${ms.toFixed(0)}`)
        .join(", ") ?? "-",
    ]);
  }
  return {
    bench: "replan",
    head: ["network", "nodes/links", "demands", "cuts", "operations", "all events ms", "longest event ms", "longest of the last cut"],
    rows,
    legend: [
      "Median (smallest-largest) over the cuts, one cable at a time, mended in between; processor time of the controller's machine from the news until the last traffic has moved.",
      "Solver, store, sockets and agents are not in it. The first cuts run code that is not compiled yet.",
    ],
    numbers,
  };
}

async function replansOf({ topology, demands }: ReplanNetwork, cuts: number): Promise<readonly Replan[]> {
  const settings: PlanSettings = {
    ...planSettingsDefault,
    deadlineSeconds: 300,
    protection: { ...protectionDefault, scenarios: ["link" as const] },
  };
  const world = new World(topology, await solverOf());
  world.tell({ kind: "change-settings", requestId: "settings", settings });
  world.tell({ kind: "replace-topology", requestId: "topology", topology: topologyDocument(topology) });
  world.tell({ kind: "measure-demands", requestId: "demands", matrix: demands });
  await world.until("plan-applied");
  const cables = cablesOf(topology);
  const step = Math.max(1, Math.floor(cables.length / cuts));
  const replans: Replan[] = [];
  for (const cable of cables.filter((_, i) => i % step === 0).slice(0, cuts)) {
    world.forget();
    world.setLinks(cable.linkIds, false);
    await world.untilMoved();
    replans.push(world.replan());
    await world.until("plan-applied");
    world.setLinks(cable.linkIds, true);
    await world.until("plan-applied");
  }
  return replans;
}

type Solve = (snapshot: Snapshot) => Promise<Extract<ControllerInput, { kind: "solved" }>["result"]>;

/** Answers come from another process: no object of them is one that went there. */
async function solverOf(): Promise<Solve> {
  const highs = await highsBackend();
  const lp = { highs, javascriptLpSolver: highs };
  return async (snapshot) =>
    ok(structuredClone(valueOf(await optimize(structuredClone(snapshot), { lp, nowMs: () => performance.now() }))));
}

/** Controller and agents without delay; the store writes at once. */
class World {
  readonly #controller: ControllerState;
  readonly #agents = new Map<NodeId, AgentState>();
  readonly #topology: Topology;
  readonly #solve: Solve;
  readonly #queue: (() => void)[] = [];
  #solving: Promise<void> | undefined;
  #nowMs = 1_000_000;
  #wakeMs = Infinity;
  #versions = 0;
  #applied = 0;
  #timed: { readonly kind: string; readonly ms: number }[] = [];
  #messages = 0;
  #operations = 0;

  constructor(topology: Topology, solve: Solve) {
    this.#topology = topology;
    this.#solve = solve;
    this.#controller = createController(
      { ...controllerConfigDefault, controllerId: "bench", solveIntervalMinMs: 500 },
      { term: 1, inventory: { epoch: 0 } },
    );
    for (const { id: nodeId } of topology.nodes) {
      const links = topology.links.filter(({ from }) => from === nodeId).map(({ id: linkId }) => ({ linkId, up: true }));
      const state = createAgent({ nodeId, bootId: nodeId, ruleCountMax: 1_000_000 }, { termSeen: 0, epochSeen: 0, links });
      this.#agents.set(nodeId, state);
    }
  }

  tell(event: ControllerInput): void {
    this.#queue.push(() => {
      const before = process.cpuUsage();
      const { effects } = stepController(this.#controller, { ...event, nowMs: this.#nowMs } as ControllerEvent);
      const { user, system } = process.cpuUsage(before);
      this.#timed.push({ kind: event.kind === "agent-message" ? event.message.kind : event.kind, ms: (user + system) / 1000 });
      for (const effect of effects) this.#carryOut(effect);
    });
  }

  setLinks(linkIds: readonly string[], up: boolean): void {
    for (const linkId of linkIds) {
      const link = this.#topology.links.find(({ id }) => id === linkId);
      if (link !== undefined) this.#tellAgent(link.from, { kind: "link-changed", linkId: link.id, up });
    }
  }

  async until(kind: "plan-applied"): Promise<void> {
    const before = this.#applied;
    await this.#run(() => this.#applied > before, kind);
  }

  /** Until the newest plan carries the traffic: another one than before is the target, and no flow has to change any more. */
  async untilMoved(): Promise<void> {
    const before = this.#controller.push.target?.record.epoch;
    const isMoved = () => {
      const { push } = this.#controller;
      return push.target?.record.epoch !== before && !push.stale && (push.update?.flowsLeft ?? 0) === 0;
    };
    await this.#run(isMoved, "traffic that has moved");
  }

  forget(): void {
    this.#timed = [];
    this.#messages = 0;
    this.#operations = 0;
  }

  replan(): Replan {
    const byKind: Record<string, number> = {};
    for (const { kind, ms } of this.#timed) byKind[kind] = (byKind[kind] ?? 0) + ms;
    const longest = [...this.#timed].sort((a, b) => b.ms - a.ms).slice(0, 8);
    const totalMs = this.#timed.reduce((sum, { ms }) => sum + ms, 0);
    return { totalMs, byKind, longest, messages: this.#messages, operations: this.#operations };
  }

  async #run(isDone: () => boolean, what: string): Promise<void> {
    for (let events = 0; events < eventsMax; events += 1) {
      if (isDone()) return;
      const next = this.#queue.shift();
      if (next !== undefined) next();
      else if (this.#solving !== undefined) await this.#solving;
      else {
        this.#nowMs = Math.max(this.#nowMs + 1, Math.min(this.#wakeMs, this.#nowMs + tickMs));
        this.#wakeMs = Infinity;
        this.tell({ kind: "tick" });
        for (const nodeId of this.#agents.keys()) this.#tellAgent(nodeId, { kind: "tick" });
      }
    }
    throw new Error(`no ${what} within ${eventsMax} events`);
  }

  #carryOut(effect: ControllerEffect): void {
    switch (effect.kind) {
      case "solve":
        this.#solving = this.#solve(effect.snapshot).then((result) => {
          this.#solving = undefined;
          this.tell({ kind: "solved", solveId: effect.solveId, result });
        });
        return;
      case "protect":
        return this.tell({ kind: "protected", protectId: effect.protectId, result: ok({ splits: [] }) });
      case "wake":
        this.#wakeMs = Math.min(this.#wakeMs, effect.atMs);
        return;
      case "persist": {
        this.#versions += 1;
        return this.tell({ kind: "persisted", persistId: effect.persistId, result: ok({ version: this.#versions }) });
      }
      case "send": {
        const nodeId = [...this.#agents.keys()][effect.streamId];
        if (effect.message.kind === "stage") {
          this.#messages += 1;
          this.#operations += effect.message.operations.length;
        }
        if (nodeId !== undefined) this.#tellAgent(nodeId, { kind: "message", streamId: 1, message: effect.message });
        return;
      }
      case "publish":
        if (effect.event.kind === "plan-applied") this.#applied += 1;
        if (effect.event.kind === "update-refused" || effect.event.kind === "plan-refused") throw new Error(JSON.stringify(effect.event));
        return;
      default:
    }
  }

  #tellAgent(nodeId: NodeId, event: AgentInput): void {
    this.#queue.push(() => {
      const state = this.#agents.get(nodeId);
      if (state === undefined) return;
      const streamId = [...this.#agents.keys()].indexOf(nodeId);
      for (const effect of stepAgent(state, { ...event, nowMs: this.#nowMs } as AgentEvent).effects) {
        switch (effect.kind) {
          case "connect":
            this.tell({ kind: "agent-opened", streamId });
            this.#tellAgent(nodeId, { kind: "opened", streamId: effect.streamId });
            break;
          case "send":
            this.tell({ kind: "agent-message", streamId, message: effect.message });
            break;
          case "persist-term":
            this.#tellAgent(nodeId, { kind: "persisted", persistId: effect.persistId, ok: true });
            break;
          case "apply":
            this.#tellAgent(nodeId, { kind: "applied", applyId: effect.applyId, failures: [] });
            break;
          case "close-stream":
            throw new Error(`the agent of ${nodeId} closed its stream: ${effect.reason}`);
          case "read-counters":
        }
      }
    });
  }
}
