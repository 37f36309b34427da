import { once } from "node:events";
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { limitArrival } from "./arrival.js";

let app: FastifyInstance;
let port: number;

beforeEach(async () => {
  app = Fastify({ requestTimeout: 60_000 });
  limitArrival(app, { requestMsMax: 400, pauseMsMax: 400 });
  app.post("/whole", async ({ body }) => ({ body }));
  await app.register(async (streamed) => {
    streamed.addContentTypeParser("text/csv", (_, payload, done) => done(null, payload));
    streamed.post("/streamed", { config: { isLong: true } }, async ({ body }) => {
      let bytes = 0;
      for await (const piece of body as AsyncIterable<Buffer>) bytes += piece.length;
      // Longer than a pause may be.
      await new Promise((resolve) => setTimeout(resolve, 600));
      return { bytes };
    });
    await Promise.resolve();
  });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const address = app.server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterEach(async () => app.close());

function open(path: string, type: string): ClientRequest {
  return request({ port, host: "127.0.0.1", path, method: "POST", headers: { "content-type": type } });
}

async function answerOf(call: ClientRequest): Promise<{ readonly status: number; readonly body: string }> {
  const [response] = (await once(call, "response")) as [IncomingMessage];
  let body = "";
  for await (const part of response) body += String(part);
  return { status: response.statusCode ?? 0, body };
}

describe("a body that takes its time", () => {
  it("is cut off where it is read whole", async () => {
    const call = open("/whole", "application/json");
    call.write('{"a":');
    const { status, body } = await answerOf(call);
    expect([status, JSON.parse(body)]).toMatchObject([408, { code: "timeout" }]);
  });

  it("is taken where it is streamed and goes on, however long that is, and what follows", async () => {
    const call = open("/streamed", "text/csv");
    const answer = answerOf(call);
    for (let i = 0; i < 8; i += 1) {
      call.write("row\n");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    call.end();
    expect(await answer).toEqual({ status: 200, body: '{"bytes":32}' });
  });

  it("is cut off where it is streamed and pauses", async () => {
    const call = open("/streamed", "text/csv");
    call.write("row\n");
    expect((await answerOf(call)).status).toBe(408);
  });

  it("does not matter to those that come at once", async () => {
    const call = open("/whole", "application/json");
    call.end('{"a":1}');
    expect(await answerOf(call)).toEqual({ status: 200, body: '{"body":{"a":1}}' });
  });
});
