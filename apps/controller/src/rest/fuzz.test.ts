/**
 * Every body that REST takes: right, almost right, and hostile. Whatever comes, the server answers with something that it documents, never
 * with a 5xx other than 503, and a refusal changes nothing. Seeded and bounded: a failure prints the seed that repeats it.
 */
import { assert } from "@sluice/model";
import fc from "fast-check";
import type { InjectOptions } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { almost, arbitraryOf, hostileTexts } from "./testing/arbitrary-json.js";
import { examples, wellDone } from "./testing/examples.js";
import { openApiOf, operationCalled, operationsOf, worlds, type Operation, type Worlds } from "./testing/worlds.js";

const seed = 20_261_121;
const runs = 150;
/** Where an answer takes a solver. */
const plannedRuns = 40;
const words = ["a", "b", "c", "a-b", "b-a", "c-a", "duct", "bridge", "ring", "10.0.0.0/24", "x"];

let world: Worlds;
let operations: readonly Operation[];
beforeAll(async () => {
  world = await worlds();
  operations = operationsOf(await openApiOf(await world.app("live")));
}, 60_000);
afterAll(async () => world.close());

/** Routes with a JSON body. */
const bodied = Object.keys(examples).filter((operationId) => typeof wellDone(operationId).payload === "object");

async function ask({ operationId, method, responses }: Operation, payload: string, more: Record<string, string> = {}): Promise<number> {
  const example = wellDone(operationId);
  const [app, url] = [await world.app(example.world), await world.urlOf(example)];
  const headers = { "content-type": "application/json", "if-match": "*", authorization: `Bearer ${world.issuer.byRole.admin}`, ...more };
  const before = world.state();
  const request: InjectOptions = { method, url, headers, payload };
  const response = await app.inject(request);
  const { statusCode, body } = response;
  const about = { operationId, statusCode, payload: payload.slice(0, 300), body: body.slice(0, 500) };
  expect(about).toMatchObject({ statusCode: expect.toSatisfy((status: number) => status < 500 || status === 503) as number });
  expect([about, Object.keys(responses)]).toEqual([about, expect.arrayContaining([String(statusCode)])]);
  const isRefused = statusCode >= 400;
  expect([about, isRefused, isRefused === String(response.headers["content-type"]).startsWith("application/problem+json")]).toEqual([
    about,
    isRefused,
    true,
  ]);
  expect([about, isRefused && world.state() !== before]).toEqual([about, false]);
  expect(body).not.toMatch(/node_modules|\.ts:|\.js:/);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  return statusCode;
}

describe("whatever body comes", () => {
  it.each(bodied)("%s", { timeout: 120_000 }, async (operationId) => {
    const operation = operationCalled(operations, operationId);
    assert(operation.body !== undefined, `${operationId} has a JSON body in the document`);
    const right = arbitraryOf(operation.body, { words });
    const text = fc.oneof(right, almost(right), almost(almost(right))).map((value) => JSON.stringify(value) ?? "null");
    await fc.assert(
      fc.asyncProperty(text, async (payload) => {
        await ask(operation, payload);
      }),
      { seed, numRuns: wellDone(operationId).world === "planned" ? plannedRuns : runs, endOnFailure: true },
    );
    const statuses = new Set<number>();
    for (const payload of hostileTexts) statuses.add(await ask(operation, payload));
    expect(statuses).toContain(400);
  });

  it("under a key as well, hostile or not", { timeout: 120_000 }, async () => {
    for (const operationId of bodied) {
      const operation = operations.find((each) => each.operationId === operationId);
      if (operation?.headers.includes("idempotency-key") !== true) continue;
      for (const [i, payload] of hostileTexts.entries()) await ask(operation, payload, { "idempotency-key": `${operationId}-${i}` });
      for (const key of ["", "a b", "x".repeat(129), "\u00e4"]) expect(await ask(operation, "{}", { "idempotency-key": key })).toBe(400);
    }
  });

  it("and whatever header: versions that are none", async () => {
    for (const { operationId, method, headers } of operations) {
      if (!headers.includes("if-match")) continue;
      const example = wellDone(operationId);
      const [app, url] = [await world.app(example.world), await world.urlOf(example)];
      for (const ifMatch of [
        "",
        "v1",
        '"v1',
        "*,*",
        '"v1";q=1',
        "\u0001",
        `"${"v".repeat(5_000)}"`,
        '"v1e3"',
        '"v-1"',
        '"v99999999999999999999"',
      ]) {
        const response = await app.inject({
          method,
          url,
          headers: { "content-type": "application/json", authorization: `Bearer ${world.issuer.byRole.admin}`, "if-match": ifMatch },
          payload: example.payload ?? {},
        });
        expect([operationId, ifMatch.slice(0, 20), response.statusCode]).toEqual([
          operationId,
          ifMatch.slice(0, 20),
          expect.toBeOneOf([400, 412]),
        ]);
      }
    }
  });
});
