/** The failure report over REST, against a report that is made from the plan directly. */
import { failureReport, scenarioSet, worstFirst, type FailureReport, type LayerName, type ScenarioReport } from "@sluice/failures";
import { highsBackend, javascriptLpSolverBackend } from "@sluice/lp";
import { assert, failureScenarios } from "@sluice/model";
import { assign, emptyAssignments } from "@sluice/rules";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ReportResult, ReportTask } from "../solver/solver-message.js";
import { buildRest } from "./server.js";
import { planInForce, value, type Fixture } from "./testing/plan-in-force.js";

interface Page extends Omit<FailureReport, "scenarios"> {
  readonly epoch: number;
  readonly inForce: boolean;
  readonly total: number;
  readonly items: readonly ScenarioReport[];
  readonly nextCursor?: string;
}

let fixture: Fixture;
let app: FastifyInstance;
beforeAll(async () => {
  fixture = await planInForce();
  app = await buildRest(fixture.deps);
});
afterEach(() => fixture.show(fixture.full));
afterAll(async () => app.close());

async function get(url: string): Promise<Page> {
  const response = await app.inject(url);
  expect([url, response.statusCode]).toEqual([url, 200]);
  return response.json<Page>();
}

async function directly(choice: Parameters<typeof scenarioSet>[1], layers: readonly LayerName[]): Promise<FailureReport> {
  const { topology, planInForce: inForce, protection } = fixture.full;
  assert(topology !== undefined && inForce !== undefined && protection !== undefined, "the full view has a plan");
  const { plan } = inForce.record;
  const report = await failureReport(
    {
      snapshot: inForce.input,
      plan,
      assignments: value(assign(emptyAssignments, plan, topology)),
      set: scenarioSet(topology, choice),
      layers,
      splits: new Map(protection.splits.map((split) => [split.scenario.id, split])),
    },
    { lp: { highs: await highsBackend(), javascriptLpSolver: javascriptLpSolverBackend() }, nowMs: () => performance.now() },
  );
  return JSON.parse(JSON.stringify(value(report))) as FailureReport;
}

describe("GET /v1/failures", () => {
  it("is the report of the plan in force, with the splits that are prepared for it, worst first", async () => {
    const { items, epoch, inForce, total, ...head } = await get("/v1/failures");
    const { scenarios, ...expected } = await directly({ kinds: ["link", "node", "srlg"] }, [
      "unrepaired",
      "local-repair",
      "scenario-split",
    ]);
    expect({ epoch, inForce, total }).toEqual({ epoch: 3, inForce: true, total: scenarios.length });
    expect(head).toEqual(expected);
    expect(items).toEqual(scenarios);
    expect(items.map(({ split }) => split)).toEqual(items.map(() => "given"));
    expect(items.toSorted(worstFirst)).toEqual(items);
    // The thin side of the ring cannot carry what the failed one did.
    expect(items.some(({ layers }) => (layers["scenario-split"]?.lostBps.bulk ?? 0) > 0)).toBe(true);
  });

  it("looks at the layers and kinds that were asked for, and at pairs", async () => {
    const asked = await get("/v1/failures?kinds=node,link&layers=new-plan,unrepaired");
    expect(asked.layers).toEqual(["unrepaired", "new-plan"]);
    expect(asked.items).toEqual((await directly({ kinds: ["link", "node"] }, ["unrepaired", "new-plan"])).scenarios);
    const pairs = await get("/v1/failures?kinds=none&pairs=2&seed=5&layers=local-repair");
    expect(pairs.pairs).toEqual({ possible: 6, taken: 2, sampled: true, seed: 5 });
    expect(pairs.items.map(({ kind }) => kind)).toEqual(["pair", "pair"]);
  });

  it("tells what is prepared from what would be, and from what was refused", async () => {
    const { protection } = fixture.full;
    assert(protection !== undefined, "the full view has protection");
    const [first, second, ...rest] = protection.splits;
    assert(first !== undefined && second !== undefined, "there are splits");
    const refused = { scenarioId: first.scenario.id, fault: { code: "walk-failed", message: "No." } } as const;
    fixture.show({ ...fixture.full, protection: { ...protection, splits: rest, refused: [refused] } });
    const { items } = await get("/v1/failures?layers=local-repair,scenario-split");
    const splitOf = (id: string) => items.find((item) => item.id === id);
    expect(splitOf(first.scenario.id)).toMatchObject({ split: "none" });
    expect(splitOf(first.scenario.id)?.layers["scenario-split"]).toEqual(splitOf(first.scenario.id)?.layers["local-repair"]);
    expect(splitOf(second.scenario.id)).toMatchObject({ split: "made" });
    expect(items.filter(({ split }) => split === "given")).toHaveLength(rest.length);
    // Nothing is prepared for the failures of a plan that is not in force.
    const before = await get("/v1/failures?epoch=1&layers=scenario-split");
    expect([before.epoch, before.inForce]).toEqual([1, false]);
    expect(new Set(before.items.map(({ split }) => split))).toEqual(new Set(["made"]));
  });

  it("comes in pages that fit together, also when another plan is in force in between", async () => {
    const whole = await get("/v1/failures");
    const items: ScenarioReport[] = [];
    let cursor: string | undefined;
    do {
      const page = await get(`/v1/failures?limit=3${cursor === undefined ? "" : `&cursor=${cursor}`}`);
      expect([page.epoch, page.total]).toEqual([3, whole.total]);
      items.push(...page.items);
      cursor = page.nextCursor;
      const { planInForce: inForce } = fixture.full;
      assert(inForce !== undefined, "the full view has a plan");
      fixture.show({ ...fixture.full, planInForce: { ...inForce, record: { ...inForce.record, epoch: 2 } } });
    } while (cursor !== undefined);
    expect(items).toEqual(whole.items);
    expect(whole.total).toBe(failureScenarios(fixture.full.topology ?? { nodes: [], links: [] }, ["link", "node", "srlg"]).length);
  });
});

