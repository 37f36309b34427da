/**
 * Who leads, as one process sees it: a machine that takes the lease when it can be had, renews it, and leads for as long as it may rely on it.
 *
 *              lease is free: acquired                    lease is over, deposed, hand-over, stop
 *   candidate ------------------------> leading ------------------------------------------------> yielding
 *       ^                                                                                            | quiet
 *       +------------------------------------------- releasing <-------------------------------------+
 *
 * It relies on a lease for `reliedOnMs` from before it was asked for, so by no clock within the bound longer than the database does; what it does
 * not know (an answer that was lost) it takes for not given. What protects when a clock is beyond the bound, or the process was stopped in
 * between two instructions, is the term: the store and every agent compare it. Gray and Cheriton, "Leases", SOSP 1989, section 3.
 */
import { unreachable, type Result, type Term } from "@sluice/model";
import { reliedOnMs, type LeadershipConfig } from "./config.js";
import type { LeadershipEffect, StepDownCause } from "./effect.js";
import type { LeadershipEvent } from "./event.js";
import type { LeaseOutcomeRecord, LeaseRecord } from "./lease-record.js";

interface Request {
  readonly requestId: number;
  readonly sentAtMs: number;
}

type Phase =
  | { readonly kind: "candidate"; readonly askAtMs: number; readonly asked: (Request & { readonly what: "acquire" | "read" }) | undefined }
  | {
      readonly kind: "leading";
      readonly term: Term;
      /** The lease may be relied on until then. */
      readonly untilMs: number;
      readonly renewAtMs: number;
      readonly renewals: readonly Request[];
    }
  /** What is under way ends; then the lease is given back, where it may still be held. */
  | { readonly kind: "yielding"; readonly term: Term; readonly gives: boolean }
  | { readonly kind: "releasing"; readonly request: Request }
  | { readonly kind: "ended" };

export interface LeadershipState {
  readonly config: LeadershipConfig;
  readonly nowMs: number;
  readonly phase: Phase;
  /** The lease of another, and when it was heard of. */
  readonly known: { readonly lease: LeaseRecord; readonly atMs: number } | undefined;
  /** Until then the lease is left to others. */
  readonly asideUntilMs: number;
  /** The process is going to end. */
  readonly stopping: boolean;
  /** How many times it has begun to lead. */
  readonly leaderships: number;
  readonly requestLast: number;
  readonly randomState: number;
}

export interface LeadershipStep {
  readonly state: LeadershipState;
  readonly effects: readonly LeadershipEffect[];
}

export function createLeadership(config: LeadershipConfig): LeadershipState {
  return {
    config,
    nowMs: 0,
    phase: { kind: "candidate", askAtMs: 0, asked: undefined },
    known: undefined,
    asideUntilMs: 0,
    stopping: false,
    leaderships: 0,
    requestLast: 0,
    randomState: config.seed >>> 0,
  };
}

/** The term that may be acted under at this moment. To be asked before each act: it depends on the time alone, whatever events are late. */
export function leadingTerm({ phase }: LeadershipState, nowMs: number): Term | undefined {
  return phase.kind === "leading" && nowMs < phase.untilMs ? phase.term : undefined;
}

/** Who leads, as far as this process has heard; undefined where that is over, or was never known. */
export function leaderKnown({ known }: LeadershipState, nowMs: number): LeaseRecord | undefined {
  if (known === undefined) return undefined;
  const { remainingMs = Infinity } = known.lease;
  return nowMs < known.atMs + remainingMs ? known.lease : undefined;
}

export function stepLeadership(state: LeadershipState, event: LeadershipEvent): LeadershipStep {
  const effects: LeadershipEffect[] = [];
  const at: LeadershipState = { ...state, nowMs: Math.max(state.nowMs, event.nowMs) };
  const next = advance(handle(at, event, effects), effects);
  const wakeAtMs = nextMs(next);
  if (wakeAtMs !== undefined) effects.push({ kind: "wake", atMs: wakeAtMs });
  return { state: next, effects };
}

