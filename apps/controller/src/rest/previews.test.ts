/** Previews end to end: asked, computed, applied and undone over REST, by the real machine with the real agents. */
import {
  admit,
  basisHash,
  canonicalHash,
  flowGroupId,
  flowGroupSchema,
  parseDemandMatrix,
  type DemandMatrix,
  type Plan,
  type RuleSet,
} from "@sluice/model";
import { ruleDifferences } from "@sluice/preview";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { z } from "zod";
import { pathCheckSchema, planDifferenceSchema, previewSchema } from "./schemas/preview.js";
import { liveController, solversHere, type LiveController } from "./testing/live-controller.js";
import { value } from "./testing/plan-in-force.js";

type Answer = z.infer<typeof previewSchema>;
interface JobBody {
  readonly id: string;
  readonly state: string;
  readonly result?: string;
  readonly faults?: readonly { readonly code: string; readonly pointer?: string }[];
}
interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly faults: readonly { readonly code: string; readonly message: string; readonly pointer?: string }[];
}

/** a - b - c - d in a ring, 10 Gb/s each way, and b - d across. */
const topology = {
  name: "ring",
  nodes: ["a", "b", "c", "d"].map((id) => ({ id })),
  links: (
    [
      ["a", "b"],
      ["b", "c"],
      ["c", "d"],
      ["d", "a"],
      ["b", "d"],
    ] as const
  ).flatMap(([x, y]) =>
    [
      [x, y],
      [y, x],
    ].map(([from = "", to = ""]) => ({ id: `${from}-${to}`, from, to, capacityBps: 10e9, latencyMs: 1, metric: 1 })),
  ),
};
const demand = (src: string, dst: string, trafficClass: string, rateBps: number) => ({ src, dst, trafficClass, rateBps });
const matrix = (...demands: ReturnType<typeof demand>[]): DemandMatrix => value(parseDemandMatrix({ name: "some", demands }));
const usual = matrix(
  demand("a", "c", "interactive", 3e9),
  demand("a", "b", "elastic", 9e9),
  demand("d", "b", "bulk", 12e9),
  demand("c", "a", "elastic", 4e9),
);

let live: LiveController;
beforeAll(async () => {
  live = await liveController({ topology, demands: usual });
});
afterAll(() => live.close());

async function post(
  url: string,
  payload?: object,
): Promise<{ readonly status: number; readonly body: unknown; readonly location: unknown }> {
  const response = await live.app.inject({ method: "POST", url, ...(payload === undefined ? {} : { payload }) });
  return { status: response.statusCode, body: response.json(), location: response.headers["location"] };
}

