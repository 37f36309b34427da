/** The audit log on stores that fail in every way that stores do. */
import { canonicalJson, fault, refuse, verifyAudit, type AuditEntry, type Result } from "@sluice/model";
import { memoryStore, type Store } from "@sluice/store";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { auditLimitsDefault, auditLog, type AuditedRequest, type AuditLog, type AuditLogParts } from "./audit.js";
import { value } from "./testing/plan-in-force.js";

/** What a write of the store does: works; fails; is done, and seems to fail; never answers until it is let go. */
type Fate = "works" | "fails" | "is done and fails" | "hangs";

interface Rig {
  readonly log: AuditLog;
  readonly store: Store;
  readonly written: AuditEntry[];
  readonly troubles: string[];
  /** Of the writes to come, in their order; then all work. */
  readonly fates: Fate[];
  /** Writes that hang, go on. */
  release(): void;
  entries(): Promise<readonly AuditEntry[]>;
}

const logs: AuditLog[] = [];
afterEach(() => {
  for (const log of logs.splice(0)) log.close();
});

const away = () => refuse(fault("unavailable", "The store is away."));

async function rigOf(more: Partial<AuditLogParts> = {}): Promise<Rig> {
  const store = memoryStore();
  const term = value(await store.acquireTerm("a test"));
  const fates: Fate[] = [];
  const hanging = new Set<() => void>();
  const written: AuditEntry[] = [];
  const troubles: string[] = [];
  let nowMs = Date.UTC(2026, 2, 1);
  const log = auditLog({
    store: {
      listAudit: (page) => store.listAudit(page),
      async appendAudit(under, drafts) {
        // The empty write that comes before reading fails with its own turn, too.
        const fate = fates.shift() ?? "works";
        if (fate === "hangs") await new Promise<void>((resolve) => hanging.add(resolve));
        if (fate === "fails") return away();
        const appended = await store.appendAudit(under, drafts);
        return fate === "is done and fails" ? away() : appended;
      },
    },
    term: () => term,
    nowMs: () => (nowMs += 1),
    onWritten: (entry) => written.push(entry),
    onTrouble: (message) => troubles.push(message),
    limits: { ...auditLimitsDefault, retryMs: 1 },
    ...more,
  });
  logs.push(log);
  const release = (): void => {
    for (const resolve of hanging) resolve();
    hanging.clear();
  };
  return {
    log,
    store,
    written,
    troubles,
    fates,
    release,
    entries: async () => value(await store.listAudit({ order: "oldest-first", limit: 1000 })),
  };
}

function asked(i: number): AuditedRequest {
  return {
    requestId: `r${i}`,
    actor: "alice",
    role: "operator",
    method: "POST",
    route: "/v1/drains",
    resource: "/v1/drains",
    bodyHash: "ab".repeat(32),
  };
}

function codeOf(result: Result<unknown>): string {
  return result.ok ? "ok" : result.faults[0].code;
}

