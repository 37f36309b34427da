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

/** Of PostgreSQL: the user or the password is refused; there is no such database. */
const sqlStateNotAdmitted = /^(28|3D)/;

/** Why the database of DATABASE_URL does not open, and what to do. Of the URL it names the host and the port, never more. */
export function faultOfServer(cause: unknown, databaseUrl: string): Fault {
  const plain = faultOfDatabase(cause);
  const { codes } = tracesOf(cause);
  const server = `The database ${placeOf(databaseUrl)}DATABASE_URL`;
  const data = plain.data === undefined ? {} : { data: plain.data };
  if (codes.some((code) => sqlStateNotAdmitted.test(code))) {
    const message = `${server} does not admit this controller (${codes[0]}): correct the user, password and database name in DATABASE_URL.`;
    return fault("store-failed", message, data);
  }
  if (plain.code !== "unavailable") return plain;
  const why = codes[0] === undefined ? "" : ` (${codes[0]})`;
  const remedy = "start it or correct DATABASE_URL; without DATABASE_URL the embedded database is used";
  return fault("unavailable", `${server} cannot be reached, or is out of resources${why}: ${remedy}.`, data);
}

/** Empty where it is a socket, or where an `@` behind the host suggests that the password was taken for a part of the address. */
function placeOf(databaseUrl: string): string {
  const { hostname, port, pathname, search } = new URL(databaseUrl);
  return hostname === "" || `${pathname}${search}`.includes("@") ? "of " : `at ${hostname}:${port === "" ? 5432 : port} of `;
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
