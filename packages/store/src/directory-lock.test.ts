import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDirectory } from "./directory-lock.js";
import { isAlive, judge, thisProcess, type ProcessIdentity } from "./process-identity.js";

describe("the lock of a directory", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "sluice-lock-test-"));
  });
  afterEach(async () => rm(directory, { recursive: true, force: true }));

  /** A lock file whose process has ended: this process's id, but another start. */
  async function leave(name: string, token: string): Promise<void> {
    const dead = { ...(await thisProcess()), startedAt: "0", token: token.repeat(32) };
    await writeFile(join(directory, name), JSON.stringify(dead));
  }

  async function take(): Promise<string> {
    const lock = await lockDirectory(directory);
    if (!lock.ok) return lock.faults[0].code;
    const holder: unknown = JSON.parse(await readFile(join(directory, "lock"), "utf8"));
    expect(holder).toMatchObject(await thisProcess());
    expect(await readdir(directory)).toEqual(["lock"]);
    await lock.value.release();
    expect(await readdir(directory)).toEqual([]);
    return "taken";
  }

  it("is one holder's, and free again when released", async () => {
    const lock = await lockDirectory(directory);
    expect(await lockDirectory(directory)).toMatchObject({ ok: false, faults: [{ code: "unavailable", data: { pid: process.pid } }] });
    if (lock.ok) await lock.value.release();
    expect(await take()).toBe("taken");
  });

  it("is taken over from a process that has ended, even one that ended while it took over itself", async () => {
    await leave("lock", "a");
    expect(await take()).toBe("taken");
    await leave("lock", "a");
    await leave("lock.after-".concat("a".repeat(32)), "b");
    await leave("lock.after-".concat("b".repeat(32)), "c");
    await leave("lock.of-".concat("c".repeat(32)), "c");
    expect(await take()).toBe("taken");
  });

  it("goes to one of many that want it at once, free or left behind", async () => {
    for (const left of [false, true, true, true]) {
      if (left) await leave("lock", "a");
      const locks = await Promise.all(Array.from({ length: 16 }, () => lockDirectory(directory)));
      const winners = locks.flatMap((lock) => (lock.ok ? [lock.value] : []));
      expect(winners).toHaveLength(1);
      for (const lock of winners) await lock.release();
      expect(await readdir(directory)).toEqual([]);
    }
  });

  it("stays with who took it over while another was still looking at the one before", async () => {
    await leave("lock", "a");
    let faster: Awaited<ReturnType<typeof lockDirectory>> | undefined;
    const slow = await lockDirectory(directory, async (holder) => {
      const state = await isAlive(holder);
      faster ??= await lockDirectory(directory);
      return state;
    });
    expect([faster?.ok, slow.ok ? "taken" : slow.faults[0].code]).toEqual([true, "unavailable"]);
    expect(await readdir(directory)).toEqual(["lock"]);
  });

  it("refuses a lock file that it cannot read, and says which", async () => {
    await writeFile(join(directory, "lock"), "{");
    const refused = await lockDirectory(directory);
    expect(refused).toMatchObject({ ok: false, faults: [{ code: "store-failed" }] });
    expect(JSON.stringify(refused)).toContain(join(directory, "lock"));
    expect(await readdir(directory)).toEqual(["lock"]);
  });
});

describe("whether a process lives", () => {
  const self: ProcessIdentity = { hostname: "h", pid: 1, startedAt: "5", bootId: "b", pidNamespace: "p", utsNamespace: "u" };
  const table: readonly [string, Partial<ProcessIdentity>, boolean, string][] = [
    ["here, running", {}, true, "alive"],
    ["here, ended", {}, false, "dead"],
    ["here before a restart of the machine", { bootId: "before" }, true, "dead"],
    ["on another machine that shares the directory", { bootId: "other", hostname: "other" }, false, "unknown"],
    ["in an earlier life of this container", { pidNamespace: "p2", utsNamespace: "u2" }, true, "dead"],
    ["in another container", { pidNamespace: "p2", utsNamespace: "u2", hostname: "other" }, true, "unknown"],
    ["in another container that has the host's name as this one", { pidNamespace: "p2" }, true, "unknown"],
    ["here, the machine having been renamed", { hostname: "renamed" }, true, "alive"],
  ];
  it.each(table)("%s", async (_, other, runs, expected) => {
    expect(await judge(self, { ...self, ...other }, async () => Promise.resolve(runs))).toBe(expected);
  });

  it("sees this process, and not one with its id and another start", async () => {
    const me = await thisProcess();
    expect(await isAlive(me)).toBe("alive");
    expect(await isAlive({ ...me, startedAt: "0" })).toBe("dead");
    // The largest id that Linux gives is 2^22.
    expect(await isAlive({ ...me, pid: 2 ** 30 })).toBe("dead");
  });
});
