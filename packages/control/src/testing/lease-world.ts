/**
 * Several leaderships on one lease under true time: clocks that run too fast or too slow within a bound, requests and answers that are late or
 * lost, processes that stand still. What happens follows from the script alone.
 */
import { fault, ok, refuse, type Result, type Term } from "@sluice/model";
import type { LeadershipConfig } from "../leadership/config.js";
import type { LeadershipEffect } from "../leadership/effect.js";
import type { LeadershipEvent } from "../leadership/event.js";
import type { LeaseOutcomeRecord } from "../leadership/lease-record.js";
import { createLeadership, leadingTerm, stepLeadership, type LeadershipState } from "../leadership/machine.js";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

export interface LeaseScript {
  readonly config: Omit<LeadershipConfig, "holder" | "restAddress" | "grpcAddress" | "seed">;
  /** Rates of the processes' clocks, in seconds of theirs for a true one. */
  readonly rates: readonly number[];
  readonly databaseRate: number;
  /** Drawn on one after the other, around and around: how late the next request or answer is, ms, and whether it is lost. */
  readonly ways: readonly { readonly delayMs: number; readonly lost: boolean }[];
  /** Processes that stand still: which, from when, for how long, ms. Their clocks go on. */
  readonly pauses: readonly { readonly process: number; readonly fromMs: number; readonly forMs: number }[];
  /** When an operator asks somebody to hand over. */
  readonly handOvers: readonly { readonly process: number; readonly atMs: number }[];
  /** How long a process takes until nothing is under way, ms. */
  readonly quietMs: number;
  /** All of it is over then: what follows is calm. */
  readonly untilMs: number;
  readonly calmMs: number;
}

export interface LeaseOutcomes {
  /** Two believed to lead at one true time, or one without the lease. */
  readonly violation: string | undefined;
  /** How many terms there were. */
  readonly terms: number;
  /** Who leads at the end of the calm. */
  readonly leader: number | undefined;
}

interface Process {
  state: LeadershipState;
  readonly rate: number;
  /** Its clock at true time 0. */
  readonly offsetMs: number;
}

/** A deliberate bug: what a machine is given instead of its own state, right before an event. */
export type StateBug = (state: LeadershipState, nowMs: number) => LeadershipState;

