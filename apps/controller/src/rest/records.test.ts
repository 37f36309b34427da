/** The audit log and the event stream as clients meet them. */
import { createHash } from "node:crypto";
import type { ControllerRequest } from "../driver.js";
import { auditStart, chainAudit, fault, ok, refuse, verifyAudit, type AuditEntry } from "@sluice/model";
import type { Store } from "@sluice/store";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RestDeps } from "./deps.js";
import { buildRest } from "./server.js";
import { watchEvents } from "./testing/event-client.js";
import { planInForce, value, type Fixture } from "./testing/plan-in-force.js";
import { testIssuer, type Issuer } from "./testing/tokens.js";

let fixture: Fixture;
let app: FastifyInstance;
/** What happened, in its order. */
let trace: string[];
let isAway: boolean;
let durable: () => void;
let entriesAs: (entries: readonly AuditEntry[]) => readonly AuditEntry[];

const away = () => refuse(fault("unavailable", "The store is away."));

async function build(more: Partial<RestDeps> = {}): Promise<void> {
  fixture = await planInForce();
  trace = [];
  isAway = false;
  entriesAs = (all) => all;
  const { store } = fixture;
  const traced: Store = {
    ...store,
    async appendAudit(term, drafts) {
      if (isAway) return away();
      const appended = await store.appendAudit(term, drafts);
      for (const { phase } of drafts) trace.push(phase);
      return appended;
    },
    async listAudit(page) {
      const listed = await store.listAudit(page);
      return listed.ok ? ok(entriesAs(listed.value)) : listed;
    },
  };
  const submit = async (request: ControllerRequest) => {
    await Promise.resolve();
    trace.push(request.kind);
    return ok({ version: 3 });
  };
  app = await buildRest({
    ...fixture.deps,
    store: traced,
    submit,
    watchJournal: (told) => {
      durable = told;
      return () => (durable = () => undefined);
    },
    ...more,
  });
}
afterEach(() => app.close());

async function entries(): Promise<readonly AuditEntry[]> {
  return value(await fixture.store.listAudit({ order: "oldest-first", limit: 100 }));
}

const payload = '{ "deadlineSeconds": 3 }';
const patch = (more: { payload?: string; headers?: Record<string, string>; url?: string } = {}) =>
  app.inject({
    method: "PATCH",
    url: more.url ?? "/v1/settings",
    headers: { "content-type": "application/json", "if-match": "*", "x-request-id": "job-7", ...more.headers },
    payload: more.payload ?? payload,
  });

