/** Two controllers on one store, each with REST: one leads, the other follows, and they change places. */
import { controllerConfigDefault, createController, leadershipTimesOf } from "@sluice/control";
import { fault, refuse, type Faults } from "@sluice/model";
import { memoryStore, type Store } from "@sluice/store";
import type { FastifyInstance } from "fastify";
import { afterEach, expect, it } from "vitest";
import { startDriver } from "../driver.js";
import { startForecasts } from "../forecast/service.js";
import { createRole, type Lead, type Leader, type Role } from "../leadership/role.js";
import { loadStartInventory } from "../start-inventory.js";
import { solversHere } from "./testing/live-controller.js";
import { value } from "./testing/plan-in-force.js";
import { buildRest } from "./server.js";

interface Controller {
  readonly role: Role;
  readonly app: FastifyInstance;
  /** What the store answers instead, while there is something. */
  readonly faulty: { away: Faults | undefined };
}

/** Longer than a server takes to be built on a busy machine. */
const leaseMs = 4_000;
const timeout = 60_000;

let open: Controller[] = [];
afterEach(async () => {
  for (const { app, role } of open) {
    await app.close();
    await role.stop();
  }
  open = [];
});

async function controller(name: string, shared: Store): Promise<Controller> {
  const faulty: { away: Faults | undefined } = { away: undefined };
  const store = new Proxy(shared, {
    get(target, property, receiver) {
      const method: unknown = Reflect.get(target, property, receiver);
      if (typeof method !== "function" || property === "close") return method;
      return (...args: unknown[]): unknown =>
        faulty.away === undefined ? method.apply(target, args) : Promise.resolve({ ok: false, faults: faulty.away });
    },
  });
  const config = { ...controllerConfigDefault, controllerId: name };
  const lead = async ({ term, mayAct, onLapsed, onDeposed }: Lead): Promise<{ ok: true; value: Leader }> => {
    const driver = startDriver({
      state: createController(config, { term, inventory: value(await loadStartInventory(store)) }),
      term,
      store,
      solvers: solversHere,
      mayAct,
      onLapsed,
      onStepDown: onDeposed,
      onBroken: (error) => {
        throw error;
      },
    });
    const forecasts = startForecasts({
      store,
      term,
      view: driver.view,
      tell: driver.tell,
      watch: driver.watch,
      solve: () => Promise.resolve(refuse(fault("unavailable", "Nobody looks ahead here."))),
      nowMs: Date.now,
      onFaults: () => undefined,
    });
    return {
      ok: true,
      value: {
        driver,
        forecasts,
        close: () => {
          forecasts.close();
          return driver.stop();
        },
      },
    };
  };
  const role = createRole({
    store,
    config,
    lead,
    onBroken: (error) => {
      throw error;
    },
    onOusted: () => undefined,
    log: { info: () => undefined, warn: () => undefined },
  });
  const { driver, forecasts, leadership, term } = role;
  const app = await buildRest({
    view: driver.view,
    watch: driver.watch,
    watchJournal: driver.watchJournal,
    store,
    leadership,
    term,
    submit: driver.submit,
    rulesOf: driver.rulesOf,
    explain: solversHere.explain as never,
    report: solversHere.report,
    solvers: solversHere,
    forecasts,
  });
  open.push({ role, app, faulty });
  const standing = { ...leadershipTimesOf(leaseMs), standAsideMs: 1_000, pollMinMs: 30, pollMaxMs: 60, seed: name.length };
  value(await role.start({ ...standing, holder: name, restAddress: `http://${name}:8080`, grpcAddress: `${name}:50051` }));
  return { role, app, faulty };
}

const pair = (name: string) => ({ name, nodes: [{ id: "a" }, { id: "b" }], links: [] });

function put(app: FastifyInstance, name: string) {
  return app.inject({ method: "PUT", url: "/v1/topology", headers: { "if-match": "*" }, payload: pair(name) });
}

