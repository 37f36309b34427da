/** The audit log in the database. */
import { auditStart, chainAudit, type AuditDraft, type AuditEntry, type AuditPosition, type Term } from "@sluice/model";
import type { AuditEntry as AuditRow, Prisma, PrismaClient } from "../generated/prisma/client.js";
import type { AuditPage } from "./store.js";

/** The lock of the leadership, which the transaction holds, makes the end of the chain ours. */
export async function insertAudit(tx: Prisma.TransactionClient, term: Term, drafts: readonly AuditDraft[]): Promise<readonly AuditEntry[]> {
  if (drafts.length === 0) return [];
  const last = await tx.auditEntry.findFirst({ orderBy: { sequence: "desc" }, select: { sequence: true, hash: true } });
  let position: AuditPosition = last === null ? auditStart : { sequence: Number(last.sequence), hash: last.hash };
  const entries = drafts.map((draft) => {
    const entry = chainAudit(position, draft, term);
    position = entry;
    return entry;
  });
  await tx.auditEntry.createMany({
    data: entries.map(({ sequence, of, ...entry }) => ({ ...entry, sequence: BigInt(sequence), of: of === undefined ? null : BigInt(of) })),
  });
  return entries;
}

export async function auditEntriesOf(prisma: PrismaClient, page: AuditPage): Promise<readonly AuditEntry[]> {
  const { after = 0, before, order, requestId, actor, limit } = page;
  const rows = await prisma.auditEntry.findMany({
    where: {
      sequence: { gt: BigInt(after), ...(before !== undefined && { lt: BigInt(before) }) },
      ...(requestId !== undefined && { requestId }),
      ...(actor !== undefined && { actor }),
    },
    orderBy: { sequence: order === "oldest-first" ? "asc" : "desc" },
    take: limit,
  });
  return rows.map(entryOf);
}

/** What is null in the database is absent in the entry, so that its hash is that of what was written. */
function entryOf({ sequence, at, bodyHash, of, status, code, ...row }: AuditRow): AuditEntry {
  return {
    ...row,
    sequence: Number(sequence),
    at: at.toISOString(),
    ...(bodyHash !== null && { bodyHash }),
    ...(of !== null && { of: Number(of) }),
    ...(status !== null && { status }),
    ...(code !== null && { code }),
  };
}