describe("a change request", () => {
  beforeEach(() => build());

  it("is in the audit log before it is attempted, and with its outcome before it is answered", async () => {
    const answer = await patch();
    expect([answer.statusCode, trace]).toEqual([200, ["request", "change-settings", "outcome"]]);
    const [request, outcome] = await entries();
    const asked = {
      requestId: "job-7",
      actor: "anonymous",
      role: "admin",
      method: "PATCH",
      route: "/v1/settings",
      resource: "/v1/settings",
      term: 1,
    };
    expect(request).toMatchObject({ ...asked, phase: "request", bodyHash: createHash("sha256").update(payload).digest("hex") });
    expect(outcome).toMatchObject({ ...asked, phase: "outcome", of: 1, status: 200 });
    expect(request).not.toHaveProperty("status");
    expect(verifyAudit(await entries())).toMatchObject({ verdict: "intact", openCount: 0 });
  });

  it("is refused where the log cannot be written, and nothing is attempted", async () => {
    isAway = true;
    const answer = await patch();
    expect([answer.statusCode, answer.json<{ code: string }>().code, answer.headers["retry-after"]]).toEqual([503, "unavailable", "5"]);
    expect(trace).toEqual([]);
    isAway = false;
    expect((await patch()).statusCode).toBe(200);
    expect(await entries()).toHaveLength(2);
    expect((await app.inject("/metrics")).body).toMatch(/^sluice_audit_write_failures_total 1$/m);
  });

  it("that has been made is answered as made, and says that its outcome is not in the log yet", async () => {
    await app.close();
    await build({
      submit: async () => {
        await Promise.resolve();
        isAway = true;
        return ok({ version: 3 });
      },
    });
    const answer = await patch();
    expect([answer.statusCode, answer.headers["x-audit-outcome"]]).toEqual([200, "pending"]);
    expect((await patch()).statusCode).toBe(503);
    expect((await app.inject("/metrics")).body).toMatch(/^sluice_audit_entries_waiting 1$/m);
    isAway = false;
    while ((await entries()).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await entries()).toMatchObject([{ phase: "request" }, { phase: "outcome", of: 1, status: 200 }]);
  });

  it("that is refused leaves one entry where nothing was attempted, and says why", async () => {
    expect((await patch({ payload: "{" })).statusCode).toBe(400);
    expect((await patch({ headers: { "content-type": "text/csv" } })).statusCode).toBe(415);
    expect((await patch({ headers: { "if-match": '"v999"' } })).statusCode).toBe(412);
    expect(await entries()).toMatchObject([
      { phase: "both", status: 400, code: "malformed" },
      { phase: "both", status: 415, code: "unsupported-media-type" },
      { phase: "request" },
      { phase: "outcome", of: 3, status: 412, code: "stale-version" },
    ]);
    expect(trace).not.toContain("change-settings");
  });

  it("to what is not there is not in the log, nor is what only looks", async () => {
    expect((await app.inject({ method: "POST", url: "/nowhere" })).statusCode).toBe(404);
    expect((await app.inject({ method: "DELETE", url: "/v1/status" })).statusCode).toBe(405);
    expect((await app.inject("/v1/status")).statusCode).toBe(200);
    expect(await entries()).toEqual([]);
  });

  it("has no secret of its query in the log", async () => {
    await patch({ url: "/v1/settings?access_token=secret" });
    const text = JSON.stringify(await entries());
    expect(text).toContain("/v1/settings");
    expect(text).not.toContain("secret");
  });
});

describe("who asks", () => {
  let issuer: Issuer;
  beforeEach(async () => {
    issuer = await testIssuer();
    await build({ auth: issuer.authenticator });
  });

  it("is in the log with the role by which he may or not; strangers are not", async () => {
    const as = (token: string) => patch({ headers: { authorization: `Bearer ${token}` } });
    expect((await as(issuer.byRole.operator)).statusCode).toBe(200);
    expect((await as(issuer.byRole.viewer)).statusCode).toBe(403);
    expect((await as(issuer.bad["expired"] ?? "")).statusCode).toBe(401);
    expect((await patch()).statusCode).toBe(401);
    expect(await entries()).toMatchObject([
      { phase: "request", actor: "a operator", role: "operator" },
      { phase: "outcome", status: 200 },
      { phase: "both", actor: "a viewer", role: "viewer", status: 403, code: "forbidden" },
    ]);
  });
});

