/** A data directory whose journal is long before the controller starts. */
import { eventsPerAppendMax, prismaStore } from "@sluice/store";
import { valueOf } from "./network.js";

export async function fillJournal(dataDir: string, { events, bytes }: { readonly events: number; readonly bytes: number }): Promise<void> {
  const store = valueOf(await prismaStore({ dataDir }));
  const term = valueOf(await store.acquireTerm("a benchmark"));
  const batch = Math.min(2_000, eventsPerAppendMax);
  const at = new Date().toISOString();
  for (let written = 0; written < events; written += batch) {
    const count = Math.min(batch, events - written);
    valueOf(
      await store.appendEvents(
        term,
        Array.from({ length: count }, (_, i) => ({ at, kind: "bench", data: { i: written + i, more: "x".repeat(bytes) } })),
      ),
    );
  }
  await store.close();
}
