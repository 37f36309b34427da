/** What the client does when connections break, answers are late, and the person has had enough. The ordinary is tested with a real controller. */
import { setTimeout as wait } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { openScriptedController, sendJson, sendProblem, type Answerer, type ScriptedController } from "../testing/scripted-controller.js";
import { ControllerClient, type ClientOptions } from "./controller-client.js";
import { openTransport, type Transport } from "./transport.js";

let transport: Transport;
let server: ScriptedController | undefined;
beforeAll(async () => {
  const opened = await openTransport({});
  if (!opened.ok) throw new Error("no files, no faults");
  transport = opened.value;
});
afterEach(async () => {
  await server?.close();
  server = undefined;
});

interface Setting extends Partial<Omit<ClientOptions, "transport">> {
  readonly token?: string;
  readonly base?: string;
}

async function clientOf(answer: Answerer, { token, base = "", ...options }: Setting = {}) {
  server = await openScriptedController(answer);
  const retries: string[] = [];
  const client = new ControllerClient(
    { url: new URL(`${server.url}${base}`), token },
    { transport, signal: new AbortController().signal, pausesMs: [1, 1, 1], onRetry: (message) => retries.push(message), ...options },
  );
  return { client, retries, heard: server.heard };
}

const anything = z.unknown();

describe("lists", () => {
  test("are walked to their end by cursors, in pages no longer than what is wanted", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 25 }),
        fc.integer({ min: 1, max: 7 }),
        fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
        async (total, pageItems, most) => {
          const { client, heard } = await clientOf(({ url }, response) => {
            const query = new URL(url, "http://x").searchParams;
            const from = Number(query.get("cursor") ?? 0);
            const to = Math.min(total, from + Number(query.get("limit")));
            const items = Array.from({ length: to - from }, (_, i) => ({ id: from + i }));
            sendJson(response, 200, { total, items, ...(to < total ? { nextCursor: String(to) } : {}) });
          });
          const listed = await client.list("/v1/things", z.object({ id: z.number() }), { kind: "a", none: undefined }, { pageItems, most });
          await server?.close();
          const wanted = Math.min(total, most ?? total);
          expect(listed).toEqual({ ok: true, value: { head: { total }, items: Array.from({ length: wanted }, (_, id) => ({ id })) } });
          expect(heard).toHaveLength(Math.max(1, Math.ceil(wanted / pageItems)));
          expect(heard.every(({ url }) => url.includes("kind=a") && !url.includes("none"))).toBe(true);
        },
      ),
      { numRuns: 20 },
    );
  });

  test("a page without items but with a cursor does not go round for ever", async () => {
    const { client } = await clientOf((_, response) => sendJson(response, 200, { items: [], nextCursor: "x" }));
    expect(await client.list("/v1/things", anything)).toMatchObject({ ok: false, faults: [{ code: "malformed" }] });
  });
});

