/**
 * `node scripts/with-postgres.mjs COMMAND...` runs a command with SLUICE_TEST_DATABASE_URL set to a PostgreSQL server of its
 * own, which is made before and removed after it, whatever happens. Needs PostgreSQL's server programs, not a running one.
 *
 * The command can have the server stopped and started: it writes `stop` or `start` and a line feed to the socket that
 * SLUICE_TEST_DATABASE_CONTROL names, and reads `done` when that has happened.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const [command, ...args] = process.argv.slice(2);
if (command === undefined) fail("say what to run: node scripts/with-postgres.mjs COMMAND...");

const bin = serverPrograms();
const account = serverAccount();
const work = mkdtempSync(join(tmpdir(), "sluice-postgres-"));
chmodSync(work, 0o700);
if (account !== undefined) chownSync(work, account.uid, account.gid);

let child;
let status = 1;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child?.kill(signal));
try {
  status = await main();
} finally {
  stop();
}
process.exit(status);

async function main() {
  const data = join(work, "data");
  asServer("initdb", ["--pgdata", data, "--username", "sluice", "--auth", "trust", "--encoding", "UTF8", "--no-sync", ...language()]);
  const port = await freePort();
  // Durability costs time and is worth nothing in a database that is thrown away.
  const options = `-c listen_addresses=127.0.0.1 -c port=${port} -c unix_socket_directories='${work}' -c fsync=off -c synchronous_commit=off -c full_page_writes=off`;
  const start = () =>
    asServer("pg_ctl", ["start", "--pgdata", data, "--wait", "--timeout=60", "--silent", "--log", join(work, "log"), "--options", options]);
  start();
  const control = await listenForControl({
    start,
    stop: () => asServer("pg_ctl", ["stop", "--pgdata", data, "--mode=immediate", "--wait", "--silent"]),
  });
  const url = `postgresql://sluice@127.0.0.1:${port}/postgres`;
  return new Promise((resolve) => {
    child = spawn(command, args, {
      stdio: "inherit",
      env: { ...process.env, SLUICE_TEST_DATABASE_URL: url, SLUICE_TEST_DATABASE_CONTROL: control },
    });
    child.on("error", (cause) => {
      process.stderr.write(`with-postgres: ${command} cannot be run: ${cause.message}.\n`);
      resolve(127);
    });
    child.on("exit", (code) => resolve(code ?? 130));
  });
}

/** Where the command says what it wants of the server; for this user alone. */
async function listenForControl(actions) {
  const place = mkdtempSync(join(tmpdir(), "sluice-postgres-control-"));
  process.once("exit", () => rmSync(place, { recursive: true, force: true }));
  const path = join(place, "socket");
  const server = createServer((connection) => {
    connection.setEncoding("utf8").on("data", (text) => {
      for (const line of text.split("\n")) {
        if (!Object.hasOwn(actions, line)) continue;
        actions[line]();
        connection.write("done\n");
      }
    });
  });
  await new Promise((resolve) => server.listen(path, resolve));
  server.unref();
  return path;
}

/** A language's order of text where the server knows one: what relies on the order of bytes without saying so shall fail. */
function language() {
  const help = execFileSync(join(bin, "initdb"), ["--help"], { encoding: "utf8" });
  return help.includes("--icu-locale") ? ["--locale-provider=icu", "--icu-locale=en-US"] : ["--no-locale"];
}

/** Stops the server that this script started, by its data directory, and removes all of it. */
function stop() {
  const data = join(work, "data");
  if (existsSync(join(data, "postmaster.pid"))) asServer("pg_ctl", ["stop", "--pgdata", data, "--mode=immediate", "--wait", "--silent"]);
  rmSync(work, { recursive: true, force: true });
}

function asServer(program, programArgs) {
  const done = spawnSync(join(bin, program), programArgs, {
    cwd: work,
    // The server keeps the standard streams that it is started with: it must not get a pipe that somebody waits on.
    stdio: ["ignore", "ignore", "inherit"],
    ...account,
    env: { ...process.env, LC_ALL: "C", HOME: work },
  });
  if (done.status !== 0) throw new Error(`${program} failed${done.error === undefined ? "" : `: ${done.error.message}`}`);
}

/** Debian keeps them off the path, one directory a version. */
function serverPrograms() {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [...versions.map((version) => join(debian, version, "bin")), ...(process.env.PATH ?? "").split(delimiter)];
  return (
    places.find((place) => existsSync(join(place, "initdb")) && existsSync(join(place, "pg_ctl"))) ??
    fail("PostgreSQL's programs initdb and pg_ctl are not installed (Debian: apt-get install postgresql)")
  );
}

/** PostgreSQL refuses to run as root: then it runs as the account that its package made. */
function serverAccount() {
  if (process.getuid?.() !== 0) return undefined;
  try {
    const id = (flag) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return fail("run as root this needs an account named postgres, as PostgreSQL's packages make it");
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function fail(message) {
  process.stderr.write(`with-postgres: ${message}.\n`);
  process.exit(1);
}
