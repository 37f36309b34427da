/**
 * Several processes that may lead, each with the real machine of the leadership under a clock of its own: they stand still for seconds, die, hand
 * over, and are cut off from the store. In some seeds one of their clocks is far beyond what the machine reckons with: then two lead at once, and what
 * protects is the term, in the store and at agents.
 *
 * I6: the store takes nothing under a term that was followed by another, or whose lease is over; and no two processes believe to lead at one time,
 * nor one without the lease, as long as clocks are within the bound.
 */
import {
  createLeadership,
  leaderKnown,
  leadershipTimesOf,
  leadingTerm,
  stepLeadership,
  type LeadershipEffect,
  type LeadershipEvent,
  type LeadershipState,
} from "@sluice/control";
import type { Result, Term } from "@sluice/model";
import type { AgentHost } from "./agent-host.js";
import { ControllerHost } from "./controller-host.js";
import { seededRandom, type Random } from "./random.js";
import type { World } from "./world.js";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

const contendersCount = 3;
/** Short, so that it often ends within the faults of a seed, ms. */
const leaseMs = 1_500;
const times = { ...leadershipTimesOf(leaseMs), standAsideMs: 2_000 };
/** Of a clock that is not within the bound. */
const brokenRate = 0.25;

/** One process. It is the office of the controller that leads in it. */
export class Contender {
  readonly contest: Contest;
  readonly index: number;
  readonly rate: number;
  state: LeadershipState;
  /** Of the process: counts its lives. */
  #life = 0;
  alive = true;
  /** It stands still until then. */
  pausedUntilMs = 0;
  /** Calls of the store do not come through until then. */
  cutOffUntilMs = 0;
  host: ControllerHost | undefined;

  constructor(contest: Contest, index: number, rate: number) {
    this.contest = contest;
    this.index = index;
    this.rate = rate;
    this.state = this.#born();
  }

  get nowMs(): number {
    return (this.index + 1) * 1e7 + (this.contest.world.clock.nowMs - this.contest.startMs) * this.rate;
  }

  get isPaused(): boolean {
    return this.contest.world.clock.nowMs < this.pausedUntilMs;
  }

  get isCutOff(): boolean {
    return this.contest.world.clock.nowMs < this.cutOffUntilMs || this.contest.world.clock.nowMs < this.contest.outageUntilMs;
  }

  /** The term that it believes to lead under. */
  get term(): Term | undefined {
    return this.alive ? leadingTerm(this.state, this.nowMs) : undefined;
  }

