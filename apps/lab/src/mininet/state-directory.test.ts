import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimStateDirectory, removeStateDirectory, waitForEnd } from "./state-directory.js";

describe("the directory of a lab", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-state-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is claimed where it is not there or empty, and not where it holds something else", async () => {
    expect(await claimStateDirectory(folder)).toEqual({ ok: true, value: undefined });
    removeStateDirectory(folder);
    expect(existsSync(folder)).toBe(false);
    expect((await claimStateDirectory(folder)).ok).toBe(true);
    const other = join(folder, "other");
    expect((await claimStateDirectory(other)).ok).toBe(true);
    rmSync(join(other, ".sluice-lab"));
    writeFileSync(join(other, "precious"), "");
    expect(await claimStateDirectory(other)).toMatchObject({ ok: false, faults: [{ code: "not-allowed" }] });
    removeStateDirectory(other);
    expect(existsSync(join(other, "precious"))).toBe(true);
  });

  it("is a lab's own until that has ended, though it answers no more; then it is taken over", async () => {
    await claimStateDirectory(folder);
    // Its command line looks like a lab's.
    const lab = spawn(process.execPath, ["-e", "process.stdout.write('up'); setInterval(() => 0, 1000)", join("mininet", "main.js")]);
    await new Promise((resolve) => lab.stdout.once("data", resolve));
    writeFileSync(join(folder, ".sluice-lab"), String(lab.pid));
    expect(await claimStateDirectory(folder)).toMatchObject({ ok: false, faults: [{ code: "not-allowed" }] });
    const ended = waitForEnd(folder);
    lab.kill();
    expect(await ended).toEqual({ ok: true, value: undefined });
    expect((await claimStateDirectory(folder)).ok).toBe(true);
  });
});
