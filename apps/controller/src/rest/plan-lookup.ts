/** Plans by epoch: from the controller's memory where it holds them, else from the store. */
import type { ControllerView } from "@sluice/control";
import { ok, type Epoch, type Result, type TopologyDocument } from "@sluice/model";
import type { CycleInput, PlanRecord, Store } from "@sluice/store";

/** Plans read from the store that are kept: a large one takes tens of milliseconds to read. */
const keptMax = 4;

export interface PlanLookup {
  get(epoch: Epoch): Promise<Result<PlanRecord>>;
  /** What the plan was made from. */
  inputOf(epoch: Epoch): Promise<Result<CycleInput>>;
  /** What the plan was made on, which may have changed since. */
  topologyOf(epoch: Epoch): Promise<Result<TopologyDocument>>;
}

export function planLookup(view: () => ControllerView, store: Store): PlanLookup {
  const kept = new Map<Epoch, PlanRecord>();
  const lookup: PlanLookup = {
    get: async (epoch) => {
      const { planInForce, planPending } = view();
      const held = [planInForce?.record, planPending?.record, kept.get(epoch)].find((record) => record?.epoch === epoch);
      if (held !== undefined) return ok(held);
      const read = await store.getPlan(epoch);
      if (!read.ok) return read;
      kept.set(epoch, read.value);
      for (const oldest of kept.keys()) {
        if (kept.size <= keptMax) break;
        kept.delete(oldest);
      }
      return read;
    },
    inputOf: async (epoch) => {
      const { planInForce, planPending } = view();
      const held = [planInForce, planPending].find((plan) => plan?.record.epoch === epoch);
      if (held !== undefined) return ok(held.input);
      const record = await lookup.get(epoch);
      return record.ok ? store.getCycleInput(record.value.cycleInputHash) : record;
    },
    topologyOf: async (epoch) => {
      const input = await lookup.inputOf(epoch);
      return input.ok ? ok(input.value.topology) : input;
    },
  };
  return lookup;
}