/** Within the test's time limit. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

it("a follower answers from the store, says how old that is, and sends on who wants something changed", { timeout }, async () => {
  const store = memoryStore();
  const one = await controller("one", store);
  const two = await controller("two", store);
  expect((await put(one.app, "first")).statusCode).toBe(200);

  const refused = await put(two.app, "never");
  expect([refused.statusCode, refused.headers["location"], refused.headers["sluice-role"], refused.json()]).toMatchObject([
    421,
    "http://one:8080/v1/topology",
    "follower",
    { type: "/problems/not-leader", code: "not-leader", leader: "http://one:8080" },
  ]);
  // Questions that take a body, and what only the leader knows, too.
  expect((await two.app.inject({ method: "POST", url: "/v1/previews", payload: {} })).statusCode).toBe(421);
  expect((await two.app.inject("/v1/agents")).statusCode).toBe(421);
  expect((await two.app.inject({ method: "POST", url: "/v1/leadership/hand-over" })).statusCode).toBe(421);

  await until(async () => (await two.app.inject("/v1/topology")).statusCode === 200);
  const read = await two.app.inject("/v1/topology");
  expect([read.json(), Number(read.headers["sluice-staleness-ms"]) < 60_000]).toMatchObject([{ name: "first", version: 1 }, true]);
  expect((await one.app.inject("/v1/topology")).headers).not.toHaveProperty("sluice-staleness-ms");
  expect((await two.app.inject("/v1/status")).json()).toMatchObject({
    term: 0,
    network: { name: "first" },
    leadership: { role: "follower", term: 1, leader: { holder: "one", rest: "http://one:8080", grpc: "one:50051" }, leaderships: 0 },
  });
  expect((await one.app.inject("/v1/leadership")).json()).toMatchObject({ role: "leader", term: 1, leader: { holder: "one" } });
  expect([(await two.app.inject("/readyz")).statusCode, (await two.app.inject("/readyz")).json()]).toMatchObject([
    200,
    { role: "follower" },
  ]);
  const metrics = async ({ app }: Controller) => (await app.inject("/metrics")).body;
  expect(await metrics(one)).toMatch(/^sluice_leader 1$/m);
  expect(await metrics(two)).toMatch(/^sluice_leader 0$/m);
  expect(await metrics(two)).toMatch(/^sluice_term 0$/m);
  // Nothing of what the follower refused was written, in the audit log neither.
  expect((await one.app.inject("/v1/audit")).json()).toMatchObject({ items: [{ status: 200 }, { phase: "request" }] });
});

it("a leader hands over, and what it was asked for is answered and in the audit log before", { timeout }, async () => {
  const store = memoryStore();
  const one = await controller("one", store);
  const two = await controller("two", store);
  const asked = await one.app.inject({ method: "POST", url: "/v1/leadership/hand-over", headers: { "idempotency-key": "k" } });
  expect([asked.statusCode, asked.headers["x-audit-outcome"]]).toEqual([202, undefined]);
  await until(() => two.role.term() === 2);
  expect((await put(two.app, "second")).statusCode).toBe(200);
  await until(async () => (await put(one.app, "x")).statusCode === 421);
  const audit = value(await store.listAudit({ order: "oldest-first", limit: 10 }));
  expect(audit.map(({ route, phase, term, status }) => [route, phase, term, status])).toEqual([
    ["/v1/leadership/hand-over", "request", 1, undefined],
    ["/v1/leadership/hand-over", "outcome", 1, 202],
    ["/v1/topology", "request", 2, undefined],
    ["/v1/topology", "outcome", 2, 200],
  ]);
});

it(
  "a leader whose store is away leads no more, says that what it shows grows old, and leads again when it is back",
  { timeout },
  async () => {
    const store = memoryStore();
    const one = await controller("one", store);
    expect((await put(one.app, "first")).statusCode).toBe(200);
    one.faulty.away = [fault("unavailable", "The database is away.")];
    await until(() => one.role.term() === 0);
    const refused = await put(one.app, "never");
    expect([refused.statusCode, refused.headers["retry-after"], refused.json()]).toMatchObject([503, "5", { code: "unavailable" }]);
    await until(async () => Number((await one.app.inject("/v1/plans?limit=1")).headers["sluice-staleness-ms"]) > 0);
    expect((await one.app.inject("/readyz")).statusCode).toBe(503);
    one.faulty.away = undefined;
    await until(() => one.role.term() > 1);
    expect((await put(one.app, "second")).statusCode).toBe(200);
    expect(value(await store.loadInventory()).topology).toMatchObject({ version: 2, document: { name: "second" } });
  },
);

it("an agent is sent on by a follower, with the leader's address; its stream ends with the lead", { timeout }, async () => {
  const store = memoryStore();
  const one = await controller("one", store);
  const two = await controller("two", store);
  const closed: unknown[] = [];
  const stream = { send: () => undefined, close: (...why: unknown[]) => closed.push(why) };
  two.role.driver.agentOpened(stream);
  await until(() => closed.length > 0);
  expect(closed).toMatchObject([["not-leader", expect.any(String), { grpcAddress: "one:50051" }]]);
  closed.length = 0;
  const number = one.role.driver.agentOpened(stream);
  one.role.leadership.handOver();
  await until(() => closed.length > 0);
  expect(closed).toMatchObject([["unavailable", expect.any(String)]]);
  one.role.driver.agentMessage(number, { kind: "pong", nonce: 1 });
  one.role.driver.agentClosed(number);
  await until(() => two.role.term() > 0);
});
