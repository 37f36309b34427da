/**
 * The invariants of reliability (docs/architecture.md), judged on the real tables, the wire and the store, never on what a
 * machine says of itself. Written apart from what they check. Checks of tables run again only when a table or a cable changed:
 * the verdict on an unchanged network is unchanged.
 *
 * I1 no forwarding loop; I2 no blackhole of admitted traffic, but at a cable that is down and has no bypass, or for rules that a crash took, and
 * none under a cut that nobody knows of yet (failures.ts); I3 load (loads.ts); I4 term and epoch never fall at an agent, and no stage of a lower
 * term is obeyed; I7 an agent that has lost its controller leaves its table as it is; I8 a packet goes the way of one tunnel from end to end; I9 what
 * is delivered twice changes nothing; I10 after quiet, installed = intended, and agents keep what is ready for failures; I11 numbers are finite and
 * positive; I12 solves have their distance, links their hold-down, agents no more than they have room for. Beyond these: nothing is pushed or
 * prepared that was not persisted, what was acknowledged to a client is in the store, and guarantees hold in every scenario that agents keep.
 */
import { controllerView, type ControllerEffect } from "@sluice/control";
import { hasTableRooms, isProtecting, protectionOf, ruleKey } from "@sluice/model";
import type { AgentMessage, ControllerMessage, Epoch, LinkId, NodeId, RuleOperation, Rule, Snapshot, Term } from "@sluice/model";
import type { AgentHost } from "./agent-host.js";
import type { ControllerHost } from "./controller-host.js";
import { FailureChecks } from "./failures.js";
import { LoadChecks } from "./loads.js";
import { checkLabels, checkWays } from "./ways.js";
import type { World } from "./world.js";

export class InvariantViolated extends Error {
  override readonly name = "InvariantViolated";
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

/** A packet on its way, under the label of a tunnel. */
export interface Packet {
  readonly from: NodeId;
  readonly label: number;
  readonly links: readonly LinkId[];
  /** Where it carried that label alone, its start first. */
  readonly nodes: readonly NodeId[];
  /** It has left its tunnel by a failover group, or taken another cable. */
  readonly repaired: boolean;
}

/** What an agent has begun when its stream is lost takes so long at most, ms: to make a term durable, and to be applied. */
const begunMs = 15;

/** How often in a row a plan may be asked for within what tables have room for. */
const solvesWithinTablesMax = 4;

type Target = NonNullable<ControllerHost["state"]["push"]["target"]>;

export class Checks {
  readonly #world: World;
  readonly #loads: LoadChecks;
  readonly #failures: FailureChecks;
  #judgedVersion = -1;
  #judgedInForce: Target | undefined;
  #triedInForce: Target | undefined;
  #plansSeen = 0;
  #topologiesSeen = 0;
  /** By label: every way that a tunnel of that label ever had, by the plans in the store. */
  readonly #pathsByLabel = new Map<number, Set<string>>();
  /** How often each check found something to look at: a check that never does proves nothing. */
  readonly counts: Record<string, number> = {};

  constructor(world: World) {
    this.#world = world;
    this.#loads = new LoadChecks(world);
    this.#failures = new FailureChecks(world);
  }

  /** After every event. */
  follow(): void {
    this.#readPlans();
    this.#readTopologies();
    this.#loads.follow();
    this.#world.operators?.checks.follow();
  }