describe("the audit log over REST", () => {
  beforeEach(async () => {
    await build();
    for (let i = 0; i < 5; i += 1) await patch({ headers: { "x-request-id": `job-${i}` } });
  });

  it("comes in pages, newest first, by request and by actor", async () => {
    const seen: number[] = [];
    let cursor: string | undefined;
    do {
      const page = (await app.inject(`/v1/audit?limit=3${cursor === undefined ? "" : `&cursor=${cursor}`}`)).json<{
        items: AuditEntry[];
        nextCursor?: string;
      }>();
      seen.push(...page.items.map(({ sequence }) => sequence));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(seen).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect((await app.inject("/v1/audit?request=job-2")).json<{ items: AuditEntry[] }>().items.map(({ sequence }) => sequence)).toEqual([
      6, 5,
    ]);
    expect((await app.inject("/v1/audit?actor=nobody")).json()).toEqual({ items: [] });
    const downloaded = (await app.inject("/v1/audit")).json<{ items: AuditEntry[] }>().items.toReversed();
    expect(verifyAudit(downloaded)).toMatchObject({ verdict: "intact", checked: 10 });
  });

  it("is verified, whole or from an entry on, and against what was noted before", async () => {
    const whole = (await app.inject("/v1/audit/verification")).json<{ head: { sequence: number; hash: string } }>();
    const { head } = whole;
    expect(whole).toEqual({ verdict: "intact", checked: 10, head, open: [], openCount: 0, breaks: [] });
    expect((await app.inject("/v1/audit/verification?after=4")).json()).toMatchObject({ verdict: "intact", checked: 6, head });
    expect((await app.inject(`/v1/audit/verification?knownSequence=10&knownHash=${head.hash}`)).json()).toMatchObject({
      verdict: "intact",
    });
    expect((await app.inject("/v1/audit/verification?after=11")).statusCode).toBe(404);
    expect((await app.inject("/v1/audit/verification?knownSequence=10")).statusCode).toBe(400);
    entriesAs = (all) => all.slice(0, -1);
    expect((await app.inject(`/v1/audit/verification?knownSequence=10&knownHash=${head.hash}`)).json()).toMatchObject({
      verdict: "broken",
      breaks: [{ sequence: 10, reason: "known-position" }],
    });
  });

  it("shows where somebody has been at it", async () => {
    entriesAs = (all) => all.map((entry) => (entry.sequence === 5 ? { ...entry, actor: "mallory" } : entry));
    expect((await app.inject("/v1/audit/verification")).json()).toMatchObject({
      verdict: "broken",
      breaks: [{ sequence: 5, reason: "content" }],
    });
    const anew: AuditEntry[] = [];
    entriesAs = (all) => {
      for (const { sequence: _s, term, previousHash: _p, hash: _h, ...draft } of all)
        anew.push(chainAudit(anew.at(-1) ?? auditStart, draft.requestId === "job-1" ? { ...draft, actor: "mallory" } : draft, term));
      return anew;
    };
    const { head } = (await app.inject("/v1/audit/verification")).json<{ head: { hash: string } }>();
    expect(head.hash).not.toBe((await entries()).at(-1)?.hash);
  });
});

describe("the event stream", () => {
  let url: string;
  beforeEach(async () => {
    await build();
    url = await app.listen({ host: "127.0.0.1", port: 0 });
  });
  const append = async (kind: string) => {
    const { term } = fixture.full;
    value(await fixture.store.appendEvents(term, [{ at: "2026-03-01T00:00:00.000Z", kind, data: {} }]));
    durable();
  };

  it("goes on behind the event that a client names, by header before query, and tells what is written from then on", async () => {
    const byQuery = await watchEvents(`${url}/v1/events/stream?after=3`);
    const byHeader = await watchEvents(`${url}/v1/events/stream?after=1&kind=link-down,plan-applied`, {
      headers: { "last-event-id": "4" },
    });
    await append("link-up");
    await append("link-down");
    await byQuery.has(4);
    await byHeader.has(2);
    expect(byQuery.events.map(({ sequence }) => sequence)).toEqual([4, 5, 6, 7]);
    expect(byHeader.events.map(({ sequence }) => sequence)).toEqual([5, 7]);
    expect(byQuery.events).toEqual((await app.inject("/v1/events?after=3")).json<{ items: unknown[] }>().items);
    const { headers } = byQuery.response;
    expect([headers["content-type"], headers["cache-control"], headers["x-content-type-options"]]).toEqual([
      "text/event-stream",
      "no-store",
      "nosniff",
    ]);
    expect(headers["x-request-id"]).toBeDefined();
    expect((await app.inject("/metrics")).body).toMatch(/^sluice_event_watchers 2$/m);
    byQuery.cut();
    byHeader.cut();
  });

  it("ends after as many as were asked for, and in good order at the stop", async () => {
    const two = await app.inject("/v1/events/stream?after=0&limit=2");
    expect([two.statusCode, two.body.match(/^id: .*$/gm)]).toEqual([200, ["id: 1", "id: 2"]]);
    const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => watchEvents(`${url}/v1/events/stream`, { isStalled: i === 3 })));
    await app.close();
    const reading = clients.filter((_, i) => i !== 3);
    expect(await Promise.all(reading.map(({ ended }) => ended))).toEqual(reading.map(() => true));
  });

  it.each([
    ["/v1/events/stream?after=x", {}, 400, "malformed", "/query/after"],
    ["/v1/events/stream?kind=link-down,meteor", {}, 400, "malformed", "/query/kind"],
    ["/v1/events/stream?limit=0", {}, 422, "out-of-range", "/query/limit"],
    ["/v1/events/stream?after=6", {}, 422, "out-of-range", "/query/after"],
    ["/v1/events/stream", { "last-event-id": "6" }, 422, "out-of-range", "/headers/last-event-id"],
    ["/v1/events/stream", { "last-event-id": "x" }, 400, "malformed", "/headers/last-event-id"],
    ["/v1/events/stream", { accept: "application/json" }, 406, "not-acceptable", undefined],
    ["/v1/events?kind=", {}, 400, "malformed", "/query/kind"],
    ["/v1/history", {}, 400, "missing-field", "/query/correlation"],
    ["/v1/history?correlation=a%20b", {}, 400, "malformed", "/query/correlation"],
    ["/v1/history?correlation=nobody", {}, 404, "not-found", "/query/correlation"],
  ] as const)("refuses %s %j", async (path, headers, status, code, pointer) => {
    const answer = await app.inject({ url: path, headers });
    const problem = answer.json<{ code: string; faults: { pointer?: string }[] }>();
    expect([answer.statusCode, problem.code, problem.faults[0]?.pointer]).toEqual([status, code, pointer]);
  });

  it("answers HEAD without watching", async () => {
    const head = await app.inject({ method: "HEAD", url: "/v1/events/stream" });
    expect([head.statusCode, head.headers["content-type"], head.body]).toEqual([200, "text/event-stream", ""]);
  });
});

