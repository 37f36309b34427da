/** Bodies of the journal, of what it tells about requests and plans, and of the audit log. */
import { auditPhases } from "@sluice/model";
import { z } from "zod";
import { count, id, instant, nextCursor, rate } from "./network.js";
import { rungSchema } from "./plan.js";

const sequence = count.meta({ description: "From 1, without gaps." });

export const eventSchema = z
  .strictObject({ sequence, at: instant, kind: z.string(), data: z.record(z.string(), z.unknown()) })
  .meta({ id: "Event" });

export const eventsSchema = z
  .strictObject({
    items: z.array(eventSchema).meta({ description: "Oldest first." }),
    nextAfter: count.meta({ description: "Pass as `after` for what comes next, now or later." }),
  })
  .meta({ id: "EventPage" });

const bySchema = z
  .strictObject({ actor: z.string(), correlationId: z.string() })
  .meta({ id: "RequestedBy", description: "Who asked, in which request." });

export const historySchema = z
  .strictObject({
    correlationId: z.string(),
    items: z.array(
      eventSchema.extend({
        follows: z.enum(["request", "plan"]).meta({
          description: "request: it names the request itself; plan: it is about a plan that the request led to.",
        }),
      }),
    ),
    epochs: z.array(count).meta({ description: "The plans that the request led to." }),
    isWhole: z.boolean().meta({ description: "False where more followed than is listed." }),
  })
  .meta({ id: "History" });

export const planHistorySchema = z
  .strictObject({
    items: z
      .array(
        z.strictObject({
          epoch: count,
          createdAt: instant,
          rung: rungSchema,
          demandBps: rate,
          admittedBps: rate,
          by: bySchema.optional().meta({ description: "Absent where no request asked for it: the controller planned by itself." }),
          events: z
            .array(z.strictObject({ sequence, at: instant, kind: z.string() }))
            .meta({ description: "What became of it, oldest first." }),
        }),
      )
      .meta({ description: "Newest first." }),
    nextCursor,
  })
  .meta({ id: "PlanHistoryPage" });

const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const auditEntrySchema = z
  .strictObject({
    sequence,
    term: count,
    at: instant,
    phase: z.enum(auditPhases).meta({
      description:
        "request: written before the change was attempted; outcome: what came of it (`of`), written before the answer; both: nothing was attempted.",
    }),
    requestId: id,
    actor: z.string(),
    role: z.string(),
    method: z.string(),
    route: z.string(),
    resource: z.string(),
    bodyHash: hash.optional().meta({ description: "SHA-256 of the body as it came." }),
    of: count.optional().meta({ description: "Of an outcome: the number of its request." }),
    status: z.int().optional(),
    code: z.string().optional(),
    previousHash: hash,
    hash: hash.meta({ description: "SHA-256 of the previous hash, a line feed, and the canonical JSON of all other fields." }),
  })
  .meta({ id: "AuditEntry" });

export const auditSchema = z.strictObject({ items: z.array(auditEntrySchema), nextCursor }).meta({ id: "AuditPage" });

export const auditVerificationSchema = z
  .strictObject({
    verdict: z.enum(["intact", "broken"]),
    checked: count,
    head: z
      .strictObject({ sequence: count, hash })
      .meta({ description: "The last entry that was looked at: note it elsewhere, and give it as `knownSequence` and `knownHash` later." }),
    open: z
      .array(count)
      .meta({ description: "Requests without an outcome: under way, or cut short by the end of their controller. The first 100." }),
    openCount: count,
    breaks: z.array(
      z.strictObject({
        sequence: count,
        reason: z.enum(["sequence", "previous-hash", "content", "outcome", "known-position"]),
        message: z.string(),
      }),
    ),
    nextAfter: count.optional().meta({ description: "There is more than one request looks at: go on with `after`." }),
  })
  .meta({ id: "AuditVerification" });
