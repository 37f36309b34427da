/** What the machine starts from: the store's inventory, with the newest plan and what it was made from. */
import type { StartInventory } from "@sluice/control";
import { ok, type Result } from "@sluice/model";
import type { Store } from "@sluice/store";

export async function loadStartInventory(store: Store): Promise<Result<StartInventory>> {
  const inventory = await store.loadInventory();
  if (!inventory.ok || inventory.value.epoch === 0) return inventory;
  const record = await store.getPlan(inventory.value.epoch);
  if (!record.ok) return record;
  const input = await store.getCycleInput(record.value.cycleInputHash);
  if (!input.ok) return input;
  return ok({ ...inventory.value, lastPlan: { record: record.value, input: input.value } });
}
