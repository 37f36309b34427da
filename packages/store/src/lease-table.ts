/**
 * The lease in PostgreSQL. Each change is one statement, so nobody can be stopped in the middle of one and keep others waiting; who needs both
 * rows locks that of the lease first, then that of the leadership. What decides is `clock_timestamp()`: the time after a lock was waited for.
 */
import { fault, ok, refuse, type Result, type Term } from "@sluice/model";
import type { PrismaClient } from "../generated/prisma/client.js";
import { admitDuration, admitHolder, admitLease } from "./admission.js";
import type { Lease, LeaseOutcome, LeaseStore } from "./lease.js";
import { leaseOver, staleTerm } from "./refusal.js";

type Guarded = <T>(call: () => Promise<Result<T>>) => Promise<Result<T>>;

interface Row {
  readonly term: Term;
  readonly holder: string | null;
  readonly rest_address: string | null;
  readonly grpc_address: string | null;
  readonly remaining_ms: number | null;
  readonly lasts: boolean;
}

/** `leases` may have connections of its own: a renewal must not wait until one of many readers gives one back. */
export function leaseTable(leases: PrismaClient, guarded: Guarded): LeaseStore & { acquireTerm(holder: string): Promise<Result<Term>> } {
  async function row(): Promise<Row> {
    const [found] = await leases.$queryRaw<Row[]>`
      SELECT term, holder, rest_address, grpc_address, (EXTRACT(EPOCH FROM expires_at - clock_timestamp()) * 1000)::float8 AS remaining_ms,
        (expires_at IS NULL OR expires_at > clock_timestamp()) AS lasts
      FROM lease WHERE id = 1`;
    if (found === undefined) throw new Error("the row of the lease is missing");
    return found;
  }

  /** After a change that found no row to change. */
  async function whyNot(term: Term): Promise<Extract<Result<never>, { ok: false }>> {
    const { term: current } = await row();
    return term === current ? leaseOver(term) : staleTerm(term, current);
  }

  return {
    acquireTerm: async (holder) => {
      const admitted = admitHolder(holder);
      if (!admitted.ok) return admitted;
      return guarded(async () => {
        const [taken] = await leases.$queryRaw<{ term: Term }[]>`
          WITH locked AS MATERIALIZED (SELECT id FROM lease WHERE id = 1 FOR UPDATE),
          lead AS (UPDATE leadership SET term = leadership.term + 1 FROM locked WHERE leadership.id = 1 RETURNING leadership.term),
          taken AS (
            UPDATE lease SET term = lead.term, holder = ${admitted.value}, rest_address = NULL, grpc_address = NULL, expires_at = NULL
            FROM lead WHERE lease.id = 1
          )
          INSERT INTO term (term, holder) SELECT lead.term, ${admitted.value} FROM lead RETURNING term`;
        if (taken === undefined) return refuse(fault("store-failed", "The store is damaged: the row of the leadership is missing."));
        return ok(taken.term);
      });
    },

    acquireLease: async (request) => {
      const admitted = admitLease(request);
      if (!admitted.ok) return admitted;
      const { holder, restAddress, grpcAddress, durationMs } = admitted.value;
      return guarded(async (): Promise<Result<LeaseOutcome>> => {
        const before = await row();
        // Candidates ask often: they lock nothing while there is nothing to be had.
        if (before.lasts && before.remaining_ms !== null) return ok({ kind: "held", lease: leaseOf(before) });
        const [taken] = await leases.$queryRaw<{ term: Term }[]>`
          WITH free AS MATERIALIZED (
            SELECT id FROM lease WHERE id = 1 AND (expires_at IS NULL OR expires_at <= clock_timestamp()) FOR UPDATE
          ),
          lead AS (UPDATE leadership SET term = leadership.term + 1 FROM free WHERE leadership.id = 1 RETURNING leadership.term),
          taken AS (
            UPDATE lease SET term = lead.term, holder = ${holder}, rest_address = ${restAddress}, grpc_address = ${grpcAddress},
              expires_at = clock_timestamp() + ${durationMs}::int * INTERVAL '1 millisecond'
            FROM lead WHERE lease.id = 1
          )
          INSERT INTO term (term, holder) SELECT lead.term, ${holder} FROM lead RETURNING term`;
        return ok(taken === undefined ? { kind: "held", lease: leaseOf(await row()) } : { kind: "acquired", term: taken.term });
      });
    },

    renewLease: async (term, durationMs) => {
      const admitted = admitDuration(durationMs);
      if (!admitted.ok) return admitted;
      return guarded(async () => {
        const count = await leases.$executeRaw`
          UPDATE lease SET expires_at = clock_timestamp() + ${admitted.value}::int * INTERVAL '1 millisecond'
          WHERE id = 1 AND term = ${term} AND expires_at > clock_timestamp()`;
        return count === 1 ? ok(undefined) : whyNot(term);
      });
    },

    releaseLease: (term) =>
      guarded(async () => {
        const count = await leases.$executeRaw`
          UPDATE lease SET expires_at = clock_timestamp()
          WHERE id = 1 AND term = ${term} AND (expires_at IS NULL OR expires_at > clock_timestamp())`;
        return count === 1 ? ok(undefined) : whyNot(term);
      }),

    readLease: () => guarded(async () => ok(leaseOf(await row()))),
  };
}

function leaseOf({ term, holder, rest_address: restAddress, grpc_address: grpcAddress, remaining_ms: remainingMs }: Row): Lease {
  return {
    term,
    ...(holder === null ? {} : { holder }),
    ...(restAddress === null ? {} : { restAddress }),
    ...(grpcAddress === null ? {} : { grpcAddress }),
    ...(remainingMs === null ? {} : { remainingMs: Math.max(0, remainingMs) }),
  };
}