function handle(state: LeadershipState, event: LeadershipEvent, effects: LeadershipEffect[]): LeadershipState {
  const { phase } = state;
  switch (event.kind) {
    case "tick":
      return state;
    case "acquired":
      return phase.kind === "candidate" && phase.asked?.requestId === event.requestId
        ? acquired(state, phase.asked, event.result, effects)
        : state;
    case "found":
      return phase.kind === "candidate" && phase.asked?.requestId === event.requestId ? found(state, event.result) : state;
    case "renewed":
      return renewed(state, event, effects);
    case "released":
      return phase.kind === "releasing" && phase.request.requestId === event.requestId ? candidate(state, state.nowMs) : state;
    case "quiet":
      if (phase.kind !== "yielding" || phase.term !== event.term) return state;
      return phase.gives ? release(state, phase.term, effects) : candidate(state, pollAt(state));
    case "deposed":
      return phase.kind === "leading" && phase.term === event.term ? stepDown(state, "deposed", event.reason, effects) : state;
    case "hand-over":
      if (phase.kind !== "leading") return state;
      return stepDown({ ...state, asideUntilMs: state.nowMs + state.config.standAsideMs }, "hand-over", "It was handed over.", effects);
    case "stop":
      return phase.kind === "leading"
        ? stepDown({ ...state, stopping: true }, "stop", "The process ends.", effects)
        : { ...state, stopping: true };
    default:
      return unreachable(event);
  }
}

/** What follows from the time alone. */
function advance(state: LeadershipState, effects: LeadershipEffect[]): LeadershipState {
  const { phase, nowMs, config, stopping } = state;
  switch (phase.kind) {
    case "leading": {
      if (nowMs >= phase.untilMs) return stepDown(state, "lease-over", "The lease could not be renewed in time.", effects);
      const awaited = phase.renewals.filter(({ sentAtMs }) => nowMs < sentAtMs + config.answerMaxMs);
      if (nowMs < phase.renewAtMs || awaited.length >= config.renewalsMax) return { ...state, phase: { ...phase, renewals: awaited } };
      const requestId = state.requestLast + 1;
      effects.push({ kind: "renew", requestId, term: phase.term, durationMs: config.leaseMs });
      const renewals = [...awaited, { requestId, sentAtMs: nowMs }];
      return { ...state, requestLast: requestId, phase: { ...phase, renewals, renewAtMs: nowMs + config.renewEveryMs } };
    }
    case "candidate": {
      const isLost = phase.asked !== undefined && nowMs >= phase.asked.sentAtMs + config.answerMaxMs;
      if (phase.asked !== undefined && !isLost) return state;
      if (stopping) return finish(state, effects);
      if (isLost) return { ...state, phase: { kind: "candidate", askAtMs: nowMs, asked: undefined } };
      return nowMs < phase.askAtMs ? state : ask(state, effects);
    }
    case "releasing":
      return nowMs < phase.request.sentAtMs + config.answerMaxMs ? state : advance(candidate(state, nowMs), effects);
    case "yielding":
    case "ended":
      return state;
    default:
      return unreachable(phase);
  }
}

function ask(state: LeadershipState, effects: LeadershipEffect[]): LeadershipState {
  const { nowMs, config } = state;
  const requestId = state.requestLast + 1;
  const what = nowMs < state.asideUntilMs ? "read" : "acquire";
  if (what === "read") {
    effects.push({ kind: "read", requestId });
  } else {
    const { holder, restAddress, grpcAddress, leaseMs: durationMs } = config;
    effects.push({ kind: "acquire", requestId, request: { holder, restAddress, grpcAddress, durationMs } });
  }
  return {
    ...state,
    requestLast: requestId,
    phase: { kind: "candidate", askAtMs: nowMs, asked: { requestId, sentAtMs: nowMs, what } },
  };
}

function acquired(
  state: LeadershipState,
  { sentAtMs }: Request,
  result: Result<LeaseOutcomeRecord>,
  effects: LeadershipEffect[],
): LeadershipState {
  const { nowMs, config } = state;
  if (!result.ok) return candidate(state, pollAt(state));
  if (result.value.kind === "held") {
    const { lease } = result.value;
    // An answer was lost: the lease is ours, and nobody leads by it.
    return lease.holder === config.holder ? release(state, lease.term, effects) : heardOf(state, lease);
  }
  const { term } = result.value;
  const untilMs = sentAtMs + reliedOnMs(config);
  if (nowMs >= untilMs || state.stopping) return release(state, term, effects);
  effects.push({ kind: "lead", term });
  return {
    ...state,
    known: undefined,
    leaderships: state.leaderships + 1,
    phase: { kind: "leading", term, untilMs, renewAtMs: sentAtMs + config.renewEveryMs, renewals: [] },
  };
}

