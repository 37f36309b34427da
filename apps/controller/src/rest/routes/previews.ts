/** Looking before leaping: previews, what-ifs, path checks, and the jobs that compute them. */
import { randomUUID } from "node:crypto";
import { deserialize } from "node:v8";
import type { ProposalReply } from "@sluice/control";
import {
  admit,
  fault,
  ok,
  protectionDefault,
  refuse,
  type DemandMatrix,
  type Proposal,
  type ProtectionSettings,
  type RequestedBy,
  type Result,
} from "@sluice/model";
import { changedSnapshot, parseInputChanges, parseWhatIfChanges, type FailureChoice, type WhatIfChanges } from "@sluice/preview";
import { publicFault, under } from "@sluice/wire";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { PreviewSolvers, RestDeps } from "../deps.js";
import { jobRegistry, type Job, type JobKind, type JobRegistry } from "../jobs.js";
import { sendJson } from "../json-bytes.js";
import { declareDelete, declareGet, declarePost } from "../route.js";
import {
  appliedSchema,
  applyAskedSchema,
  failuresAskedSchema,
  jobSchema,
  jobsSchema,
  pathCheckAskedSchema,
  pathCheckSchema,
  previewAskedSchema,
  previewSchema,
  whatIfAskedSchema,
} from "../schemas/preview.js";
import { standingOf } from "../standing.js";

/** Largest question, bytes: some ten thousand changes. */
const questionBytesMax = 8 << 20;

const idPath = z.strictObject({ id: z.string().regex(/^[0-9a-f-]{1,64}$/, "must be the id of a job") });

type Deps = Pick<RestDeps, "view" | "submit"> & { readonly solvers: PreviewSolvers };

type FailuresAsked = z.output<typeof failuresAskedSchema>;
const noDemands: DemandMatrix = { kind: "demand-matrix", name: "none", demands: [] };

/** Returns the jobs, for those who count them. */
export function declarePreviewRoutes(app: FastifyInstance, deps: Deps): JobRegistry {
  const jobs = jobRegistry({ newId: randomUUID, nowMs: Date.now });
  app.addHook("onClose", async () => jobs.close());
  declareJobRoutes(app, jobs);
  declareQuestions(app, deps, jobs);
  declareApply(app, deps, jobs);
  declarePathCheck(app, deps);
  return jobs;
}

function declareJobRoutes(app: FastifyInstance, jobs: JobRegistry): void {
  declareGet(
    app,
    {
      url: "/v1/jobs",
      tag: "plans",
      role: "viewer",
      summary: "Previews and what-ifs that wait, are computed or have ended",
      response: jobsSchema,
    },
    () => ok({ items: jobs.list().map(jobBody) }),
  );
  declareGet(
    app,
    {
      url: "/v1/jobs/:id",
      tag: "plans",
      role: "viewer",
      summary: "How far a job is, and where its answer is once it is done",
      params: idPath,
      response: jobSchema,
      refusals: [404],
    },
    ({ params }) => found(jobs.get(params.id), params.id),
  );
  declareDelete(
    app,
    {
      url: "/v1/jobs/:id",
      tag: "plans",
      role: "operator",
      summary: "Cancels a job that waits or is computed; one that has ended stays as it is",
      params: idPath,
      response: jobSchema,
      refusals: [404],
    },
    ({ params }) => found(jobs.cancel(params.id), params.id),
  );
}

