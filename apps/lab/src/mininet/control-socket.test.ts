import { mkdtempSync, rmSync, existsSync, writeFileSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askLab, serveControl } from "./control-socket.js";
import { claimStateDirectory, removeStateDirectory } from "./state-directory.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-control-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("a lab that is up", () => {
  it("answers line by line with an exit code, and says what went wrong", async () => {
    const end = await serveControl(folder, async ([name, ...args], say) => {
      if (name === "break") throw new Error("it broke");
      for (const arg of args) say(arg);
      return args.length;
    });
    const lines: string[] = [];
    expect(await askLab(folder, ["say", "one", "two"], (line) => lines.push(line))).toEqual({ ok: true, value: 2 });
    expect(await askLab(folder, ["break"], (line) => lines.push(line))).toEqual({ ok: true, value: 1 });
    expect(lines).toEqual(["one", "two", "it broke"]);
    await end();
    expect(await askLab(folder, ["say"], () => undefined)).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
  });

  it("still answers the command that ends it, and waits for no other", async () => {
    const ended: Promise<void>[] = [];
    const end = await serveControl(folder, ([name]) => {
      if (name === "wait") return new Promise(() => undefined);
      ended.push(end());
      return Promise.resolve(7);
    });
    const waiting = askLab(folder, ["wait"], () => undefined);
    expect(await askLab(folder, ["down"], () => undefined)).toEqual({ ok: true, value: 7 });
    expect(await waiting).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
    await Promise.all(ended);
  });

  it("keeps its directory from another lab, and an abandoned one is taken over", async () => {
    const dir = join(folder, "state");
    expect(await claimStateDirectory(dir)).toEqual({ ok: true, value: undefined });
    writeFileSync(join(dir, "rest"), "");
    const end = await serveControl(dir, () => Promise.resolve(0));
    expect(await claimStateDirectory(dir)).toMatchObject({ ok: false, faults: [{ code: "not-allowed" }] });
    await end();
    expect(await claimStateDirectory(dir)).toEqual({ ok: true, value: undefined });
    expect(existsSync(join(dir, "rest"))).toBe(false);
    removeStateDirectory(dir);
    expect(existsSync(dir)).toBe(false);
  });

  it("touches no directory that is not a lab's", async () => {
    writeFileSync(join(folder, "mine"), "");
    expect(await claimStateDirectory(folder)).toMatchObject({ ok: false, faults: [{ code: "not-allowed" }] });
    removeStateDirectory(folder);
    expect(readdirSync(folder)).toEqual(["mine"]);
  });
});
