/**
 * `npm run compose:check`: builds the images and brings the network of docker-compose.yml up under a name of its own, waits until a plan is in
 * force on every switch, checks it over REST, stops the controller with SIGTERM and starts it again on the same database, and takes all down.
 * Where there is no engine, or base images cannot be had, it says so in one line that begins with `compose check skipped:` and ends with 0;
 * with --required with 1. With --no-build the images that are there are taken. Base images of one's own: SLUICE_NODE_IMAGE, SLUICE_POSTGRES_IMAGE; more for `docker build`, such as the way to a proxy:
 * SLUICE_BUILD_OPTIONS, separated by blanks.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "./setup.mjs";

const required = process.argv.includes("--required");
const isBuilt = process.argv.includes("--no-build");
/** Longest waits, ms: for a build (packages are fetched), for the first plan, and for the network to be as it was after a restart. */
const buildMsMax = 1_800_000;
const planMsMax = 300_000;
const pullMsMax = 600_000;
/** A container that is stopped with SIGTERM is gone within this, or it did not hear it and was killed, ms. */
const stopMsMax = 9_000;

const topology = JSON.parse(readFileSync(join(root, "examples", "b4.json"), "utf8"));
const nodeIds = topology.nodes.map(({ id }) => id);
/** Of deploy/Dockerfile: the images of docker-compose.yml, which are built once each and not once a service. */
const targets = new Map(["controller", "agent", "tools"].map((target) => [target, `sluice-${target}`]));
const project = `sluice-check-${process.pid}`;
const images = {
  SLUICE_NODE_IMAGE: process.env.SLUICE_NODE_IMAGE ?? "node:22-bookworm-slim",
  SLUICE_POSTGRES_IMAGE: process.env.SLUICE_POSTGRES_IMAGE ?? "postgres:15-bookworm",
};
const env = {
  ...process.env,
  ...images,
  SLUICE_REST_PORT: String(await freePort()),
  SLUICE_GRPC_PORT: String(await freePort()),
};
const rest = `http://127.0.0.1:${env.SLUICE_REST_PORT}`;

/** Runs a command to its end; `show` lets its output through to stderr. */
function run(command, args, { show = false, timeoutMs = 60_000 } = {}) {
  const stdio = ["ignore", show ? process.stderr.fd : "pipe", show ? process.stderr.fd : "pipe"];
  const done = spawnSync(command, args, { cwd: root, env, stdio, encoding: "utf8", timeout: timeoutMs, maxBuffer: 64 << 20 });
  const why = done.error?.message ?? (done.stderr ?? "").trim().split("\n").at(-1) ?? "";
  return { ok: done.status === 0, stdout: (done.stdout ?? "").trim(), why };
}

const docker = (...args) => run("docker", args);

function skip(why) {
  process.stdout.write(`compose check skipped: ${why}\n`);
  process.exit(required ? 1 : 0);
}

/** `docker compose` where the plugin is there, else `docker-compose`. */
function composeCommand() {
  if (docker("compose", "version").ok) return ["docker", "compose"];
  if (run("docker-compose", ["version"]).ok) return ["docker-compose"];
  return undefined;
}

const engine = docker("version", "--format", "{{.Server.Version}}");
if (!engine.ok) skip(`no Docker engine answers (${engine.why || "docker is not installed"})`);
const command = composeCommand();
if (command === undefined) skip("there is neither `docker compose` nor `docker-compose`");
for (const image of Object.values(images)) {
  if (docker("image", "inspect", image).ok) continue;
  const pulled = run("docker", ["pull", image], { timeoutMs: pullMsMax });
  if (!pulled.ok) skip(`the image ${image} is not here and cannot be fetched (${pulled.why})`);
}

const compose = (args, options) => run(command[0], [...command.slice(1), "--project-name", project, ...args], options);
function must(what, { ok, why }) {
  if (!ok) throw new Error(`${what}: ${why}`);
}
const tell = (text) => process.stdout.write(`${text}\n`);

let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (stopping = true));

/** The answer once `test` takes it; what the last one was is told where that never happens. */
async function until(what, read, test, msMax) {
  const end = performance.now() + msMax;
  let last = "no answer";
  while (performance.now() < end && !stopping) {
    try {
      const value = await read();
      if (test(value)) return value;
      last = JSON.stringify(value).slice(0, 600);
    } catch (error) {
      last = error.cause?.message ?? error.message;
    }
    await sleep(500);
  }
  throw new Error(stopping ? "it was interrupted" : `${what} did not come about within ${msMax / 1000} s: ${last}`);
}

async function get(path, token) {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return fetch(`${rest}${path}`, { headers, signal: AbortSignal.timeout(10_000) });
}

async function json(path, token) {
  const answer = await get(path, token);
  if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}`);
  return answer.json();
}

function expect(what, found, wanted) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
  }
}

const inForce = ({ plan, agents }) => plan !== undefined && agents.total === nodeIds.length && agents.onTarget === nodeIds.length;

/** By the labels that compose gives: asking compose itself takes a second each time. */
function containerOf(service) {
  const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`, "com.docker.compose.oneoff=False"];
  const found = docker("ps", "--all", "--quiet", ...labels.flatMap((label) => ["--filter", `label=${label}`]));
  must(`the container of ${service}`, found);
  if (!/^[0-9a-f]+$/.test(found.stdout)) throw new Error(`there is not one container of ${service}, but ${JSON.stringify(found.stdout)}`);
  return found.stdout;
}