function declareQuestions(app: FastifyInstance, { view, solvers }: Deps, jobs: JobRegistry): void {
  /** Refused at once where it can be seen that it cannot be answered; else a job, which asks on the state of its own turn. */
  function submit(kind: JobKind, changes: WhatIfChanges, asked: FailuresAsked, by: RequestedBy): Result<z.input<typeof jobSchema>> {
    const now = standingOf(view());
    if (!now.ok) return now;
    // Demand that is there already cannot be at fault, and may be long.
    const checked = changedSnapshot({ ...now.value.ground, demands: noDemands }, changes);
    if (!checked.ok) return checked;
    const submitted = jobs.submit({ kind, actor: by.actor }, async (hooks) => {
      const standing = standingOf(view());
      if (!standing.ok) return standing;
      const { protection } = { ...standing.value.ground.settings, ...changes.settings };
      const failures = asked === undefined ? {} : { failures: failureChoice(asked, protection) };
      return solvers.job({ kind, standing: standing.value, changes, ...failures }, hooks);
    });
    return submitted.ok ? ok(jobBody(submitted.value)) : submitted;
  }
  const location = ({ id }: { readonly id: string }): string => `/v1/jobs/${id}`;

  declarePost(
    app,
    {
      url: "/v1/previews",
      tag: "plans",
      role: "operator",
      summary: "Asks for the plan that would follow from changed inputs; it can be applied",
      description:
        "Answers with a job. Its result: the plan, what it would make otherwise against the newest plan, and a failure report where one is asked for.",
      asked: previewAskedSchema,
      judged: "inside",
      bodyBytesMax: questionBytesMax,
      response: jobSchema,
      status: 202,
      location,
      idempotent: true,
      refusals: [404],
    },
    ({ body, by }) => {
      const parsed = withFailures(body, parseInputChanges);
      return parsed.ok ? submit("preview", parsed.value.changes, parsed.value.failures, by) : parsed;
    },
  );
  declarePost(
    app,
    {
      url: "/v1/what-ifs",
      tag: "plans",
      role: "viewer",
      summary: "Asks what would be if: elements fail or are drained, demand or capacity changes",
      description: "Answers with a job. On the state of now, which is not touched; what it finds cannot be applied.",
      asked: whatIfAskedSchema,
      judged: "inside",
      bodyBytesMax: questionBytesMax,
      response: jobSchema,
      status: 202,
      location,
      idempotent: true,
      refusals: [404],
    },
    ({ body, by }) => {
      const parsed = withFailures(body, parseWhatIfChanges);
      return parsed.ok ? submit("what-if", parsed.value.changes, parsed.value.failures, by) : parsed;
    },
  );
  for (const kind of ["preview", "what-if"] as const) {
    declareGet(
      app,
      {
        url: `/v1/${kind}s/:id`,
        tag: "plans",
        role: "viewer",
        summary: kind === "preview" ? "What a preview found" : "What a what-if found",
        params: idPath,
        response: previewSchema,
        refusals: [404],
      },
      ({ params, reply }) => answerOf(jobs, kind, params.id, reply),
    );
  }
}

/** The changes are judged where every ingress has them judged; failures are asked for here alone. */
function withFailures<T>(
  body: unknown,
  parse: (value: unknown) => Result<T>,
): Result<{ readonly changes: T; readonly failures: FailuresAsked }> {
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  const { failures, ...rest } = isObject ? (body as Readonly<Record<string, unknown>>) : {};
  const asked = admit(failuresAskedSchema, failures, ["failures"]);
  if (!asked.ok) return asked;
  const changes = parse(isObject ? rest : body);
  return changes.ok ? ok({ changes: changes.value, failures: asked.value }) : changes;
}

function failureChoice(
  { kinds, layers, pairs, seed }: NonNullable<FailuresAsked>,
  protection: ProtectionSettings | undefined,
): FailureChoice {
  return {
    choice: {
      kinds: kinds ?? protection?.scenarios ?? protectionDefault.scenarios,
      drains: protection?.drains ?? [],
      ...(pairs === undefined ? {} : { pairs: { countMax: pairs, seed } }),
    },
    layers,
  };
}

