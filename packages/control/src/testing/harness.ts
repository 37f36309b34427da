/**
 * Controller and agents in one process without delay: messages are delivered in order, the store is a list, and the test
 * answers solves. For what a test wants to see step by step; the rough weather is in packages/sim.
 */
import {
  assert,
  buildDemandMatrix,
  canonicalHash,
  fault,
  ok,
  parseTopology,
  pathNodes,
  refuse,
  toId,
  topologyDocument,
  trafficClasses,
  tunnelOf,
  buildTopology,
  type AgentMessage,
  type ControllerMessage,
  type DemandMatrix,
  type LinkId,
  type NodeId,
  type NodeRules,
  type Path,
  type Plan,
  type Result,
  type Snapshot,
  type Topology,
  type TunnelGroup,
} from "@sluice/model";
import { applyOperations } from "@sluice/rules";
import { controllerConfigDefault, type ControllerConfig } from "../controller-config.js";
import type { ControllerEffect, PersistWrite, PublishedEvent } from "../controller-effect.js";
import type { ControllerEvent } from "../controller-event.js";
import type { StartInventory } from "../inventory-record.js";
import type { AgentEvent } from "../agent-event.js";
import { createAgent, stepAgent, type AgentState } from "../agent/machine.js";
import { controllerView, createController, stepController, type ControllerState } from "../controller/machine.js";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;
type Persist = Extract<ControllerEffect, { kind: "persist" }>;

export const node = (id: string) => toId<NodeId>(id);
export const link = (id: string) => toId<LinkId>(id);

/**
 *     b
 *    / \        every cable two links of 10 Gb/s, 1 ms
 *   a---c
 */
export function triangle(): Topology {
  const pairs = [
    ["a", "b"],
    ["b", "c"],
    ["a", "c"],
  ] as const;
  const parsed = parseTopology({
    name: "triangle",
    nodes: ["a", "b", "c"].map((id) => ({ id })),
    links: pairs.flatMap(([x, y]) =>
      [
        [x, y],
        [y, x],
      ].map(([from, to]) => ({ id: `${from}-${to}`, from, to, capacityBps: 10e9, latencyMs: 1, metric: 1 })),
    ),
  });
  assert(parsed.ok, "the triangle is valid");
  return parsed.value;
}

export function demandsOf(name: string, rates: Readonly<Record<string, number>>): DemandMatrix {
  const built = buildDemandMatrix(
    name,
    Object.entries(rates).map(([pair, rateBps]) => {
      const [src = "", dst = ""] = pair.split(">");
      return { src: node(src), dst: node(dst), trafficClass: "elastic" as const, rateBps };
    }),
  );
  assert(built.ok, "the demands are valid");
  return built.value;
}

/** A plan that puts each demand whole on the path given for its pair; others are left out. */
export function planOn(snapshot: Snapshot, paths: Readonly<Record<string, readonly string[]>>): Plan {
  const built = buildTopology(snapshot.topology);
  assert(built.ok, "the snapshot's topology is valid");
  const topology = built.value;
  const tunnels = new Map<string, ReturnType<typeof tunnelOf>>();
  const groups: TunnelGroup[] = [];
  for (const { src, dst, trafficClass, rateBps } of snapshot.demands.demands) {
    const ids = paths[`${src}>${dst}`];
    if (ids === undefined) continue;
    const path: Path = ids.map(link);
    assert(pathNodes(topology, path).length === path.length + 1, "the path joins");
    const tunnel = tunnelOf(topology, path);
    tunnels.set(tunnel.id, tunnel);
    groups.push({
      src,
      dst,
      trafficClass,
      demandBps: rateBps,
      admittedBps: rateBps,
      members: [{ tunnelId: tunnel.id, allottedBps: rateBps, weight: 1 }],
    });
  }
  return {
    inputHash: canonicalHash(snapshot),
    rung: "greedy",
    classes: trafficClasses.map((trafficClass) => ({
      trafficClass,
      rung: "greedy" as const,
      solver: "test",
      demandBps: 0,
      allottedBps: 0,
      admittedBps: 0,
      certificate: { objective: "max-throughput" as const, sense: "maximize" as const, unit: "bps" as const, value: 0, linkPrices: [] },
      notes: [],
    })),
    tunnels: [...tunnels.values()].sort((x, y) => (x.id < y.id ? -1 : 1)),
    groups,
    unroutable: [],
    check: { verdict: "pass", checked: {}, violations: [], utilizationMax: 0 },
  };
}

