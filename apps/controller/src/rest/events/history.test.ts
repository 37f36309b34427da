import { memoryStore, type EventRecord } from "@sluice/store";
import { describe, expect, it } from "vitest";
import { value } from "../testing/plan-in-force.js";
import { historyOf, planHistory } from "./history.js";

const by = (correlationId: string, actor = "alice") => ({ by: { actor, correlationId } });

async function storeOf(events: readonly (readonly [string, Record<string, unknown>])[]) {
  const store = memoryStore();
  const term = value(await store.acquireTerm("a test"));
  value(
    await store.appendEvents(
      term,
      events.map(([kind, data]) => ({ at: "2026-03-01T00:00:00.000Z", kind, data })),
    ),
  );
  return store;
}

const story = [
  ["plan-persisted", { epoch: 1 }],
  ["plan-applied", { epoch: 1 }],
  ["topology-changed", { version: 4, ...by("drain-1") }],
  ["link-down", { linkId: "a-b" }],
  ["plan-persisted", { epoch: 2, ...by("drain-1") }],
  ["settings-changed", { version: 2, ...by("other", "bob") }],
  ["update-started", { epoch: 2 }],
  ["plan-applied", { epoch: 2 }],
  ["confirmed", { epoch: 2, ...by("confirm-1", "bob") }],
  ["plan-persisted", { epoch: 3, ...by("other", "bob") }],
  ["plan-applied", { epoch: 3 }],
] as const;

describe("the history of a request", () => {
  it("is what names it and what became of its plans, in order; not what another asked for", async () => {
    const store = await storeOf(story);
    const { items, epochs, isWhole } = value(await historyOf(store, "drain-1"));
    expect(items.map(({ sequence, follows }) => [sequence, follows])).toEqual([
      [3, "request"],
      [5, "request"],
      [7, "plan"],
      [8, "plan"],
    ]);
    expect([epochs, isWhole]).toEqual([[2], true]);
    // What was before the request does not follow from it.
    expect(value(await historyOf(store, "confirm-1")).items.map(({ sequence }) => sequence)).toEqual([9]);
    expect(value(await historyOf(store, "nobody"))).toEqual({ items: [], epochs: [], isWhole: true });
  });

  it("says when there is more than it lists", async () => {
    const many = Array.from({ length: 4_100 }, (_, i) => ["plan-applied", { epoch: i + 1, ...by("job") }] as const);
    const { items, isWhole } = value(await historyOf(await storeOf(many), "job"));
    expect([items.length, isWhole]).toEqual([4_000, false]);
  });
});

describe("the history of plans", () => {
  it("says who asked for each, and what became of it", async () => {
    const store = await storeOf(story);
    const summary = (epoch: number) => ({ epoch }) as Parameters<typeof planHistory>[1][number];
    const found = value(await planHistory(store, [3, 2, 1].map(summary)));
    const kinds = (events: readonly EventRecord[]) => events.map(({ kind }) => kind);
    expect(found.map(({ summary: { epoch }, by: asked, events }) => [epoch, asked, kinds(events)])).toEqual([
      [3, { actor: "bob", correlationId: "other" }, ["plan-persisted", "plan-applied"]],
      [2, { actor: "alice", correlationId: "drain-1" }, ["plan-persisted", "update-started", "plan-applied", "confirmed"]],
      [1, undefined, ["plan-persisted", "plan-applied"]],
    ]);
    expect(value(await planHistory(store, []))).toEqual([]);
  });
});
