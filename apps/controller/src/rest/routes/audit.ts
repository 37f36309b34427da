/** The audit log: who changed what, and whether anybody has been at it. */
import { auditStart, auditVerifier, fault, ok, refuse, type AuditPosition, type AuditVerifier, type Result } from "@sluice/model";
import { pageLimitMax, type Store } from "@sluice/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { RestDeps } from "../deps.js";
import { cursorOf, cursorSchema, keyOf, limitSchema, wholeNumber } from "../page.js";
import { declareGet, parameterFault } from "../route.js";
import { auditSchema, auditVerificationSchema } from "../schemas/events.js";

/** Entries that one verification looks at: some seconds of the store's time. */
const verifiedMax = 100_000;

const sequenceSchema = wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER });

export function declareAuditRoutes(app: FastifyInstance, { store }: Pick<RestDeps, "store">): void {
  let isVerifying = false;

  declareGet(
    app,
    {
      url: "/v1/audit",
      tag: "operation",
      role: "admin",
      summary: "Change requests and their outcomes, newest first",
      query: z.strictObject({
        actor: z.string().min(1).max(256).optional(),
        request: z
          .string()
          .regex(/^[A-Za-z0-9._-]{1,64}$/, "must be the id of a request")
          .optional()
          .meta({ description: "The id of a request (`x-request-id`)." }),
        limit: limitSchema(pageLimitMax, 100),
        cursor: cursorSchema.optional(),
      }),
      response: auditSchema,
      refusals: [422],
    },
    async ({ query: { actor, request, limit, cursor } }) => {
      const key = keyOf(cursor);
      if (!key.ok) return key;
      if (key.value !== undefined && !/^[1-9][0-9]{0,14}$/.test(key.value)) {
        return refuse(parameterFault("cursor", "The cursor is not one that this list gave out."));
      }
      const listed = await store.listAudit({
        order: "newest-first",
        limit,
        ...(key.value !== undefined && { before: Number(key.value) }),
        ...(actor !== undefined && { actor }),
        ...(request !== undefined && { requestId: request }),
      });
      if (!listed.ok) return listed;
      const last = listed.value.at(-1);
      const more = last !== undefined && listed.value.length === limit && last.sequence > 1;
      return ok({ items: [...listed.value], ...(more && { nextCursor: cursorOf(String(last.sequence)) }) });
    },
  );

  declareGet(
    app,
    {
      url: "/v1/audit/verification",
      tag: "operation",
      role: "admin",
      summary: "Whether the audit log is what was written, and where not",
      description:
        "Walks the chain of hashes. Who can write to the database can rewrite the whole chain, or cut off its end: against that, note `head` elsewhere " +
        "and give it later as `knownSequence` and `knownHash`. The controller's log has the hash of each entry, too.",
      query: z
        .strictObject({
          after: sequenceSchema
            .optional()
            .meta({ description: `Begins behind this entry, which is trusted. ${verifiedMax} entries are looked at.` }),
          knownSequence: sequenceSchema.optional(),
          knownHash: z
            .string()
            .regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex")
            .optional(),
        })
        .refine(({ knownSequence, knownHash }) => (knownSequence === undefined) === (knownHash === undefined), {
          message: "knownSequence and knownHash go together",
        }),
      response: auditVerificationSchema,
      refusals: [404],
    },
    async ({ query: { after = 0, knownSequence, knownHash } }) => {
      if (isVerifying) return refuse(fault("unavailable", "The audit log is being verified already; try again later."));
      isVerifying = true;
      try {
        const from = await positionOf(store, after);
        if (!from.ok) return from;
        const known = knownSequence === undefined || knownHash === undefined ? {} : { known: { sequence: knownSequence, hash: knownHash } };
        const verifier = auditVerifier({ from: from.value, ...known });
        const isWhole = await walk(store, verifier, after);
        if (!isWhole.ok) return isWhole;
        const { open, breaks, head, ...found } = verifier.result({ isWhole: isWhole.value });
        return ok({
          ...found,
          head: { sequence: head.sequence, hash: head.hash },
          open: [...open],
          breaks: [...breaks],
          ...(!isWhole.value && { nextAfter: head.sequence }),
        });
      } finally {
        isVerifying = false;
      }
    },
  );
}

async function positionOf(store: Pick<Store, "listAudit">, sequence: number): Promise<Result<AuditPosition>> {
  if (sequence === 0) return ok(auditStart);
  const listed = await store.listAudit({ order: "oldest-first", after: sequence - 1, before: sequence + 1, limit: 1 });
  if (!listed.ok) return listed;
  const [entry] = listed.value;
  return entry === undefined ? refuse(fault("not-found", `There is no entry ${sequence}.`, { pointer: "/query/after" })) : ok(entry);
}

/** In pages, so that the event loop turns in between. Resolves with whether the end was reached. */
async function walk(store: Pick<Store, "listAudit">, verifier: AuditVerifier, after: number): Promise<Result<boolean>> {
  let at = after;
  for (let looked = 0; looked < verifiedMax; looked += pageLimitMax) {
    const page = await store.listAudit({ order: "oldest-first", after: at, limit: pageLimitMax });
    if (!page.ok) return page;
    verifier.take(page.value);
    if (page.value.length < pageLimitMax) return ok(true);
    at = page.value.at(-1)?.sequence ?? at;
  }
  return ok(false);
}
