/**
 * Controller and agents in one process without delay: messages are delivered in order, the store is a list, and the test
 * answers solves. For what a test wants to see step by step; the rough weather is in packages/sim.
 */
import {
  assert,
  buildDemandMatrix,
  bypassId,
  canonicalHash,
  compareText,
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
  type FailureScenario,
  type LinkId,
  type NodeId,
  type NodeRules,
  type Path,
  type Plan,
  type PlanProtection,
  type Result,
  type ScenarioSplit,
  type Snapshot,
  type Topology,
  type TopologyDocument,
  type Tunnel,
  type TunnelGroup,
} from "@sluice/model";
import { applyOperations } from "@sluice/rules";
import { controllerConfigDefault, type ControllerConfig } from "../controller-config.js";
import type { ControllerEffect, PersistWrite, PublishedEvent } from "../controller-effect.js";
import type { ControllerEvent, Persisted } from "../controller-event.js";
import type { StartInventory } from "../inventory-record.js";
import type { AgentEvent } from "../agent-event.js";
import { createAgent, stepAgent, type AgentState } from "../agent/machine.js";
import { controllerView, createController, stepController, type ControllerState } from "../controller/machine.js";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;
type Persist = Extract<ControllerEffect, { kind: "persist" }>;
type Item = Extract<PersistWrite, { kind: "topology" | "demands" | "settings" | "operation" }>;

/** What of the inventory a write changes. */
function itemsOf(write: PersistWrite): readonly Item[] {
  if (write.kind === "events") return [];
  if (write.kind !== "plan" && write.kind !== "inventory") return [write];
  const { topology, settings, operation } = (write.kind === "plan" ? write.inventory : write.change) ?? {};
  return [
    ...(topology === undefined ? [] : [{ kind: "topology" as const, document: topology }]),
    ...(settings === undefined ? [] : [{ kind: "settings" as const, settings }]),
    ...(operation === undefined ? [] : [{ kind: "operation" as const, document: operation }]),
  ];
}

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

/** By pair of nodes, as `a>b`. */
export type PathsByPair = Readonly<Record<string, readonly string[]>>;

/** What makes a plan of the harness a protected one. */
export interface Protecting {
  /** A second path for these pairs, with a quarter of the traffic. */
  readonly also?: PathsByPair;
  /** Path of a tunnel, and path of the one that stands in for it. */
  readonly backups: readonly (readonly [of: readonly string[], by: readonly string[]])[];
  /** Protected link, and the way around it. */
  readonly bypasses?: readonly (readonly [of: string, by: readonly string[]])[];
}