export function playLease(script: LeaseScript, bug: StateBug = (state) => state): LeaseOutcomes {
  const endMs = script.untilMs + script.calmMs;
  const queue: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = [];
  let trueMs = 0;
  let order = 0;
  let drawn = 0;
  let violation: string | undefined;
  let lease = { term: 0, holder: "", endsAtMs: -Infinity };
  const databaseMs = () => trueMs * script.databaseRate;

  function at(atMs: number, run: () => void): void {
    if (atMs > endMs) return;
    order += 1;
    queue.push({ atMs, order, run });
  }

  function way(): { readonly delayMs: number; readonly lost: boolean } {
    if (trueMs >= script.untilMs) return { delayMs: 1, lost: false };
    drawn += 1;
    return script.ways[drawn % script.ways.length] ?? { delayMs: 1, lost: false };
  }

  const processes = script.rates.map((rate, index): Process => {
    const config = { ...script.config, holder: `p${index}`, restAddress: `http://p${index}`, grpcAddress: `p${index}:1`, seed: index + 1 };
    return { state: createLeadership(config), rate, offsetMs: index * 1e6 };
  });
  const clockOf = ({ rate, offsetMs }: Process) => offsetMs + trueMs * rate;

  /** Not before it goes on, where it stands still. */
  function tell(index: number, event: Untimed<LeadershipEvent>): void {
    const pause = script.pauses.find((each) => each.process === index && trueMs >= each.fromMs && trueMs < each.fromMs + each.forMs);
    if (pause !== undefined) return at(pause.fromMs + pause.forMs, () => tell(index, event));
    const process = processes[index];
    if (process === undefined) return undefined;
    const nowMs = clockOf(process);
    const stepped = stepLeadership(bug(process.state, nowMs), { ...event, nowMs } as LeadershipEvent);
    process.state = stepped.state;
    for (const effect of stepped.effects) carryOut(index, process, effect);
    return undefined;
  }

  function ask<T>(index: number, act: () => Result<T>, answer: (result: Result<T>) => Untimed<LeadershipEvent>): void {
    const there = way();
    const back = way();
    if (there.lost) return;
    at(trueMs + there.delayMs, () => {
      const result = act();
      if (!back.lost) at(trueMs + back.delayMs, () => tell(index, answer(result)));
    });
  }

  const holds = (term: Term): boolean => lease.term === term && databaseMs() < lease.endsAtMs;
  const stale = (): Result<never> => refuse(fault("stale-term", "The lease is another's, or over."));

  function carryOut(index: number, process: Process, effect: LeadershipEffect): void {
    switch (effect.kind) {
      case "acquire":
        return ask(
          index,
          (): Result<LeaseOutcomeRecord> => {
            const { term, holder, endsAtMs } = lease;
            if (databaseMs() < endsAtMs) return ok({ kind: "held", lease: { term, holder, remainingMs: endsAtMs - databaseMs() } });
            lease = { term: term + 1, holder: effect.request.holder, endsAtMs: databaseMs() + effect.request.durationMs };
            return ok({ kind: "acquired", term: lease.term });
          },
          (result) => ({ kind: "acquired", requestId: effect.requestId, result }),
        );
      case "renew":
        return ask(
          index,
          () => {
            if (!holds(effect.term)) return stale();
            lease = { ...lease, endsAtMs: databaseMs() + effect.durationMs };
            return ok(undefined);
          },
          (result) => ({ kind: "renewed", requestId: effect.requestId, result }),
        );
      case "release":
        return ask(
          index,
          () => {
            if (!holds(effect.term)) return stale();
            lease = { ...lease, endsAtMs: databaseMs() };
            return ok(undefined);
          },
          (result) => ({ kind: "released", requestId: effect.requestId, result }),
        );
      case "read":
        return ask(
          index,
          () => ok({ term: lease.term, holder: lease.holder, remainingMs: Math.max(0, lease.endsAtMs - databaseMs()) }),
          (result) => ({ kind: "found", requestId: effect.requestId, result }),
        );
      case "step-down":
        return at(trueMs + script.quietMs, () => tell(index, { kind: "quiet", term: effect.term }));
      case "wake":
        return at(Math.max(trueMs, (effect.atMs - process.offsetMs) / process.rate) + 0.01, () => tell(index, { kind: "tick" }));
      case "lead":
      case "end":
        return undefined;
    }
  }

  /** Beliefs begin with events, so it is enough to look after each. */
  function check(): void {
    const believing = processes.flatMap((process, index) => {
      const term = leadingTerm(process.state, clockOf(process));
      return term === undefined ? [] : [{ index, term }];
    });
    if (believing.length > 1) violation ??= `at ${trueMs} ms ${believing.map(({ index }) => index).join(" and ")} believe to lead`;
    for (const { index, term } of believing) {
      if (!holds(term)) violation ??= `at ${trueMs} ms ${index} believes to lead under term ${term} without the lease`;
    }
  }

  processes.forEach((_, index) => at(index, () => tell(index, { kind: "tick" })));
  for (const { process, atMs } of script.handOvers) at(atMs, () => tell(process, { kind: "hand-over" }));
  for (;;) {
    // A few dozen at a time: nothing to sort by halves for.
    const next = queue.reduce<(typeof queue)[number] | undefined>(
      (best, each) => (best === undefined || each.atMs < best.atMs || (each.atMs === best.atMs && each.order < best.order) ? each : best),
      undefined,
    );
    if (next === undefined) break;
    queue.splice(queue.indexOf(next), 1);
    trueMs = Math.max(trueMs, next.atMs);
    next.run();
    check();
  }
  trueMs = endMs;
  const leader = processes.findIndex((process) => leadingTerm(process.state, clockOf(process)) !== undefined);
  return { violation, terms: lease.term, leader: leader < 0 ? undefined : leader };
}
