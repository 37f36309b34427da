/** The controller as a process: what a signal during its start leaves behind. Runs what the build made. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const isBuilt = existsSync(main);

let dataDir = "";
beforeAll(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), "sluice-controller-test-")), "data");
});
afterAll(() => rm(join(dataDir, ".."), { recursive: true, force: true }));

function start(environment: Readonly<Record<string, string>> = {}) {
  const args = [main, "--data-dir", dataDir, "--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0"];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
}

describe.skipIf(!isBuilt)(`the controller${isBuilt ? "" : " (SKIPPED: not built; run npm run setup)"}`, { timeout: 120_000 }, () => {
  it("stopped while it opens the database leaves no lock and no half of a database, and the next start serves", async () => {
    const stopped = start();
    const log = text(stopped.stderr);
    const gone = once(stopped, "exit");
    while (!existsSync(join(dataDir, "pglite.unfinished"))) {
      expect(stopped.exitCode).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    stopped.kill("SIGTERM");
    expect(await gone).toEqual([0, null]);
    expect(await log).not.toMatch(/"level":(50|60)/);
    expect(await readdir(dataDir)).toEqual([]);

    const next = start();
    const [line] = (await once(createInterface({ input: next.stdout }), "line")) as [string];
    expect(JSON.parse(line)).toMatchObject({ ready: true, term: 1 });
    next.kill("SIGTERM");
    expect(await once(next, "exit")).toEqual([0, null]);
    expect(await readdir(dataDir)).toEqual(["pglite"]);
  });

  it("names the server that DATABASE_URL names where it cannot be reached, without its password", async () => {
    const refused = start({ DATABASE_URL: "postgresql://user:hidden@127.0.0.1:1/sluice" });
    const [log, [code]] = await Promise.all([text(refused.stderr), once(refused, "exit")]);
    expect(code).toBe(1);
    expect(log).toContain("127.0.0.1:1 of DATABASE_URL cannot be reached");
    expect(log).not.toContain("hidden");
  });
});
