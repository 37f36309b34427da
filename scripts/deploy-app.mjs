/**
 * `node scripts/deploy-app.mjs PACKAGE DIRECTORY`: a built app with its production dependencies alone, of the versions in the lock file, for an
 * image (deploy/Dockerfile). What pnpm brings along because a package could use it, and what nothing reads at run time, is left out.
 */
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const [name, target] = process.argv.slice(2);
if (name === undefined || target === undefined)
  throw new Error("say which package, and where to: node scripts/deploy-app.mjs PACKAGE DIRECTORY");

const deployed = spawnSync(
  "pnpm",
  [
    "--filter",
    name,
    "--prod",
    "--config.inject-workspace-packages=true",
    "--prefer-offline",
    "--reporter=append-only",
    "--loglevel=warn",
    "deploy",
    target,
  ],
  { stdio: "inherit" },
);
if (deployed.status !== 0) process.exit(deployed.status ?? 1);

const root = join(realpathSync(target), "node_modules");
const virtual = join(root, ".pnpm");
const manifestOf = (directory) => JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));

/** Entries of a node_modules directory as names of packages, scoped ones whole. */
function packagesIn(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((entry) => !entry.startsWith("."))
    .flatMap((entry) => (entry.startsWith("@") ? readdirSync(join(directory, entry)).map((inner) => `${entry}/${inner}`) : [entry]));
}

/**
 * The packages that the app can reach. An optional peer is one that a package would use if its user had it: it is followed only from a package that
 * depends on it by itself.
 */
function reachable() {
  const seen = new Set();
  const pending = packagesIn(root).map((each) => realpathSync(join(root, each)));
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    if (seen.has(directory)) continue;
    seen.add(directory);
    const { name: own, dependencies = {}, optionalDependencies = {}, peerDependenciesMeta = {} } = manifestOf(directory);
    const beside = directory.slice(0, -own.length - 1);
    for (const each of packagesIn(beside)) {
      const isOptionalPeer = peerDependenciesMeta[each]?.optional === true && !(each in dependencies) && !(each in optionalDependencies);
      if (isOptionalPeer) rmSync(join(beside, each), { recursive: lstatSync(join(beside, each)).isDirectory(), force: true });
      else pending.push(realpathSync(join(beside, each)));
    }
  }
  return seen;
}

const needed = reachable();
const keptStores = new Set([...needed].map((directory) => directory.slice(virtual.length + 1).split("/")[0]));
for (const store of readdirSync(virtual)) {
  if (store !== "node_modules" && store !== "lock.yaml" && !keptStores.has(store)) rmSync(join(virtual, store), { recursive: true });
}
// What pnpm puts there for packages that do not say what they need.
rmSync(join(virtual, "node_modules"), { recursive: true, force: true });

/** Of Prisma's query compilers one is used: the schema says `postgresql`. */
const otherDatabases = /^query_compiler_(?:small_bg\..*|fast_bg\.(?!postgresql\.).*)$/;
/** Types and maps. */
const unread = /\.(?:map|d\.[cm]?ts|tsbuildinfo)$/;

function strip(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) strip(path);
    else if (unread.test(entry.name) || (otherDatabases.test(entry.name) && dirname(path).endsWith("@prisma/client/runtime"))) rmSync(path);
  }
}
strip(realpathSync(target));
