/** The agent as a process: help, signals, exit codes. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toId, type LinkId } from "@sluice/model";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startScriptedController, type ScriptedController } from "./testdata/scripted-controller.js";

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function agentProcess(args: readonly string[]) {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@sluice/source", "--import", "tsx", main, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
  return { child, ended };
}

let controller: ScriptedController;
let stateDir: string;
beforeAll(async () => {
  controller = await startScriptedController();
  stateDir = mkdtempSync(join(tmpdir(), "sluice-agent-main-"));
});
afterAll(() => {
  controller.stop();
  rmSync(stateDir, { recursive: true });
});

describe("sluice-agent", () => {
  it("teaches by --help and refuses what it does not understand", async () => {
    const [help, wrong, wrongLink, wrongDetection] = await Promise.all([
      agentProcess(["--help"]).ended,
      agentProcess(["--node", "a", "--controller", "nowhere", "--state-dir", stateDir]).ended,
      agentProcess(["--node", "a", "--controller", "127.0.0.1:1", "--state-dir", stateDir, "--link", "a-b", ""]).ended,
      agentProcess(["--node", "a", "--controller", "127.0.0.1:1", "--state-dir", stateDir, "--detection-ms", "60001"]).ended,
    ]);
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(/--state-dir[\s\S]*Exit code 1[\s\S]*Example/);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/host:port/);
    expect(wrongLink.code).toBe(1);
    expect(wrongLink.stderr).toMatch(/^error: option '--link <id\.\.\.>'.*1 to 128 printable characters/);
    expect(wrongDetection.code).toBe(1);
    expect(wrongDetection.stderr).toMatch(/whole milliseconds, at most 60000/);
    expect(wrongLink.stderr).not.toMatch(/ at .*main\.ts/);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("connects, logs JSON to stderr, and ends cleanly on %s", async (signal) => {
    const { child, ended } = agentProcess([
      "--node",
      "ams",
      "--controller",
      `127.0.0.1:${controller.port}`,
      "--state-dir",
      join(stateDir, signal),
      "--link",
      "a-b",
      "a-c",
    ]);
    const connection = await controller.connection();
    expect(await connection.next("hello")).toMatchObject({ nodeId: "ams", links: [{ linkId: "a-b" }, { linkId: "a-c" }] });
    child.kill(signal);
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    for (const line of stderr.trim().split("\n")) expect(JSON.parse(line)).toMatchObject({ node: "ams" });
  });

  it("reports links by lines on stdin, logs what it does not understand, and runs on when stdin closes", async () => {
    const { child, ended } = agentProcess([
      "--node",
      "ams",
      "--controller",
      `127.0.0.1:${controller.port}`,
      "--state-dir",
      join(stateDir, "stdin"),
      "--links-from-stdin",
      "--link",
      "a-b",
      "a-c",
    ]);
    const connection = await controller.connection();
    await connection.next("hello");
    connection.send({ kind: "welcome", term: 1, controllerId: "c" });
    const buckets = [{ output: toId<LinkId>("a-c") }, { output: toId<LinkId>("a-b"), pushLabel: 40 }];
    const operations = [{ op: "put", rule: { kind: "failover", failoverId: 40, buckets } }] as const;
    connection.send({ kind: "stage", term: 1, epoch: 1, stage: 0, sequence: 1, operations });
    await connection.next("ack");
    expect(await connection.next("ack")).toMatchObject({ status: "programmed" });
    child.stdin.end("sideways a-b\ndown\ndown a-x\ndown a-c\nup a-c\n");
    const seen = [await connection.next("link-event"), await connection.next("link-event")];
    expect(seen).toMatchObject([
      { linkId: "a-c", up: false },
      { linkId: "a-c", up: true },
    ]);
    child.kill("SIGTERM");
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    const entries = stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { level: number; line?: string; link?: string });
    expect(entries.filter(({ link }) => link !== undefined)).toMatchObject([
      { link: "a-c", up: false, failoverGroups: 1, around: ["a-b"] },
      { link: "a-c", up: true, failoverGroups: 1 },
    ]);
    const warnings = entries.filter(({ line }) => line !== undefined);
    expect(warnings.map(({ line }) => line)).toEqual(["sideways a-b", "down", "down a-x"]);
  });

  it("does not start on a corrupt state", async () => {
    writeFileSync(join(stateDir, "term.json"), "{");
    const { code, stderr } = await agentProcess(["--node", "ams", "--controller", "127.0.0.1:1", "--state-dir", stateDir]).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/corrupt.*Restore the file/);
  });
});
