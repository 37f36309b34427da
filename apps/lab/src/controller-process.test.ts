/** The process contract with controllers that keep it and controllers that do not. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { complaintOf, readyLine, startController } from "./controller-process.js";
import { ControllerSupervisor } from "./controller-supervisor.js";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "sluice-lab-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const ready = `console.log('{"ready":true,"grpc":"127.0.0.1:1","rest":"http://127.0.0.1:2","term":7}');`;
const staysUntilStdinEnds = `process.stdin.on("end", () => process.exit(0)); process.stdin.resume();`;

/** A controller whose program is `source`. */
async function options(name: string, source: string) {
  const file = join(dir, `${name}.mjs`);
  await writeFile(file, source);
  return {
    entry: pathToFileURL(file),
    dataDir: dir,
    grpc: "127.0.0.1:0",
    rest: "127.0.0.1:0",
    cycleSeconds: 1,
    logFile: join(dir, `${name}.log`),
    verbose: false,
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("startController", () => {
  test("resolves with the ready line, and stop leaves no process", async () => {
    const started = await startController(
      await options("good", `console.error('{"level":30,"msg":"hello"}'); ${ready} ${staysUntilStdinEnds}`),
    );
    expect(started).toMatchObject({ ok: true, value: { serving: { grpc: "127.0.0.1:1", rest: "http://127.0.0.1:2", term: 7 } } });
    if (!started.ok) return;
    const { pid } = started.value.serving;
    expect(isAlive(pid)).toBe(true);
    await started.value.stop();
    expect(isAlive(pid)).toBe(false);
    expect(await readFile(join(dir, "good.log"), "utf8")).toContain("hello");
  });

  test.each([
    [
      "port",
      `console.error('{"level":60,"msg":"gRPC could not be served: 127.0.0.1:50051 is in use"}'); process.exit(1);`,
      "50051 is in use",
    ],
    ["usage", "console.error('error: option --grpc is invalid'); process.exit(2);", "option --grpc is invalid"],
    ["crash", "process.kill(process.pid, 'SIGKILL');", "ended by SIGKILL"],
    ["mute", "console.log('not ready at all');", "code 0"],
  ])("a controller that ends before it serves (%s) is refused with its own words", async (name, source, words) => {
    const started = await startController(await options(name, source));
    expect(started).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
    expect(!started.ok && started.faults[0].message).toContain(words);
  });
});

describe("a start that is given up", () => {
  test("ends the controller that does not serve yet, and says that it was stopped", async () => {
    const abort = new AbortController();
    const pidFile = join(dir, "pid");
    const source = `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000);`;
    const starting = startController({ ...(await options("slow", source)), signal: abort.signal });
    let pid = "";
    while (pid === "") {
      await new Promise((resolve) => setTimeout(resolve, 20));
      pid = await readFile(pidFile, "utf8").catch(() => "");
    }
    abort.abort();
    expect(await starting).toMatchObject({ ok: false, faults: [{ code: "cancelled" }] });
    expect(isAlive(Number(pid))).toBe(false);
    expect(await startController({ ...(await options("never", source)), signal: abort.signal })).toMatchObject({ ok: false });
  });
});

describe("ControllerSupervisor", () => {
  test("stops a controller that it is just starting again", async () => {
    const second = join(dir, "second-pid");
    const source = `import { existsSync, writeFileSync } from "node:fs";
      if (existsSync(${JSON.stringify(`${second}-first`)})) { writeFileSync(${JSON.stringify(second)}, String(process.pid)); setInterval(() => {}, 1000); }
      else { writeFileSync(${JSON.stringify(`${second}-first`)}, ""); ${ready} setTimeout(() => process.exit(9), 50); }`;
    const started = await ControllerSupervisor.start({
      ...(await options("again", source)),
      restart: true,
      nowMs: () => 0,
      onDeath: () => undefined,
      onServing: () => undefined,
    });
    if (!started.ok) throw new Error(started.faults[0].message);
    let pid = "";
    while (pid === "") {
      await new Promise((resolve) => setTimeout(resolve, 20));
      pid = await readFile(second, "utf8").catch(() => "");
    }
    await started.value.stop();
    expect(isAlive(Number(pid))).toBe(false);
  });

  test("starts a controller that dies again, and gives up on one that keeps dying", async () => {
    const deaths: number[] = [];
    let clockMs = 0;
    const started = await ControllerSupervisor.start({
      ...(await options("mortal", `${ready} setTimeout(() => process.exit(9), 50);`)),
      restart: true,
      nowMs: () => (clockMs += 1),
      onDeath: (_, waitMs) => deaths.push(waitMs),
      onServing: () => undefined,
    });
    expect(started.ok).toBe(true);
    // Two restarts are enough to see it; the policy itself is tested by its own test.
    if (!started.ok) return;
    while (deaths.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    await started.value.stop();
    expect(deaths.slice(0, 2)).toEqual([500, 1000]);
    await started.value.failed;
  });

  test("without restarts the first death is final and says how", async () => {
    const started = await ControllerSupervisor.start({
      ...(await options("once", `${ready} setTimeout(() => process.exit(9), 50);`)),
      restart: false,
      nowMs: () => 0,
      onDeath: () => undefined,
      onServing: () => undefined,
    });
    expect(started.ok && (await started.value.failed)).toContain("code 9");
  });
});

test("the ready line and nothing else", () => {
  expect(readyLine('{"ready":true,"grpc":"h:1","rest":"http://h:2","term":3}', 5)).toEqual({
    grpc: "h:1",
    rest: "http://h:2",
    term: 3,
    pid: 5,
  });
  for (const line of [
    "",
    "ready",
    "null",
    "[]",
    '{"ready":false}',
    '{"ready":true,"grpc":"h:1"}',
    '{"ready":true,"grpc":1,"rest":"x","term":1}',
  ]) {
    expect(readyLine(line, 5)).toBeUndefined();
  }
});

test("the last complaint of a log", () => {
  const info = '{"level":30,"msg":"serving"}';
  expect(complaintOf(['{"level":60,"msg":"first"}', '{"level":60,"msg":"second"}', info])).toBe("second");
  expect(complaintOf([info])).toBe("");
  expect(complaintOf(["error: unknown option", info])).toBe("error: unknown option");
});
