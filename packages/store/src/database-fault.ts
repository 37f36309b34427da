/** What a failing database means to the controller: is it away, or did it refuse? */
import { fault, type Fault } from "@sluice/model";

/** Of Prisma: cannot reach, timed out, closed the connection, too many connections, no connection or transaction in time. */
const prismaUnavailable = new Set(["P1000", "P1001", "P1002", "P1008", "P1017", "P2024", "P2028", "P2037"]);
/** Of PostgreSQL: connection exceptions, insufficient resources (disk full), operator intervention (shutting down). */
const sqlStateUnavailable = /^(08|53|57P)/;
/** Of the sockets below. */
const systemUnavailable = new Set(["ECONNREFUSED", "ECONNRESET", "ENOENT", "EPIPE", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]);
/** Of Prisma's driver adapters, where no code is given. */
const adapterUnavailable = new Set([
  "DatabaseNotReachable",
  "ConnectionClosed",
  "SocketTimeout",
  "TooManyConnections",
  "TlsConnectionError",
]);
const phraseUnavailable = /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error/i;

/** Conflicts between transactions: nothing happened, and the same again will do. */
const conflicts = new Set(["P2034", "40001", "40P01"]);

/** The message names a code at most: a cause may quote data, and goes to the log alone. */
export function faultOfDatabase(cause: unknown): Fault {
  const { codes, phrases } = tracesOf(cause);
  const data = codes[0] === undefined ? {} : { data: { databaseCode: codes[0] } };
  const away =
    codes.some((code) => prismaUnavailable.has(code) || sqlStateUnavailable.test(code) || systemUnavailable.has(code)) ||
    phrases.some((phrase) => adapterUnavailable.has(phrase) || phraseUnavailable.test(phrase));
  return away
    ? fault("unavailable", "The database cannot be reached, or is out of resources; try again.", data)
    : fault("store-failed", `The database refused the request${codes[0] === undefined ? "" : ` (${codes[0]})`}.`, data);
}

export function isConflict(cause: unknown): boolean {
  return tracesOf(cause).codes.some((code) => conflicts.has(code));
}

/** Codes and phrases of an error and its causes, the most specific last. */
function tracesOf(cause: unknown): { readonly codes: readonly string[]; readonly phrases: readonly string[] } {
  const codes: string[] = [];
  const phrases: string[] = [];
  let at: unknown = cause;
  // Errors of Prisma, of its adapter and of pg lie within each other, four deep at most.
  for (let depth = 0; depth < 8 && typeof at === "object" && at !== null; depth++) {
    const { code, originalCode, kind, message, meta, driverAdapterError, cause: inner } = at as Record<string, unknown>;
    for (const found of [code, originalCode]) if (typeof found === "string") codes.push(found);
    for (const found of [kind, message]) if (typeof found === "string") phrases.push(found);
    at = inner ?? driverAdapterError ?? (meta as Record<string, unknown> | undefined)?.["driverAdapterError"];
  }
  return { codes, phrases };
}
