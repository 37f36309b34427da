/**
 * Who leads, and until when: what several controllers on one database share. A lease is for one term, taken when there is none that lasts, and
 * lasts by the database's clock alone. `acquireTerm` starts a leadership without an end of its own: for the one process of an embedded database.
 */
import type { Result, Term } from "@sluice/model";

export interface LeaseRequest {
  /** Of one process in one life: two that share it would take each other's lease for their own. */
  readonly holder: string;
  /** Where it is reached, for clients and agents that ask somebody else. */
  readonly restAddress: string;
  readonly grpcAddress: string;
  readonly durationMs: number;
}

export interface Lease {
  readonly term: Term;
  readonly holder?: string;
  readonly restAddress?: string;
  readonly grpcAddress?: string;
  /** By the database's clock, as of the answer; 0 when it is over or was given back; absent where it has no end. */
  readonly remainingMs?: number;
}

/** Longest lease, ms. */
export const leaseMsMax = 600_000;

export type LeaseOutcome =
  | { readonly kind: "acquired"; readonly term: Term }
  /** Somebody's lease lasts. */
  | { readonly kind: "held"; readonly lease: Lease };

export interface LeaseStore {
  /** Starts a leadership, the highest term so far plus one, unless the lease of another lasts. Fault: `malformed`, `out-of-range`. */
  acquireLease(request: LeaseRequest): Promise<Result<LeaseOutcome>>;
  /** Makes the lease last for so long from now. Fault: `stale-term` where it is over or another's; then it cannot be had back. */
  renewLease(term: Term, durationMs: number): Promise<Result<void>>;
  /** Ends it now: nothing is written under its term any more. Fault: `stale-term` where it is over or another's. */
  releaseLease(term: Term): Promise<Result<void>>;
  readLease(): Promise<Result<Lease>>;
}
