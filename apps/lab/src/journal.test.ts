import { once } from "node:events";
import { createServer } from "node:http";
import { expect, test } from "vitest";
import { JournalReader } from "./journal.js";
import { journalText } from "./journal-text.js";

async function serve(pages: readonly unknown[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const page = pages[asked.length];
    asked.push(request.url ?? "");
    response.end(typeof page === "string" ? page : JSON.stringify(page));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return { server, asked, rest: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}` };
}

const entry = (sequence: number) => ({ sequence, at: "2026-03-01T12:00:00.250Z", kind: "link-up", data: { linkId: "a-b" } });

test("the journal is read to its end, and only what is new", async () => {
  const first = { items: Array.from({ length: 1_000 }, (_, i) => entry(i + 1)), nextAfter: 1_000 };
  const { server, asked, rest } = await serve([first, { items: [entry(1_001)], nextAfter: 1_001 }, { items: [], nextAfter: 1_001 }]);
  const reader = new JournalReader();
  const read = await reader.read(rest);
  expect(read.ok && read.value.length).toBe(1_001);
  expect(read.ok && read.value[0]?.atMs).toBe(Date.parse("2026-03-01T12:00:00Z") + 250);
  expect(await reader.read(rest)).toEqual({ ok: true, value: [] });
  expect(asked).toEqual([0, 1_000, 1_001].map((after) => `/v1/events?after=${after}&limit=1000`));
  server.close();
});

test("what is no journal, and nobody, are told apart", async () => {
  const { server, rest } = await serve(["<html>", { items: 3 }]);
  const reader = new JournalReader();
  expect(await reader.read(rest)).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
  expect(await reader.read(rest)).toMatchObject({ ok: false, faults: [{ code: "malformed" }] });
  server.close();
  await once(server, "close");
  expect(await reader.read(rest)).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
});

test.each([
  ["link-up", { linkId: "a-b" }, "Link a-b has stayed up and is used again."],
  ["link-suppressed", { linkIds: ["a-b", "b-a"] }, "Links a-b, b-a flap: down for the controller until they have been quiet for a while."],
  [
    "link-suppressed",
    { linkIds: ["1", "2", "3", "4", "5"] },
    "5 links flap: down for the controller until they have been quiet for a while.",
  ],
  [
    "scenario-ended",
    { scenarioId: "link:a-b", reason: "recovered" },
    "What failed in link:a-b is back: the ingresses return to the plan's own split.",
  ],
  ["scenario-ended", { scenarioId: "link:a-b", reason: "other-plan" }, undefined],
  [
    "control-network-fault",
    { missing: 3 },
    "3 agents were lost at once: the controller takes that for a fault of its own network, and changes nothing.",
  ],
  ["plan-persisted", { epoch: 3 }, undefined],
  ["rolled-back", { epoch: 3 }, "The switches are back on plan 3."],
] as const)("%s %j in words", (kind, data, text) => {
  expect(journalText({ kind, data })).toBe(text);
});
