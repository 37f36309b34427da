/** Opens what `prismaStore` stands on: a migrated database and a Prisma client with its pool. */
import { PrismaPg } from "@prisma/adapter-pg";
import { Pool, type PoolConfig } from "pg";
import { fault, ok, refuse, type Fault, type Result } from "@sluice/model";
import { PrismaClient } from "../generated/prisma/client.js";
import { migrations } from "../generated/migrations.js";
import { faultOfDatabase, faultOfServer } from "./database-fault.js";
import { openDirectory, openingCancelled, openMemory } from "./embedded-database.js";
import { migrate } from "./migrator.js";

/** Which database: PGlite in a directory of its own (made where missing), PostgreSQL, or PGlite in memory for tests. */
export type DatabaseOptions = ({ readonly dataDir: string } | { readonly databaseUrl: string } | { readonly inMemory: true }) & {
  /** Gets the causes of faults, which the faults themselves do not tell: for the log. */
  readonly onCause?: (cause: unknown) => void;
  /** Gives the opening up, with the fault `cancelled`: nothing is left in the directory but a complete database. */
  readonly signal?: AbortSignal;
};

export interface Database {
  readonly prisma: PrismaClient;
  /** Connections for leases alone, where there can be more than one: they wait for nothing else, and give up soon. */
  readonly leases?: PrismaClient;
  close(): Promise<void>;
}

/** Connections to a PostgreSQL server: one writer, and readers for REST. */
const connectionsMax = 5;
/** How long to wait for a connection, which includes the queue for PGlite's only one. */
const connectionTimeoutMs = 30_000;
/** The server ends a statement then; the client gives up on a server that is gone a little later. */
const statementTimeoutMs = 60_000;
const queryTimeoutMs = 70_000;
/**
 * A transaction whose client says nothing for so long is ended: a leader that was stopped in the middle of a write holds the row that its
 * successor needs.
 */
const idleInTransactionMsMax = 4_000;
/** What concerns a lease is of no use later than this. */
const leaseConnectionsMax = 2;
const leaseTimeoutMs = 2_000;

export async function openDatabase(options: DatabaseOptions): Promise<Result<Database>> {
  const { signal } = options;
  if ("databaseUrl" in options) {
    const { databaseUrl } = options;
    const config = serverConfig(databaseUrl);
    if (!config.ok) return config;
    const opening = { faultOf: (cause: unknown) => faultOfServer(cause, databaseUrl), after: async () => Promise.resolve() };
    return orCancelled(connectServer(config.value, options, opening), signal);
  }
  const embedded = await ("dataDir" in options ? openDirectory(options.dataDir, signal) : openMemory());
  if (!embedded.ok) return embedded;
  const config = { ...embedded.value.connection, connectionTimeoutMillis: connectionTimeoutMs, query_timeout: queryTimeoutMs };
  const database = await connect(config, options, { faultOf: faultOfDatabase, after: embedded.value.close });
  if (!database.ok || signal?.aborted !== true) return database;
  await database.value.close();
  return refuse(openingCancelled());
}

/** A server that does not answer is not waited for; a connection that comes about later is closed. */
async function orCancelled(opening: Promise<Result<Database>>, signal: AbortSignal | undefined): Promise<Result<Database>> {
  if (signal === undefined) return opening;
  const cancelled = new Promise<"cancelled">((resolve) => {
    if (signal.aborted) resolve("cancelled");
    signal.addEventListener("abort", () => resolve("cancelled"), { once: true });
  });
  const first = await Promise.race([opening, cancelled]);
  if (first !== "cancelled") return first;
  void opening.then((late) => (late.ok ? late.value.close() : undefined));
  return refuse(openingCancelled());
}

function serverConfig(databaseUrl: string): Result<PoolConfig> {
  const url = URL.canParse(databaseUrl) ? new URL(databaseUrl) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
    return refuse(
      fault("malformed", "The database URL must be like postgresql://user:password@host:5432/database.", { pointer: "/databaseUrl" }),
    );
  }
  const schema = url.searchParams.get("schema");
  if (schema !== null && schema !== "public") {
    return refuse(
      fault("not-allowed", `The schema is always public, not ${schema}: give Sluice a database of its own.`, { pointer: "/databaseUrl" }),
    );
  }
  return ok({
    connectionString: databaseUrl,
    application_name: "sluice",
    max: connectionsMax,
    connectionTimeoutMillis: connectionTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: queryTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionMsMax,
    keepAlive: true,
  });
}

interface Opening {
  readonly faultOf: (cause: unknown) => Fault;
  /** Ends what stands below the pool. */
  readonly after: () => Promise<void>;
}

/** With connections for leases besides. */
async function connectServer(config: PoolConfig, options: DatabaseOptions, opening: Opening): Promise<Result<Database>> {
  const database = await connect(config, options, opening);
  if (!database.ok) return database;
  const pool = openPool(
    {
      ...config,
      max: leaseConnectionsMax,
      connectionTimeoutMillis: leaseTimeoutMs,
      statement_timeout: leaseTimeoutMs,
      query_timeout: leaseTimeoutMs,
    },
    options,
  );
  const leases = prismaOf(pool);
  return ok({
    ...database.value,
    leases,
    close: async () => {
      await leases.$disconnect();
      await pool.end();
      await database.value.close();
    },
  });
}

function openPool(config: PoolConfig, { onCause }: DatabaseOptions): Pool {
  const pool = new Pool(config);
  // A connection that breaks is replaced at its next use. An error that nobody hears would end the process, and the pool hears only
  // what befalls connections that are idle: not those that are lent out or being taken out of it.
  pool.on("error", (cause) => onCause?.(cause));
  pool.on("connect", (client) => client.on("error", (cause) => onCause?.(cause)));
  return pool;
}

function prismaOf(pool: Pool): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(pool), errorFormat: "minimal", log: [] });
}

async function connect(config: PoolConfig, options: DatabaseOptions, { faultOf, after }: Opening): Promise<Result<Database>> {
  const { onCause } = options;
  const pool = openPool(config, options);
  const close = async () => {
    await pool.end();
    await after();
  };
  const database = await migratedDatabase(pool, { close, onCause: (cause) => onCause?.(cause), faultOf });
  if (!database.ok) await close();
  return database;
}

/** The database behind a pool, its schema up to date. It is the caller's to close where this refuses. */
export async function migratedDatabase(
  pool: Pool,
  {
    close,
    onCause,
    faultOf = faultOfDatabase,
  }: {
    readonly close: () => Promise<void>;
    readonly onCause: (cause: unknown) => void;
    readonly faultOf?: Opening["faultOf"];
  },
): Promise<Result<Database>> {
  try {
    const client = await pool.connect();
    try {
      const migrated = await migrate(client, migrations);
      if (!migrated.ok) return migrated;
    } finally {
      client.release();
    }
  } catch (cause) {
    onCause(cause);
    return refuse(faultOf(cause));
  }
  const prisma = prismaOf(pool);
  return ok({
    prisma,
    close: async () => {
      await prisma.$disconnect();
      await close();
    },
  });
}
