/** What a real controller's journal tells to those who watch, and of the request that was behind it. */
import { parseDemandMatrix, type AuditEntry } from "@sluice/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { watchEvents } from "./testing/event-client.js";
import { liveController, type LiveController } from "./testing/live-controller.js";
import { value } from "./testing/plan-in-force.js";

const cable = (a: string, b: string) =>
  [
    [a, b],
    [b, a],
  ].map(([from = "", to = ""]) => ({ id: `${from}-${to}`, from, to, capacityBps: 1e10, latencyMs: 1, metric: 1 }));

let live: LiveController;
let url: string;
beforeAll(async () => {
  const topology = {
    name: "triangle",
    nodes: ["a", "b", "c"].map((id) => ({ id })),
    links: [...cable("a", "b"), ...cable("b", "c"), ...cable("c", "a")],
  };
  const demands = value(parseDemandMatrix({ name: "some", demands: [{ src: "a", dst: "b", trafficClass: "bulk", rateBps: 1e9 }] }));
  live = await liveController({ topology, demands }, ({ driver }) => ({ watchJournal: driver.watchJournal }));
  url = await live.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => live.close());

describe("an operator's change", () => {
  it("is in the audit log, in the stream as soon as it is durable, and in the history of its request with the plan that followed", async () => {
    const watcher = await watchEvents(`${url}/v1/events/stream?kind=settings-changed,plan-applied`);
    const answer = await live.app.inject({
      method: "PATCH",
      url: "/v1/settings",
      headers: { "content-type": "application/json", "if-match": "*", "x-request-id": "op-42" },
      payload: { deadlineSeconds: 7 },
    });
    expect(answer.statusCode).toBe(200);
    await watcher.has(2);
    const by = { actor: "anonymous", correlationId: "op-42" };
    expect(watcher.events[0]).toMatchObject({ kind: "settings-changed", data: { by } });
    expect(watcher.events[1]?.kind).toBe("plan-applied");
    watcher.cut();
    await live.settled();

    const history = (await live.app.inject("/v1/history?correlation=op-42")).json<{ items: { sequence: number; kind: string }[] }>();
    expect(history.items[0]).toMatchObject({ sequence: watcher.events[0]?.sequence, kind: "settings-changed" });
    const journal = (await live.app.inject(`/v1/events?after=${(history.items[0]?.sequence ?? 1) - 1}`)).json<{ items: object[] }>();
    expect(journal.items[0]).toMatchObject({ kind: "settings-changed", data: { by } });

    const audit = (await live.app.inject("/v1/audit?request=op-42")).json<{ items: AuditEntry[] }>();
    expect(audit.items).toMatchObject([
      { phase: "outcome", status: 200 },
      { phase: "request", actor: "anonymous", route: "/v1/settings" },
    ]);
    expect((await live.app.inject("/v1/audit/verification")).json()).toMatchObject({ verdict: "intact", openCount: 0 });
  });

  it("makes everybody who watches see the same journal, whenever they came", async () => {
    const early = await watchEvents(`${url}/v1/events/stream?after=0`);
    for (const deadlineSeconds of [5, 6, 8]) {
      await live.app.inject({
        method: "PATCH",
        url: "/v1/settings",
        headers: { "content-type": "application/json", "if-match": "*" },
        payload: { deadlineSeconds },
      });
    }
    await live.settled();
    const { items } = (await live.app.inject("/v1/events?limit=1000")).json<{ items: { sequence: number }[] }>();
    const late = await watchEvents(`${url}/v1/events/stream?after=0`);
    await Promise.all([early.has(items.length), late.has(items.length)]);
    expect(early.events.slice(0, items.length)).toEqual(items);
    expect(late.events.slice(0, items.length)).toEqual(items);
    expect(items.map(({ sequence }) => sequence)).toEqual(items.map((_, i) => i + 1));
    early.cut();
    late.cut();
  });
});