  #born(): LeadershipState {
    this.#life += 1;
    const name = `c${this.index}-${this.#life}`;
    return createLeadership({
      ...times,
      holder: name,
      restAddress: `http://${name}`,
      grpcAddress: name,
      seed: this.contest.world.scenario.seed + this.index,
    });
  }

  start(): void {
    this.alive = true;
    this.tell({ kind: "tick" });
  }

  die(): void {
    this.host?.crash();
    this.host = undefined;
    this.alive = false;
    this.state = this.#born();
  }

  /** Whether it stands still; then it is done when it goes on, in order, unless it has died. */
  defers(run: () => void): boolean {
    if (!this.isPaused) return false;
    const life = this.#life;
    const { clock } = this.contest.world;
    clock.after(this.pausedUntilMs - clock.nowMs, () => {
      if (this.#life === life) run();
    });
    return true;
  }

  tell(event: Untimed<LeadershipEvent>): void {
    if (!this.alive || this.defers(() => this.tell(event))) return;
    const given = this.contest.world.mutation.leadership?.(this.state) ?? this.state;
    const { state, effects } = stepLeadership(given, { ...event, nowMs: this.nowMs } as LeadershipEvent);
    this.state = state;
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: LeadershipEffect): void {
    const { contest } = this;
    const { world } = contest;
    const { store } = world;
    switch (effect.kind) {
      case "acquire":
        return this.#ask(
          () => store.acquireLease(effect.request, contest.databaseMs),
          (result) => ({ kind: "acquired", requestId: effect.requestId, result }),
        );
      case "renew":
        return this.#ask(
          () => store.renewLease(effect.term, effect.durationMs, contest.databaseMs),
          (result) => ({ kind: "renewed", requestId: effect.requestId, result }),
        );
      case "release":
        return this.#ask(
          () => store.renewLease(effect.term, 0, contest.databaseMs),
          (result) => ({ kind: "released", requestId: effect.requestId, result }),
        );
      case "read":
        return this.#ask(
          () => ({ ok: true, value: store.readLease(contest.databaseMs) }),
          (result) => ({ kind: "found", requestId: effect.requestId, result }),
        );
      case "lead":
        world.record(`process ${this.index} leads under term ${effect.term}`);
        this.host = new ControllerHost(world, { term: effect.term, office: this });
        world.controllers = [...world.controllers.filter(({ alive }) => alive), this.host];
        return undefined;
      case "step-down":
        world.record(`process ${this.index} leads no more under term ${effect.term}: ${effect.cause}`);
        world.checks.count(`contest ${effect.cause}`);
        this.host?.crash();
        this.host = undefined;
        return world.clock.after(contest.random.between(0, 50), () => this.tell({ kind: "quiet", term: effect.term }));
      case "wake":
        return world.clock.after((effect.atMs - this.nowMs) / this.rate + 0.01, () => this.tell({ kind: "tick" }));
      case "end":
        return undefined;
    }
  }

  /** A call of the store: late, or lost on the way there or back. */
  #ask<T>(act: () => Result<T>, answer: (result: Result<T>) => Untimed<LeadershipEvent>): void {
    const { random, world } = this.contest;
    const life = this.#life;
    const isLost = () => this.isCutOff || (world.storming && random.chance(0.05));
    const delayMs = () => (world.storming && random.chance(0.05) ? random.between(100, 2 * leaseMs) : random.between(0.5, 20));
    world.clock.after(delayMs(), () => {
      if (isLost()) return;
      const result = act();
      world.clock.after(delayMs(), () => {
        if (!isLost() && this.#life === life) this.tell(answer(result));
      });
    });
  }

  // What the controller in office asks.

  mayAct(): boolean {
    return this.term !== undefined && this.term === this.host?.term;
  }

  lapsed(): void {
    this.tell({ kind: "tick" });
  }

  deposed(reason: string): void {
    const term = this.host?.term;
    if (term !== undefined) this.tell({ kind: "deposed", term, reason });
  }
}

export class Contest {
  readonly world: World;
  readonly random: Random;
  readonly contenders: readonly Contender[];
  /** Whether all clocks are within the bound. */
  readonly isSound: boolean;
  readonly #databaseRate: number;
  readonly startMs: number;
  outageUntilMs = 0;
  #checkedTerm: Term = 0;

  constructor(world: World) {
    this.world = world;
    this.startMs = world.clock.nowMs;
    this.random = seededRandom(world.scenario.seed ^ 0xc0de);
    const bound = times.clockRateErrorMax;
    this.#databaseRate = this.random.between(1 - bound, 1 + bound);
    const rates = Array.from({ length: contendersCount }, () => this.random.between(1 - bound, 1 + bound));
    const allBroken = world.mutation.brokenClocks === true;
    this.isSound = !allBroken && world.scenario.seed % 3 !== 0;
    this.contenders = rates.map(
      (rate, index) => new Contender(this, index, (allBroken && index < 2) || (!this.isSound && index === 0) ? brokenRate : rate),
    );
    world.store.onWritten = (term) => this.#onWritten(term);
  }

  get databaseMs(): number {
    return (this.world.clock.nowMs - this.startMs) * this.#databaseRate;
  }

