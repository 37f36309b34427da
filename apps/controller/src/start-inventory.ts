/** What the machine starts from: the store's inventory, with the newest plan and, where one waits for its confirmation, the plan before it. */
import type { CycleInputRecord, PlanRecord, StartInventory } from "@sluice/control";
import { ok, type Epoch, type Result } from "@sluice/model";
import type { Store } from "@sluice/store";

export async function loadStartInventory(store: Store): Promise<Result<StartInventory>> {
  const inventory = await store.loadInventory();
  if (!inventory.ok || inventory.value.epoch === 0) return inventory;
  const lastPlan = await planOf(store, inventory.value.epoch);
  if (!lastPlan.ok) return lastPlan;
  const previousEpoch = inventory.value.operation?.document.confirmation?.previousEpoch ?? 0;
  if (previousEpoch === 0) return ok({ ...inventory.value, lastPlan: lastPlan.value });
  const previousPlan = await planOf(store, previousEpoch);
  return previousPlan.ok ? ok({ ...inventory.value, lastPlan: lastPlan.value, previousPlan: previousPlan.value }) : previousPlan;
}

async function planOf(store: Store, epoch: Epoch): Promise<Result<{ readonly record: PlanRecord; readonly input: CycleInputRecord }>> {
  const record = await store.getPlan(epoch);
  if (!record.ok) return record;
  const input = await store.getCycleInput(record.value.cycleInputHash);
  return input.ok ? ok({ record: record.value, input: input.value }) : input;
}