async function ended(id: string): Promise<JobBody> {
  for (;;) {
    const job = (await live.app.inject(`/v1/jobs/${id}`)).json<JobBody>();
    if (job.state !== "queued" && job.state !== "running") return job;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Asks, waits and reads; what comes is held to the schema. */
async function asked(kind: "preview" | "what-if", question: object): Promise<Answer & { readonly id: string }> {
  const { status, body, location } = await post(`/v1/${kind}s`, question);
  const { id } = body as JobBody;
  expect([status, location]).toEqual([202, `/v1/jobs/${id}`]);
  const job = await ended(id);
  expect(job).toMatchObject({ state: "done", result: `/v1/${kind}s/${id}` });
  const response = await live.app.inject(job.result ?? "");
  expect([response.statusCode, response.headers["content-type"]]).toEqual([200, "application/json; charset=utf-8"]);
  return { ...previewSchema.parse(response.json()), id };
}

/** Everything that a question must leave as it is. */
function stateHash(): string {
  const {
    topology: network,
    demands,
    settings,
    topologyVersion,
    demandsVersion,
    settingsVersion,
    operationVersion,
    epoch,
    planInForce,
  } = live.driver.view();
  if (network === undefined || demands === undefined) throw new Error("there are inputs");
  const inputs = basisHash({ topology: network, demands, settings });
  return canonicalHash([
    inputs,
    topologyVersion,
    demandsVersion,
    settingsVersion,
    operationVersion,
    epoch,
    planInForce?.record.rulesDigest,
  ]);
}

const admitted = (plan: Plan | undefined) => new Map(plan?.groups.map((group) => [flowGroupId(group), group.admittedBps]));
const rulesInForce = (): RuleSet => live.driver.view().planInForce?.rules ?? new Map();

/** Changes that can be applied, by what they leave of the network. */
const changes = fc.record(
  {
    topologyChanges: fc.uniqueArray(
      fc.record({
        kind: fc.constant("set-link-state" as const),
        linkId: fc.constantFrom("a-b", "b-c", "d-c", "b-d", "d-b", "c-b"),
        drain: fc.constantFrom("drained" as const, "active" as const),
      }),
      { maxLength: 3, selector: ({ linkId }) => linkId },
    ),
    settings: fc.constantFrom<object>(
      { splitWeightSumMax: 4 },
      { objective: "max-min-fair" },
      { tunnels: { kind: "k-shortest", k: 2 } },
      { tunnels: { kind: "k-shortest", k: 4 }, objective: "max-throughput" },
    ),
  },
  { requiredKeys: [] },
);

describe("a preview that is applied", () => {
  it("admits and installs exactly what it has shown", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(changes, async (question) => {
        await live.settled();
        const before = { hash: stateHash(), rates: admitted(live.driver.view().planInForce?.record.plan), rules: rulesInForce() };
        const shown = await asked("preview", question);
        expect(stateHash()).toBe(before.hash);
        const { epoch } = live.driver.view();
        const { status, body } = await post(`/v1/previews/${shown.id}/apply`, { force: true });
        expect([status, body]).toMatchObject([200, { epoch: epoch + 1 }]);
        await live.until(({ planInForce }) => (planInForce?.record.epoch ?? 0) > epoch);
        const record = value(await live.store.getPlan(epoch + 1));
        expect(record.plan.inputHash).toBe(shown.plan.inputHash);

        const rates = new Map(before.rates);
        for (const group of shown.difference.groups) {
          const id = flowGroupId(value(admit(flowGroupSchema, { src: group.src, dst: group.dst, trafficClass: group.trafficClass })));
          expect(rates.get(id) ?? 0).toBe(group.admittedBps.before);
          if (group.admittedBps.after === 0) rates.delete(id);
          else rates.set(id, group.admittedBps.after);
        }
        expect(rates).toEqual(admitted(record.plan));
        // The next cycle may make a plan of its own; what was installed first is what was shown.
        const inForce = live.driver.view().planInForce;
        if (inForce?.record.epoch !== epoch + 1) return;
        const { switches, ...counts } = ruleDifferences(before.rules, inForce.rules);
        expect(shown.difference.rules).toEqual(JSON.parse(JSON.stringify({ ...counts, switches })));
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it("is refused as stale where the inputs have changed since, and says what", async () => {
    await live.settled();
    const shown = await asked("preview", { settings: { splitWeightSumMax: 16 } });
    value(await live.driver.submit({ kind: "change-topology", changes: [{ kind: "set-link-state", linkId: "c-d", drain: "drained" }] }));
    const { status, body } = await post(`/v1/previews/${shown.id}/apply`, { force: true });
    expect([status, (body as Problem).code]).toEqual([412, "stale-version"]);
    expect((body as Problem).faults.map(({ pointer }) => pointer)).toEqual(expect.arrayContaining(["/proposal/basis/topologyVersion"]));
    expect(live.driver.view().settings.splitWeightSumMax).not.toBe(16);
    await live.settled();
    value(await live.driver.submit({ kind: "change-topology", changes: [{ kind: "set-link-state", linkId: "c-d", drain: "active" }] }));
  });

  it("needs force where it does more than the limits allow", async () => {
    await live.settled();
    const shown = await asked("preview", {
      topologyChanges: ["a-b", "a-d"].map((linkId) => ({ kind: "set-link-state", linkId, drain: "drained" })),
    });
    expect(shown.difference.blastRadius.topClassLossBps).toBeGreaterThan(0);
    const before = stateHash();
    const { status, body } = await post(`/v1/previews/${shown.id}/apply`, {});
    expect([status, (body as Problem).code]).toEqual([409, "blast-radius"]);
    expect(stateHash()).toBe(before);
  });
});

describe("a what-if", () => {
  it("touches nothing, whatever it asks", async () => {
    await live.settled();
    const before = stateHash();
    const links = fc.constantFrom("a-b", "b-a", "b-c", "c-d", "d-a");
    await fc.assert(
      fc.asyncProperty(
        fc.record(
          {
            demands: fc.record({ scale: fc.constantFrom(0, 0.5, 3) }),
            fail: fc.record({ linkIds: fc.uniqueArray(links, { maxLength: 3 }) }),
            drain: fc.record({ nodeIds: fc.constantFrom(["b"], ["c", "d"]) }),
            addCapacity: fc.constantFrom([{ linkId: "a-b", capacityBps: 5e9 }]),
            settings: fc.constantFrom({ splitWeightSumMax: 2 }),
          },
          { requiredKeys: [] },
        ),
        async (question) => {
          const shown = await asked("what-if", question);
          expect(shown.kind).toBe("what-if");
          expect(stateHash()).toBe(before);
        },
      ),
      { numRuns: 15 },
    );
    const failed = await asked("what-if", {
      fail: { nodeIds: ["b"] },
      failures: { kinds: ["link"], layers: ["unrepaired", "scenario-split"] },
    });
    expect(failed.failures?.scenarios.length).toBe(5);
    expect(failed.difference.classes.find(({ trafficClass }) => trafficClass === "elastic")?.admittedBps.after).toBeLessThan(9e9);
    expect((await post(`/v1/previews/${failed.id}/apply`, {})).status).toBe(404);
  });
});

describe("questions and jobs", () => {
  beforeEach(() => live.settled());

  it.each([
    ["/v1/previews", { topologyChanges: [{ kind: "remove-link", linkId: "zz" }] }, 404, "not-found", "/body/topologyChanges/0/linkId"],
    ["/v1/previews", { fail: { linkIds: ["a-b"] } }, 400, "unknown-field", "/body/fail"],
    ["/v1/previews", { settings: { splitWeightSumMax: 0 } }, 422, "out-of-range", "/body/settings/splitWeightSumMax"],
    ["/v1/previews", { failures: { layers: [] } }, 422, "out-of-range", "/body/failures/layers"],
    ["/v1/what-ifs", { fail: { nodeIds: ["zz"] } }, 404, "not-found", "/body/fail/nodeIds/0"],
    ["/v1/what-ifs", { demands: { add: [{ ...demand("a", "zz", "bulk", 1) }] } }, 422, "dangling-reference", "/body/demands/add/0/dst"],
    ["/v1/what-ifs", [], 400, "wrong-type", "/body"],
    ["/v1/path-checks", demand("a", "zz", "bulk", 1), 404, "not-found", "/body/dst"],
    ["/v1/path-checks", demand("a", "b", "bulk", 0), 422, "out-of-range", "/body/rateBps"],
  ])("POST %s with %j is refused", async (url, payload, status, code, pointer) => {
    const before = stateHash();
    const answer = await post(url, payload);
    const problem = answer.body as Problem;
    expect([answer.status, problem.code, problem.faults[0]?.pointer]).toEqual([status, code, pointer]);
    expect(stateHash()).toBe(before);
  });

  it("are listed, newest first, found again and cancelled", async () => {
    const first = (await post("/v1/what-ifs", {})).body as JobBody;
    const second = (await post("/v1/previews", {})).body as JobBody;
    await Promise.all([ended(first.id), ended(second.id)]);
    const { items } = (await live.app.inject("/v1/jobs")).json<{ items: JobBody[] }>();
    expect(items.slice(0, 2).map(({ id }) => id)).toEqual([second.id, first.id]);
    const kept = await live.app.inject({ method: "DELETE", url: `/v1/jobs/${first.id}` });
    expect(kept.json()).toMatchObject({ state: "done" });
    expect((await live.app.inject(`/v1/previews/${first.id}`)).statusCode).toBe(404);
    expect((await live.app.inject("/v1/jobs/00000000-0000-0000-0000-000000000000")).statusCode).toBe(404);
  });

  it("a path check says how a demand could be met", async () => {
    const found = await post("/v1/path-checks", demand("b", "c", "bulk", 2e9));
    expect(found.status).toBe(200);
    expect(pathCheckSchema.parse(found.body)).toMatchObject({ verdict: "yes" });
  });
});

describe("a server whose jobs wait", () => {
  it("runs two at a time, lets eight wait, refuses more, and kills what is cancelled", async () => {
    const signals: AbortSignal[] = [];
    const ends: (() => void)[] = [];
    const waiting = await liveController(
      { topology, demands: usual },
      {
        solvers: {
          ...solversHere,
          job: (_, { signal }) =>
            new Promise((resolve) => {
              signals.push(signal);
              const end = (): void => resolve({ ok: false, faults: [{ code: "cancelled", message: "Gone." }] });
              ends.push(end);
              signal.addEventListener("abort", end);
            }),
        },
      },
    );
    const ask = () => waiting.app.inject({ method: "POST", url: "/v1/what-ifs", payload: {} });
    const ids: string[] = [];
    for (let i = 0; i < 10; i++) ids.push((await ask()).json<JobBody>().id);
    const refused = await ask();
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([503, "5"]);
    expect(signals).toHaveLength(2);
    const cancelled = await waiting.app.inject({ method: "DELETE", url: `/v1/jobs/${ids[0]}` });
    expect(cancelled.json()).toMatchObject({ state: "cancelled" });
    expect(signals[0]?.aborted).toBe(true);
    while (signals.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect((await ask()).statusCode).toBe(202);
    for (const end of ends) end();
    await waiting.close();
    expect(signals.every(({ aborted }) => aborted)).toBe(false);
  });
});

describe("plans", () => {
  it("differ as the rules that were installed do, and are the same as themselves", async () => {
    await live.settled();
    const { epoch } = live.driver.view();
    const between = async (from: number, to: number | string) => {
      const response = await live.app.inject(`/v1/plans/${from}/difference?to=${to}`);
      expect(response.statusCode).toBe(200);
      return planDifferenceSchema.parse(response.json());
    };
    expect(await between(epoch, "in-force")).toMatchObject({ isDifferent: false, epochs: { before: epoch, after: epoch } });
    const there = await between(1, epoch);
    const back = await between(epoch, 1);
    expect([back.rules.added, back.rules.changed, back.rules.removed]).toEqual([
      there.rules.removed,
      there.rules.changed,
      there.rules.added,
    ]);
    expect(there.rules.rulesAfter).toBe(live.driver.view().planInForce?.record.ruleCount);
    expect((await live.app.inject("/v1/plans/999/difference")).statusCode).toBe(404);
    expect((await live.app.inject(`/v1/plans/${epoch}/difference?to=now`)).statusCode).toBe(400);
  });

  it("come back rule for rule, and nothing is planned after them until the mode is changed", async () => {
    await live.settled();
    const first = { epoch: live.driver.view().epoch, digest: live.driver.view().planInForce?.record.rulesDigest };
    const shown = await asked("preview", { settings: { splitWeightSumMax: 3, tunnels: { kind: "k-shortest", k: 1 } } });
    expect((await post(`/v1/previews/${shown.id}/apply`, { force: true })).status).toBe(200);
    await live.until(({ epoch }) => epoch > first.epoch);
    await live.settled();
    const back = await post(`/v1/plans/${first.epoch}/roll-back`, { force: true });
    expect([back.status, back.body]).toMatchObject([200, { rolledBackTo: first.epoch, mode: "held" }]);
    await live.settled();
    expect(live.driver.view().planInForce?.record.rulesDigest).toBe(first.digest);
    expect(live.driver.view().operation.mode).toBe("held");
    value(await live.driver.submit({ kind: "change-operation", operation: { mode: "automatic" } }));
  });

  it("that wait to be confirmed are kept by a confirmation", async () => {
    await live.settled();
    const shown = await asked("preview", { settings: { splitWeightSumMax: 32 } });
    const applied = await post(`/v1/previews/${shown.id}/apply`, { force: true, confirmWithinSeconds: 600 });
    expect(applied.status).toBe(200);
    const { epoch, confirmBy } = applied.body as { epoch: number; confirmBy: string };
    expect(Date.parse(confirmBy)).toBeGreaterThan(Date.now());
    expect(live.driver.view().confirmation?.epoch).toBe(epoch);
    expect((await post(`/v1/plans/${epoch + 7}/confirm`)).status).toBeGreaterThanOrEqual(400);
    expect(await post(`/v1/plans/${epoch}/confirm`)).toMatchObject({ status: 200, body: { epoch } });
    expect(live.driver.view().confirmation).toBeUndefined();
  });
});