function inspected(service, format) {
  const found = docker("inspect", "--format", format, containerOf(service));
  must(`docker inspect of ${service}`, found);
  return found.stdout;
}

/** Seconds until it was gone, having ended by itself. */
function stopped(service) {
  const container = containerOf(service);
  const begun = performance.now();
  must(`docker stop of ${service}`, docker("stop", "--time", "30", container));
  const ms = performance.now() - begun;
  const state = docker("inspect", "--format", "{{.State.ExitCode}}", container).stdout;
  expect(`the exit code of ${service} after SIGTERM`, state, "0");
  if (ms > stopMsMax) throw new Error(`${service} took ${ms.toFixed(0)} ms to stop: it does not handle SIGTERM`);
  return (ms / 1000).toFixed(1);
}

async function check() {
  const config = compose(["config"]);
  must("docker-compose.yml", config);
  const building = performance.now();
  for (const [target, image] of isBuilt ? [] : targets) {
    const options = (process.env.SLUICE_BUILD_OPTIONS ?? "").split(/\s+/).filter((each) => each !== "");
    const args = ["build", ...options, "--build-arg", `NODE_IMAGE=${images.SLUICE_NODE_IMAGE}`, "--file", "deploy/Dockerfile"];
    must(`the build of ${image}`, run("docker", [...args, "--target", target, "--tag", image, "."], { show: true, timeoutMs: buildMsMax }));
  }
  if (!isBuilt) tell(`images are built in ${((performance.now() - building) / 1000).toFixed(0)} s, by engine ${engine.stdout}`);
  for (const image of targets.values()) {
    const [size, base] = [image, images.SLUICE_NODE_IMAGE].map((each) =>
      Number(docker("image", "inspect", "--format", "{{.Size}}", each).stdout),
    );
    tell(
      `  ${image}: ${(size / 1e6).toFixed(0)} MB, of which ${((size - base) / 1e6).toFixed(0)} MB are above ${images.SLUICE_NODE_IMAGE}`,
    );
  }

  const starting = performance.now();
  must("the start", compose(["up", "--detach", "--no-build"], { show: true, timeoutMs: planMsMax }));
  const token = compose(["run", "--rm", "--no-deps", "-T", "--entrypoint", "cat", "sluice", "/keys/operator/token"]);
  must("the operator's token", token);
  const status = () => json("/v1/status", token.stdout);
  const first = await until("a plan in force on every switch", status, inForce, planMsMax);
  tell(
    `plan ${first.plan.epoch} is in force on ${first.agents.onTarget} switches ${((performance.now() - starting) / 1000).toFixed(1)} s after the start`,
  );

  expect("the verdicts", [first.plan.check, first.plan.walk], ["pass", "pass"]);
  expect("a request without a token", (await get("/v1/status")).status, 401);
  expect("readiness", (await get("/readyz")).status, 200);
  const { items } = await json("/v1/agents?limit=100", token.stdout);
  expect("the switches", items.map((agent) => agent.nodeId ?? agent.id).toSorted(), nodeIds.toSorted());
  const metrics = await (await get("/metrics", token.stdout)).text();
  expect(
    "the plan in force, by /metrics",
    Number(/^sluice_plan_epoch\{plan="in-force"\} (\d+)$/m.exec(metrics)?.[1]) >= first.plan.epoch,
    true,
  );

  const services = ["controller", ...nodeIds.map((id) => `agent-${id}`)];
  for (const service of services) {
    await until(
      `health of ${service}`,
      async () => inspected(service, "{{.State.Health.Status}}"),
      (health) => health === "healthy",
      60_000,
    );
    const user = docker("exec", containerOf(service), "id", "-u");
    expect(`the account of ${service}`, user.stdout, "1000");
    expect(`the file system of ${service} is read-only`, inspected(service, "{{.HostConfig.ReadonlyRootfs}}"), "true");
  }
  tell(`${services.length} containers are healthy, as an account that is not root, on file systems that are read-only`);

  const agent = `agent-${nodeIds[0]}`;
  const seconds = [stopped(agent), stopped("controller")];
  tell(`SIGTERM ends an agent in ${seconds[0]} s and the controller in ${seconds[1]} s, both with exit code 0`);
  must("the start again", compose(["up", "--detach", "--no-build"], { show: true, timeoutMs: planMsMax }));
  const again = await until("the plan after a restart", status, (now) => inForce(now) && now.term > first.term, planMsMax);
  tell(`the controller goes on in term ${again.term} from what PostgreSQL keeps: plan ${again.plan.epoch} is in force`);
}

let failure;
try {
  await check();
} catch (error) {
  failure = error;
  const logs = compose(["logs", "--no-color", "--tail", "15", "keys", "postgres", "controller", "feeder"]);
  process.stderr.write(`${logs.stdout.slice(-12_000)}\n`);
} finally {
  const down = compose(["down", "--volumes", "--remove-orphans", "--timeout", "15"], { timeoutMs: 180_000 });
  if (!down.ok) process.stderr.write(`what was started could not all be taken down: ${down.why}\n`);
}
if (failure !== undefined) {
  process.stdout.write(`compose check failed: ${failure.message}\n`);
  process.exit(1);
}
tell("compose check passed");

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