interface HarnessAgent {
  state: AgentState;
  rules: NodeRules;
  /** Its streams at the controller are a thousand times this and on. */
  readonly boot: number;
  streamId: number | undefined;
  /** Its datapath refuses all stages. */
  refuses: boolean;
}

export class Harness {
  nowMs: number;
  readonly controller: ControllerState;
  readonly agents = new Map<NodeId, HarnessAgent>();
  readonly published: PublishedEvent[] = [];
  readonly replies = new Map<string, Result<unknown>>();
  readonly solves: { readonly solveId: number; readonly snapshot: Snapshot }[] = [];
  readonly cancelled: number[] = [];
  readonly closed: { readonly streamId: number; readonly code: string }[] = [];
  readonly sent: { readonly streamId: number; readonly message: ControllerMessage }[] = [];
  readonly writes: PersistWrite[] = [];
  /** Writes that wait for `persisted`, when the store is slow. */
  readonly heldWrites: Persist[] = [];
  slowStore = false;
  steppedDown = false;
  #bootLast = 0;
  #versions = { topology: 0, demands: 0, settings: 0 };
  readonly #queue: (() => void)[] = [];
  #running = false;

  constructor(
    more: {
      readonly term?: number;
      readonly inventory?: StartInventory;
      readonly nowMs?: number;
      readonly config?: Partial<ControllerConfig>;
    } = {},
  ) {
    this.nowMs = more.nowMs ?? 1_000_000;
    this.controller = createController(
      { ...controllerConfigDefault, controllerId: "test", drainGraceMs: 0, ...more.config },
      { term: more.term ?? 1, inventory: more.inventory ?? { epoch: 0 } },
    );
  }

  get view() {
    return controllerView(this.controller);
  }

  kinds(): readonly string[] {
    return this.published.map(({ kind }) => kind);
  }

  stages(): readonly Extract<ControllerMessage, { kind: "stage" }>[] {
    return this.sent.flatMap(({ message }) => (message.kind === "stage" ? [message] : []));
  }

