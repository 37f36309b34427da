import { describe, expect, it } from "vitest";
import { nothingToUndo, type Result } from "@sluice/model";
import { planInForce } from "./rest/testing/plan-in-force.js";
import { loadStartInventory } from "./start-inventory.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

describe("what a controller starts from", () => {
  it("is the inventory with the newest plan, and the one before where a plan waits for its confirmation", async () => {
    const { store } = await planInForce();
    const term = value(await store.acquireTerm("a test"));
    const plain = value(await loadStartInventory(store));
    expect(plain.lastPlan?.record.epoch).toBe(3);
    expect(plain).not.toHaveProperty("previousPlan");
    const confirmation = { epoch: 3, previousEpoch: 2, deadlineMs: 1, undo: nothingToUndo };
    value(await store.putOperation(term, { settings: { mode: "held" }, confirmation }));
    const waiting = value(await loadStartInventory(store));
    expect(waiting.operation).toEqual({ version: 1, document: { settings: { mode: "held" }, confirmation } });
    expect(waiting.previousPlan).toEqual({ record: value(await store.getPlan(2)), input: plain.lastPlan?.input });
    value(await store.putOperation(term, { settings: {}, confirmation: { ...confirmation, previousEpoch: 0 } }));
    expect(value(await loadStartInventory(store))).not.toHaveProperty("previousPlan");
  });
});