describe("a connection that is lost", () => {
  test("a POST is sent again under the same key, and says so; the next POST has another key", async () => {
    let left = 2;
    const { client, heard, retries } = await clientOf((_, response) => {
      left -= 1;
      if (left >= 0) response.destroy();
      else
        sendJson(
          response,
          200,
          { epoch: 7 },
          { "idempotency-replayed": "true", etag: '"v3"', location: "/v1/jobs/1", "x-request-id": "r-9" },
        );
    });
    const schema = z.object({ epoch: z.number() });
    const changed = await client.change("POST", "/v1/drains", { nodeIds: ["a"] }, { schema, ifMatch: "*" });
    expect(changed).toEqual({
      ok: true,
      value: { value: { epoch: 7 }, status: 200, etag: '"v3"', location: "/v1/jobs/1", replayed: true, requestId: "r-9" },
    });
    expect(heard).toHaveLength(3);
    expect(new Set(heard.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
    expect(new Set(heard.map(({ body }) => body))).toEqual(new Set(['{"nodeIds":["a"]}']));
    expect(heard[0]?.headers["if-match"]).toBe("*");
    expect(retries).toHaveLength(2);
    await client.change("POST", "/v1/drains", {}, { schema });
    expect(heard[3]?.headers["idempotency-key"]).not.toBe(heard[0]?.headers["idempotency-key"]);
  });

  test("our own request that is still under way is waited for; somebody else's is not", async () => {
    let count = 0;
    const { client, heard } = await clientOf((_, response) => {
      count += 1;
      if (count === 1) response.destroy();
      else if (count === 2) sendProblem(response, 409, "in-flight");
      else sendJson(response, 200, {});
    });
    expect(await client.change("POST", "/v1/drains", {}, { schema: anything })).toMatchObject({ ok: true });
    expect(heard).toHaveLength(3);
    count = 1;
    expect(await client.change("POST", "/v1/drains", {}, { schema: anything })).toMatchObject({
      ok: false,
      faults: [{ code: "in-flight" }],
    });
    expect(heard).toHaveLength(4);
  });

  test.each(["PUT", "PATCH", "DELETE"] as const)(
    "%s without a key is sent once, and nobody is told that nothing happened",
    async (method) => {
      const { client, heard } = await clientOf((_, response) => response.destroy());
      const changed = await client.change(method, "/v1/settings", {}, { schema: anything, ifMatch: '"v1"' });
      expect(changed).toMatchObject({
        ok: false,
        faults: [{ code: "unavailable", data: { advice: expect.stringContaining("not known whether") as string } }],
      });
      expect(heard).toHaveLength(1);
    },
  );

  test("a GET is sent again, also where its answer was cut off, and given up in the end", async () => {
    let count = 0;
    const { client, heard } = await clientOf((_, response) => {
      count += 1;
      response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
      response.write('{"a":');
      setTimeout(() => response.destroy(), 5);
    });
    expect(await client.get("/v1/status", anything)).toMatchObject({
      ok: false,
      faults: [{ code: "unavailable", data: { loss: "lost" } }],
    });
    expect(heard).toHaveLength(4);
    expect(count).toBe(4);
  });

  test.each([[503], [429], [500], [404]])("status %d is an answer, and not asked for again", async (status) => {
    const { client, heard } = await clientOf((_, response) =>
      sendProblem(response, status, status === 404 ? "not-found" : "unavailable", { "retry-after": "7" }),
    );
    const answer = await client.change("POST", "/v1/drains", {}, { schema: anything });
    expect(answer).toMatchObject({
      ok: false,
      faults: [
        {
          pointer: "/body/x",
          message: expect.stringContaining("It is") as string,
          data: { status, retryAfterMs: 7_000, requestId: "r-1" },
        },
      ],
    });
    expect(heard).toHaveLength(1);
  });

  test("nobody listens: said at once", async () => {
    const { client, retries } = await clientOf(() => undefined);
    await server?.close();
    expect(await client.get("/v1/status", anything)).toMatchObject({
      ok: false,
      faults: [{ code: "unavailable", data: { loss: "unsent" } }],
    });
    expect(retries).toEqual([]);
  });
});

describe("answers", () => {
  test("that are late are given up, and not asked for again", async () => {
    const { client, heard } = await clientOf(() => undefined, { timeoutMs: 50 });
    expect(await client.get("/v1/status", anything)).toMatchObject({
      ok: false,
      faults: [{ code: "unavailable", message: expect.stringContaining("0.05 s") as string }],
    });
    expect(heard).toHaveLength(1);
  });

  test.each([
    [200, "<html>", "malformed"],
    [502, "<html>", "unavailable"],
    [404, "<html>", "malformed"],
    [200, '{"epoch":"x"}', "malformed"],
  ])("status %d with %s is %s", async (status, body, code) => {
    const { client } = await clientOf((_, response) => response.writeHead(status).end(body));
    expect(await client.get("/v1/x", z.object({ epoch: z.number() }))).toMatchObject({ ok: false, faults: [{ code }] });
  });

  test("a redirect is not followed: the token would go with it", async () => {
    const { client, heard } = await clientOf((_, response) => response.writeHead(307, { location: "/elsewhere" }).end(), { token: "t" });
    expect(await client.get("/v1/x", anything)).toMatchObject({ ok: false });
    expect(heard).toHaveLength(1);
  });

  test("the token and a base path of the address go with every request", async () => {
    const { client, heard } = await clientOf((_, response) => sendJson(response, 200, {}), { token: "secret", base: "/behind/proxy/" });
    await client.get("/v1/nodes/a%2Fb", anything, { class: ["x", "y"] });
    expect(heard[0]).toMatchObject({ url: "/behind/proxy/v1/nodes/a%2Fb?class=x%2Cy", headers: { authorization: "Bearer secret" } });
  });
});

describe("a follower", () => {
  test("says how old its answers may be, which is told once, and who leads where it may not answer", async () => {
    const told: number[] = [];
    const { client, heard } = await clientOf(
      ({ method }, response) => {
        const stale = { "sluice-staleness-ms": "1200" };
        if (method === "GET") return sendJson(response, 200, {}, stale);
        const faults = [{ code: "not-leader", message: "Another controller leads." }];
        sendJson(
          response,
          421,
          { type: "/problems/not-leader", detail: "Another controller leads.", leader: "http://one:8080", faults },
          stale,
        );
      },
      { onStale: (staleMs) => told.push(staleMs) },
    );
    for (const _ of [1, 2]) expect(await client.get("/v1/status", anything)).toMatchObject({ ok: true });
    expect(await client.change("POST", "/v1/drains", {}, { schema: anything })).toMatchObject({
      ok: false,
      faults: [{ code: "not-leader", data: { status: 421, advice: "ask the one that leads: --controller http://one:8080" } }],
    });
    expect(told).toEqual([1_200]);
    expect(heard).toHaveLength(3);
  });
});

describe("a job", () => {
  const accepted: Answerer = (_, response) => sendJson(response, 202, { id: "1" }, { location: "/v1/jobs/1" });

  test("is followed to its result, with its progress", async () => {
    const states = [
      { id: "1", state: "queued", stage: "queued", progress: 0 },
      { id: "1", state: "running", stage: "solve", progress: 0.5 },
      { id: "1", state: "done", stage: "done", progress: 1, result: "/v1/previews/1" },
    ];
    let at = 0;
    const { client } = await clientOf((heard, response) =>
      heard.method === "POST" ? accepted(heard, response) : sendJson(response, 200, states[at++]),
    );
    const told: unknown[] = [];
    expect(await client.job("/v1/previews", {}, (progress) => told.push(progress))).toEqual({ ok: true, value: "/v1/previews/1" });
    expect(told).toEqual([
      { stage: "wait for its turn", fraction: 0 },
      { stage: "solve", fraction: 0.5 },
    ]);
  });

  test.each([
    [{ state: "failed", faults: [{ code: "solver-failed", message: "No." }] }, "solver-failed"],
    [{ state: "failed" }, "unavailable"],
    [{ state: "cancelled" }, "cancelled"],
    [{ state: "done" }, "malformed"],
  ])("that ends as %o is refused as %s", async (state, code) => {
    const { client } = await clientOf((heard, response) =>
      heard.method === "POST" ? accepted(heard, response) : sendJson(response, 200, { id: "1", stage: "s", progress: 0, ...state }),
    );
    expect(await client.job("/v1/previews", {})).toMatchObject({ ok: false, faults: [{ code }] });
  });

  test("is cancelled at the controller when the command is interrupted while it runs", async () => {
    const interruption = new AbortController();
    const { client, heard } = await clientOf(
      (one, response) => {
        if (one.method === "POST") return accepted(one, response);
        sendJson(response, 200, { id: "1", state: one.method === "DELETE" ? "cancelled" : "running", stage: "solve", progress: 0.1 });
      },
      { signal: interruption.signal },
    );
    const running = client.job("/v1/previews", {}, () => interruption.abort());
    expect(await running).toMatchObject({ ok: false, faults: [{ code: "cancelled" }] });
    expect(heard.at(-1)).toMatchObject({ method: "DELETE", url: "/v1/jobs/1" });
  });

  test("is cancelled, too, when the interruption comes while it is being asked for", async () => {
    const interruption = new AbortController();
    const { client, heard } = await clientOf(
      (one, response) => {
        interruption.abort();
        if (one.method === "POST") return accepted(one, response);
        sendJson(response, 200, { id: "1", state: "cancelled", stage: "solve", progress: 0.1 });
      },
      { signal: interruption.signal },
    );
    expect(await client.job("/v1/previews", {})).toMatchObject({ ok: false, faults: [{ code: "cancelled" }] });
    expect(heard.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
  });
});

describe("a stream of events", () => {
  const head = (after: number) => `retry: 1\n: events after ${after}\n\n`;
  const event = (n: number) => `id: ${n}\ndata: {"sequence":${n}}\n\n`;

  /** A journal of so many events; each connection is given some of it in arbitrary pieces, and then breaks. */
  function journal(total: number, cuts: readonly number[]): Answerer {
    let connections = 0;
    return ({ headers, url }, response) => {
      const asked = headers["last-event-id"] ?? new URL(url, "http://x").searchParams.get("after") ?? "0";
      const after = Number(asked);
      const text = head(after) + Array.from({ length: total - after }, (_, i) => event(after + i + 1)).join("");
      const cut = cuts[connections++];
      response.writeHead(200, { "content-type": "text/event-stream" });
      const shown = cut === undefined ? text : text.slice(0, Math.max(head(after).length, cut));
      for (let at = 0; at < shown.length; at += 7) response.write(shown.slice(at, at + 7));
      if (cut !== undefined) setTimeout(() => response.destroy(), 5);
    };
  }

  test("goes on where it broke, wherever that was: nothing is left out and nothing comes twice", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 200 }), { maxLength: 3 }), fc.boolean(), async (cuts, fromStart) => {
        const total = 8;
        const { client } = await clientOf(journal(total, cuts));
        const got: number[] = [];
        for await (const next of client.stream("/v1/events/stream", fromStart ? { after: 0 } : {}, { comeBackMs: 1 })) {
          if (!next.ok) throw new Error(next.faults[0].message);
          got.push((JSON.parse(next.value.data) as { sequence: number }).sequence);
          if (got.length === total) break;
        }
        await server?.close();
        expect(got).toEqual(Array.from({ length: total }, (_, i) => i + 1));
      }),
      { numRuns: 12 },
    );
  });

  test("that begins with what comes next loses nothing, though it broke before the first event", async () => {
    let connections = 0;
    const { client, heard } = await clientOf((_, response) => {
      connections += 1;
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (connections > 1) return void response.write(head(41) + event(42));
      response.write(head(41));
      setTimeout(() => response.destroy(), 5);
    });
    const first = await client.stream("/v1/events/stream", {}, { comeBackMs: 1 }).next();
    expect(first.value).toMatchObject({ ok: true, value: { id: "42" } });
    expect(heard.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "41"]);
  });

  test("a first connection that is refused is told; later ones are tried again while that may pass", async () => {
    const refusing = await clientOf((_, response) => sendProblem(response, 503, "unavailable"));
    expect((await refusing.client.stream("/v1/events/stream").next()).value).toMatchObject({
      ok: false,
      faults: [{ code: "unavailable" }],
    });
    await server?.close();
    let connections = 0;
    const { client } = await clientOf((_, response) => {
      connections += 1;
      if (connections === 2) return sendProblem(response, 503, "unavailable");
      if (connections === 4) return sendProblem(response, 401, "unauthenticated");
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(head(0) + event(connections));
    });
    const got: unknown[] = [];
    for await (const next of client.stream("/v1/events/stream", { after: 0 }, { comeBackMs: 1 }))
      got.push(next.ok ? next.value.id : next.faults[0].code);
    expect(got).toEqual(["1", "3", "unauthenticated"]);
  });

  test("a connection that falls silent is given up and made again", async () => {
    let connections = 0;
    const { client } = await clientOf((_, response) => {
      connections += 1;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(head(0) + (connections === 1 ? "" : event(1)));
    });
    const first = await client.stream("/v1/events/stream", { after: 0 }, { comeBackMs: 1, silentMs: 50 }).next();
    expect(first.value).toMatchObject({ ok: true, value: { id: "1" } });
    expect(connections).toBe(2);
  });

  test("ends without a word when it is interrupted", async () => {
    const interruption = new AbortController();
    const { client } = await clientOf(
      (_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(head(0));
        void wait(20).then(() => interruption.abort());
      },
      { signal: interruption.signal },
    );
    expect(await client.stream("/v1/events/stream").next()).toEqual({ done: true, value: undefined });
  });
});
