/** The requests under keys in the database. Each function is called in a transaction that holds the lock of the leadership. */
import { ok, type Result, type Term } from "@sluice/model";
import { Prisma } from "../generated/prisma/client.js";
import {
  forgottenBefore,
  keyedRequestsMax,
  nothingBegun,
  type AdmittedEnd,
  type AdmittedRequest,
  type KeyedAnswer,
  type KeyedRequestRecord,
} from "./keyed-request.js";

export async function insertRequest(
  tx: Prisma.TransactionClient,
  term: Term,
  request: AdmittedRequest,
): Promise<Result<KeyedRequestRecord | undefined>> {
  const { actor, key, at } = request;
  await tx.keyedRequest.deleteMany({ where: { at: { lt: forgottenBefore(at) } } });
  const known = await tx.keyedRequest.findUnique({ where: { actor_key: { actor, key } } });
  if (known !== null) {
    const { answer, at: began, ...rest } = known;
    return ok({ ...rest, at: began.toISOString(), ...(answer !== null && { answer: answer as unknown as KeyedAnswer }) });
  }
  await tx.keyedRequest.create({ data: { ...request, term } });
  await tx.$executeRaw`
    DELETE FROM keyed_request WHERE (actor, key) IN (
      SELECT actor, key FROM keyed_request ORDER BY at DESC, actor COLLATE "C", key COLLATE "C" OFFSET ${keyedRequestsMax})`;
  return ok(undefined);
}

export async function endRequest(tx: Prisma.TransactionClient, { actor, key, answer }: AdmittedEnd): Promise<Result<void>> {
  const where = { actor, key, answer: { equals: Prisma.DbNull } };
  const { count } =
    answer === undefined
      ? await tx.keyedRequest.deleteMany({ where })
      : await tx.keyedRequest.updateMany({ where, data: { answer: { ...answer, headers: { ...answer.headers } } } });
  return count === 1 ? ok(undefined) : nothingBegun({ actor, key });
}
