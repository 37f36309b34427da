/** The lease in memory; its clock stands for the database's. */
import { ok, type Result, type Term } from "@sluice/model";
import { admitDuration, admitHolder, admitLease } from "./admission.js";
import type { Lease, LeaseOutcome, LeaseStore } from "./lease.js";
import { leaseOver, staleTerm } from "./refusal.js";

interface Held extends Omit<Lease, "remainingMs"> {
  /** Infinity for a leadership without an end of its own. */
  readonly endsAtMs: number;
}

export interface MemoryLease {
  readonly leases: LeaseStore & { acquireTerm(holder: string): Promise<Result<Term>> };
  /** Why nothing may be written under this term now; undefined where it may. */
  refusalOf(term: Term): Extract<Result<never>, { ok: false }> | undefined;
}

export function memoryLease(read: <T>(answer: () => Result<T>) => Promise<Result<T>>, nowMs: () => number): MemoryLease {
  let held: Held = { term: 0, endsAtMs: Infinity };
  const lasts = (): boolean => held.endsAtMs > nowMs();

  function refusalOf(under: Term): Extract<Result<never>, { ok: false }> | undefined {
    if (under !== held.term) return staleTerm(under, held.term);
    return lasts() ? undefined : leaseOver(under);
  }

  function shown(): Lease {
    const { endsAtMs, ...rest } = held;
    return endsAtMs === Infinity ? rest : { ...rest, remainingMs: Math.max(0, endsAtMs - nowMs()) };
  }

  return {
    refusalOf,
    leases: {
      acquireTerm: (holder) =>
        read(() => {
          const admitted = admitHolder(holder);
          if (!admitted.ok) return admitted;
          held = { term: held.term + 1, holder: admitted.value, endsAtMs: Infinity };
          return ok(held.term);
        }),
      acquireLease: (request) =>
        read((): Result<LeaseOutcome> => {
          const admitted = admitLease(request);
          if (!admitted.ok) return admitted;
          if (held.endsAtMs !== Infinity && lasts()) return ok({ kind: "held", lease: shown() });
          const { durationMs, ...who } = admitted.value;
          held = { term: held.term + 1, ...who, endsAtMs: nowMs() + durationMs };
          return ok({ kind: "acquired", term: held.term });
        }),
      renewLease: (term, durationMs) =>
        read(() => {
          const admitted = admitDuration(durationMs);
          if (!admitted.ok) return admitted;
          const refusal = refusalOf(term) ?? (held.endsAtMs === Infinity ? leaseOver(term) : undefined);
          if (refusal !== undefined) return refusal;
          held = { ...held, endsAtMs: nowMs() + admitted.value };
          return ok(undefined);
        }),
      releaseLease: (term) =>
        read(() => {
          const refusal = refusalOf(term);
          if (refusal !== undefined) return refusal;
          held = { ...held, endsAtMs: nowMs() };
          return ok(undefined);
        }),
      readLease: () => read(() => ok(shown())),
    },
  };
}
