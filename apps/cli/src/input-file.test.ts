/** What may be read, how much of it, and what ends the wait. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { appendFile, open, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readInput, readOneFile } from "./input-file.js";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "sluice-input-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let count = 0;
function fifo(): string {
  const path = join(dir, `pipe-${count++}`);
  execFileSync("mkfifo", [path]);
  return path;
}

const codes = (read: Awaited<ReturnType<typeof readInput>>) => (read.ok ? [] : read.faults.map((each) => each.code));

describe("readInput", () => {
  test("reads a pipe to its end", async () => {
    const path = fifo();
    const text = "x".repeat(300_000);
    const [read] = await Promise.all([readOneFile(path, "--topology"), writeFile(path, text)]);
    expect(read.ok && Buffer.from(read.value).toString() === text).toBe(true);
  });

  test("reads no more of a pipe than the limit, though its writer never stops", async () => {
    const path = fifo();
    const reading = readInput(path, "--topology", { bytesMax: 100_000 });
    const writer = await open(path, "w");
    let gone = false;
    while (!gone) {
      await writer.write("x".repeat(65_536)).catch(() => (gone = true));
    }
    await writer.close();
    expect(codes(await reading)).toEqual(["too-large"]);
  });

  test("takes a file of the limit's size and refuses one byte more", async () => {
    const path = join(dir, "sized");
    writeFileSync(path, "12345678");
    expect(codes(await readInput(path, "--topology", { bytesMax: 8 }))).toEqual([]);
    await appendFile(path, "9");
    expect(codes(await readInput(path, "--topology", { bytesMax: 8 }))).toEqual(["too-large"]);
  });

  test("counts a directory's files together", async () => {
    const path = mkdtempSync(join(dir, "network-"));
    writeFileSync(join(path, "a"), "1234");
    writeFileSync(join(path, "b"), "5678");
    expect(codes(await readInput(path, "--topology", { bytesMax: 8 }))).toEqual([]);
    expect(codes(await readInput(path, "--topology", { bytesMax: 7 }))).toEqual(["too-large"]);
  });

  test("refuses devices, which have no end", async () => {
    expect(codes(await readInput("/dev/null", "--topology"))).toEqual(["wrong-type"]);
  });

  test("a pipe that nobody writes to is let go when the signal says so", async () => {
    const interruption = new AbortController();
    const reading = readInput(fifo(), "--topology", { signal: interruption.signal });
    setTimeout(() => interruption.abort(), 20);
    expect(codes(await reading)).toEqual(["cancelled"]);
    expect(codes(await readInput(fifo(), "--topology", { signal: interruption.signal }))).toEqual(["cancelled"]);
  });
});