describe("reports are computed", () => {
  /** A server whose reports wait until they are let go. */
  async function held() {
    const tasks: {
      readonly task: ReportTask;
      readonly signal: AbortSignal;
      readonly progress: (stage: string, fraction: number) => void;
      readonly end: (result: ReportResult) => void;
    }[] = [];
    const server = await buildRest({
      ...fixture.deps,
      report: (task, _, signal, progress) =>
        new Promise((resolve) => {
          tasks.push({ task, signal, progress: (stage, fraction) => progress?.({ stage, fraction }), end: resolve });
          signal.addEventListener("abort", () => resolve({ ok: false, faults: [{ code: "cancelled", message: "Gone." }] }));
        }),
    });
    const started = async (count: number) => {
      while (tasks.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
      return tasks[count - 1];
    };
    return { server, tasks, started };
  }
  const empty = (task: ReportTask): ReportResult => ({
    ok: true,
    value: {
      kind: "failure-report",
      formatVersion: 1,
      inputHash: task.plan.inputHash,
      admittedBps: { interactive: 0, elastic: 0, bulk: 0 },
      layers: task.layers,
      scenarios: [],
    },
  });

  it("one at a time, each once, for all who ask for it", async () => {
    const { server, tasks, started } = await held();
    const [first, same] = [server.inject("/v1/failures?kinds=link"), server.inject("/v1/failures?kinds=link&limit=5")];
    const running = await started(1);
    const other = await server.inject("/v1/failures?kinds=node");
    expect([other.statusCode, other.json<{ code: string }>().code, other.headers["retry-after"]]).toEqual([503, "unavailable", "5"]);
    assert(running !== undefined, "it was started");
    running.end(empty(running.task));
    expect([(await first).statusCode, (await same).statusCode]).toEqual([200, 200]);
    expect((await server.inject("/v1/failures?kinds=link")).statusCode).toBe(200);
    expect(tasks).toHaveLength(1);
    const next = server.inject("/v1/failures?kinds=node");
    const second = await started(2);
    second?.end({ ok: false, faults: [{ code: "deadline-exceeded", message: "Late." }] });
    expect((await next).statusCode).toBe(504);
    // What failed is tried again.
    const again = server.inject("/v1/failures?kinds=node");
    const third = await started(3);
    third?.end(empty(third.task));
    expect((await again).statusCode).toBe(200);
    await server.close();
  });

  it("and tell those who have to wait for their turn, and the metrics, how far they are", async () => {
    const { server, started } = await held();
    const first = server.inject("/v1/failures?kinds=link");
    const running = await started(1);
    assert(running !== undefined, "it was started");
    const told = async () => {
      const { faults } = (await server.inject("/v1/failures?kinds=node")).json<{ faults: readonly { message: string }[] }>();
      const metric = /^sluice_failure_report_progress_ratio (.*)$/m.exec((await server.inject("/metrics")).body)?.[1];
      return [/\((.*)\)/.exec(faults[0]?.message ?? "")?.[1], Number(metric)];
    };
    expect(await told()).toEqual(["starting, 0 %", 0]);
    running.progress("walk link:a", 0.25);
    expect(await told()).toEqual(["walk link:a, 25 %", 0.25]);
    running.progress("walk link:b", 0.2);
    expect(await told()).toEqual(["walk link:b, 25 %", 0.25]);
    running.end(empty(running.task));
    expect((await first).statusCode).toBe(200);
    expect((await server.inject("/metrics")).body).toContain("sluice_failure_report_progress_ratio 0\n");
    await server.close();
  });

  it("no longer than somebody waits", async () => {
    const { server, started } = await held();
    const address = await server.listen({ host: "127.0.0.1", port: 0 });
    const leaving = [new AbortController(), new AbortController()] as const;
    const asked = leaving.map(({ signal }) => fetch(`${address}/v1/failures`, { signal }).catch(() => "left"));
    const running = await started(1);
    // Both wait for the same one by the time that a third hears of it.
    await fetch(`${address}/v1/failures?kinds=none&pairs=1`).then((response) => expect(response.status).toBe(503));
    leaving[0].abort();
    expect(await asked[0]).toBe("left");
    await fetch(`${address}/healthz`);
    expect(running?.signal.aborted).toBe(false);
    leaving[1].abort();
    expect(await asked[1]).toBe("left");
    while (running?.signal.aborted !== true) await new Promise((resolve) => setTimeout(resolve, 5));
    const next = fetch(`${address}/v1/failures?kinds=link`);
    const second = await started(2);
    assert(second !== undefined, "another one was started");
    second.end(empty(second.task));
    expect((await next).status).toBe(200);
    await server.close();
  });
});
