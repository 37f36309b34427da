/** What the journal tells about who asked for what: what followed from a request, and what became of plans. */
import { ok, type Epoch, type Result } from "@sluice/model";
import { pageLimitMax, type EventRecord, type PlanSummary, type Store } from "@sluice/store";
import { z } from "zod";

/** Pages of the journal that one question may read. */
const pagesMax = 4;

/** The kinds that tell what became of a plan, besides those of failures and agents. */
const planKinds = [
  "plan-persisted",
  "plan-refused",
  "plan-applied",
  "plan-failed",
  "rolled-back",
  "adopted",
  "update-started",
  "update-throttles",
  "update-refused",
  "proposal-applied",
  "plan-rolled-back-to",
  "confirmation-pending",
  "confirmed",
  "confirmation-expired",
] as const;

export interface RequestedBy {
  readonly actor: string;
  readonly correlationId: string;
}

const requestedBySchema = z.looseObject({ actor: z.string(), correlationId: z.string() });

/** Who asked for what the event tells, where somebody did. */
export function requestedBy({ data }: Pick<EventRecord, "data">): RequestedBy | undefined {
  const parsed = requestedBySchema.safeParse(data["by"]);
  return parsed.success ? { actor: parsed.data.actor, correlationId: parsed.data.correlationId } : undefined;
}

function epochOf({ data }: Pick<EventRecord, "data">): Epoch | undefined {
  const { epoch } = data;
  return typeof epoch === "number" && Number.isInteger(epoch) && epoch >= 1 ? epoch : undefined;
}

export interface History {
  readonly items: readonly (EventRecord & { readonly follows: "request" | "plan" })[];
  readonly epochs: readonly Epoch[];
  readonly isWhole: boolean;
}

/**
 * The events that name the request, and what the journal says later of the plans that these name; in order. O(events). Nothing is guessed: an event
 * belongs to it because it says so, or because it is about a plan that does.
 */
export async function historyOf(store: Pick<Store, "listEvents">, correlationId: string): Promise<Result<History>> {
  const named = await pagesOf(store, { correlationId });
  if (!named.ok) return named;
  /** By plan: the first event of the request that names it. */
  const firstOf = new Map<Epoch, number>();
  for (const event of named.value.events) {
    const epoch = epochOf(event);
    if (epoch !== undefined && !firstOf.has(epoch)) firstOf.set(epoch, event.sequence);
  }
  const epochs = [...firstOf.keys()].sort((a, b) => a - b);
  const some = epochs.slice(0, pageLimitMax);
  const about =
    some.length === 0 ? ok({ events: [], isWhole: true }) : await pagesOf(store, { epochs: some, after: Math.min(...firstOf.values()) });
  if (!about.ok) return about;
  const own = new Set(named.value.events.map(({ sequence }) => sequence));
  const later = about.value.events.filter(
    (event) => !own.has(event.sequence) && event.sequence > (firstOf.get(epochOf(event) ?? 0) ?? Infinity),
  );
  const items = [
    ...named.value.events.map((event) => ({ ...event, follows: "request" as const })),
    // Another request about the same plan is its own story.
    ...later.filter((event) => requestedBy(event) === undefined).map((event) => ({ ...event, follows: "plan" as const })),
  ];
  return ok({
    items: items.sort((a, b) => a.sequence - b.sequence),
    epochs,
    isWhole: named.value.isWhole && about.value.isWhole && some.length === epochs.length,
  });
}

export interface PlanHistory {
  readonly summary: PlanSummary;
  readonly by: RequestedBy | undefined;
  readonly events: readonly EventRecord[];
}

/** What became of each of these plans, and who asked for it. */
export async function planHistory(
  store: Pick<Store, "listEvents">,
  summaries: readonly PlanSummary[],
): Promise<Result<readonly PlanHistory[]>> {
  if (summaries.length === 0) return ok([]);
  const found = await pagesOf(store, { epochs: summaries.map(({ epoch }) => epoch), kinds: planKinds });
  if (!found.ok) return found;
  const byEpoch = new Map<Epoch | undefined, EventRecord[]>();
  for (const event of found.value.events) {
    const about = byEpoch.get(epochOf(event));
    if (about === undefined) byEpoch.set(epochOf(event), [event]);
    else about.push(event);
  }
  return ok(
    summaries.map((summary) => {
      const events = byEpoch.get(summary.epoch) ?? [];
      // Later requests (a confirmation, say) are about a plan that is there.
      const made = events.find(({ kind }) => kind === "proposal-applied" || kind === "plan-rolled-back-to" || kind === "plan-persisted");
      return { summary, by: made && requestedBy(made), events };
    }),
  );
}

type Question = Omit<Parameters<Store["listEvents"]>[0], "limit">;

async function pagesOf(
  store: Pick<Store, "listEvents">,
  question: Question,
): Promise<Result<{ readonly events: readonly EventRecord[]; readonly isWhole: boolean }>> {
  const events: EventRecord[] = [];
  for (let page = 0; page < pagesMax; page += 1) {
    const after = events.at(-1)?.sequence ?? question.after ?? 0;
    const listed = await store.listEvents({ ...question, after, limit: pageLimitMax });
    if (!listed.ok) return listed;
    events.push(...listed.value);
    if (listed.value.length < pageLimitMax) return ok({ events, isWhole: true });
  }
  return ok({ events, isWhole: false });
}
