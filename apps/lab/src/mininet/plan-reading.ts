/** What the controller says of its plan, over REST as any operator would read it: admitted rates and tunnels. */
import { fault, ok, refuse, trafficClassSchema, type Result } from "@sluice/model";
import { z } from "zod";

const readMsMax = 20_000;
const pageSize = 10_000;

const demandSchema = z.object({
  src: z.string(),
  dst: z.string(),
  trafficClass: trafficClassSchema,
  rateBps: z.number(),
  admittedBps: z.number().optional(),
});
const tunnelSchema = z.object({
  id: z.string(),
  src: z.string(),
  dst: z.string(),
  path: z.array(z.string()),
  flowGroups: z.array(z.object({ trafficClass: trafficClassSchema, plannedBps: z.number(), weight: z.number(), weightSum: z.number() })),
});
const eventSchema = z.object({ sequence: z.number(), kind: z.string(), data: z.record(z.string(), z.unknown()) });

export type PlannedDemand = z.output<typeof demandSchema>;
export type PlannedTunnel = z.output<typeof tunnelSchema>;
export type JournalEvent = z.output<typeof eventSchema>;

export interface PlanReading {
  readonly demands: readonly PlannedDemand[];
  readonly tunnels: readonly PlannedTunnel[];
}

/** Of the plan in force. Faults: `unavailable`, `malformed`. */
export async function readPlan(rest: string): Promise<Result<PlanReading>> {
  const demands = await pages(rest, "/v1/demands", demandSchema);
  if (!demands.ok) return demands;
  const tunnels = await pages(rest, "/v1/tunnels", tunnelSchema);
  return tunnels.ok ? ok({ demands: demands.value, tunnels: tunnels.value }) : tunnels;
}

/** The journal from a sequence number on. */
export async function readEvents(rest: string, after: number): Promise<Result<readonly JournalEvent[]>> {
  const events: JournalEvent[] = [];
  for (let next = after; ;) {
    const page = await get(`${rest}/v1/events?limit=1000&after=${next}`, z.object({ items: z.array(eventSchema), nextAfter: z.number() }));
    if (!page.ok) return page;
    events.push(...page.value.items);
    if (page.value.items.length === 0) return ok(events);
    next = page.value.nextAfter;
  }
}

async function pages<T>(rest: string, path: string, item: z.ZodType<T>): Promise<Result<readonly T[]>> {
  const all: T[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await get(
      `${rest}${path}?limit=${pageSize}${cursor === undefined ? "" : `&cursor=${cursor}`}`,
      z.object({ items: z.array(item), nextCursor: z.string().optional() }),
    );
    if (!page.ok) return page;
    all.push(...page.value.items);
    cursor = page.value.nextCursor;
    if (cursor === undefined) return ok(all);
  }
}

async function get<T>(url: string, schema: z.ZodType<T>): Promise<Result<T>> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(readMsMax) });
    const parsed = schema.safeParse(await response.json());
    if (response.ok && parsed.success) return ok(parsed.data);
    return refuse(fault("malformed", `${url} answered ${response.status} with something that was not expected.`));
  } catch (error) {
    return refuse(fault("unavailable", `${url} could not be read: ${error instanceof Error ? error.message : String(error)}.`));
  }
}
