/**
 * A whole network in one process under virtual time: the real machines, the real engine, seeded faults. `runWorld` plays one
 * seed from an empty network through faults to rest; everything that happens follows from the seed.
 */
import { controllerView, type ControllerEffect, type ControllerView } from "@sluice/control";
import { optimize, splitScenarios, type OptimizeOptions } from "@sluice/engine";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import {
  cablesOf,
  fault,
  refuse,
  topologyDocument,
  type AgentMessage,
  type ControllerMessage,
  type DemandMatrix,
  type LinkId,
  type NodeId,
  type Plan,
  type Result,
  type ScenarioSplit,
  type Snapshot,
} from "@sluice/model";
import { AgentHost } from "./agent-host.js";
import { agentFingerprint, Checks, controllerFingerprint, InvariantViolated, type Packet } from "./checks.js";
import { VirtualClock } from "./clock.js";
import { ControllerHost } from "./controller-host.js";
import { DataPlane } from "./data-plane.js";
import { Contest } from "./contest.js";
import { calmFaults, stormFaults, type Faults } from "./faults.js";
import { damagedPlan, damagedSplits } from "./garbage.js";
import type { Mutation } from "./mutation.js";
import { SimulatedStream } from "./network.js";
import { Operators } from "./operators.js";
import { seededRandom, type Random } from "./random.js";
import { demandsOf, scenarioOf, type Scenario } from "./scenario.js";
import { SimulatedStore } from "./store.js";
import { hopOf, leave, type Hop } from "./packet.js";

/** Some day; the machines see only differences. */
export const startMs = Date.UTC(2026, 0, 1);
/** I10 gives the network this long to come to rest, ms. */
export const healMs = 30_000;
/** Lines of history that a failure prints. */
const historyMax = 60;

export interface Outcome {
  readonly seed: number;
  readonly events: number;
  readonly plans: number;
  readonly terms: number;
  /** From the end of the faults to rest, ms. */
  readonly healedAfterMs: number;
  /** What the checks looked at. */
  readonly counts: Readonly<Record<string, number>>;
  /** What the controllers published, by kind. */
  readonly published: Readonly<Record<string, number>>;
  /** Hash of the history: equal for equal seeds. */
  readonly digest: string;
}

/** Loaded once for all seeds. */
let loaded: Promise<OptimizeOptions["lp"]> | undefined;

function backends(): Promise<OptimizeOptions["lp"]> {
  loaded ??= highsBackend().then((highs) => ({ highs, javascriptLpSolver: javascriptLpSolverBackend() }));
  return loaded;
}

type ProtectEffect = Extract<ControllerEffect, { kind: "protect" }>;
type Protected = Result<{ splits: readonly ScenarioSplit[] }>;
type Solved = Result<{ plan: Plan; timings: Readonly<Record<string, number>> }>;

export class World {
  readonly scenario: Scenario;
  readonly mutation: Mutation;
  /** What the controller is told to keep; deliberate bugs change what it keeps. */
  readonly limits: Scenario["controllerConfig"];
  readonly random: Random;
  readonly clock = new VirtualClock(startMs);
  readonly store = new SimulatedStore();
  readonly plane: DataPlane;
  readonly checks: Checks;
  readonly agents: ReadonlyMap<NodeId, AgentHost>;
  readonly operators: Operators | undefined;
  /** Where several processes may lead. */
  readonly contest: Contest | undefined;
  readonly history: string[] = [];
  readonly published: Record<string, number> = {};
  faults: Faults;
  /** Faults still come by themselves. */
  storming = true;
  /** What the storm has done so far, by kind and count; a script leaves some of it out. */
  readonly happened: string[] = [];
  /** Newest last. More than one while a deposed one has not noticed. */
  controllers: ControllerHost[] = [];
  events = 0;
  readonly #cableOf: ReadonlyMap<LinkId, readonly LinkId[]>;
  #historyHash = 0;
  #streamLast = 0;
  #requestLast = 0;
  /** Solves that were asked for in this event; they are computed before the next one. */
  readonly #solves: { readonly host: ControllerHost; readonly solveId: number; readonly snapshot: Snapshot }[] = [];
  readonly #protects: { readonly host: ControllerHost; readonly effect: ProtectEffect }[] = [];

