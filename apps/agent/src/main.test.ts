/** The agent as a process: help, signals, exit codes. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
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
    stdio: ["ignore", "pipe", "pipe"],
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
    const [help, wrong] = await Promise.all([
      agentProcess(["--help"]).ended,
      agentProcess(["--node", "a", "--controller", "nowhere", "--state-dir", stateDir]).ended,
    ]);
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(/--state-dir[\s\S]*Exit code 1[\s\S]*Example/);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/host:port/);
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

  it("does not start on a corrupt state", async () => {
    writeFileSync(join(stateDir, "term.json"), "{");
    const { code, stderr } = await agentProcess(["--node", "ams", "--controller", "127.0.0.1:1", "--state-dir", stateDir]).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/corrupt.*Restore the file/);
  });
});
