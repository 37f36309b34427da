/**
 * Installs and builds what is missing or stale; does nothing, quickly, when all is there. Plain Node, no dependency:
 * this is what runs first on a fresh machine. All output goes to stderr, so that stdout stays the caller's.
 */
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const nodeOldest = [20, 19];
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const marker = join(root, "node_modules", ".sluice-installed");

/** Runs a command to its end; its stdout becomes our stderr. */
function run(command, args) {
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", process.stderr.fd, process.stderr.fd],
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", CHECKPOINT_DISABLE: "1" },
  });
  if (done.signal !== null) process.exit(130);
  return done.status ?? 1;
}

function lockHash() {
  const hash = createHash("sha256");
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"]) hash.update(readFileSync(join(root, file)));
  return `${hash.digest("hex")} node-${process.versions.modules}\n`;
}

function install() {
  const wanted = lockHash();
  if (existsSync(marker) && readFileSync(marker, "utf8") === wanted) return;
  process.stderr.write("sluice: installing packages (once)...\n");
  const args = ["install", "--frozen-lockfile", "--prefer-offline", "--reporter=append-only", "--loglevel=warn"];
  const status = run("npx", ["--yes", "--loglevel=error", manifest.packageManager, ...args]);
  if (status !== 0) fail("the packages could not be installed: see above; the npm registry must be reachable", status);
  mkdirSync(dirname(marker), { recursive: true });
  writeFileSync(marker, wanted);
}

function build() {
  const turbo = join(root, "node_modules", ".bin", "turbo");
  const status = run(turbo, ["run", "build", "--output-logs=errors-only", "--log-prefix=none", "--concurrency=2"]);
  if (status !== 0) fail("the build failed: see above", status);
}

function fail(message, status) {
  process.stderr.write(`sluice: ${message}.\n`);
  process.exit(status);
}

export function setup() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < nodeOldest[0] || (major === nodeOldest[0] && minor < nodeOldest[1])) {
    fail(`Node ${nodeOldest.join(".")} or newer is needed, this is ${process.versions.node}`, 1);
  }
  install();
  build();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) setup();
