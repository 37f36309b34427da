/** The program as a process: streams, signals, exit codes. */
import { execFileSync, spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { examplesDir } from "./testing/data.js";
import { sourceSolver } from "./testing/run.js";
import { openScriptedController } from "./testing/scripted-controller.js";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const b4 = ["--topology", join(examplesDir, "b4.json"), "--demands", join(examplesDir, "b4-day.json")];

function start(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [...sourceSolver.execArgv, main, ...argv], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
}

async function ended(child: ChildProcessByStdio<null, Readable, Readable>) {
  const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { stdout, stderr, code: code as number | null, signal: signal as string | null };
}

describe("sluice", () => {
  test("help goes to stdout and names the exit codes", async () => {
    const { stdout, stderr, code } = await ended(start(["solve", "--help"]));
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout).toContain("--topology <file>");
  });

  test("a reader that goes away is no error", async () => {
    const child = start(["convert", ...b4, "--to", "ndjson"]);
    child.stdout.once("data", () => child.stdout.destroy());
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  });

  test("Ctrl-C while events are followed ends it with 130; what came is on stdout", async () => {
    const controller = await openScriptedController((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(': events after 0\n\nid: 1\ndata: {"sequence":1,"at":"2026-01-01T00:00:00Z","kind":"link-up","data":{}}\n\n');
    });
    const child = start(["events", "-f", "--controller", controller.url, "-o", "name"]);
    child.stdout.once("data", () => child.kill("SIGINT"));
    expect(await ended(child)).toEqual({ stdout: "1\n", stderr: "", code: 130, signal: null });
    await controller.close();
  });

  test("Ctrl-C during a solve ends it with 130 and without output", async () => {
    const child = start(["solve", ...b4, "--progress"]);
    child.stderr.on("data", (chunk: Buffer) => {
      if (chunk.includes("start solver")) child.kill("SIGINT");
    });
    const [stdout, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    expect({ stdout, code, signal }).toEqual({ stdout: "", code: 130, signal: null });
  });

  test("SIGTERM ends the wait for a pipe that nobody writes to", async () => {
    const dir = await mkdtemp(join(tmpdir(), "sluice-main-"));
    const pipe = join(dir, "network.json");
    execFileSync("mkfifo", [pipe]);
    const child = start(["solve", "--topology", pipe, "--progress"]);
    child.stderr.on("data", (chunk: Buffer) => {
      if (chunk.includes("read")) child.kill("SIGTERM");
    });
    const [stdout, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    await rm(dir, { recursive: true });
    expect({ stdout, code, signal }).toEqual({ stdout: "", code: 143, signal: null });
  });

  test("colour only where it is asked for, and never with NO_COLOR", async () => {
    const escape = "\u001b[";
    const argv = ["convert", "--topology", "absent.json", "--to", "csv"];
    const forced = await ended(start(argv, { FORCE_COLOR: "1", NO_COLOR: "" }));
    const plain = await ended(start(argv, { FORCE_COLOR: "1", NO_COLOR: "1" }));
    const piped = await ended(start(argv, { FORCE_COLOR: "", NO_COLOR: "" }));
    expect([forced, plain, piped].map(({ stderr, code }) => [stderr.includes(escape), code])).toEqual([
      [true, 2],
      [false, 2],
      [false, 2],
    ]);
  });
});
