/**
 * The invariants of reliability (docs/architecture.md), judged on the real tables, the wire and the store, never on what a
 * machine says of itself. Written apart from what they check. Checks of tables run again only when a table or a cable changed:
 * the verdict on an unchanged network is unchanged.
 *
 * I1 no forwarding loop; I2 no blackhole of admitted traffic, but at a cable that is down or for rules that a crash took;
 * I3 load within (1 + slack) x capacity always, within capacity while all switches hold one plan; I4 term and epoch never fall at an
 * agent, and no stage of a lower term is obeyed; I8 a packet goes the way of one tunnel from end to end; I9 what is delivered
 * twice changes nothing; I10 after quiet, installed = intended; I11 numbers are finite and positive. Beyond these: nothing is
 * pushed that was not persisted, and what was acknowledged to a client is in the store.
 */
import { controllerView, type ControllerEffect } from "@sluice/control";
import type { AgentMessage, ControllerMessage, Epoch, LinkId, NodeId, RuleOperation, Rule, Term } from "@sluice/model";
import type { AgentHost } from "./agent-host.js";
import type { ControllerHost } from "./controller-host.js";
import { offeredTraffic, walkTunnel } from "./walker.js";
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

/** What meters count in: a sum of rounded rates may be off by this much per flow, relative. */
const loadTolerance = 1e-6;

export class Checks {
  readonly #world: World;
  #judged = "";
  #plansSeen = 0;
  #topologiesSeen = 0;
  #slackMax = 0;
  /** Since a scenario was activated, not all switches have held one set of rules. */
  #isActivating = false;
  /** By label: every way that a tunnel of that label ever had, by the plans in the store. */
  readonly #pathsByLabel = new Map<number, Set<string>>();
  /** How often each check found something to look at: a check that never does proves nothing. */
  readonly counts: Record<string, number> = {};

  constructor(world: World) {
    this.#world = world;
  }

