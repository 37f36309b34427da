/**
 * The lab on Mininet, whole: real switches, real packets. Needs root, Debian's packages and some minutes of a machine that does little else, so it runs
 * only where SLUICE_LAB=1 asks for it (.ci/run does). Nothing here judges times.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askLab } from "./control-socket.js";
import { labMissing } from "./lab-missing.js";
import type { Report, Section } from "./scenarios/report.js";

const main = fileURLToPath(new URL("../../dist/mininet/main.js", import.meta.url));
const built = existsSync(main) ? undefined : "it is not built: run npm run setup";
const missing = process.env["SLUICE_LAB"] === "1" ? (labMissing() ?? built) : "SLUICE_LAB=1 is not set";
if (missing !== undefined) console.warn(`The privileged tests of the lab on Mininet are skipped: ${missing}.`);

const example = (file: string): string => fileURLToPath(new URL(`../../../../examples/${file}`, import.meta.url));
const upMsMax = 240_000;
const downMsMax = 60_000;

/** What a lab could leave behind. Processes by what only a lab's have in their arguments. */
function traces(stateDir: string): readonly string[] {
  const links = execFileSync("ip", ["-o", "link"], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.split(": ")[1] ?? "");
  const processes = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n");
  const ours = processes.filter((args) => args.includes(stateDir) || /is mininet:/.test(args));
  const buffers = readFileSync("/proc/sys/net/core/rmem_default", "utf8").trim();
  const folder = existsSync(stateDir) ? readdirSync(stateDir) : [];
  return [...links, ...ours, `rmem_default ${buffers}`, ...folder].filter((each) => each !== "").toSorted();
}

function startLab(stateDir: string, args: readonly string[]): { readonly child: ChildProcess; readonly isUp: Promise<void> } {
  const child = spawn(process.execPath, [main, "up", "--state-dir", stateDir, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const isUp = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      console.info(line);
      if (line.startsWith("The lab is up.")) resolve();
    });
    child.once("close", (code) => reject(new Error(`the lab ended with code ${code}`)));
  });
  return { child, isUp };
}

async function gone(stateDir: string, before: readonly string[]): Promise<readonly string[]> {
  let left: readonly string[] = [];
  for (const untilMs = Date.now() + downMsMax; Date.now() < untilMs; await sleep(500)) {
    left = traces(stateDir).filter((each) => !before.includes(each));
    if (left.length === 0) break;
  }
  return left;
}

describe.skipIf(missing !== undefined)("the lab on Mininet", { timeout: 600_000 }, () => {
  let stateDir: string;
  let before: readonly string[];
  let lab: ChildProcess;
  beforeAll(async () => {
    stateDir = join(mkdtempSync(join(tmpdir(), "sluice-mininet-test-")), "state");
    before = traces(stateDir);
    const started = startLab(stateDir, ["--interval", "40"]);
    lab = started.child;
    await started.isUp;
  }, upMsMax);
  afterAll(async () => {
    lab.kill("SIGKILL");
    // What is still ending may still write there.
    await gone(stateDir, [...before, ...(existsSync(stateDir) ? readdirSync(stateDir) : [])]);
    rmSync(join(stateDir, ".."), { recursive: true, force: true });
  });

  const ask = async (...argv: readonly string[]) => {
    const lines: string[] = [];
    const code = await askLab(stateDir, argv, (line) => lines.push(line));
    return { code: code.ok ? code.value : -1, text: lines.join("\n") };
  };
  const measured = async (...argv: readonly string[]): Promise<readonly Section[]> => {
    const { text } = await ask("run", ...argv, "--json");
    return (JSON.parse(text) as Report).sections;
  };
  const verdict = (section: Section | undefined, promise: string) => section?.verdicts.find((each) => each.promise.startsWith(promise));

  it("carries every flow group, and says how things are", async () => {
    const ping = await ask("ping");
    expect(ping.text).toMatch(/^396 flow groups: 7920 packets sent, 7920 arrived/m);
    expect(ping.code).toBe(0);
    expect((await ask("status")).text).toMatch(/12 of 12 hold what they should[\s\S]*check pass, walk pass/);
    expect((await ask("cut", "nowhere")).code).toBe(1);
  });

  it("splits flows by weight, and changes plans under load without losing a packet or mixing versions", async () => {
    const [splits, update] = await measured("splits", "update");
    expect(verdict(splits, "shares within")).toMatchObject({ kept: true });
    expect(verdict(update, "no packet lost")).toMatchObject({ kept: true });
    expect(verdict(update, "no packet met mixed versions")).toMatchObject({ kept: true });
  });

  it("heals cuts, and loses nothing at the later switches", async () => {
    const [outages] = await measured("outages", "--cables", "2");
    expect(outages?.rows).toHaveLength(2);
    expect(verdict(outages, "no loss at the switch")).toMatchObject({ kept: true });
  });

  it("keeps its rules when an agent dies, and programs a switch that comes back empty", async () => {
    const [agent, ovs] = await measured("agent", "switch");
    expect(verdict(agent, "rules are kept")).toMatchObject({ kept: true });
    expect(verdict(ovs, "it holds the rules it held")).toMatchObject({ kept: true });
  });

  it("leaves nothing behind when it is killed, and when it is told to end", async () => {
    lab.kill("SIGKILL");
    // The databases and logs stay until the next lab takes the directory over.
    const kept = new Set(readdirSync(stateDir));
    expect((await gone(stateDir, before)).filter((each) => !kept.has(each))).toEqual([]);
    const again = startLab(stateDir, ["--topology", example("abilene.json"), "--demands", example("abilene-day.json")]);
    lab = again.child;
    await again.isUp;
    expect((await ask("ping")).code).toBe(0);
    const ended = new Promise((resolve) => again.child.once("close", resolve));
    expect((await ask("down")).code).toBe(0);
    expect(await ended).toBe(0);
    expect(await gone(stateDir, before)).toEqual([]);
  });
});