/** A plan that puts each demand on the path given for its pair; others are left out. */
export function planOn(snapshot: Snapshot, paths: PathsByPair, protecting?: Protecting): Plan {
  const built = buildTopology(snapshot.topology);
  assert(built.ok, "the snapshot's topology is valid");
  const topology = built.value;
  const tunnels = new Map<string, ReturnType<typeof tunnelOf>>();
  const groups: TunnelGroup[] = [];
  for (const { src, dst, trafficClass, rateBps } of snapshot.demands.demands) {
    const pair = `${src}>${dst}`;
    const first = paths[pair];
    if (first === undefined) continue;
    const second = protecting?.also?.[pair];
    const members = (second === undefined ? [first] : [first, second]).map((ids, i) => {
      const path: Path = ids.map(link);
      assert(pathNodes(topology, path).length === path.length + 1, "the path joins");
      const tunnel = tunnelOf(topology, path);
      tunnels.set(tunnel.id, tunnel);
      const weight = second !== undefined && i === 0 ? 3 : 1;
      return { tunnelId: tunnel.id, allottedBps: second === undefined ? rateBps : (rateBps * weight) / 4, weight };
    });
    groups.push({
      src,
      dst,
      trafficClass,
      demandBps: rateBps,
      admittedBps: rateBps,
      members,
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
    ...(protecting === undefined ? {} : { protection: protectionOn(topology, protecting, tunnels) }),
    check: { verdict: "pass", checked: {}, violations: [], utilizationMax: 0 },
  };
}

function protectionOn(topology: Topology, { backups, bypasses = [] }: Protecting, tunnels: ReadonlyMap<string, Tunnel>): PlanProtection {
  const backupTunnels = new Map<string, Tunnel>();
  const found = backups.map(([of, by]) => {
    const tunnel = tunnelOf(topology, by.map(link));
    if (!tunnels.has(tunnel.id)) backupTunnels.set(tunnel.id, tunnel);
    return {
      tunnelId: tunnelOf(topology, of.map(link)).id,
      backupId: tunnel.id,
      disjointness: "srlg" as const,
      sharedLinkIds: [],
      sharedNodeIds: [],
      sharedSrlgIds: [],
    };
  });
  return {
    bypasses: bypasses
      .map(([of, by]) => ({ id: bypassId(link(of), by.map(link)), protects: link(of), path: by.map(link), sharedSrlgIds: [] }))
      .sort((x, y) => compareText(x.id, y.id)),
    backupTunnels: [...backupTunnels.values()].sort((x, y) => compareText(x.id, y.id)),
    backups: found.sort((x, y) => compareText(x.tunnelId, y.tunnelId)),
  };
}

/** A scenario's split that puts the groups of these pairs whole on these tunnels, or gives them up where there is none. */
export function splitOn(
  { topology, plan }: { readonly topology: TopologyDocument; readonly plan: Plan },
  scenario: FailureScenario,
  paths: Readonly<Record<string, readonly string[] | undefined>>,
): ScenarioSplit {
  const built = buildTopology(topology);
  assert(built.ok, "the topology is valid");
  const lostBps = { interactive: 0, elastic: 0, bulk: 0 };
  const groups: TunnelGroup[] = [];
  for (const group of plan.groups) {
    const pair = `${group.src}>${group.dst}`;
    if (!(pair in paths)) continue;
    const path = paths[pair];
    if (path === undefined) lostBps[group.trafficClass] += group.admittedBps;
    else {
      const { id } = tunnelOf(built.value, path.map(link));
      groups.push({ ...group, members: [{ tunnelId: id, allottedBps: group.admittedBps, weight: 1 }] });
    }
  }
  return { scenario, groups, lostBps, utilizationMax: 0 };
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
  readonly protects: Extract<ControllerEffect, { kind: "protect" }>[] = [];
  readonly protectsCancelled: number[] = [];
  readonly closed: { readonly streamId: number; readonly code: string }[] = [];
  readonly sent: { readonly streamId: number; readonly message: ControllerMessage }[] = [];
  readonly writes: PersistWrite[] = [];
  /** Writes that wait for `persisted`, when the store is slow. */
  readonly heldWrites: Persist[] = [];
  slowStore = false;
  steppedDown = false;
  #bootLast = 0;
  /** When the controller wants a tick besides the regular ones. */
  #wakeMs = Infinity;
  readonly #versions = { topology: 0, demands: 0, settings: 0, operation: 0 };
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

  /** Time passes in steps of 50 ms for everyone, and in smaller ones for a controller that asks for them. */
  wait(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.nowMs < untilMs) {
      const nextMs = Math.min(untilMs, this.nowMs + 50);
      // A wake that is due at once comes with the next millisecond: the loop may have other things to do.
      for (let steps = 0; this.#wakeMs < nextMs && steps < 50; steps += 1) {
        this.nowMs = Math.max(this.nowMs + 1, this.#wakeMs);
        this.#wakeMs = Infinity;
        this.event({ kind: "tick" });
      }
      this.nowMs = nextMs;
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

  startAgent(
    id: string,
    more: {
      readonly rules?: NodeRules;
      readonly termSeen?: number;
      readonly epochSeen?: number;
      readonly ruleCountMax?: number;
      readonly linksDown?: readonly LinkId[];
    } = {},
  ): void {
    const nodeId = node(id);
    const rules = more.rules ?? new Map();
    const links = (this.view.topology?.links ?? [])
      .filter(({ from }) => from === nodeId)
      .map(({ id: linkId }) => ({ linkId, up: more.linksDown?.includes(linkId) !== true }));
    const state = createAgent(
      { nodeId, bootId: `${id}-${this.nowMs}`, ruleCountMax: more.ruleCountMax ?? 1_000 },
      { termSeen: more.termSeen ?? 0, epochSeen: more.epochSeen ?? 0, links, rules },
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
  answer(paths: PathsByPair, protecting?: Protecting): void {
    const solve = this.solves.at(-1);
    assert(solve !== undefined, "a solve was asked for");
    const plan = planOn(solve.snapshot, paths, protecting);
    this.event({ kind: "solved", solveId: solve.solveId, result: ok({ plan, timings: { solve: 0.1 } }) });
  }

  /** Answers the newest `protect`: what becomes of the groups of these pairs in these scenarios. */
  answerProtect(byScenario: Readonly<Record<string, Readonly<Record<string, readonly string[] | undefined>>>>): void {
    const asked = this.protects.at(-1);
    assert(asked !== undefined, "splits were asked for");
    const { plan, snapshot, scenarios } = asked;
    const splits = Object.entries(byScenario).map(([id, paths]) => {
      const scenario = scenarios.find((one) => one.id === id);
      assert(scenario !== undefined, `${id} was asked about`);
      return splitOn({ topology: snapshot.topology, plan }, scenario, paths);
    });
    this.event({ kind: "protected", protectId: asked.protectId, result: ok({ splits }) });
  }

  failSolve(): void {
    const solve = this.solves.at(-1);
    assert(solve !== undefined, "a solve was asked for");
    this.event({ kind: "solved", solveId: solve.solveId, result: refuse(fault("solver-failed", "The test's solver failed.")) });
  }

  /** Lets the slow store answer its oldest write. */
  persisted(result?: Result<Persisted>): PersistWrite["kind"] | undefined {
    const held = this.heldWrites.shift();
    if (held === undefined) return undefined;
    this.#answerWrite(held, result);
    return held.write.kind;
  }

  /** What a successor finds in the store. */
  inventory(): StartInventory {
    const items = this.writes.flatMap(itemsOf);
    const last = <K extends Item["kind"]>(kind: K) => items.findLast((item): item is Extract<Item, { kind: K }> => item.kind === kind);
    const topology = last("topology");
    const demands = last("demands");
    const settings = last("settings");
    const operation = last("operation");
    const plan = this.plans().at(-1);
    const previous = this.plans().find(({ record }) => record.epoch === operation?.document.confirmation?.previousEpoch);
    return {
      epoch: plan?.record.epoch ?? 0,
      ...(topology === undefined ? {} : { topology: { version: this.#versions.topology, document: topology.document } }),
      ...(demands === undefined ? {} : { demands: { version: this.#versions.demands, matrix: demands.matrix } }),
      ...(settings === undefined ? {} : { settings: { version: this.#versions.settings, settings: settings.settings } }),
      ...(operation === undefined ? {} : { operation: { version: this.#versions.operation, document: operation.document } }),
      ...(plan === undefined ? {} : { assignments: plan.assignmentsAfter, lastPlan: { record: plan.record, input: plan.input } }),
      ...(previous === undefined ? {} : { previousPlan: { record: previous.record, input: previous.input } }),
    };
  }

  /** All plans that the store has, oldest first. */
  plans(): readonly Extract<PersistWrite, { kind: "plan" }>[] {
    return this.writes.flatMap((write) => (write.kind === "plan" ? [write] : []));
  }

  #carryOut(effect: ControllerEffect): void {
    switch (effect.kind) {
      case "solve":
        this.solves.push(effect);
        return;
      case "cancel-solve":
        this.cancelled.push(effect.solveId);
        return;
      case "protect":
        this.protects.push(effect);
        return;
      case "cancel-protect":
        this.protectsCancelled.push(effect.protectId);
        return;
      case "wake":
        this.#wakeMs = Math.min(this.#wakeMs, effect.atMs);
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

  #answerWrite({ persistId, write }: Persist, given?: Result<Persisted>): void {
    let result: Result<Persisted> = given ?? ok({});
    if (result.ok) {
      this.writes.push(write);
      result = ok(this.#versionsOf(write));
    }
    this.event({ kind: "persisted", persistId, result });
  }

  #versionsOf(write: PersistWrite): Persisted {
    const items = itemsOf(write);
    for (const { kind } of items) this.#versions[kind] += 1;
    if (write.kind === "plan" || write.kind === "inventory") {
      return { versions: Object.fromEntries(items.map(({ kind }) => [kind, this.#versions[kind]])) };
    }
    return items.length === 0 || write.kind === "events" ? {} : { version: this.#versions[write.kind] };
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