  constructor(intended: Scenario, mutation: Mutation) {
    const scenario = mutation.scenario?.(intended) ?? intended;
    this.limits = intended.controllerConfig;
    this.scenario = scenario;
    this.mutation = mutation;
    this.random = seededRandom(scenario.seed ^ 0x5eed);
    this.faults = stormFaults(scenario.intensity, scenario.without);
    this.#cableOf = new Map(cablesOf(scenario.universe).flatMap(({ linkIds }) => linkIds.map((id) => [id, linkIds])));
    this.plane = new DataPlane(scenario.universe);
    this.checks = new Checks(this);
    this.operators = scenario.operators ? new Operators(this) : undefined;
    this.store.isFenced = mutation.storeUnfenced !== true;
    this.contest = scenario.contest ? new Contest(this) : undefined;
    this.agents = new Map(scenario.universe.nodes.map(({ id }) => [id, new AgentHost(this, id)]));
  }

  /** Whether the storm does this. */
  happens(what: string): boolean {
    if (this.scenario.without.has(what)) return false;
    this.happened.push(what);
    return true;
  }

  record(line: string): void {
    const text = `${((this.clock.nowMs - startMs) / 1000).toFixed(3)}s ${line}`;
    for (let i = 0; i < text.length; i += 1) this.#historyHash = (Math.imul(this.#historyHash, 31) + text.charCodeAt(i)) | 0;
    this.history.push(text);
    if (this.history.length > historyMax) this.history.shift();
  }

  get historyDigest(): string {
    return (this.#historyHash >>> 0).toString(16);
  }

  get leader(): ControllerHost | undefined {
    return this.controllers.findLast(({ alive }) => alive);
  }

  leaderView(): ControllerView | undefined {
    const { leader } = this;
    return leader === undefined ? undefined : controllerView(leader.state);
  }

  startController(): void {
    if (this.contest !== undefined) return;
    this.controllers = this.controllers.filter(({ alive }) => alive);
    const host = new ControllerHost(this);
    this.controllers.push(host);
    this.record(`controller of term ${host.term} starts`);
  }

  /** An agent reaches any controller that answers; a deposed one answers too. */
  connect(agent: AgentHost, streamId: number): void {
    const alive = this.controllers.filter((host) => host.alive);
    const reached = this.contest?.hostFor(agent);
    const host =
      reached === undefined ? (alive.length === 0 ? undefined : this.random.pick(alive)) : "host" in reached ? reached.host : undefined;
    if (host === undefined) {
      const afterMs = reached !== undefined && "closedAfterMs" in reached ? reached.closedAfterMs : this.random.between(1, 20);
      this.clock.after(afterMs, () => agent.event({ kind: "closed", streamId }));
      return;
    }
    agent.stream?.wire.leave("agent");
    this.#streamLast += 1;
    const hostStreamId = this.#streamLast;
    const wire = new SimulatedStream(
      { clock: this.clock, random: this.random, faults: this.faults.network },
      {
        agent: {
          deliver: (message, isDuplicate) => this.#deliverToAgent(agent, streamId, message, isDuplicate),
          closed: () => {
            if (agent.stream?.id === streamId) agent.stream = undefined;
            agent.event({ kind: "closed", streamId });
          },
        },
        controller: {
          deliver: (message) => this.#deliverToController(host, hostStreamId, message),
          closed: () => {
            host.streams.delete(hostStreamId);
            host.event({ kind: "agent-closed", streamId: hostStreamId });
          },
        },
      },
    );
    agent.stream = { id: streamId, wire };
    host.streams.set(hostStreamId, wire);
    host.event({ kind: "agent-opened", streamId: hostStreamId });
    agent.event({ kind: "opened", streamId });
  }

  #deliverToAgent(agent: AgentHost, streamId: number, message: ControllerMessage, isDuplicate: boolean): void {
    const before = isDuplicate && message.kind !== "ping" && agent.state?.busy === undefined ? agentFingerprint(agent) : undefined;
    agent.received(streamId, message);
    if (before !== undefined && agent.stream?.id === streamId) {
      this.checks.sameAfterReplay(before, agentFingerprint(agent), `${message.kind} to ${agent.nodeId}`);
    }
  }