describe("the audit log", () => {
  it("has a request before it is attempted, and its outcome before the answer", async () => {
    const { log, entries, written } = await rigOf();
    const of = value(await log.begin(asked(1)));
    expect(await entries()).toMatchObject([{ sequence: 1, phase: "request", requestId: "r1", actor: "alice", bodyHash: "ab".repeat(32) }]);
    expect(await log.end(of, asked(1), { status: 200 })).toBe(true);
    expect(await log.note(asked(2), { status: 403, code: "forbidden" })).toBe(true);
    const all = await entries();
    expect(all).toMatchObject([
      { phase: "request" },
      { phase: "outcome", of: 1, status: 200 },
      { phase: "both", status: 403, code: "forbidden" },
    ]);
    expect(verifyAudit(all)).toMatchObject({ verdict: "intact", openCount: 0 });
    expect(written).toEqual(all);
    expect(log.counts()).toEqual({ written: 3, failures: 0, waiting: 0, lost: 0, isBroken: false });
  });

  it("refuses a change that it cannot write down", async () => {
    const { log, entries, fates } = await rigOf();
    fates.push("fails");
    expect(codeOf(await log.begin(asked(1)))).toBe("unavailable");
    expect(await entries()).toEqual([]);
    expect(codeOf(await log.begin(asked(2)))).toBe("ok");
    expect(await entries()).toMatchObject([{ requestId: "r2" }]);
  });

  it("goes on without an entry that no store would take, which is refused alone", async () => {
    const { log, entries, troubles } = await rigOf();
    const requests = [asked(1), { ...asked(2), requestId: "none of these!" }, asked(3), { ...asked(4), resource: "" }, asked(5)];
    const begun = await Promise.all(requests.map((request) => log.begin(request)));
    expect(begun.map(codeOf)).toEqual(["ok", "unavailable", "ok", "unavailable", "ok"]);
    const [first] = begun;
    expect(await log.end(first?.ok === true ? first.value : 0, { ...asked(1), actor: "\u0000" }, { status: 200 })).toBe(false);
    expect(codeOf(await log.begin(asked(6)))).toBe("ok");
    expect((await entries()).map(({ requestId }) => requestId)).toEqual(["r1", "r3", "r5", "r6"]);
    expect(log.counts()).toMatchObject({ written: 4, waiting: 0, lost: 3, failures: 0 });
    expect(troubles).toHaveLength(3);
  });

  it("says when an outcome is not written, attempts no change until it is, and writes it by itself", async () => {
    const { log, entries, fates } = await rigOf({ limits: { ...auditLimitsDefault, retryMs: 100_000 } });
    const of = value(await log.begin(asked(1)));
    fates.push("fails", "fails");
    expect(await log.end(of, asked(1), { status: 200 })).toBe(false);
    expect(codeOf(await log.begin(asked(2)))).toBe("unavailable");
    expect(log.counts()).toMatchObject({ failures: 2, waiting: 1 });
    expect(codeOf(await log.begin(asked(3)))).toBe("ok");
    expect(await entries()).toMatchObject([{ requestId: "r1" }, { of: 1, status: 200 }, { requestId: "r3", phase: "request" }]);
    const retried = await rigOf();
    const again = value(await retried.log.begin(asked(1)));
    retried.fates.push("fails", "fails", "fails");
    expect(await retried.log.end(again, asked(1), { status: 200 })).toBe(false);
    while (retried.log.counts().waiting > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(await retried.entries()).toMatchObject([{ phase: "request" }, { phase: "outcome", of: 1 }]);
  });

  it("writes nothing twice where a write was done and seemed to fail, and closes a request that was refused for it", async () => {
    const { log, entries, fates } = await rigOf();
    fates.push("works", "is done and fails");
    expect(codeOf(await log.begin(asked(1)))).toBe("unavailable");
    const of = value(await log.begin(asked(2)));
    fates.push("is done and fails");
    expect(await log.end(of, asked(2), { status: 200 })).toBe(false);
    value(await log.begin(asked(3)));
    while ((await entries()).length < 5) await new Promise((resolve) => setTimeout(resolve, 1));
    const all = await entries();
    expect(all.map(({ requestId, phase, of: request, status }) => [requestId, phase, request, status])).toEqual([
      ["r1", "request", undefined, undefined],
      ["r2", "request", undefined, undefined],
      ["r1", "outcome", 1, 503],
      ["r2", "outcome", of, 200],
      ["r3", "request", undefined, undefined],
    ]);
    expect(verifyAudit(all)).toMatchObject({ verdict: "intact", openCount: 1 });
    expect(log.counts()).toMatchObject({ isBroken: false, waiting: 0 });
  });

  it("waits no longer than it may, and closes what is written too late", async () => {
    const { log, entries, fates, release } = await rigOf({ limits: { ...auditLimitsDefault, writeMsMax: 20 } });
    value(await log.begin(asked(1)));
    fates.push("hangs");
    expect(codeOf(await log.begin(asked(2)))).toBe("unavailable");
    expect(codeOf(await log.begin(asked(3)))).toBe("unavailable");
    release();
    while (log.counts().waiting > 0 || (await entries()).length < 5) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(verifyAudit(await entries())).toMatchObject({ verdict: "intact", open: [1] });
    expect((await entries()).filter(({ phase }) => phase === "outcome")).toMatchObject([{ status: 503 }, { status: 503 }]);
  });

  it("notices that somebody else was at it, and goes on", async () => {
    const { log, store, troubles } = await rigOf();
    value(await log.begin(asked(1)));
    value(await store.appendAudit(1, [{ at: "2026-03-01T00:00:00.000Z", phase: "both", ...asked(9), status: 200 }]));
    value(await log.begin(asked(2)));
    expect(log.counts().isBroken).toBe(true);
    expect(troubles).toHaveLength(1);
  });

  it("is bounded while the store hangs: changes are refused, further refusals are counted", async () => {
    const { log, fates, release } = await rigOf({ limits: { ...auditLimitsDefault, waitingMax: 3, writeMsMax: 5 } });
    fates.push("hangs");
    const outcomes = await Promise.all(Array.from({ length: 6 }, (_, i) => log.note(asked(i), { status: 403 })));
    expect(outcomes).toEqual(Array(6).fill(false));
    expect(codeOf(await log.begin(asked(7)))).toBe("unavailable");
    expect(log.counts()).toMatchObject({ waiting: 3, lost: 3 });
    release();
    while (log.counts().waiting > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(log.counts()).toMatchObject({ written: 3, lost: 3 });
  });

  it("has each change that was attempted with its outcome, once, whatever befalls its writes", async () => {
    const fates = fc.array(fc.constantFrom<Fate>("works", "fails", "is done and fails"), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fates, fc.integer({ min: 1, max: 4 }), async (list, atATime) => {
        const rig = await rigOf();
        rig.fates.push(...list);
        const attempted = new Map<string, number>();
        let next = 0;
        const client = async (): Promise<void> => {
          while (next < 12) {
            const request = asked((next += 1));
            const begun = await rig.log.begin(request);
            if (!begun.ok) continue;
            // Durable from here on, whatever comes.
            expect((await rig.entries())[begun.value - 1]).toMatchObject({ requestId: request.requestId, phase: "request" });
            attempted.set(request.requestId, begun.value);
            await rig.log.end(begun.value, request, { status: 200 });
          }
        };
        await Promise.all(Array.from({ length: atATime }, client));
        while (rig.log.counts().waiting > 0) await new Promise((resolve) => setTimeout(resolve, 1));
        rig.fates.length = 0;
        // A refused request that was written all the same is closed with the next write.
        value(await rig.log.begin(asked(99)));
        while (rig.log.counts().waiting > 0) await new Promise((resolve) => setTimeout(resolve, 1));
        const all = await rig.entries();
        expect(verifyAudit(all)).toMatchObject({ verdict: "intact", openCount: 1 });
        const outcomes = all.filter(({ phase }) => phase === "outcome");
        expect(new Set(outcomes.map(({ of }) => of)).size).toBe(outcomes.length);
        for (const [requestId, of] of attempted)
          expect(outcomes.filter((each) => each.of === of)).toMatchObject([{ requestId, status: 200 }]);
        for (const each of outcomes.filter(({ requestId, of }) => attempted.get(requestId) !== of))
          expect(each).toMatchObject({ status: 503, code: "unavailable" });
        expect(rig.log.counts().isBroken).toBe(false);
        expect(canonicalJson(rig.written.map(({ sequence }) => sequence))).toBe(
          canonicalJson([...new Set(rig.written.map(({ sequence }) => sequence))]),
        );
      }),
      { numRuns: 100 },
    );
  });
});
