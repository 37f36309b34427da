/** A machine that runs a controller: carries out its effects against the store, the solver and the streams; dies and is followed by the next. */
import {
  createController,
  stepController,
  type ControllerEffect,
  type ControllerEvent,
  type ControllerState,
  type Persisted,
} from "@sluice/control";
import { fault, refuse, type AgentMessage, type LinkId, type Result, type Term } from "@sluice/model";
import type { SimulatedStream } from "./network.js";
import type { World } from "./world.js";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

const tickMs = 50;

/** Where several processes may lead: what the one that this controller is in says of its lead. */
export interface Office {
  /** The process stands still: what was to be done is done when it goes on. */
  defers(run: () => void): boolean;
  mayAct(): boolean;
  /** It was found that it may not. */
  lapsed(): void;
  deposed(reason: string): void;
  /** The store does not hear it, nor it the store. */
  readonly isCutOff: boolean;
}

export class ControllerHost {
  readonly world: World;
  readonly term: Term;
  readonly state: ControllerState;
  alive = true;
  /** Cut off from the store: its writes hang, and its agents do not know better. */
  isolated = false;
  /** When it last asked for a plan. */
  solvedAtMs: number | undefined;
  /** In a row, up to the newest solve. */
  solvesWithinTables = 0;
  /** When agents last told it that a link is down. */
  readonly downHeardAtMs = new Map<LinkId, number>();
  /** What the switches should have held before the step whose effects are being carried out. */
  targetBefore: ControllerState["push"]["target"];
  readonly streams = new Map<number, SimulatedStream>();
  readonly cancelled = new Set<number>();
  readonly protectsCancelled = new Set<number>();

  readonly #office: Office | undefined;

  constructor(world: World, lead?: { readonly term: Term; readonly office: Office }) {
    this.world = world;
    this.#office = lead?.office;
    this.term = lead?.term ?? world.store.acquireTerm();
    const found = world.store.inventory();
    const inventory = world.mutation.inventory?.(found) ?? found;
    this.state = createController(
      { ...world.scenario.controllerConfig, controllerId: `controller-${this.term}` },
      { term: this.term, inventory },
    );
    world.operators?.checks.onStart(this);
    this.#tick();
  }

  crash(): void {
    this.alive = false;
    for (const wire of this.streams.values()) wire.leave("controller");
    this.streams.clear();
  }

  event(event: Untimed<ControllerEvent>): void {
    if (!this.alive || this.#office?.defers(() => this.event(event)) === true) return;
    // The process may not have known itself to lead when this controller was made in it.
    if (this.#office?.mayAct() === false && this.state.startedAtMs !== undefined) return this.#office.lapsed();
    const timed = { ...event, nowMs: this.world.clock.nowMs } as ControllerEvent;
    for (const given of this.world.mutation.controllerEvents?.(this, timed) ?? [timed]) {
      if (!this.alive) return;
      this.targetBefore = this.state.push.target;
      const { effects } = stepController(this.state, given);
      if (given.kind === "agent-message") this.#hear(given.message);
      this.carryOut(effects);
    }
  }

  #hear(message: AgentMessage): void {
    const links = message.kind === "hello" ? message.links : message.kind === "link-event" ? [message] : [];
    const { reportedDown } = this.state.inventory;
    // A message that is heard twice may be old news: then the controller has not believed it.
    for (const { linkId, up } of links) if (!up && reportedDown.has(linkId)) this.downHeardAtMs.set(linkId, this.world.clock.nowMs);
  }

  carryOut(effects: readonly ControllerEffect[]): void {
    const { world } = this;
    for (const effect of effects) {
      if (!this.alive) return;
      switch (effect.kind) {
        case "solve":
          world.checks.onSolve(this, effect.snapshot);
          world.operators?.checks.onSolve(this);
          world.solve(this, effect.solveId, effect.snapshot);
          break;
        case "cancel-solve":
          this.cancelled.add(effect.solveId);
          break;
        case "protect":
          world.protect(this, effect);
          break;
        case "cancel-protect":
          this.protectsCancelled.add(effect.protectId);
          break;
        case "wake":
          world.clock.after(Math.max(0, effect.atMs - world.clock.nowMs), () => this.event({ kind: "tick" }));
          break;
        case "persist":
          this.#persist(effect);
          break;
        case "send":
          world.checks.onControllerSends(this, effect.message);
          this.streams.get(effect.streamId)?.sendToAgent(effect.message);
          for (const extra of world.mutation.afterSend?.(this, effect) ?? []) this.event(extra);
          break;
        case "close-stream":
          this.streams.get(effect.streamId)?.leave("controller");
          this.streams.delete(effect.streamId);
          break;
        case "reply":
          world.checks.onReply(this, effect);
          world.operators?.checks.onReply(this, effect.requestId, effect.result);
          world.operators?.answered(effect.result);
          break;
        case "publish":
          if (effect.event.kind === "link-up") world.checks.onLinkUp(this, effect.event.data["linkId"] as LinkId);
          world.operators?.checks.onPublish(effect.event);
          world.published[effect.event.kind] = (world.published[effect.event.kind] ?? 0) + 1;
          world.record(`term ${this.term}: ${effect.event.kind} ${JSON.stringify(effect.event.data)}`);
          break;
        case "step-down":
          if (this.#office === undefined) this.crash();
          else this.#office.deposed(effect.reason);
          break;
      }
    }
  }

  #persist({ persistId, write }: Extract<ControllerEffect, { kind: "persist" }>): void {
    const { world } = this;
    const delayMs = world.random.between(0.5, 10) + (this.isolated ? 3_000 : 0);
    const refused: Result<never> = refuse(fault("store-failed", "The store is away."));
    const answer = (result: Result<Persisted>) => this.event({ kind: "persisted", persistId, result });
    const databaseMs = () => world.contest?.databaseMs;
    if (this.#office?.isCutOff === true) return world.clock.after(delayMs, () => answer(refused));
    if (world.mutation.answersPersistEarly === true) answer({ ok: true, value: {} });
    if (world.random.chance(world.faults.storeFailureChance)) {
      // Half of the failures are of the answer only: the write itself was done.
      if (world.random.chance(0.5)) world.store.write(this.term, write, databaseMs());
      world.clock.after(delayMs, () => answer(refused));
      return;
    }
    // A crash before the answer leaves it open whether the write was done.
    const writtenAfterMs = delayMs * world.random.next();
    world.clock.after(writtenAfterMs, () => {
      const result = world.store.write(this.term, write, databaseMs());
      world.clock.after(delayMs - writtenAfterMs, () => answer(result));
    });
  }

  #tick(): void {
    if (!this.alive) return;
    this.event({ kind: "tick" });
    this.world.clock.after(tickMs, () => this.#tick());
  }
}