  start(): void {
    const { world, random } = this;
    for (const contender of this.contenders) world.clock.after(random.between(0, 100), () => contender.start());
    const every = (meanMs: number, run: () => void) => {
      const again = () => {
        if (!world.storming) return;
        run();
        world.clock.after(random.between(0.2, 1.8) * meanMs, again);
      };
      world.clock.after(random.between(0.2, 1.8) * meanMs, again);
    };
    every(2_500, () => this.#disturb());
    // Agents whose streams break may find another process.
    every(this.isSound ? 2_500 : 800, () => {
      for (const agent of world.agents.values()) if (random.chance(0.3)) agent.stream?.wire.break();
    });
  }

  /** Whoever leads, mostly. */
  #disturb(): void {
    const { world, random } = this;
    const leading = this.contenders.filter(({ host }) => host?.alive === true);
    const one = random.pick(leading.length > 0 && random.chance(0.8) ? leading : this.contenders);
    if (!one.alive) return;
    const { nowMs } = world.clock;
    const what = random.pick(["pause", "pause", "cut-off", "cut-off", "die", "hand-over", "outage"] as const);
    world.record(`${what} of process ${one.index}`);
    world.checks.count(`contest ${what}`);
    switch (what) {
      case "pause":
        one.pausedUntilMs = nowMs + random.between(100, 3 * leaseMs);
        return;
      case "cut-off": {
        one.cutOffUntilMs = nowMs + random.between(this.isSound ? 100 : 3 * leaseMs, 4 * leaseMs);
        // Agents find whoever leads by then, and may fall back to this one when their streams break again.
        for (const delayMs of [1.2, 1.6, 2, 2.4, 2.8, 3.2]) {
          world.clock.after(delayMs * leaseMs, () => {
            for (const agent of world.agents.values()) if (world.storming && random.chance(0.5)) agent.stream?.wire.break();
          });
        }
        return;
      }
      case "outage":
        this.outageUntilMs = nowMs + random.between(100, 2 * leaseMs);
        return;
      case "hand-over":
        return one.tell({ kind: "hand-over" });
      case "die":
        one.die();
        return world.clock.after(random.between(100, 3_000), () => {
          if (!one.alive) one.start();
        });
    }
  }

  /** Every process runs, and the store can be reached. */
  calm(): void {
    this.outageUntilMs = 0;
    for (const contender of this.contenders) {
      contender.pausedUntilMs = Math.min(contender.pausedUntilMs, this.world.clock.nowMs);
      contender.cutOffUntilMs = 0;
      if (!contender.alive) contender.start();
    }
  }

  /** Where an agent gets to: a leader; undefined where it is sent on, or nobody answers. */
  hostFor(agent: AgentHost): { readonly host: ControllerHost } | { readonly closedAfterMs: number } {
    const { random } = this;
    const alive = this.contenders.filter((contender) => contender.alive);
    const hinted = agent.leaderHint === undefined ? undefined : alive.find(({ state }) => state.config.holder === agent.leaderHint);
    agent.leaderHint = undefined;
    const one = hinted ?? (alive.length === 0 ? undefined : random.pick(alive));
    if (one === undefined) return { closedAfterMs: random.between(1, 20) };
    // The kernel takes the connection; nobody says anything.
    if (one.isPaused) return { closedAfterMs: Math.max(1, one.pausedUntilMs - this.world.clock.nowMs) };
    if (one.host?.alive === true && one.mayAct()) return { host: one.host };
    agent.leaderHint = leaderKnown(one.state, one.nowMs)?.holder;
    return { closedAfterMs: random.between(1, 20) };
  }

  /** After every event: beliefs begin with events. */
  check(): void {
    const { checks, store } = this.world;
    const believing = this.contenders.flatMap(({ index, term }) => (term === undefined ? [] : [{ index, term }]));
    if (!this.isSound) {
      if (believing.length > 1) checks.count("contest two lead");
      return;
    }
    if (believing.length > 1) checks.fail("I6", `processes ${believing.map(({ index }) => index).join(" and ")} believe to lead at once`);
    for (const { index, term } of believing) {
      if (!store.leaseLasts(term, this.databaseMs))
        checks.fail("I6", `process ${index} believes to lead under term ${term} without the lease`);
      if (term !== this.#checkedTerm) checks.count("I6 led");
      this.#checkedTerm = term;
    }
  }

  #onWritten(term: Term): void {
    const { checks, store } = this.world;
    if (term !== store.term) checks.fail("I6", `something was written under term ${term}, which ${store.term} has followed`);
    if (!store.leaseLasts(term, this.databaseMs)) checks.fail("I6", `something was written under term ${term}, whose lease is over`);
    checks.count("I6 written");
  }
}