function declareApply(app: FastifyInstance, { submit }: Deps, jobs: JobRegistry): void {
  declarePost(
    app,
    {
      url: "/v1/previews/:id/apply",
      tag: "plans",
      role: "operator",
      summary: "Applies a preview: its changes and its plan, together",
      description:
        "Refused as `stale-version` where topology, settings, demands (unless tolerated) or reported states are others than those it was made on, one fault for each; " +
        "and as `blast-radius` where it does more than the limits allow without `force`.",
      params: idPath,
      asked: applyAskedSchema,
      response: appliedSchema,
      idempotent: true,
      refusals: [404, 412],
    },
    async ({ params, body, by }) => {
      const proposal = proposalOf(jobs, params.id);
      if (!proposal.ok) return proposal;
      const { force, tolerateDemands, confirmWithinSeconds } = body;
      const applied = await submit({
        kind: "apply-proposal",
        by,
        proposal: proposal.value,
        force,
        tolerateDemands,
        ...(confirmWithinSeconds === undefined ? {} : { confirmWithinSeconds }),
      });
      if (!applied.ok) return applied;
      const { epoch, topologyVersion, settingsVersion, confirmByMs } = applied.value as ProposalReply;
      return ok({ epoch, topologyVersion, settingsVersion, ...confirmBy(confirmByMs) });
    },
  );
}

export function confirmBy(ms: number | undefined): { readonly confirmBy?: string } {
  return ms === undefined ? {} : { confirmBy: new Date(ms).toISOString() };
}

/** The machine believes nothing of it; the bytes are those that our own process made. */
function proposalOf(jobs: JobRegistry, id: string): Result<Proposal> {
  const bytes = jobs.answer(id)?.proposal;
  if (bytes === undefined) return missing(jobs.get(id), "preview", id);
  return ok(deserialize(bytes) as Proposal);
}

function answerOf(jobs: JobRegistry, kind: JobKind, id: string, reply: FastifyReply): Result<never> {
  const job = jobs.get(id);
  const answer = job?.kind === kind ? jobs.answer(id) : undefined;
  return answer === undefined ? missing(job, kind, id) : sendJson(reply, answer.document);
}

function missing(job: Job | undefined, kind: JobKind, id: string): Result<never> {
  if (job === undefined || job.kind !== kind) return refuse(fault("not-found", `There is no ${kind} ${id}, or none any more.`));
  const where = `see /v1/jobs/${id}`;
  if (job.state === "failed" && job.faults !== undefined) return { ok: false, faults: job.faults };
  return refuse(fault("not-found", `The ${kind} is ${job.state}, and has no answer; ${where}.`));
}

function found(job: Job | undefined, id: string): Result<z.input<typeof jobSchema>> {
  return job === undefined ? refuse(fault("not-found", `There is no job ${id}, or none any more.`)) : ok(jobBody(job));
}

function jobBody({ createdAtMs, startedAtMs, endedAtMs, faults, ...job }: Job): z.input<typeof jobSchema> {
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    ...job,
    createdAt: time(createdAtMs),
    ...(startedAtMs === undefined ? {} : { startedAt: time(startedAtMs) }),
    ...(endedAtMs === undefined ? {} : { endedAt: time(endedAtMs) }),
    ...(job.state === "done" ? { result: `/v1/${job.kind}s/${job.id}` } : {}),
    ...(faults === undefined ? {} : { faults: faults.map(publicFault) }),
  };
}

function declarePathCheck(app: FastifyInstance, { view, solvers }: Deps): void {
  declarePost(
    app,
    {
      url: "/v1/path-checks",
      tag: "plans",
      role: "viewer",
      summary: "Whether a demand could be met beside what is admitted now, how, and what binds",
      asked: pathCheckAskedSchema,
      response: pathCheckSchema,
      isSafe: true,
      refusals: [404, 422, 504],
    },
    async ({ body }) => {
      const now = standingOf(view());
      if (!now.ok) return now;
      const { ground, plan } = now.value;
      const { latencyMsMax, ...demand } = body;
      const snapshot = { topology: ground.topology, demands: noDemands, settings: ground.settings };
      const checked = await solvers.pathCheck({
        snapshot,
        demand,
        ...(plan === undefined ? {} : { plan: plan.plan }),
        ...(latencyMsMax === undefined ? {} : { latencyMsMax }),
      });
      return checked.ok ? ok(checked.value as unknown as z.input<typeof pathCheckSchema>) : under(["body"], checked);
    },
  );
}
