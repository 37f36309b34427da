/** The lab as `npm start` runs it: the built programs, real gRPC and REST, the embedded database. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const isBuilt = existsSync(main) && existsSync(fileURLToPath(new URL("../../controller/dist/main.js", import.meta.url)));
const title = isBuilt ? "" : " (SKIPPED: not built; run npm run setup)";

/** Temporary directories of this run alone: what is left in it was left by the lab. */
let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "sluice-lab-test-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

function start(argv: readonly string[]) {
  return spawn(process.execPath, [main, ...argv], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TMPDIR: scratch } });
}

async function ended(child: ReturnType<typeof start>) {
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { stdout, stderr, code: code as number | null };
}

describe.skipIf(!isBuilt)(`the lab${title}`, { timeout: 240_000 }, () => {
  test("--once -o json: one object with everything, exit code 0, nothing left behind", async () => {
    const ran = await ended(start(["--once", "-o", "json"]));
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: "" });
    const summary = JSON.parse(ran.stdout) as Record<string, Record<string, number>>;
    expect(summary).toMatchObject({
      network: "B4 (2013)",
      epoch: 1,
      switchesProgrammed: 12,
      check: "pass",
      walk: "pass",
      rung: "optimal",
    });
    expect(summary["gap"]).toBeLessThan(1e-6);
    expect(summary["rules"]).toBeGreaterThan(12);
    expect(Object.keys(summary["seconds"] ?? {})).toEqual(
      expect.arrayContaining(["tunnels", "solve", "quantize", "check", "total", "applied"]),
    );
    const { demandBps = {}, admittedBps = {}, deliveredBps = {} } = summary;
    for (const trafficClass of ["interactive", "elastic", "bulk"]) {
      expect(admittedBps[trafficClass]).toBeLessThanOrEqual(demandBps[trafficClass] ?? 0);
      // What was planned is what the installed rules deliver.
      expect(Math.abs((deliveredBps[trafficClass] ?? 0) / (admittedBps[trafficClass] ?? 1) - 1)).toBeLessThan(1e-6);
    }
    expect(summary["utilizationMax"]).toBeLessThanOrEqual(1 + 1e-9);
    expect(await readdir(scratch)).toEqual([]);
  });

  test("keeps running and re-plans around a cut link; SIGINT ends it cleanly", async () => {
    const child = start(["--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0", "--interval-seconds", "3600", "--link-down", "bluffs-dalles@0"]);
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString("utf8");
      // Its own cycle line: the plan after the cut.
      if (/epoch 2 .*check pass, walk pass/.test(out)) child.kill("SIGINT");
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect(code).toBe(0);
    expect(stderr).toContain("Link bluffs-dalles is cut.");
    expect(out).toContain("12 of 12 switches");
    expect(await readdir(scratch)).toEqual([]);
  });

  test.each([0, 300, 1500])("SIGINT %d ms after the controller's process was started ends everything", async (waitMs) => {
    const child = start(["--data-dir", join(scratch, "kept"), "--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0"]);
    const running = ended(child);
    // The log is there from the moment that the controller's process is.
    while (!existsSync(join(scratch, "kept", "controller.log"))) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    child.kill("SIGINT");
    const { code, stderr } = await running;
    // 0 where a fast machine is in the day already.
    expect([130, 0]).toContain(code);
    expect(stderr).not.toMatch(/bug|could not serve/);
    const left = await readdir(join(scratch, "kept", "controller")).catch(() => []);
    expect(left.filter((name) => name !== "pglite")).toEqual([]);
    await rm(join(scratch, "kept"), { recursive: true, force: true });
  });

  test("a reader of stdout that goes away ends the lab, without a word about it", async () => {
    const child = start(["--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0", "--interval-seconds", "0.5"]);
    child.stdout.once("data", () => child.stdout.destroy());
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/EPIPE|bug/);
    expect(await readdir(scratch)).toEqual([]);
  });

  test("an address in use is named, with exit code 1", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const ran = await ended(start(["--once", "--rest", `127.0.0.1:${port}`]));
    server.close();
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect(ran.stderr).toContain(`127.0.0.1:${port}`);
    expect(await readdir(scratch)).toEqual([]);
  });

  test.each([
    [["--network", "FILE"], "/links/0/to", "dangling-reference"],
    [["--network", "absent.json"], "--network", "not-found"],
    [["--link-down", "nowhere@3"], "--link-down", "not-found"],
    [["--link-down", "bluffs-dalles"], "--link-down", "malformed"],
    [["--link-down", "bluffs-dalles@soon"], "--link-down", "wrong-type"],
  ])("%j is refused before anything is started", async (argv, field, code) => {
    const file = join(scratch, "bad.json");
    const link = { id: "l", from: "a", to: "z", capacityBps: 1, latencyMs: 1, metric: 1 };
    await writeFile(file, JSON.stringify({ kind: "topology", name: "bad", nodes: [{ id: "a" }], links: [link] }));
    const ran = await ended(start(argv.map((each) => (each === "FILE" ? file : each))));
    await rm(file);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(field);
    expect(ran.stderr).toContain(`[${code}]`);
    expect(await readdir(scratch)).toEqual([]);
  });
});
