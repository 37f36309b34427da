import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planSettingsDefault, type Result } from "@sluice/model";
import { prismaStore } from "./prisma-store.js";

function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults[0].message);
  return result.value;
}

describe("a store in a directory", () => {
  let work: string;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "sluice-store-test-"));
  });
  afterAll(async () => rm(work, { recursive: true, force: true }));

  it("is there again after it was closed, is one process's at a time, and survives a half-made database", async () => {
    const dataDir = join(work, "made", "where", "missing", "under-a-path-that-is-too-long-for-a-socket".repeat(2));
    const first = value(await prismaStore({ dataDir }));
    const second = await prismaStore({ dataDir });
    expect(second).toMatchObject({ ok: false, faults: [{ code: "unavailable", data: { pid: process.pid } }] });
    const term = value(await first.acquireTerm("first"));
    value(await first.putSettings(term, planSettingsDefault));
    const running = first.putSettings(term, { ...planSettingsDefault, deadlineSeconds: 5 });
    await first.close();
    value(await running);
    expect(await readdir(dataDir)).toEqual(["pglite"]);

    await mkdir(join(dataDir, "pglite.unfinished-1"));
    await writeFile(join(dataDir, "pglite.unfinished-1", "base"), "what a start that was killed leaves");
    const again = value(await prismaStore({ dataDir }));
    expect(value(await again.loadInventory()).settings).toEqual({ version: 2, settings: { ...planSettingsDefault, deadlineSeconds: 5 } });
    expect(value(await again.acquireTerm("second"))).toBe(term + 1);
    await again.close();
    expect(await readdir(dataDir)).toEqual(["pglite"]);
  });

  it("says why a database cannot be made, and leaves neither it nor the lock", async () => {
    const dataDir = join(work, "unmakeable");
    await mkdir(join(dataDir, "pglite.unfinished-1"), { recursive: true });
    const path = process.env["NODE_OPTIONS"];
    // What fails in the process that makes it: its program is not even loaded.
    process.env["NODE_OPTIONS"] = "--import=./is-not-there.mjs";
    try {
      const refused = await prismaStore({ dataDir });
      expect(refused).toMatchObject({ ok: false, faults: [{ code: "store-failed", message: expect.stringContaining("Error") as string }] });
      expect(await readdir(dataDir)).toEqual([]);
    } finally {
      if (path === undefined) delete process.env["NODE_OPTIONS"];
      else process.env["NODE_OPTIONS"] = path;
    }
  });

  it("keeps every acknowledged write when its process is killed", async () => {
    const dataDir = join(work, "killed");
    const temporary = join(work, "temporary");
    await mkdir(temporary);
    const program = fileURLToPath(new URL("../scripts/write-until-killed.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", "--conditions=@sluice/source", program, dataDir], {
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TMPDIR: temporary },
    });
    let acknowledged = 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      acknowledged += text.split("\n").length - 1;
      if (acknowledged >= 50) child.kill("SIGKILL");
    });
    const [, signal] = (await once(child, "close")) as [unknown, string];
    expect(signal).toBe("SIGKILL");

    const store = value(await prismaStore({ dataDir }));
    const events = value(await store.listEvents({ limit: 1000 }));
    expect(events.length).toBeGreaterThanOrEqual(acknowledged);
    expect((await readdir(temporary)).filter((name) => name.startsWith("sluice"))).toEqual([]);
    expect((await stat(join(dataDir, "socket"))).mode & 0o777).toBe(0o700);
    expect(events.map(({ data }) => data["number"])).toEqual(events.map(({ sequence }) => sequence));
    await store.close();
  });

  it("gives its opening up at a signal, wherever that is, and leaves nothing that a later start minds", async () => {
    const fresh = join(work, "given-up");
    for (const waitMs of [0, 100, 600]) {
      const refused = await prismaStore({ dataDir: fresh, signal: AbortSignal.timeout(waitMs) });
      if (refused.ok) {
        await refused.value.close(); // A machine this fast has opened it before the signal.
        continue;
      }
      expect(refused.faults[0].code).toBe("cancelled");
      expect((await readdir(fresh)).filter((name) => name !== "pglite")).toEqual([]);
    }
    const opened = value(await prismaStore({ dataDir: fresh, signal: new AbortController().signal }));
    expect(value(await opened.acquireTerm("later"))).toBe(1);
    await opened.close();
    expect(await prismaStore({ dataDir: fresh, signal: AbortSignal.abort() })).toMatchObject({
      ok: false,
      faults: [{ code: "cancelled" }],
    });
    expect(await readdir(fresh)).toEqual(["pglite"]);
  });

  it("does not wait for a server that does not answer once it is given up", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    const refused = await prismaStore({ databaseUrl: `postgresql://user@127.0.0.1:${port}/sluice`, signal: AbortSignal.timeout(50) });
    expect(refused).toMatchObject({ ok: false, faults: [{ code: "cancelled" }] });
    silent.close();
  });

  it("names the server that cannot be reached, and never what is secret", async () => {
    const table = [
      ["postgresql://user:secret@127.0.0.1:1/sluice?application_name=hidden", "at 127.0.0.1:1 of DATABASE_URL"],
      ["postgresql://user:secret@[::1]:1/sluice", "at [::1]:1 of DATABASE_URL"],
      // A password with a slash that is not escaped: what looks like host and port is user and password.
      ["postgresql://127.0.0.1:1/secret@127.0.0.1/sluice", "The database of DATABASE_URL"],
    ] as const;
    for (const [databaseUrl, place] of table) {
      const refused = await prismaStore({ databaseUrl });
      expect(refused).toMatchObject({ ok: false, faults: [{ code: "unavailable", message: expect.stringContaining(place) as string }] });
      expect(JSON.stringify(refused)).toContain("start it or correct DATABASE_URL");
      expect(JSON.stringify(refused)).not.toMatch(/secret|hidden|user@|user:/);
    }
  });

  it("says what is wrong with a place or an address that cannot be used", async () => {
    const file = join(work, "file");
    await writeFile(file, "");
    const table = [
      [{ dataDir: file }, "store-failed"],
      [{ dataDir: "/dev/null/sluice" }, "store-failed"],
      [{ databaseUrl: "postgresql://user:secret@127.0.0.1:1/sluice" }, "unavailable"],
      [{ databaseUrl: "mysql://user:secret@127.0.0.1/sluice" }, "malformed"],
      [{ databaseUrl: "user:secret@127.0.0.1/sluice" }, "malformed"],
      [{ databaseUrl: "postgresql://user:secret@127.0.0.1/sluice?schema=other" }, "not-allowed"],
    ] as const;
    for (const [options, code] of table) {
      const refused = await prismaStore(options);
      expect(refused).toMatchObject({ ok: false, faults: [{ code }] });
      expect(JSON.stringify(refused)).not.toContain("secret");
    }
  });
});
