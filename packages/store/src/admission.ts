/** What every store checks before it writes, so that both versions refuse the same things in the same words. */
import { z } from "zod";
import {
  admit,
  auditPhases,
  canonicalJson,
  fault,
  isId,
  ok,
  refuse,
  type AuditDraft,
  type Epoch,
  type Result,
  type Term,
} from "@sluice/model";
import { encodeCycleInput, encodeDocument, encodeOnce, type EncodedCycleInput, type EncodedDocument } from "./document.js";
import { instantSchema } from "./instant.js";
import { leaseMsMax, type LeaseRequest } from "./lease.js";
import {
  auditPerAppendMax,
  eventsPerAppendMax,
  pageLimitMax,
  type AssignmentsDocument,
  type AuditPage,
  type CycleInput,
  type EventPage,
  type EventRecord,
  type PlanRecord,
  type PlanSummary,
} from "./store.js";

const nameSchema = z.string().refine(isId, "must be 1 to 128 printable characters without a blank at either end");
const hashSchema = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex");
const wholeNumber = z.int().min(0);
/** Largest value of a column of type INTEGER. */
const integerMax = 2_147_483_647;

const holderSchema = z.strictObject({ holder: nameSchema });

const durationSchema = z.int().min(1).max(leaseMsMax);
const leaseSchema = z.strictObject({ holder: nameSchema, restAddress: nameSchema, grpcAddress: nameSchema, durationMs: durationSchema });

/** What the store itself relies on; a plan's content is the checker's business. */
const planRecordSchema = z.looseObject({
  epoch: z.int().min(1).max(integerMax),
  createdAt: instantSchema,
  cycleInputHash: hashSchema,
  rulesDigest: z.string().min(1).max(256).refine(isId, "must be printable"),
  ruleCount: wholeNumber.max(integerMax),
});

const eventsSchema = z
  .array(
    z.strictObject({
      at: instantSchema,
      kind: z
        .string()
        .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, "must be words in lower case joined by -")
        .max(64),
      data: z.custom<Readonly<Record<string, unknown>>>((value) => typeof value === "object" && value !== null && !Array.isArray(value)),
    }),
  )
  .max(eventsPerAppendMax);

const correlationIdSchema = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "must be 1 to 64 letters, digits or . _ -");

const eventPageSchema = z.strictObject({
  after: wholeNumber.optional(),
  through: wholeNumber.optional(),
  kinds: z.array(z.string().max(64)).min(1).max(100).optional(),
  correlationId: correlationIdSchema.optional(),
  epochs: z.array(z.int().min(1).max(integerMax)).min(1).max(pageLimitMax).optional(),
  limit: z.int().min(1).max(pageLimitMax),
});

/** What every database keeps as it is: no control characters, no lone surrogates. */
const printable = (charactersMax: number) =>
  z
    .string()
    .min(1)
    .max(charactersMax)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must be printable");

const auditDraftsSchema = z
  .array(
    z.strictObject({
      at: instantSchema,
      phase: z.enum(auditPhases),
      requestId: correlationIdSchema,
      actor: printable(256),
      role: printable(64),
      method: z.string().regex(/^[A-Z]{1,16}$/, "must be a method of HTTP"),
      route: printable(256),
      resource: printable(2_048),
      bodyHash: hashSchema.optional(),
      of: z.int().min(1).optional(),
      status: z.int().min(100).max(599).optional(),
      code: printable(64).optional(),
    }),
  )
  .max(auditPerAppendMax);

const auditPageSchema = z.strictObject({
  after: wholeNumber.optional(),
  before: wholeNumber.optional(),
  order: z.enum(["oldest-first", "newest-first"]),
  requestId: correlationIdSchema.optional(),
  actor: printable(256).optional(),
  limit: z.int().min(1).max(pageLimitMax),
});

const pageSchema = z.strictObject({
  before: wholeNumber.optional(),
  after: wholeNumber.optional(),
  limit: z.int().min(1).max(pageLimitMax),
});
export type Page = z.output<typeof pageSchema>;

export function admitHolder(holder: string): Result<string> {
  const admitted = admit(holderSchema, { holder });
  return admitted.ok ? ok(admitted.value.holder) : admitted;
}

export function admitLease(request: LeaseRequest): Result<LeaseRequest> {
  return admit(leaseSchema, request);
}

