/** Plans in the database. */
import type { Epoch, PlanTimings } from "@sluice/model";
import type { Plan as PlanRow, Prisma } from "../generated/prisma/client.js";
import type { EncodedCycleInput } from "./document.js";
import type { PlanSummary } from "./store.js";

/**
 * A plan with what it was computed from and the assignments after it, where its epoch follows the newest: returns the epoch that was the newest, and has
 * written nothing where that is another one. One statement: each would wait for its turn on a busy event loop.
 */
export async function insertPlan(
  tx: Prisma.TransactionClient,
  plan: {
    readonly summary: PlanSummary;
    readonly planHash: string;
    readonly input: EncodedCycleInput;
    readonly assignmentsHash: string;
  },
): Promise<Epoch> {
  const { planHash, input, assignmentsHash } = plan;
  const { epoch, term, createdAt, timings, rulesDigest, ruleCount, rung, demandBps, admittedBps, utilizationMax } = plan.summary;
  const [row] = await tx.$queryRaw<{ last: Epoch }[]>`
    WITH newest AS (SELECT coalesce(max(epoch), 0)::integer AS epoch FROM plan),
    following AS (SELECT epoch FROM newest WHERE epoch + 1 = ${epoch}::integer),
    input AS (
      INSERT INTO cycle_input (hash, topology_hash, demands_hash, settings_hash, assignments_hash)
      SELECT ${input.hash}, ${input.topology.hash}, ${input.demands.hash}, ${input.settings.hash}, ${input.assignmentsBefore.hash} FROM following
      ON CONFLICT (hash) DO NOTHING
    ),
    made AS (
      INSERT INTO plan (epoch, term, created_at, cycle_input_hash, plan_hash, timings, rules_digest, rule_count, rung, demand_bps, admitted_bps,
        utilization_max)
      SELECT ${epoch}::integer, ${term}::integer, ${createdAt}::timestamptz, ${input.hash}, ${planHash}, ${JSON.stringify(timings)}::json,
        ${rulesDigest}, ${ruleCount}::integer, ${rung}::rung, ${demandBps}::float8, ${admittedBps}::float8, ${utilizationMax}::float8
      FROM following
    ),
    assigned AS (
      INSERT INTO inventory_item (kind, version, term, document_hash)
      SELECT 'assignments'::inventory_kind, 1, ${term}::integer, ${assignmentsHash} FROM following
      ON CONFLICT (kind) DO UPDATE
      SET version = inventory_item.version + 1, term = EXCLUDED.term, document_hash = EXCLUDED.document_hash, updated_at = now()
    )
    SELECT epoch AS last FROM newest`;
  return row?.last ?? 0;
}

export function summaryOf(row: PlanRow): PlanSummary {
  const { epoch, term, createdAt, cycleInputHash, rulesDigest, ruleCount, rung, demandBps, admittedBps, utilizationMax } = row;
  return {
    epoch,
    term,
    createdAt: createdAt.toISOString(),
    cycleInputHash,
    timings: row.timings as PlanTimings,
    rulesDigest,
    ruleCount,
    rung,
    demandBps,
    admittedBps,
    utilizationMax,
  };
}
