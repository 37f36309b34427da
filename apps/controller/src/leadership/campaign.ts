/**
 * The thin shell around the leadership's machine: it stamps events with a clock, steps the machine, and carries out its effects against the
 * store. It decides nothing.
 */
import {
  createLeadership,
  leadershipView,
  leadingTerm,
  stepLeadership,
  type LeadershipConfig,
  type LeadershipEffect,
  type LeadershipEvent,
  type LeadershipView,
  type StepDownCause,
} from "@sluice/control";
import { fault, refuse, type Result, type Term } from "@sluice/model";
import type { LeaseStore } from "@sluice/store";

export interface StepDown {
  readonly term: Term;
  readonly cause: StepDownCause;
  readonly reason: string;
}

export interface CampaignParts {
  readonly store: LeaseStore;
  readonly config: LeadershipConfig;
  onLead(term: Term): void;
  /** Resolves when nothing is under way any more in the name of the term. */
  onStepDown(stepDown: StepDown): Promise<void>;
}

export interface Campaign {
  view(): LeadershipView;
  /** The term that may be acted under at this moment. */
  term(): Term | undefined;
  /** Resolves once it is known whether this process leads or somebody else does, or that the store does not say. */
  readonly decided: Promise<void>;
  /** The time has come for something: the machine sees what. */
  tick(): void;
  deposed(term: Term, reason: string): void;
  handOver(): void;
  /** Resolves when nothing is held any more. */
  stop(): Promise<void>;
}

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

/** Timers are late at times, and that of the machine's own clock is not the one that they go by, ms. */
const timerMsMax = 1_000;

export function startCampaign(parts: CampaignParts): Campaign {
  const { store } = parts;
  let state = createLeadership(parts.config);
  let timer: NodeJS.Timeout | undefined;
  let stepping = false;
  const inbox: Untimed<LeadershipEvent>[] = [];
  let decide: () => void = () => undefined;
  const decided = new Promise<void>((resolve) => {
    decide = resolve;
  });
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });

  function dispatch(event: Untimed<LeadershipEvent>): void {
    inbox.push(event);
    if (stepping) return;
    stepping = true;
    for (let next = inbox.shift(); next !== undefined; next = inbox.shift()) {
      const stepped = stepLeadership(state, { ...next, nowMs: nowMs() } as LeadershipEvent);
      state = stepped.state;
      clearTimeout(timer);
      for (const effect of stepped.effects) carryOut(effect);
      if (next.kind === "acquired") decide();
    }
    stepping = false;
  }

  function carryOut(effect: LeadershipEffect): void {
    switch (effect.kind) {
      case "acquire": {
        const { requestId, request } = effect;
        return answer(store.acquireLease(request), (result) => ({ kind: "acquired", requestId, result }));
      }
      case "renew": {
        const { requestId, term, durationMs } = effect;
        return answer(store.renewLease(term, durationMs), (result) => ({ kind: "renewed", requestId, result }));
      }
      case "release": {
        const { requestId, term } = effect;
        return answer(store.releaseLease(term), (result) => ({ kind: "released", requestId, result }));
      }
      case "read": {
        const { requestId } = effect;
        return answer(store.readLease(), (result) => ({ kind: "found", requestId, result }));
      }
      case "lead":
        return parts.onLead(effect.term);
      case "step-down": {
        const { term, cause, reason } = effect;
        void parts.onStepDown({ term, cause, reason }).then(() => dispatch({ kind: "quiet", term }));
        return undefined;
      }
      case "wake":
        timer = setTimeout(() => dispatch({ kind: "tick" }), Math.min(timerMsMax, Math.max(1, effect.atMs - nowMs())));
        return undefined;
      case "end":
        return end();
    }
  }

  function answer<T>(call: Promise<Result<T>>, eventOf: (result: Result<T>) => Untimed<LeadershipEvent>): void {
    const failed = (error: unknown): Result<T> =>
      refuse(fault("store-failed", `The store failed: ${error instanceof Error ? error.message : String(error)}.`));
    void call.catch(failed).then((result) => dispatch(eventOf(result)));
  }

  dispatch({ kind: "tick" });
  return {
    view: () => leadershipView(state, nowMs()),
    term: () => leadingTerm(state, nowMs()),
    decided,
    tick: () => dispatch({ kind: "tick" }),
    deposed: (term, reason) => dispatch({ kind: "deposed", term, reason }),
    handOver: () => dispatch({ kind: "hand-over" }),
    async stop() {
      dispatch({ kind: "stop" });
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Never runs backwards. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
