/** A page of the plans that are stored, newest first; its cursor names the last plan of the page before. */
import { ok, refuse, type Result } from "@sluice/model";
import type { PlanSummary, Store } from "@sluice/store";
import { epochText } from "./epoch-path.js";
import { cursorOf, keyOf } from "./page.js";
import { parameterFault } from "./route.js";

export interface PlanPage {
  readonly summaries: readonly PlanSummary[];
  /** Absent with the first plan of all. */
  readonly next: { readonly nextCursor?: string };
}

/** Faults: `malformed` where the cursor is none of this list's; those of the store. */
export async function planPage(
  store: Pick<Store, "listPlans">,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Result<PlanPage>> {
  const key = keyOf(cursor);
  if (!key.ok) return key;
  if (key.value !== undefined && !epochText.test(key.value)) {
    return refuse(parameterFault("cursor", "The cursor is not one that this list gave out."));
  }
  const listed = await store.listPlans({ limit, ...(key.value === undefined ? {} : { before: Number(key.value) }) });
  if (!listed.ok) return listed;
  const last = listed.value.at(-1);
  return ok({ summaries: listed.value, next: last !== undefined && last.epoch > 1 ? { nextCursor: cursorOf(String(last.epoch)) } : {} });
}