describe("the journal in pages", () => {
  beforeEach(() => build());

  it("is filtered by kind and by request, and does not look twice at what did not fit", async () => {
    const by = { actor: "alice", correlationId: "r-1" };
    const { term } = fixture.full;
    const at = "2026-03-01T00:00:00.000Z";
    value(
      await fixture.store.appendEvents(term, [
        { at, kind: "link-down", data: {} },
        { at, kind: "settings-changed", data: { version: 2, by } },
        { at, kind: "plan-persisted", data: { epoch: 3, by } },
        { at, kind: "plan-applied", data: { epoch: 3 } },
        { at, kind: "link-up", data: {} },
      ]),
    );
    const page = async (url: string) => {
      const { items, nextAfter } = (await app.inject(url)).json<{ items: { sequence: number }[]; nextAfter: number }>();
      return [items.map(({ sequence }) => sequence), nextAfter];
    };
    expect(await page("/v1/events?kind=link-down,link-up")).toEqual([[6, 10], 10]);
    expect(await page("/v1/events?kind=link-down&limit=5")).toEqual([[6], 10]);
    expect(await page("/v1/events?kind=plan-applied&limit=5")).toEqual([[1, 2, 3, 4, 5], 5]);
    expect(await page("/v1/events?correlation=r-1&after=7")).toEqual([[8], 10]);
    const history = (await app.inject("/v1/history?correlation=r-1")).json<{
      items: { sequence: number; follows: string }[];
      epochs: number[];
    }>();
    expect(history.items.map(({ sequence, follows }) => [sequence, follows])).toEqual([
      [7, "request"],
      [8, "request"],
      [9, "plan"],
    ]);
    expect(history.epochs).toEqual([3]);
    const plans = (await app.inject("/v1/history/plans?limit=2")).json<{
      items: { epoch: number; by?: unknown; events: unknown[] }[];
      nextCursor: string;
    }>();
    expect(plans.items.map(({ epoch, by: asked, events }) => [epoch, asked, events.length])).toEqual([
      [3, by, 3],
      [2, undefined, 1],
    ]);
    expect(
      (await app.inject(`/v1/history/plans?cursor=${plans.nextCursor}`))
        .json<{ items: { epoch: number }[] }>()
        .items.map(({ epoch }) => epoch),
    ).toEqual([1]);
  });
});
