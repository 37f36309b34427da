/** What the leadership's machine knows of leases. The shapes are those of the port in `packages/store`. */
import type { Term } from "@sluice/model";

export interface LeaseRequestRecord {
  readonly holder: string;
  readonly restAddress: string;
  readonly grpcAddress: string;
  readonly durationMs: number;
}

export interface LeaseRecord {
  readonly term: Term;
  readonly holder?: string;
  readonly restAddress?: string;
  readonly grpcAddress?: string;
  /** By the database's clock, as of the answer; 0 when it is over; absent where it has no end. */
  readonly remainingMs?: number;
}

export type LeaseOutcomeRecord =
  | { readonly kind: "acquired"; readonly term: Term }
  | { readonly kind: "held"; readonly lease: LeaseRecord };