  /** I9 at once: now and then the same message is heard twice in a row. */
  #deliverToController(host: ControllerHost, streamId: number, message: AgentMessage): void {
    host.event({ kind: "agent-message", streamId, message });
    if (!host.alive || !this.random.chance(0.05)) return;
    const before = controllerFingerprint(host);
    host.event({ kind: "agent-message", streamId, message });
    if (host.alive) this.checks.sameAfterReplay(before, controllerFingerprint(host), `${message.kind} to term ${host.term}`);
  }

  solve(host: ControllerHost, solveId: number, snapshot: Snapshot): void {
    this.#solves.push({ host, solveId, snapshot });
  }

  /** The engine is asked between two events of the world, so that its promise does not reach into virtual time. */
  async answerSolves(): Promise<void> {
    for (let asked = this.#solves.shift(); asked !== undefined; asked = this.#solves.shift()) {
      const { host, solveId, snapshot } = asked;
      const result = await this.#solved(snapshot);
      const { random, faults } = this;
      if (random.chance(faults.solverSilenceChance)) continue;
      const delayMs = random.chance(0.1) ? random.between(200, 2_000) : random.between(5, 200);
      this.clock.after(delayMs, () => {
        // A worker may answer although it was told to stop: half of them do.
        if (host.cancelled.has(solveId) && random.chance(0.5)) return;
        host.event({ kind: "solved", solveId, result });
      });
    }
  }

  protect(host: ControllerHost, effect: ProtectEffect): void {
    this.#protects.push({ host, effect });
  }

  /** As solves are answered: late, never, not at all, or with nonsense. */
  async answerProtects(): Promise<void> {
    for (let asked = this.#protects.shift(); asked !== undefined; asked = this.#protects.shift()) {
      const { host, effect } = asked;
      const { random, faults } = this;
      const result = await this.#protected(effect);
      if (random.chance(faults.solverSilenceChance)) continue;
      this.clock.after(random.between(5, 1_000), () => {
        if (host.protectsCancelled.has(effect.protectId) && random.chance(0.5)) return;
        host.event({ kind: "protected", protectId: effect.protectId, result });
      });
    }
  }

  async #protected({ snapshot, plan, scenarios }: ProtectEffect): Promise<Protected> {
    const { random, faults } = this;
    if (random.chance(faults.solverFailureChance)) return refuse(fault("solver-failed", "The splitter crashed."));
    const made = await splitScenarios(snapshot, plan, scenarios, { lp: await backends(), nowMs: () => 0 });
    if (!made.ok || !random.chance(faults.solverGarbageChance)) return made;
    return { ok: true, value: { splits: damagedSplits(made.value.splits, random) } };
  }

  async #solved(snapshot: Snapshot): Promise<Solved> {
    const { random, faults } = this;
    if (random.chance(faults.solverFailureChance)) return refuse(fault("solver-failed", "The solver crashed."));
    const result = await optimize(snapshot, {
      lp: await backends(),
      // The engine's own clock stands still: deadlines are the driver's affair here.
      nowMs: () => 0,
      greedyOnly: this.scenario.solver === "greedy",
    });
    if (!result.ok || !random.chance(faults.solverGarbageChance)) return result;
    return { ok: true, value: { ...result.value, plan: damagedPlan(result.value.plan, random) } };
  }

  /** A client's request to whoever leads; nobody repeats it if it is lost. */
  request(kind: "topology" | "changes" | "demands" | "settings", value: unknown): void {
    const { leader } = this;
    if (leader === undefined) return;
    this.#requestLast += 1;
    const requestId = `${kind}-${this.#requestLast}`;
    switch (kind) {
      case "topology":
        return leader.event({ kind: "replace-topology", requestId, topology: value });
      case "changes":
        return leader.event({ kind: "change-topology", requestId, changes: value });
      case "settings":
        return leader.event({ kind: "change-settings", requestId, settings: value });
      case "demands":
        return leader.event({ kind: "measure-demands", requestId, matrix: this.#measured(requestId) });
    }
  }

  /** While faults go on clients may measure what an operator has taken out; then the matrix is refused. */
  #measured(name: string): DemandMatrix {
    const stored = this.storming ? undefined : this.store.topologies.at(-1);
    return demandsOf(this.random, stored ?? this.scenario.universe, name);
  }

  /** A cable is cut or mended: both its links, and each end's agent sees its own port. */
  setCable(linkId: LinkId, up: boolean): void {
    this.setLinks(this.#cableOf.get(linkId) ?? [], up);
  }

  setLinks(linkIds: readonly LinkId[], up: boolean): void {
    for (const id of linkIds) {
      const one = this.scenario.universe.linkById.get(id);
      if (one === undefined || this.plane.linksDown.has(one.id) === !up) continue;
      this.plane.setLink(one.id, up);
      this.record(`link ${one.id} is ${up ? "mended" : "cut"}`);
      const agent = this.agents.get(one.from);
      this.clock.after(this.random.between(0, 30), () =>
        agent?.event({ kind: "link-changed", linkId: one.id, up: !this.plane.linksDown.has(one.id) }),
      );
    }
  }

  /** Lets a packet of every flow group into the network at this switch. */
  probe(nodeId: NodeId): void {
    for (const one of this.plane.offered()) {
      if (one.nodeId !== nodeId) continue;
      const { label } = one;
      this.#follow({ from: nodeId, label, links: [], nodes: [nodeId], repaired: false }, nodeId, leave(this.plane, nodeId, one, [label]));
    }
  }

  /** One hop takes the link's latency; what the packet meets there is what the table holds then. */
  #follow(packet: Packet, at: NodeId, hop: Hop): void {
    if (hop.kind === "link-down") return;
    if (hop.kind === "delivered") return this.checks.onDelivered(packet);
    if (hop.kind === "no-rule") return this.checks.onUndeliverable(at, packet, hop.key);
    const link = this.scenario.universe.linkById.get(hop.linkId);
    if (link === undefined || this.plane.linksDown.has(hop.linkId)) return;
    const { labels, repaired } = hop;
    const links = [...packet.links, hop.linkId];
    const nodes = labels.length === 1 ? [...packet.nodes, link.to] : packet.nodes;
    const hopsMax = this.scenario.universe.nodes.length ** 2;
    if (links.length > hopsMax) this.checks.fail("I1", `a packet under label ${packet.label} goes round`);
    this.clock.after(link.latencyMs, () =>
      this.#follow({ ...packet, links, nodes, repaired: packet.repaired || repaired }, link.to, hopOf(this.plane, link.to, labels)),
    );
  }

  /** Plays until the time, or until `done` says so. Tables and cables are judged after every event, or so often. */
  async play(untilMs: number, done: () => boolean = () => false, lookEveryMs = 0): Promise<void> {
    let lookedAtMs = -Infinity;
    while (this.clock.nowMs < untilMs) {
      const run = this.clock.next();
      if (run === undefined) return;
      run();
      this.events += 1;
      this.checks.follow();
      this.contest?.check();
      if (this.clock.nowMs - lookedAtMs >= lookEveryMs) {
        lookedAtMs = this.clock.nowMs;
        this.checks.judge();
      }
      if (this.#solves.length > 0) await this.answerSolves();
      if (this.#protects.length > 0) await this.answerProtects();
      if (this.operators?.asksForPlans === true) await this.operators.answer(await backends());
      if (done()) return;
    }
  }
}

/** `ruleCountMax`: of every switch's table, instead of the seed's own. */
export interface WorldOptions {
  readonly operators?: boolean;
  /** Several processes may lead. */
  readonly contest?: boolean;
  readonly ruleCountMax?: number;
  /** What the storm leaves out (`World.happened`, `chanceFaults`). */
  readonly without?: ReadonlySet<string>;
}

export async function runWorld(
  seed: number,
  mutation: Mutation = {},
  { operators, contest = false, ruleCountMax, without = new Set() }: WorldOptions = {},
): Promise<Outcome> {
  const scenario = { ...scenarioOf(seed, operators), contest, without };
  const world = new World(ruleCountMax === undefined ? scenario : { ...scenario, ruleCountMax }, mutation);
  try {
    return await playSeed(world);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    const invariant = cause instanceof InvariantViolated ? cause.invariant : cause.name;
    throw new SeedFailed(world, invariant, cause);
  }
}

async function playSeed(world: World): Promise<Outcome> {
  const { scenario, clock, random } = world;
  world.startController();
  world.contest?.start();
  for (const agent of world.agents.values()) clock.after(random.between(0, 500), () => agent.start());
  clock.after(100, () => introduce(world));
  world.faults.schedule(world);
  await world.play(startMs + scenario.faultsMs);

  const quietMs = clock.nowMs;
  world.record("faults end");
  world.faults = calmFaults(world);
  await world.play(quietMs + healMs, restChecker(world, quietMs));
  const unrest = world.checks.unrest();
  if (unrest !== undefined) world.checks.fail("I10", `${healMs / 1000} s after the last fault ${unrest}`);
  world.checks.tryScenarios();
  world.operators?.checks.judgeAtRest();
  return {
    seed: scenario.seed,
    events: world.events,
    plans: world.store.plans.length,
    terms: world.store.term,
    healedAfterMs: clock.nowMs - quietMs,
    counts: world.checks.counts,
    published: world.published,
    digest: world.historyDigest,
  };
}

/** The operators' part: they repeat what was not acknowledged. */
export function introduce(world: World): void {
  const view = world.leaderView();
  if (view?.topology === undefined) world.request("topology", topologyDocument(world.scenario.universe));
  if (view?.settingsVersion === 0) world.request("settings", world.scenario.settings);
  if (view?.topology !== undefined && view.settingsVersion > 0) {
    world.request("demands", undefined);
    return;
  }
  world.clock.after(100, () => introduce(world));
}

/** At rest is what stays at rest for a while. */
export function restChecker(world: World, quietMs: number): () => boolean {
  const restMs = 2_500;
  let lookMs = quietMs;
  let restSinceMs: number | undefined;
  return () => {
    if (world.clock.nowMs < lookMs) return false;
    lookMs = world.clock.nowMs + 100;
    if (world.checks.unrest() !== undefined) restSinceMs = undefined;
    else restSinceMs ??= world.clock.nowMs;
    return restSinceMs !== undefined && world.clock.nowMs - restSinceMs >= restMs;
  };
}

/** A seed that broke an invariant, with the one command that plays it again. */
export class SeedFailed extends Error {
  override readonly name = "SeedFailed";
  readonly seed: number;
  readonly invariant: string;
  /** What the storm had done until then. */
  readonly happened: readonly string[];

  constructor({ scenario, history, happened }: World, invariant: string, cause: Error) {
    const { seed, operators, contest, without } = scenario;
    const left = [...without].map((what) => `'-${what}'`);
    const which = [seed, ...(operators ? ["operators"] : []), ...(contest ? ["contest"] : []), ...left].join(" ");
    super(
      `seed ${seed}: ${cause.message}\nreplay: npx tsx --conditions=@sluice/source packages/sim/src/replay.ts ${which}\n${history.join("\n")}`,
      { cause },
    );
    this.seed = seed;
    this.invariant = invariant;
    this.happened = happened;
  }
}