function found(state: LeadershipState, result: Result<LeaseRecord>): LeadershipState {
  if (!result.ok) return candidate(state, pollAt(state));
  const lease = result.value;
  const isHeld = lease.remainingMs !== undefined && lease.remainingMs > 0 && lease.holder !== state.config.holder;
  return isHeld ? heardOf({ ...state, asideUntilMs: 0 }, lease) : candidate(state, pollAt(state));
}

/** Somebody leads: it is asked again soon, since the lease may be given back, and right when it would be over. */
function heardOf(state: LeadershipState, lease: LeaseRecord): LeadershipState {
  const { nowMs, config } = state;
  const { number, randomState } = draw(state);
  const { remainingMs = Infinity } = lease;
  const poll = config.pollMinMs + number * (config.pollMaxMs - config.pollMinMs);
  const end = remainingMs + (number * config.pollMinMs) / 2;
  return candidate({ ...state, known: { lease, atMs: nowMs }, randomState }, { atMs: nowMs + Math.min(poll, end), randomState });
}

function renewed(
  state: LeadershipState,
  { requestId, result }: Extract<LeadershipEvent, { kind: "renewed" }>,
  effects: LeadershipEffect[],
): LeadershipState {
  const { phase, nowMs, config } = state;
  if (phase.kind !== "leading") return state;
  const request = phase.renewals.find((each) => each.requestId === requestId);
  if (request === undefined) return state;
  const renewals = phase.renewals.filter((each) => each !== request);
  if (result.ok) {
    const untilMs = Math.max(phase.untilMs, request.sentAtMs + reliedOnMs(config));
    return { ...state, phase: { ...phase, renewals, untilMs } };
  }
  const [{ code, message }] = result.faults;
  if (code === "stale-term") return stepDown(state, "deposed", message, effects);
  return { ...state, phase: { ...phase, renewals, renewAtMs: Math.min(phase.renewAtMs, nowMs + config.renewRetryMs) } };
}

function stepDown(state: LeadershipState, cause: StepDownCause, reason: string, effects: LeadershipEffect[]): LeadershipState {
  const { phase } = state;
  if (phase.kind !== "leading") return state;
  effects.push({ kind: "step-down", term: phase.term, cause, reason });
  return { ...state, phase: { kind: "yielding", term: phase.term, gives: cause === "hand-over" || cause === "stop" } };
}

function release(state: LeadershipState, term: Term, effects: LeadershipEffect[]): LeadershipState {
  const requestId = state.requestLast + 1;
  effects.push({ kind: "release", requestId, term });
  return { ...state, requestLast: requestId, phase: { kind: "releasing", request: { requestId, sentAtMs: state.nowMs } } };
}

function candidate(state: LeadershipState, next: number | { readonly atMs: number; readonly randomState: number }): LeadershipState {
  const { atMs, randomState } = typeof next === "number" ? { atMs: next, randomState: state.randomState } : next;
  return { ...state, randomState, phase: { kind: "candidate", askAtMs: atMs, asked: undefined } };
}

function finish(state: LeadershipState, effects: LeadershipEffect[]): LeadershipState {
  effects.push({ kind: "end" });
  return { ...state, phase: { kind: "ended" } };
}

function pollAt(state: LeadershipState): { readonly atMs: number; readonly randomState: number } {
  const { nowMs, config } = state;
  const { number, randomState } = draw(state);
  return { atMs: nowMs + config.pollMinMs + number * (config.pollMaxMs - config.pollMinMs), randomState };
}

/** The next number of the seed, from 0 to below 1 (mulberry32). */
function draw({ randomState }: LeadershipState): { readonly number: number; readonly randomState: number } {
  const next = (randomState + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(next ^ (next >>> 15), next | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return { number: ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32, randomState: next };
}

/** When time alone brings about something. */
function nextMs({ phase, config }: LeadershipState): number | undefined {
  switch (phase.kind) {
    case "leading": {
      const [oldest] = phase.renewals;
      if (phase.renewals.length < config.renewalsMax || oldest === undefined) return Math.min(phase.untilMs, phase.renewAtMs);
      return Math.min(phase.untilMs, oldest.sentAtMs + config.answerMaxMs);
    }
    case "candidate":
      return phase.asked === undefined ? phase.askAtMs : phase.asked.sentAtMs + config.answerMaxMs;
    case "releasing":
      return phase.request.sentAtMs + config.answerMaxMs;
    case "yielding":
    case "ended":
      return undefined;
    default:
      return unreachable(phase);
  }
}