  /** What is installed, if anything of it changed. */
  judge(): void {
    const { plane, leader } = this.#world;
    const { inForce } = leader?.state.push ?? {};
    if (plane.version === this.#judgedVersion && inForce === this.#judgedInForce) return;
    const isTableNews = plane.version !== this.#judgedVersion;
    this.#judgedVersion = plane.version;
    this.#judgedInForce = inForce;
    if (isTableNews) {
      checkLabels(this.#world);
      checkWays(this.#world);
    }
    const isSteady = inForce !== undefined && this.#differsFrom(inForce.rules) === undefined;
    if (isSteady) this.#endExcuses(inForce);
    this.#loads.judge(inForce, isSteady);
    if (!isSteady || inForce === this.#triedInForce) return;
    this.#triedInForce = inForce;
    this.#world.operators?.checks.onSteady(inForce);
    // What an operator has taken out meanwhile may have lost its rules: nobody puts them back.
    if (inForce.topology.nodes.some(({ id }) => plane.strangersAtMs.has(id))) return;
    this.#failures.judge(inForce);
  }

  count(what: string, times = 1): void {
    if (times > 0) this.counts[what] = (this.counts[what] ?? 0) + times;
  }

  fail(invariant: string, message: string): never {
    throw new InvariantViolated(invariant, message);
  }

  /** A node that was taken out and is back: its own traffic counts again with the first plan that knows it and that all switches hold. */
  #endExcuses({ record, topology }: Target): void {
    const { plane } = this.#world;
    const createdAtMs = Date.parse(record.createdAt);
    for (const [nodeId, atMs] of plane.strangersAtMs)
      if (createdAtMs > atMs && topology.nodeById.has(nodeId)) plane.strangersAtMs.delete(nodeId);
  }

  #isInTopology(nodeId: NodeId): boolean {
    return this.#world.store.topologies.at(-1)?.nodes.some(({ id }) => id === nodeId) ?? true;
  }

  /** A node that is not in the stored topology is a stranger, and stays one until a plan knows it again. */
  #readTopologies(): void {
    const { plane, store, clock } = this.#world;
    if (store.topologies.length === this.#topologiesSeen) return;
    this.#topologiesSeen = store.topologies.length;
    for (const { id } of plane.universe.nodes) {
      if (!this.#isInTopology(id) || plane.strangersAtMs.has(id)) plane.strangersAtMs.set(id, clock.nowMs);
    }
  }

  #differsFrom(intended: ReadonlyMap<NodeId, ReadonlyMap<string, Rule>>): string | undefined {
    for (const [nodeId, { rules }] of this.#world.plane.tables) {
      if (!this.#isInTopology(nodeId)) continue;
      const wanted = intended.get(nodeId) ?? new Map<string, Rule>();
      if (rules.size !== wanted.size) return `${nodeId} holds ${rules.size} rules and should hold ${wanted.size}`;
      for (const [key, rule] of rules) {
        const other = wanted.get(key);
        if (other !== rule && JSON.stringify(rule) !== JSON.stringify(other)) return `${nodeId} holds another ${key}`;
      }
    }
    return undefined;
  }

  /** I10: why the network has not come to rest where it should; undefined when it has. */
  unrest(): string | undefined {
    const { store, plane } = this.#world;
    const view = this.#world.leaderView();
    const plan = view?.planInForce;
    if (view !== undefined && view.operation.mode !== "automatic") return `the cycle is in mode ${view.operation.mode}`;
    if (view?.confirmation !== undefined) return `plan ${view.confirmation.epoch} waits for its confirmation`;
    const isTableFull =
      view?.agents.some(({ failure }) => failure?.code === "table-full") === true || view?.cycle.lastFaults?.[0]?.code === "table-full";
    if (view !== undefined && plan === undefined && isTableFull) {
      // A controller that started on a plan that does not fit has none to go back to: switches stay as they are.
      this.count("I10 without a plan that fits");
      return undefined;
    }
    if (view === undefined || plan === undefined) return "no plan is in force";
    if (view.planPending !== undefined || view.push !== undefined) return "a plan is still being pushed";
    if (view.cycle.phase !== "idle") return "a plan is still being made";
    if (isTableFull) {
      // What is asked for does not fit the tables; until it does, the last plan that did is what is intended.
      this.count("I10 on the last plan that fits");
      return this.#differsFrom(plan.rules);
    }
    if (plan.input.demands.name !== store.demands.at(-1)?.name) return "the plan in force is not for the newest demands";
    if (JSON.stringify(plan.input.settings) !== JSON.stringify(view.settings)) return "the plan in force is not for the newest settings";
    if (plan.input.topology.links.length !== store.topologies.at(-1)?.links.length) return "the plan in force is for other links";
    for (const link of plan.input.topology.links) {
      const stored = store.topologies.at(-1)?.links.find(({ id }) => id === link.id);
      const up = !plane.linksDown.has(link.id) && stored?.operational === "up";
      if ((link.operational === "up") !== up || link.drain !== stored?.drain)
        return `the plan in force takes ${link.id} for ${link.operational} and ${link.drain}`;
    }
    this.count("I10");
    return this.#differsFrom(plan.rules) ?? this.#unready();
  }

  /** Why agents do not keep what is ready for failures: all of it, but for what they have no room for. */
  #unready(): string | undefined {
    const { leader, agents, scenario } = this.#world;
    if (leader === undefined) return "nobody leads";
    const { protection, switches } = leader.state;
    const { phase, plan } = protection;
    if (phase.kind !== "ready" && phase.kind !== "idle") return "nothing is ready for failures yet";
    if (phase.kind === "idle" && plan !== undefined && asksForSplits(plan)) return "nobody asks for splits";
    for (const [nodeId, ids] of protection.byNode) {
      const kept = agents.get(nodeId)?.state?.prepared;
      if (kept === undefined) return `agent ${nodeId} is down`;
      for (const id of ids) {
        const wanted = protection.scenarios.get(id)?.operations.get(nodeId) ?? [];
        if (switches.get(nodeId)?.prepared.refused.has(id) === true) {
          if (kept.size + Math.max(1, wanted.length) <= scenario.preparedOperationsMax) return `agent ${nodeId} has room for ${id}`;
          this.count("I10 without room for a scenario");
          continue;
        }
        const held = kept.epoch === protection.epoch ? kept.byScenario.get(id) : undefined;
        if (held !== wanted && JSON.stringify(held) !== JSON.stringify(wanted)) return `agent ${nodeId} does not keep ${id}`;
      }
    }
    return undefined;
  }

  /** At rest: what agents keep is tried. */
  tryScenarios(): void {
    const { leader, agents } = this.#world;
    const { inForce } = leader?.state.push ?? {};
    if (inForce === undefined || inForce.active !== undefined || this.#differsFrom(inForce.rules) !== undefined) return;
    this.count("scenario refused at rest", leader?.state.protection.refused.size ?? 0);
    const kept = [...agents].flatMap(([nodeId, { state }]) => (state === undefined ? [] : [[nodeId, state.prepared.byScenario] as const]));
    this.#failures.tryScenarios(inForce, new Map(kept));
  }

  /** What an agent keeps for failures is of a plan that the store has, and no more than it has room for. */
  onKept({ nodeId, state }: AgentHost): void {
    if (state === undefined) return;
    const { epoch, size, byScenario } = state.prepared;
    this.count("I12 kept");
    if (epoch > this.#world.store.plans.length)
      this.fail("persisted-first", `${nodeId} keeps scenarios of plan ${epoch}, which is not stored`);
    let sum = 0;
    for (const operations of byScenario.values()) sum += Math.max(1, operations.length);
    if (sum !== size || sum > this.#world.scenario.preparedOperationsMax)
      this.fail(
        "I12",
        `${nodeId} keeps ${sum} operations, reckons with ${size} and has room for ${this.#world.scenario.preparedOperationsMax}`,
      );
  }

  /** I12: solves have their distance, however the network behaves; but for the few that ask again because tables were too small for an answer. */
  onSolve(host: ControllerHost, { topology }: Pick<Snapshot, "topology">): void {
    const { nowMs } = this.#world.clock;
    host.solvesWithinTables = hasTableRooms(topology) ? host.solvesWithinTables + 1 : 0;
    if (host.solvesWithinTables > solvesWithinTablesMax) this.fail("I12", `term ${host.term} goes on asking for plans that fit the tables`);
    if (host.solvesWithinTables > 0) return this.count("I12 solve within tables");
    const sinceMs = nowMs - (host.solvedAtMs ?? -Infinity);
    host.solvedAtMs = nowMs;
    this.count("I12 solve");
    if (sinceMs < this.#world.limits.topologySolveIntervalMinMs)
      this.fail("I12", `term ${host.term} solves ${sinceMs} ms after the last time`);
  }

  /** I12: a link is used again when it has been up for the hold-down; flapping costs no more. */
  onLinkUp(host: ControllerHost, linkId: LinkId): void {
    const sinceMs = this.#world.clock.nowMs - (host.downHeardAtMs.get(linkId) ?? -Infinity);
    this.count("I12 hold-down");
    if (sinceMs < this.#world.limits.linkUpHoldMs)
      this.fail("I12", `term ${host.term} uses link ${linkId} again ${sinceMs} ms after it was told that it is down`);
  }

  /** I4: what is made durable never falls. */
  onPersistTerm(host: AgentHost, { term, epoch }: { term: Term; epoch: Epoch }): void {
    this.count("I4 durable");
    const { durable } = host;
    if (term < durable.term || epoch < durable.epoch) {
      this.fail("I4", `${host.nodeId} makes (${term}, ${epoch}) durable after (${durable.term}, ${durable.epoch})`);
    }
  }

  /** I4: what is obeyed was ordered under the highest term and epoch that this agent ever made durable. */
  onApply(
    host: AgentHost,
    { operations, order }: { operations: readonly RuleOperation[]; order: Extract<ControllerMessage, { kind: "stage" }> | undefined },
  ): void {
    this.count("I4 obeyed");
    const aloneMs = this.#world.clock.nowMs - (host.aloneSinceMs ?? Infinity);
    if (aloneMs > begunMs) this.fail("I7", `${host.nodeId} changes its table ${aloneMs} ms after it lost its controller`);
    if (order === undefined) this.fail("I4", `${host.nodeId} applies ${operations.length} operations that nobody ordered`);
    const { durable } = host;
    if (order.term !== durable.term || order.epoch !== durable.epoch) {
      this.fail("I4", `${host.nodeId} obeys (${order.term}, ${order.epoch}) with (${durable.term}, ${durable.epoch}) durable`);
    }
  }

  /** I4: an agent says what it knows to be durable, no more and no less. */
  onAgentSends(host: AgentHost, message: AgentMessage): void {
    if (message.kind !== "hello") return;
    if (message.termSeen !== host.confirmed.term || message.epochSeen !== host.confirmed.epoch) {
      this.fail("I4", `${host.nodeId} says it has seen (${message.termSeen}, ${message.epochSeen}), and remembers otherwise`);
    }
  }

  /** I11 and "persisted first": what leaves a controller. */
  onControllerSends(host: ControllerHost, message: ControllerMessage): void {
    if (message.kind !== "stage" && message.kind !== "prepare") return;
    this.#readPlans();
    this.count(message.kind === "stage" ? "I11" : "I11 prepared");
    if (message.term !== host.term) this.fail("I4", `the controller of term ${host.term} sends term ${message.term}`);
    const operations = message.kind === "stage" ? message.operations : message.scenarios.flatMap((scenario) => scenario.operations);
    for (const operation of operations) {
      if (operation.op === "delete") continue;
      const { rule } = operation;
      if (rule.kind === "meter" && !(Number.isFinite(rule.rateBps) && rule.rateBps > 0)) this.fail("I11", `a meter of ${rule.rateBps} bps`);
      if (rule.kind === "group") {
        const weights = rule.buckets.map(({ weight }) => weight);
        if (weights.length === 0 || !weights.every((weight) => Number.isInteger(weight) && weight > 0))
          this.fail("I11", `weights ${weights.join(", ")}`);
        for (const { pushLabel } of rule.buckets) this.#persistedFirst(host, pushLabel);
      }
      if (rule.kind === "label") this.#persistedFirst(host, rule.match.label);
      if (message.kind === "prepare" && rule.kind !== "meter" && rule.kind !== "group")
        this.fail("I11", `a scenario changes ${ruleKey(rule)}`);
    }
  }

  /** A leader that was deposed may know less than the store: only labels that no plan ever had are out of thin air. */
  #persistedFirst(host: ControllerHost, label: number): void {
    this.count("persisted first");
    if (!this.#pathsByLabel.has(label)) this.fail("persisted-first", `term ${host.term} pushes label ${label}, which no stored plan has`);
  }

  /** Plans as they enter the store. */
  #readPlans(): void {
    const { plans } = this.#world.store;
    for (; this.#plansSeen < plans.length; this.#plansSeen += 1) {
      const stored = plans[this.#plansSeen];
      if (stored === undefined) return;
      const assigned = (stored.assignmentsAfter as { tunnels: readonly { tunnelId: string; label: number }[] }).tunnels;
      const labelOf = new Map(assigned.map(({ tunnelId, label }) => [tunnelId, label]));
      const { tunnels, protection } = stored.record.plan;
      for (const { id, path } of [...tunnels, ...(protection?.backupTunnels ?? []), ...(protection?.bypasses ?? [])]) {
        const label = labelOf.get(id);
        if (label === undefined) continue;
        const paths = this.#pathsByLabel.get(label) ?? new Set();
        paths.add(path.join(" "));
        this.#pathsByLabel.set(label, paths);
      }
      for (const group of stored.record.plan.groups) {
        const numbers = [group.demandBps, group.admittedBps, ...group.members.flatMap(({ allottedBps, weight }) => [allottedBps, weight])];
        if (!numbers.every((number) => Number.isFinite(number) && number >= 0))
          this.fail("I11", `plan ${stored.record.epoch} has ${numbers.join(", ")}`);
      }
    }
  }

  /**
   * I8: the whole way of a packet that arrived is the way of one tunnel of its label. One that was repaired has left it, and come back
   * further on: where it carried no other label it was on the tunnel, in the tunnel's order, from end to end.
   */
  onDelivered({ label, links, nodes, repaired }: Packet): void {
    this.count(repaired ? "I8 repaired" : "I8");
    const paths = this.#pathsByLabel.get(label);
    const isWay = repaired
      ? [...(paths ?? [])].some((path) => this.#isAlong(nodes, path.split(" ") as LinkId[]))
      : paths?.has(links.join(" "));
    if (isWay !== true) this.fail("I8", `a packet under label ${label} went ${links.join(", ")}, which is the way of no tunnel`);
  }

  #isAlong(nodes: readonly NodeId[], path: readonly LinkId[]): boolean {
    const { linkById } = this.#world.plane.universe;
    const ofPath = [linkById.get(path[0] ?? ("" as LinkId))?.from, ...path.map((id) => linkById.get(id)?.to)];
    let next = 0;
    for (const node of ofPath) if (node === nodes[next]) next += 1;
    return next === nodes.length && nodes[0] === ofPath[0] && nodes.at(-1) === ofPath.at(-1);
  }

  /** I8: a packet that was let in is not dropped on its way for want of a rule. */
  onUndeliverable(nodeId: NodeId, { from, label }: Packet, key: string): void {
    if (this.#world.plane.strangersAtMs.has(from)) return;
    if (!this.#world.plane.tablesOf(nodeId).lost.has(key)) this.fail("I8", `a packet under label ${label} finds no ${key} at ${nodeId}`);
  }

  /** I5: an acknowledged write is in the store. */
  onReply(host: ControllerHost, { requestId, result }: Extract<ControllerEffect, { kind: "reply" }>): void {
    if (!result.ok || requestId.startsWith("operator-")) return;
    this.count("I5");
    const { version } = result.value as { version: number };
    const { store } = this.#world;
    const written = requestId.startsWith("demands") ? store.demands : requestId.startsWith("settings") ? store.settings : store.topologies;
    if (version < 1 || version > written.length)
      this.fail("I5", `${requestId} was acknowledged by term ${host.term} as version ${version}, which is not in the store`);
  }

  /** I9: what a machine is after hearing something again is what it was. */
  sameAfterReplay(before: string, after: string, what: string): void {
    this.count("I9");
    if (before !== after) this.fail("I9", `${what}, delivered again, changed\n${before}\nto\n${after}`);
  }
}

function asksForSplits({ input }: Target): boolean {
  const protection = protectionOf(input.settings);
  return isProtecting(protection) && protection.scenarios.length > 0;
}

export function agentFingerprint(host: AgentHost): string {
  const { state } = host;
  if (state === undefined) return "down";
  const links = [...state.links].map(([id, up]) => `${id}=${up}`).join(" ");
  return `${state.table.digest} ${state.prepared.epoch} ${state.prepared.size} ${state.termSeen} ${state.epochSeen} ${state.busy?.kind ?? "idle"} ${state.sequenceSeen.sequence} ${links}`;
}

export function controllerFingerprint(host: ControllerHost): string {
  const view = controllerView(host.state);
  const agents = view.agents.map(({ nodeId, state, onTarget, digest, bootId }) => [nodeId, state, onTarget, digest, bootId]);
  return JSON.stringify([
    view.epoch,
    view.topologyVersion,
    view.demandsVersion,
    view.settingsVersion,
    view.operationVersion,
    view.linksReportedDown,
    view.planInForce?.record.epoch,
    view.planPending?.record.epoch,
    view.cycle.phase,
    view.push?.programmed,
    view.push?.sent,
    agents,
  ]);
}
