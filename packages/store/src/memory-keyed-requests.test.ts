import { ok } from "@sluice/model";
import { expect, it } from "vitest";
import { keyedRequestsMax } from "./keyed-request.js";
import { memoryKeyedRequests } from "./memory-keyed-requests.js";

it("forgets the oldest requests where there are too many, in whatever order they began", async () => {
  const requests = memoryKeyedRequests((_, change) => Promise.resolve(change()));
  const began = Date.parse("2026-03-01T00:00:00Z");
  const nth = (i: number) => ({ actor: "a", key: `k${i}`, fingerprint: "a".repeat(64), at: new Date(began + i).toISOString() });
  const isKnown = async (i: number) => {
    const found = await requests.beginRequest(1, { ...nth(i), at: nth(keyedRequestsMax + 1).at });
    return found.ok && found.value !== undefined;
  };
  await requests.beginRequest(1, nth(keyedRequestsMax));
  for (let i = 0; i < keyedRequestsMax; i += 1) expect(await requests.beginRequest(1, nth(i))).toEqual(ok(undefined));
  expect(await isKnown(1)).toBe(true);
  expect(await isKnown(keyedRequestsMax)).toBe(true);
  expect(await isKnown(0)).toBe(false);
  // That one began just now, so another one had to go.
  expect(await isKnown(1)).toBe(false);
});
