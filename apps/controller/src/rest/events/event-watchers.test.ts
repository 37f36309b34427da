/** Watchers over real sockets, on a store in memory. */
import { createServer, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { fault, refuse } from "@sluice/model";
import { memoryStore, type EventRecord, type Store } from "@sluice/store";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { watchEvents, type EventClient, type ReceivedEvent } from "../testing/event-client.js";
import { value } from "../testing/plan-in-force.js";
import { eventWatchers, watcherLimitsDefault, type EventWatchers, type WatcherLimits } from "./event-watchers.js";

/** So small that a few events take every way that there is. */
const small: WatcherLimits = { ...watcherLimitsDefault, ringCountMax: 8, pageMax: 3, pieceBytesMax: 300, retryMs: 5 };

interface Rig {
  readonly store: Store;
  readonly watchers: EventWatchers;
  readonly url: string;
  readonly responses: readonly ServerResponse[];
  /** Whether the store answers reads. */
  isAway: boolean;
  nowMs: number;
  /** A heartbeat. */
  beat(): void;
  append(events: readonly Pick<EventRecord, "kind" | "data">[], tell?: boolean): Promise<void>;
  watch(options?: {
    readonly after?: number;
    readonly kinds?: string;
    readonly limit?: number;
    readonly until?: number;
    readonly bytesMax?: number;
    readonly isStalled?: boolean;
  }): Promise<EventClient>;
  journal(): Promise<readonly ReceivedEvent[]>;
  stop(): Promise<void>;
}

async function rigOf(limits: WatcherLimits): Promise<Rig> {
  const store = memoryStore();
  const term = value(await store.acquireTerm("a test"));
  const beats = new Set<() => void>();
  const away = (): ReturnType<Store["newestEvent"]> => Promise.resolve(refuse(fault("unavailable", "The store is away.")));
  const watchers = eventWatchers(
    {
      listEvents: (page) => (rig.isAway ? (away() as ReturnType<Store["listEvents"]>) : store.listEvents(page)),
      newestEvent: () => (rig.isAway ? away() : store.newestEvent()),
    },
    limits,
    {
      every: (_, run) => {
        beats.add(run);
        return () => void beats.delete(run);
      },
      nowMs: () => rig.nowMs,
    },
  );
  const responses: ServerResponse[] = [];
  const server: Server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://x").searchParams;
    const [after, kinds, limit] = [query.get("after"), query.get("kinds"), query.get("limit")];
    const asked = {
      after: after === null ? undefined : Number(after),
      kinds: kinds === null ? undefined : new Set(kinds.split(",")),
      limit: limit === null ? undefined : Number(limit),
      untilMs: query.has("until") ? Number(query.get("until")) : undefined,
      headers: { "x-request-id": "r" },
    };
    void watchers
      .watch(response, asked, () => responses.push(response))
      .then((watching) => {
        if (!watching.ok) response.writeHead(503).end(watching.faults[0].code);
      });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const rig: Rig = {
    store,
    watchers,
    url,
    responses,
    isAway: false,
    nowMs: 1_000,
    beat: () => beats.forEach((run) => run()),
    async append(events, tell = true) {
      value(
        await store.appendEvents(
          term,
          events.map((event) => ({ at: "2026-03-01T00:00:00.000Z", ...event })),
        ),
      );
      if (tell) watchers.durable();
    },
    watch({ after, kinds, limit, until, ...options } = {}) {
      const query = new URLSearchParams({
        ...(after !== undefined && { after: String(after) }),
        ...(kinds !== undefined && { kinds }),
        ...(limit !== undefined && { limit: String(limit) }),
        ...(until !== undefined && { until: String(until) }),
      });
      return watchEvents(`${url}?${query.toString()}`, options);
    },
    journal: async () => {
      const all: EventRecord[] = [];
      for (;;) {
        const page = value(await store.listEvents({ after: all.length, limit: 1000 }));
        all.push(...page);
        if (page.length < 1000) return all;
      }
    },
    async stop() {
      watchers.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return rig;
}

let rig: Rig;
async function start(limits: WatcherLimits): Promise<Rig> {
  rig = await rigOf(limits);
  return rig;
}
afterEach(() => rig.stop());

const kindNames = ["link-down", "link-up", "plan-applied"] as const;
const numbered = (count: number, more = "") =>
  Array.from({ length: count }, (_, i) => ({ kind: kindNames[i % 3] ?? "", data: { i, more } }));

describe("those who watch", () => {
  beforeEach(() => start(small));

  it("get exactly the journal, cut off at any byte and as often as it may be, from any place, while it is written", async () => {
    const someEvents = fc.array(
      fc.record({ kind: fc.constantFrom(...kindNames), data: fc.record({ text: fc.string({ unit: "grapheme", maxLength: 40 }) }) }),
      {
        maxLength: 12,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(someEvents, { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 1_500 }), { maxLength: 8 }),
        fc.nat({ max: 20 }),
        fc.option(fc.uniqueArray(fc.constantFrom(...kindNames), { minLength: 1 }), { nil: undefined }),
        async (batches, cuts, back, kinds) => {
          const before = (await rig.journal()).length;
          const from = Math.max(0, before - back);
          // Writes go on while the client comes and goes; one kind that it always asks for ends them.
          const last = { kind: kinds?.[0] ?? "link-up", data: { isLast: true } };
          const writing = (async () => {
            for (const batch of [...batches, [last]]) await rig.append(batch);
          })();
          const seen: ReceivedEvent[] = [];
          let place = String(from);
          for (const bytesMax of [...cuts, Infinity]) {
            const client = await rig.watch({ after: Number(place), bytesMax, ...(kinds && { kinds: kinds.join(",") }) });
            for (let count = 1; !hasLast(client.events, before) && !client.response.destroyed; count += 1) await client.has(count);
            client.cut();
            await client.ended;
            seen.push(...client.events);
            if (client.lastEventId() !== "") place = client.lastEventId();
            if (hasLast(seen, before)) break;
          }
          await writing;
          const expected = (await rig.journal()).filter(
            ({ sequence, kind }) => sequence > from && (kinds?.includes(kind as never) ?? true),
          );
          expect(seen).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("begin with what comes next where they say nothing, and are told when to come back", async () => {
    await rig.append(numbered(5));
    const client = await rig.watch();
    await rig.append(numbered(2));
    await client.has(2);
    expect(client.events.map(({ sequence }) => sequence)).toEqual([6, 7]);
    expect(client.retryMs()).toBe(small.comeBackMs);
    expect(client.response.headers).toMatchObject({ "content-type": "text/event-stream", "x-request-id": "r" });
    client.cut();
  });

  it("are done after as many as they asked for, old or new", async () => {
    await rig.append(numbered(20));
    for (const [ask, expected] of [
      [{ after: 3, limit: 5 }, [4, 5, 6, 7, 8]],
      [{ after: 18, limit: 4 }, [19, 20, 21, 22]],
      [{ after: 2, kinds: "link-up", limit: 2 }, [5, 8]],
      [{ kinds: "plan-applied", limit: 1 }, [26]],
    ] as const) {
      const client = await rig.watch(ask);
      if ((expected.at(-1) ?? 0) > (await rig.journal()).length) await rig.append(numbered(3));
      expect(await client.ended).toBe(true);
      expect(client.events.map(({ sequence }) => sequence)).toEqual(expected);
    }
    expect(rig.watchers.counts()).toEqual({ watching: 0, refused: 0, dropped: { slow: 0, stalled: 0 } });
  });

  it("are refused with a place that the journal does not have", async () => {
    await rig.append(numbered(5));
    const client = await rig.watch({ after: 6 });
    expect(client.response.statusCode).toBe(503);
    expect(rig.watchers.counts()).toMatchObject({ watching: 0 });
  });

  it("hear of what nobody told the watchers about, with the next heartbeat; and the place moves on past what they did not ask for", async () => {
    const client = await rig.watch({ kinds: "link-down" });
    await rig.append([{ kind: "link-up", data: {} }], false);
    await rig.append([{ kind: "link-down", data: {} }], false);
    await rig.append([{ kind: "link-up", data: {} }], false);
    rig.beat();
    await client.has(1);
    expect(client.events.map(({ sequence }) => sequence)).toEqual([2]);
    rig.beat();
    while (client.lastEventId() !== "3") await once(client.response, "data");
    client.cut();
  });

  it("are told no more once their token has expired", async () => {
    const [brief, other] = [await rig.watch({ until: 2_000 }), await rig.watch()];
    rig.nowMs = 1_999;
    rig.beat();
    expect(rig.watchers.counts().watching).toBe(2);
    rig.nowMs = 2_000;
    rig.beat();
    expect(await brief.ended).toBe(true);
    expect(rig.watchers.counts()).toMatchObject({ watching: 1, dropped: { slow: 0, stalled: 0 } });
    other.cut();
  });

  it("stay while the store is away, and miss nothing; who is still behind is sent away to come back", async () => {
    await rig.append(numbered(20));
    const [live, other] = [await rig.watch(), await rig.watch()];
    rig.isAway = true;
    const behind = rig.watch({ after: 0 });
    await rig.append(numbered(4));
    // Who joins now hears that the store is away.
    expect((await behind).response.statusCode).toBe(503);
    rig.isAway = false;
    await Promise.all([live.has(4), other.has(4)]);
    for (const { events } of [live, other]) expect(events.map(({ sequence }) => sequence)).toEqual([21, 22, 23, 24]);
    live.cut();
    other.cut();
  });

  it("are counted, no more than so many, and make room when they go", async () => {
    await rig.stop();
    await start({ ...small, watchersMax: 3 });
    const clients = await Promise.all([rig.watch(), rig.watch(), rig.watch()]);
    expect((await rig.watch()).response.statusCode).toBe(503);
    expect(rig.watchers.counts()).toEqual({ watching: 3, refused: 1, dropped: { slow: 0, stalled: 0 } });
    clients[0]?.cut();
    while (rig.watchers.counts().watching === 3) await new Promise((resolve) => setImmediate(resolve));
    const again = await rig.watch();
    expect(again.response.statusCode).toBe(200);
    await rig.append(numbered(1));
    await again.has(1);
    for (const client of [...clients, again]) client.cut();
  });
});

describe("one that takes nothing any more", () => {
  /** Few and large: sockets take some megabytes by themselves. */
  const eventBytes = 100_000;
  const large = (count: number) => numbered(count, "x".repeat(eventBytes));

  it("is cut off when the journal has left it behind, takes no memory, hurts nobody, and finds the rest when it comes back", async () => {
    await start(watcherLimitsDefault);
    const stalled = await rig.watch({ isStalled: true });
    const [one, two] = [await rig.watch(), await rig.watch({ kinds: "link-down" })];
    const [response] = rig.responses;
    let count = 0;
    let waitedMax = 0;
    while (rig.watchers.counts().dropped.slow === 0) {
      await rig.append(large(12));
      count += 12;
      await Promise.all([one.has(count), two.has(count / 3)]);
      waitedMax = Math.max(waitedMax, response?.writableLength ?? 0);
    }
    expect(rig.watchers.counts()).toEqual({ watching: 2, refused: 0, dropped: { slow: 1, stalled: 0 } });
    // One piece, and what the socket took of it into its own queue.
    expect(waitedMax).toBeLessThan(2 * (watcherLimitsDefault.pieceBytesMax + 2 * eventBytes));
    stalled.response.resume();
    expect(await stalled.ended).toBe(false);
    await rig.append(large(3));
    await Promise.all([one.has(count + 3), two.has(count / 3 + 1)]);
    expect(one.events.map(({ sequence }) => sequence)).toEqual(Array.from({ length: count + 3 }, (_, i) => i + 1));
    expect(two.events).toHaveLength(count / 3 + 1);
    const back = await rig.watch({ after: 17 });
    await back.has(count + 3 - 17);
    expect(back.events).toEqual((await rig.journal()).slice(17));
    for (const client of [one, two, back]) client.cut();
  });

  it("is cut off by heartbeats where nothing new comes", async () => {
    await start(watcherLimitsDefault);
    await rig.append(large(150));
    const stalled = await rig.watch({ after: 0, isStalled: true });
    const reading = await rig.watch({ after: 0 });
    await reading.has(150);
    // Both have got all that their sockets take.
    while (rig.responses[0]?.writableNeedDrain !== true || rig.responses[1]?.writableLength !== 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    rig.beat();
    expect(rig.watchers.counts()).toMatchObject({ watching: 2 });
    rig.beat();
    expect(rig.watchers.counts()).toEqual({ watching: 1, refused: 0, dropped: { slow: 0, stalled: 1 } });
    stalled.response.resume();
    expect(await stalled.ended).toBe(false);
    await rig.append(numbered(1));
    await reading.has(151);
    expect(reading.events).toHaveLength(151);
    reading.cut();
  });
});

describe("five hundred of them", () => {
  it("all get what they asked for, and all end in good order at the stop", async () => {
    await start(watcherLimitsDefault);
    await rig.append(numbered(300));
    const asks = Array.from({ length: 500 }, (_, i) => ({
      after: i % 3 === 0 ? 300 : (i * 7) % 300,
      kinds: i % 5 === 0 ? "plan-applied" : undefined,
    }));
    const clients = await Promise.all(asks.map(({ after, kinds }) => rig.watch({ after, ...(kinds !== undefined && { kinds }) })));
    expect(rig.watchers.counts().watching).toBe(500);
    for (let i = 0; i < 10; i += 1) await rig.append(numbered(30));
    const journal = await rig.journal();
    const expected = asks.map(({ after, kinds }) =>
      journal.filter(({ sequence, kind }) => sequence > after && (kinds === undefined || kind === kinds)),
    );
    await Promise.all(clients.map((client, i) => client.has(expected[i]?.length ?? 0)));
    rig.watchers.close();
    expect(await Promise.all(clients.map(({ ended }) => ended))).toEqual(clients.map(() => true));
    for (const [i, client] of clients.entries()) expect(client.events).toEqual(expected[i]);
    expect(rig.watchers.counts()).toEqual({ watching: 0, refused: 0, dropped: { slow: 0, stalled: 0 } });
  });
});

function hasLast(events: readonly ReceivedEvent[], before: number): boolean {
  return events.some(({ sequence, data }) => sequence > before && (data as { isLast?: boolean }).isLast === true);
}
