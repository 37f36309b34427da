/** A picture of the leadership for REST and metrics. */
import type { Term } from "@sluice/model";
import { leaderKnown, leadingTerm, type LeadershipState } from "./machine.js";

export interface LeadershipView {
  /** `stepping-down`: it led, and what it did is coming to its end; `follower`: it leads when nobody else does. */
  readonly role: "leader" | "follower" | "stepping-down";
  /** Of this process's leadership, or of the one that it knows. */
  readonly term?: Term;
  /** Who leads, this process included; absent where nobody is known to. */
  readonly leader?: { readonly holder: string; readonly restAddress?: string; readonly grpcAddress?: string };
  /** For how long the leader may be relied on, as far as is known, ms. */
  readonly remainingMs?: number;
  /** How many times this process has begun to lead. */
  readonly leaderships: number;
}

export function leadershipView(state: LeadershipState, nowMs: number): LeadershipView {
  const { phase, config, leaderships } = state;
  const term = leadingTerm(state, nowMs);
  if (phase.kind === "leading" && term !== undefined) {
    const { holder, restAddress, grpcAddress } = config;
    return { role: "leader", term, leader: { holder, restAddress, grpcAddress }, remainingMs: phase.untilMs - nowMs, leaderships };
  }
  const role = phase.kind === "yielding" || phase.kind === "leading" ? "stepping-down" : "follower";
  const lease = leaderKnown(state, nowMs);
  if (lease?.holder === undefined) return { role, leaderships };
  const { holder, restAddress, grpcAddress, remainingMs } = lease;
  return {
    role,
    term: lease.term,
    leader: {
      holder,
      ...(restAddress === undefined ? {} : { restAddress }),
      ...(grpcAddress === undefined ? {} : { grpcAddress }),
    },
    ...(remainingMs === undefined ? {} : { remainingMs: Math.max(0, (state.known?.atMs ?? nowMs) + remainingMs - nowMs) }),
    leaderships,
  };
}