export function admitDuration(durationMs: number): Result<number> {
  const admitted = admit(z.strictObject({ durationMs: durationSchema }), { durationMs });
  return admitted.ok ? ok(admitted.value.durationMs) : admitted;
}

export function admitPage(page: z.input<typeof pageSchema>): Result<Page> {
  return admit(pageSchema, page);
}

export function admitEventPage(page: EventPage): Result<EventPage> {
  const admitted = admit(eventPageSchema, page);
  return admitted.ok ? ok(without(admitted.value)) : admitted;
}

export function admitAuditPage(page: AuditPage): Result<AuditPage> {
  const admitted = admit(auditPageSchema, page);
  return admitted.ok ? ok(without(admitted.value)) : admitted;
}

export function admitAudit(drafts: readonly AuditDraft[]): Result<readonly AuditDraft[]> {
  const admitted = admit(auditDraftsSchema, drafts, ["entries"]);
  return admitted.ok ? ok(admitted.value.map(without)) : admitted;
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The same without its undefined fields. */
function without<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Present<T>;
}

export interface AdmittedPlan {
  readonly record: PlanRecord;
  readonly summary: PlanSummary;
  readonly plan: EncodedDocument;
  readonly input: EncodedCycleInput;
  readonly assignmentsAfter: EncodedDocument;
}

export function admitPlan({
  under,
  record,
  input,
  assignmentsAfter,
}: {
  readonly under: Term;
  readonly record: PlanRecord;
  readonly input: CycleInput;
  readonly assignmentsAfter: AssignmentsDocument;
}): Result<AdmittedPlan> {
  if (record.term !== under) {
    return refuse(fault("malformed", `A plan of term ${record.term} cannot be stored under term ${under}.`, { pointer: "/plan/term" }));
  }
  const admitted = admit(planRecordSchema, record, ["plan"]);
  if (!admitted.ok) return admitted;
  const plan = encodeOnce(record.plan);
  if (!plan.ok) return plan;
  const after = encodeDocument(assignmentsAfter);
  if (!after.ok) return after;
  const encoded = encodeCycleInput(input);
  if (!encoded.ok) return encoded;
  if (encoded.value.hash !== record.cycleInputHash) {
    return refuse(
      fault("malformed", `The plan names the input ${record.cycleInputHash}, but the input's hash is ${encoded.value.hash}.`, {
        pointer: "/plan/cycleInputHash",
      }),
    );
  }
  const { createdAt } = admitted.value;
  const kept = { ...record, createdAt };
  return ok({ record: kept, summary: summaryOf(kept), plan: plan.value, input: encoded.value, assignmentsAfter: after.value });
}

/** What lists show of a plan, without the plan. */
export function summaryOf(record: PlanRecord): PlanSummary {
  const { plan, ...rest } = record;
  return {
    ...rest,
    rung: plan.rung,
    demandBps: plan.classes.reduce((sum, { demandBps }) => sum + demandBps, 0),
    admittedBps: plan.classes.reduce((sum, { admittedBps }) => sum + admittedBps, 0),
    utilizationMax: plan.check.utilizationMax,
  };
}

export interface AdmittedEvent {
  readonly at: string;
  readonly kind: string;
  /** Canonical JSON. */
  readonly data: string;
  /** What events are found by besides their kind. */
  readonly correlationId?: string;
  readonly epoch?: Epoch;
}

export function admitEvents(events: readonly Omit<EventRecord, "sequence">[]): Result<readonly AdmittedEvent[]> {
  const admitted = admit(eventsSchema, events, ["events"]);
  if (!admitted.ok) return admitted;
  try {
    return ok(admitted.value.map(({ at, kind, data }) => ({ at, kind, data: canonicalJson(data), ...keysOf(data) })));
  } catch (cause) {
    if (cause instanceof RangeError) return refuse(fault("not-finite", `An event cannot be stored: ${cause.message}.`));
    throw cause;
  }
}

/** An event that names no request or no plan in these words is not found by them, and is none the worse. */
function keysOf(data: Readonly<Record<string, unknown>>): Pick<AdmittedEvent, "correlationId" | "epoch"> {
  const { by, epoch } = data;
  const correlation = correlationIdSchema.safeParse(typeof by === "object" && by !== null ? Reflect.get(by, "correlationId") : undefined);
  return {
    ...(correlation.success && { correlationId: correlation.data }),
    ...(typeof epoch === "number" && Number.isInteger(epoch) && epoch >= 1 && epoch <= integerMax && { epoch }),
  };
}
