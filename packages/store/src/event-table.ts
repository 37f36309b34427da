/** The journal in the database. */
import type { Prisma, PrismaClient } from "../generated/prisma/client.js";
import type { AdmittedEvent } from "./admission.js";
import type { EventPage, EventRecord } from "./store.js";

/** One statement however many there are; the lock of the leadership, which the transaction holds, makes the next number ours. */
export async function insertEvents(tx: Prisma.TransactionClient, events: readonly AdmittedEvent[]): Promise<void> {
  const rows = JSON.stringify(events.map((event, i) => ({ ordinal: i + 1, ...event })));
  await tx.$executeRaw`
    INSERT INTO event (sequence, at, kind, data, correlation_id, epoch)
    SELECT last.sequence + r.ordinal, r.at::timestamptz, r.kind, r.data::json, r."correlationId", r.epoch
    FROM (SELECT coalesce(max(sequence), 0) AS sequence FROM event) AS last,
         jsonb_to_recordset(${rows}::jsonb) AS r(ordinal bigint, at text, kind text, data text, "correlationId" text, epoch integer)`;
}

/** Oldest first. */
export async function eventsOf(prisma: PrismaClient, page: EventPage): Promise<readonly EventRecord[]> {
  const { after = 0, through, kinds, correlationId, epochs, limit } = page;
  const rows = await prisma.event.findMany({
    where: {
      sequence: { gt: BigInt(after), ...(through !== undefined && { lte: BigInt(through) }) },
      ...(kinds !== undefined && { kind: { in: [...kinds] } }),
      ...(correlationId !== undefined && { correlationId }),
      ...(epochs !== undefined && { epoch: { in: [...epochs] } }),
    },
    select: { sequence: true, at: true, kind: true, data: true },
    orderBy: { sequence: "asc" },
    take: limit,
  });
  return rows.map(({ sequence, at, kind, data }) => ({
    sequence: Number(sequence),
    at: at.toISOString(),
    kind,
    data: data as EventRecord["data"],
  }));
}