  event(event: Untimed<ControllerEvent>): void {
    this.#later(() => {
      const { effects } = stepController(this.controller, { ...event, nowMs: this.nowMs } as ControllerEvent);
      for (const effect of effects) this.#carryOut(effect);
    });
  }

  /** Time passes in steps of 50 ms, for everyone. */
  wait(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.nowMs < untilMs) {
      this.nowMs = Math.min(untilMs, this.nowMs + 50);
      this.event({ kind: "tick" });
      for (const nodeId of this.agents.keys()) this.agentEvent(nodeId, { kind: "tick" });
    }
  }

  agentEvent(nodeId: NodeId, event: Untimed<AgentEvent>): void {
    this.#later(() => {
      const agent = this.agents.get(nodeId);
      if (agent === undefined) return;
      for (const effect of stepAgent(agent.state, { ...event, nowMs: this.nowMs } as AgentEvent).effects) {
        switch (effect.kind) {
          case "connect": {
            const streamId = effect.streamId + 1_000 * agent.boot;
            agent.streamId = streamId;
            this.event({ kind: "agent-opened", streamId });
            this.agentEvent(nodeId, { kind: "opened", streamId: effect.streamId });
            break;
          }
          case "send":
            if (agent.streamId !== undefined) this.event({ kind: "agent-message", streamId: agent.streamId, message: effect.message });
            break;
          case "close-stream":
            if (agent.streamId !== undefined) this.event({ kind: "agent-closed", streamId: agent.streamId });
            agent.streamId = undefined;
            break;
          case "persist-term":
            this.agentEvent(nodeId, { kind: "persisted", persistId: effect.persistId, ok: true });
            break;
          case "apply":
            if (!agent.refuses) agent.rules = applyOperations(agent.rules, effect.operations);
            this.agentEvent(nodeId, {
              kind: "applied",
              applyId: effect.applyId,
              failures: agent.refuses ? [{ key: "test", code: "rule-refused", reason: "the test refuses it" }] : [],
            });
            break;
          case "read-counters":
            break;
        }
      }
    });
  }

  startAgent(id: string, more: { readonly rules?: NodeRules; readonly termSeen?: number; readonly ruleCountMax?: number } = {}): void {
    const nodeId = node(id);
    const rules = more.rules ?? new Map();
    const links = this.view.topology?.links.filter(({ from }) => from === nodeId).map((one) => ({ linkId: one.id, up: true })) ?? [];
    const state = createAgent(
      { nodeId, bootId: `${id}-${this.nowMs}`, ruleCountMax: more.ruleCountMax ?? 1_000 },
      { termSeen: more.termSeen ?? 0, epochSeen: 0, links, rules },
    );
    this.#bootLast += 1;
    this.agents.set(nodeId, { state, rules, boot: this.#bootLast, streamId: undefined, refuses: false });
    this.agentEvent(nodeId, { kind: "tick" });
  }

  rulesOf(id: string): NodeRules {
    return this.agents.get(node(id))?.rules ?? new Map();
  }

  /** A hand-made message from an agent. */
  fromAgent(streamId: number, message: AgentMessage): void {
    this.event({ kind: "agent-message", streamId, message });
  }

  ingest(topology: Topology, demands?: DemandMatrix): void {
    this.event({ kind: "replace-topology", requestId: "topology", topology: topologyDocument(topology) });
    if (demands !== undefined) this.event({ kind: "measure-demands", requestId: "demands", matrix: demands });
  }

  /** Answers the newest solve. */
  answer(paths: Readonly<Record<string, readonly string[]>>): void {
    const solve = this.solves.at(-1);
    assert(solve !== undefined, "a solve was asked for");
    this.event({ kind: "solved", solveId: solve.solveId, result: ok({ plan: planOn(solve.snapshot, paths), timings: { solve: 0.1 } }) });
  }

  failSolve(): void {
    const solve = this.solves.at(-1);
    assert(solve !== undefined, "a solve was asked for");
    this.event({ kind: "solved", solveId: solve.solveId, result: refuse(fault("solver-failed", "The test's solver failed.")) });
  }

  /** Lets the slow store answer its oldest write. */
  persisted(result?: Result<{ version?: number }>): PersistWrite["kind"] | undefined {
    const held = this.heldWrites.shift();
    if (held === undefined) return undefined;
    this.#answerWrite(held, result);
    return held.write.kind;
  }

  /** What a successor finds in the store. */
  inventory(): StartInventory {
    const last = <K extends PersistWrite["kind"]>(kind: K) =>
      this.writes.findLast((write): write is Extract<PersistWrite, { kind: K }> => write.kind === kind);
    const topology = last("topology");
    const demands = last("demands");
    const plan = last("plan");
    return {
      epoch: plan?.record.epoch ?? 0,
      ...(topology === undefined ? {} : { topology: { version: this.#versions.topology, document: topology.document } }),
      ...(demands === undefined ? {} : { demands: { version: this.#versions.demands, matrix: demands.matrix } }),
      ...(plan === undefined ? {} : { assignments: plan.assignmentsAfter, lastPlan: { record: plan.record, input: plan.input } }),
    };
  }

  #carryOut(effect: ControllerEffect): void {
    switch (effect.kind) {
      case "solve":
        this.solves.push(effect);
        return;
      case "cancel-solve":
        this.cancelled.push(effect.solveId);
        return;
      case "persist":
        if (this.slowStore && effect.write.kind !== "events") this.heldWrites.push(effect);
        else this.#answerWrite(effect);
        return;
      case "send": {
        this.sent.push(effect);
        const agent = [...this.agents].find(([, { streamId }]) => streamId === effect.streamId);
        if (agent !== undefined) this.agentEvent(agent[0], { kind: "message", streamId: effect.streamId % 1_000, message: effect.message });
        return;
      }
      case "close-stream": {
        this.closed.push(effect);
        const agent = [...this.agents].find(([, { streamId }]) => streamId === effect.streamId);
        if (agent === undefined) return;
        agent[1].streamId = undefined;
        this.agentEvent(agent[0], { kind: "closed", streamId: effect.streamId % 1_000 });
        return;
      }
      case "reply":
        this.replies.set(effect.requestId, effect.result);
        return;
      case "publish":
        this.published.push(effect.event);
        return;
      case "step-down":
        this.steppedDown = true;
    }
  }

  #answerWrite({ persistId, write }: Persist, given?: Result<{ version?: number }>): void {
    let result = given ?? ok({});
    if (result.ok) {
      this.writes.push(write);
      if (write.kind === "topology" || write.kind === "demands" || write.kind === "settings") {
        this.#versions[write.kind] += 1;
        result = ok({ version: this.#versions[write.kind] });
      }
    }
    this.event({ kind: "persisted", persistId, result });
  }

  /** Events that an event causes come after it, in order. */
  #later(run: () => void): void {
    this.#queue.push(run);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) next();
    } finally {
      this.#running = false;
    }
  }
}