  /** After every event. */
  afterEvent(): void {
    this.#readPlans();
    this.#readTopologies();
    const { plane, leader } = this.#world;
    const { inForce } = leader?.state.push ?? {};
    if (leader !== undefined && !leader.state.adopting) {
      for (const { nodeId, belief, bootId } of leader.state.switches.values())
        if (bootId === undefined && belief.kind === "unknown" && belief.last.size > 0)
          plane.unheardAtMs.set(nodeId, this.#world.clock.nowMs);
    }
    const standing = `${plane.version} ${leader?.term} ${inForce?.record.epoch}`;
    if (standing === this.#judged) return;
    this.#judged = standing;
    this.#checkLoops();
    this.#checkWays();
    this.#checkLoads();
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  fail(invariant: string, message: string): never {
    throw new InvariantViolated(invariant, message);
  }

  /** I1, over all label rules that are installed, used or not: following a label from anywhere ends. */
  #checkLoops(): void {
    const { plane } = this.#world;
    for (const [nodeId, { rules }] of plane.tables) {
      for (const rule of rules.values()) {
        if (rule.kind !== "label" || rule.action.kind !== "output") continue;
        this.#count("I1");
        const { link: output, failoverId } = rule.action;
        const walk = walkTunnel(plane, { nodeId, output, failoverId, label: rule.match.label });
        if (walk.end === "loop") this.fail("I1", `label ${rule.match.label} from ${nodeId} loops over ${walk.links.join(", ")}`);
      }
    }
  }

  /** I2: whatever a meter admits is delivered behind the prefix that it is for. */
  #checkWays(): void {
    const { plane } = this.#world;
    for (const { key, nodeId, dstPrefix, label, ...out } of offeredTraffic(plane)) {
      const walk = walkTunnel(plane, { nodeId, label, ...out });
      switch (walk.end) {
        case "delivered": {
          this.#count(walk.repairedAfter === undefined ? "I2" : "I2 repaired");
          const prefix = plane.universe.nodeById.get(walk.at)?.prefix;
          if (prefix !== dstPrefix) this.fail("I2", `${key} of ${nodeId} under label ${label} is delivered at ${walk.at}`);
          break;
        }
        case "no-rule":
          if (!plane.tablesOf(walk.at).lost.has(walk.what)) {
            this.fail("I2", `${key} of ${nodeId} under label ${label} finds no ${walk.what} at ${walk.at}`);
          }
          this.#count("I2 excused by a crash");
          break;
        case "link-down":
          this.#count("I2 excused by a cut");
          break;
        case "loop":
          this.fail("I1", `${key} of ${nodeId} under label ${label} loops`);
      }
    }
  }

  /**
   * I3, from meters and weights as they are installed. A cable that was mended brings back traffic that nobody could plan
   * for, and a leader that went ahead without a switch cannot know its load; until all switches hold a plan that was made after
   * that, such a cable counts as cut, and what such a switch sends does not count. Behind a repair traffic is where nobody planned it, and
   * an update may fill what it leaves there: such links are judged at rest only.
   */
  #checkLoads(): void {
    const { plane } = this.#world;
    const steady = this.#isSteady();
    if (steady) this.#endExcuses();
    const loads = new Map<LinkId, number>();
    for (const { nodeId, label, rateBps, ...out } of offeredTraffic(plane)) {
      if (plane.unheardAtMs.has(nodeId)) continue;
      const { links, repairedAfter = links.length } = walkTunnel(plane, { nodeId, label, ...out });
      for (const linkId of links.slice(repairedAfter)) plane.repairedOverAtMs.set(linkId, this.#world.clock.nowMs);
      // Behind a repair traffic is where nobody planned it, until ingresses change over.
      for (const linkId of links.slice(0, repairedAfter)) {
        if (plane.mendedAtMs.has(linkId)) break;
        loads.set(linkId, (loads.get(linkId) ?? 0) + rateBps);
      }
    }
    this.#count(steady ? "I3 steady" : "I3 moving");
    const share = steady ? 1 : 1 + this.#slackMax;
    // Ingresses that change over to a scenario do so as fast as each can: queues keep the more important class whole meanwhile. One that
    // cannot be told keeps what a link has too much of, also when a new plan or a new leader takes over before.
    if (steady) this.#isActivating = false;
    else if (this.#world.leader?.state.push.purpose === "activate") this.#isActivating = true;
    if (this.#isActivating) {
      this.#count("I3 excused by an activation");
      return;
    }
    for (const [linkId, load] of loads) {
      if (!steady && plane.repairedOverAtMs.has(linkId)) continue;
      const capacity = plane.universe.linkById.get(linkId)?.capacityBps ?? 0;
      if (!(load <= capacity * share * (1 + loadTolerance))) {
        this.fail("I3", `link ${linkId} carries ${load} bps of ${capacity} bps ${steady ? "in steady state" : "during an update"}`);
      }
    }
  }

  /** All switches hold a plan: what was mended or taken back in before it was made is no excuse any more. */
  #endExcuses(): void {
    const { plane } = this.#world;
    const createdAtMs = Date.parse(this.#world.leaderView()?.planInForce?.record.createdAt ?? "");
    for (const [linkId, atMs] of plane.mendedAtMs) if (createdAtMs > atMs) plane.mendedAtMs.delete(linkId);
    for (const [linkId, atMs] of plane.repairedOverAtMs) if (createdAtMs > atMs) plane.repairedOverAtMs.delete(linkId);
    for (const [nodeId, atMs] of plane.unheardAtMs) if (createdAtMs > atMs) plane.unheardAtMs.delete(nodeId);
    for (const [nodeId, atMs] of plane.strangersAtMs)
      if (createdAtMs > atMs && this.#isInTopology(nodeId)) plane.strangersAtMs.delete(nodeId);
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

  /** All switches that have rules hold those of one plan in the store. */
  #isSteady(): boolean {
    const view = this.#world.leaderView();
    const rules = view?.planInForce?.rules;
    return rules !== undefined && this.#differsFrom(rules) === undefined;
  }

  #differsFrom(intended: ReadonlyMap<NodeId, ReadonlyMap<string, Rule>>): string | undefined {
    for (const [nodeId, { rules }] of this.#world.plane.tables) {
      if (!this.#isInTopology(nodeId)) continue;
      const wanted = intended.get(nodeId) ?? new Map<string, Rule>();
      if (rules.size !== wanted.size) return `${nodeId} holds ${rules.size} rules and should hold ${wanted.size}`;
      for (const [key, rule] of rules) {
        if (JSON.stringify(rule) !== JSON.stringify(wanted.get(key))) return `${nodeId} holds another ${key}`;
      }
    }
    return undefined;
  }

  /** I10: why the network has not come to rest where it should; undefined when it has. */
  unrest(): string | undefined {
    const { store, plane } = this.#world;
    const view = this.#world.leaderView();
    const plan = view?.planInForce;
    if (view === undefined || plan === undefined) return "no plan is in force";
    if (view.planPending !== undefined || view.push !== undefined) return "a plan is still being pushed";
    if (view.cycle.phase !== "idle") return "a plan is still being made";
    if (view.agents.some(({ failure }) => failure?.code === "table-full")) {
      // What is asked for does not fit the tables; until it does, the last plan that did is what is intended.
      this.#count("I10 on the last plan that fits");
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
    this.#count("I10");
    return this.#differsFrom(plan.rules);
  }

  /** I4: what is made durable never falls. */
  onPersistTerm(host: AgentHost, { term, epoch }: { term: Term; epoch: Epoch }): void {
    this.#count("I4 durable");
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
    this.#count("I4 obeyed");
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
    if (message.kind !== "stage") return;
    this.#readPlans();
    this.#count("I11");
    if (message.term !== host.term) this.fail("I4", `the controller of term ${host.term} sends term ${message.term}`);
    for (const operation of message.operations) {
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
    }
  }

  /** A leader that was deposed may know less than the store: only labels that no plan ever had are out of thin air. */
  #persistedFirst(host: ControllerHost, label: number): void {
    this.#count("persisted first");
    if (!this.#pathsByLabel.has(label)) this.fail("persisted-first", `term ${host.term} pushes label ${label}, which no stored plan has`);
  }

  /** Plans as they enter the store. */
  #readPlans(): void {
    const { plans } = this.#world.store;
    for (; this.#plansSeen < plans.length; this.#plansSeen += 1) {
      const stored = plans[this.#plansSeen];
      if (stored === undefined) return;
      this.#slackMax = Math.max(
        this.#slackMax,
        stored.input.settings.updateSlack,
        ...this.#world.store.settings.map(({ updateSlack }) => updateSlack),
      );
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
    this.#count(repaired ? "I8 repaired" : "I8");
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
    if (!result.ok) return;
    this.#count("I5");
    const { version } = result.value as { version: number };
    const { store } = this.#world;
    const written = requestId.startsWith("demands") ? store.demands : requestId.startsWith("settings") ? store.settings : store.topologies;
    if (version < 1 || version > written.length)
      this.fail("I5", `${requestId} was acknowledged by term ${host.term} as version ${version}, which is not in the store`);
  }

  /** I9: what a machine is after hearing something again is what it was. */
  sameAfterReplay(before: string, after: string, what: string): void {
    this.#count("I9");
    if (before !== after) this.fail("I9", `${what}, delivered again, changed\n${before}\nto\n${after}`);
  }
}

export function agentFingerprint(host: AgentHost): string {
  const { state } = host;
  if (state === undefined) return "down";
  const links = [...state.links].map(([id, up]) => `${id}=${up}`).join(" ");
  return `${state.table.digest} ${state.termSeen} ${state.epochSeen} ${state.busy?.kind ?? "idle"} ${state.sequenceSeen.sequence} ${links}`;
}

export function controllerFingerprint(host: ControllerHost): string {
  const view = controllerView(host.state);
  const agents = view.agents.map(({ nodeId, state, onTarget, digest, bootId }) => [nodeId, state, onTarget, digest, bootId]);
  return JSON.stringify([
    view.epoch,
    view.topologyVersion,
    view.demandsVersion,
    view.settingsVersion,
    view.linksReportedDown,
    view.planInForce?.record.epoch,
    view.planPending?.record.epoch,
    view.cycle.phase,
    view.push?.programmed,
    view.push?.sent,
    agents,
  ]);
}
