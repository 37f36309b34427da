/** A machine that runs a switch and its agent: carries out the agent's effects, crashes, and comes back. */
import { agentConfigDefault, createAgent, stepAgent, type AgentEffect, type AgentEvent, type AgentState } from "@sluice/control";
import type { ControllerMessage, Epoch, NodeId, RuleOperation, Term } from "@sluice/model";
import type { SimulatedStream } from "./network.js";
import type { World } from "./world.js";

type StageMessage = Extract<ControllerMessage, { kind: "stage" }>;
type PrepareMessage = Extract<ControllerMessage, { kind: "prepare" }>;
/** Without the time, which the host knows. */
type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

/** How long a stage message is remembered, messages: longer than any stays under way. */
const stagesRemembered = 64;
const preparesRemembered = 256;
const tickMs = 100;

export class AgentHost {
  readonly nodeId: NodeId;
  readonly world: World;
  /** Survives everything. */
  durable: { term: Term; epoch: Epoch } = { term: 0, epoch: 0 };
  /** What the process knows to be durable. */
  confirmed = this.durable;
  state: AgentState | undefined;
  #stream: { readonly id: number; readonly wire: SimulatedStream } | undefined;
  /** Since when no stream is open; undefined while one is. */
  aloneSinceMs: number | undefined;
  /** As they came over the wire: which term really ordered what is applied. */
  readonly stagesSeen: StageMessage[] = [];
  readonly preparesSeen: PrepareMessage[] = [];
  #boots = 0;
  /** Who leads, as a process said that does not. */
  leaderHint: string | undefined;

  constructor(world: World, nodeId: NodeId) {
    this.world = world;
    this.nodeId = nodeId;
  }

  get stream(): { readonly id: number; readonly wire: SimulatedStream } | undefined {
    return this.#stream;
  }

  set stream(stream: { readonly id: number; readonly wire: SimulatedStream } | undefined) {
    this.#stream = stream;
    this.aloneSinceMs = stream === undefined ? (this.aloneSinceMs ?? this.world.clock.nowMs) : undefined;
  }

  start(): void {
    this.#boots += 1;
    const { plane } = this.world;
    this.confirmed = this.durable;
    this.state = createAgent(
      {
        nodeId: this.nodeId,
        bootId: `${this.nodeId}-${this.#boots}`,
        ruleCountMax: this.world.scenario.ruleCountMax,
        ...agentConfigDefault,
        preparedOperationsMax: this.world.scenario.preparedOperationsMax,
      },
      {
        termSeen: this.durable.term,
        epochSeen: this.durable.epoch,
        links: plane.universe.links
          .filter(({ from }) => from === this.nodeId)
          .map(({ id }) => ({ linkId: id, up: !plane.linksDown.has(id) })),
        rules: new Map(plane.tablesOf(this.nodeId).rules),
      },
    );
    this.#tick(this.#boots);
  }

  /** The process dies; with `wipe` the switch forgets its tables too. What was being written may or may not be. */
  crash(wipe: boolean): void {
    if (this.state === undefined) return;
    this.state = undefined;
    this.stream?.wire.leave("agent");
    this.stream = undefined;
    if (wipe) this.world.plane.wipe(this.nodeId);
  }

  event(event: Untimed<AgentEvent>): void {
    if (this.state === undefined) return;
    const timed = { ...event, nowMs: this.world.clock.nowMs } as AgentEvent;
    for (const given of this.world.mutation.agentEvents?.(this, timed) ?? [timed]) {
      if (this.state === undefined) return;
      const { effects } = stepAgent(this.state, given);
      for (const effect of effects) this.carryOut(effect);
    }
  }

  received(streamId: number, message: ControllerMessage): void {
    if (message.kind === "prepare") {
      this.preparesSeen.push(message);
      if (this.preparesSeen.length > preparesRemembered) this.preparesSeen.shift();
    }
    if (message.kind === "stage") {
      this.stagesSeen.push(message);
      if (this.stagesSeen.length > stagesRemembered) this.stagesSeen.shift();
    }
    this.event({ kind: "message", streamId, message });
    if (message.kind === "prepare") this.world.checks.onKept(this);
  }

  carryOut(effect: AgentEffect): void {
    const { world } = this;
    const boot = this.#boots;
    const later = (delayMs: number, run: () => void) =>
      world.clock.after(delayMs, () => {
        if (this.state !== undefined && this.#boots === boot) run();
      });
    switch (effect.kind) {
      case "connect":
        later(effect.delayMs + world.random.between(0, 50), () => world.connect(this, effect.streamId));
        return;
      case "send":
        world.checks.onAgentSends(this, effect.message);
        if (this.stream?.id === effect.streamId) this.stream.wire.sendToController(effect.message);
        return;
      case "close-stream":
        if (this.stream?.id !== effect.streamId) return;
        this.stream.wire.leave("agent");
        this.stream = undefined;
        return;
      case "persist-term": {
        const { term, epoch, persistId } = effect;
        const delayMs = world.random.between(0, 5);
        // A crash before the answer leaves it open whether the pair was written.
        const writtenAtMs = delayMs * world.random.next();
        world.clock.after(writtenAtMs, () => {
          // Nothing of a dead process is written once its successor has started.
          if (this.#boots !== boot) return;
          world.checks.onPersistTerm(this, { term, epoch });
          this.durable = { term, epoch };
        });
        later(delayMs, () => {
          this.confirmed = { term, epoch };
          this.event({ kind: "persisted", persistId, ok: true });
        });
        return;
      }
      case "apply": {
        const { applyId, operations } = effect;
        const order = this.#orderOf(operations);
        later(world.random.between(0, 5), () => {
          if (world.random.chance(world.faults.datapathRefusalChance)) {
            const failures = [{ key: "datapath", code: "rule-refused" as const, reason: "the datapath refused it" }];
            this.event({ kind: "applied", applyId, failures });
            return;
          }
          world.checks.onApply(this, { operations, order });
          world.plane.apply(this.nodeId, operations);
          world.probe(this.nodeId);
          this.event({ kind: "applied", applyId, failures: [] });
        });
        return;
      }
      case "read-counters":
        this.event({ kind: "count", links: [], groups: [] });
        return;
    }
  }

  /** The stage that told the agent to do this: it carried the operations, or named the scenario that they were given for. */
  #orderOf(operations: readonly RuleOperation[]): StageMessage | undefined {
    const given = this.preparesSeen
      .flatMap(({ epoch, scenarios }) => scenarios.map((scenario) => ({ epoch, ...scenario })))
      .findLast((scenario) => scenario.operations === operations);
    return this.stagesSeen.findLast(
      ({ operations: carried, prepared }) =>
        carried === operations ||
        (given !== undefined && prepared !== undefined && prepared.epoch === given.epoch && prepared.scenarioId === given.scenarioId),
    );
  }

  #tick(boot: number): void {
    if (this.state === undefined || this.#boots !== boot) return;
    this.event({ kind: "tick" });
    this.world.clock.after(tickMs, () => this.#tick(boot));
  }
}
