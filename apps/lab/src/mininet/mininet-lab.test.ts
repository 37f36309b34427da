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
import { z } from "zod";
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

/** Entries that are changed: the packets of some of them come by before the agents look. */
const relabelledLeast = 20;
/** At most so many label entries are changed at one switch. */
const relabelledMax = 30;

/**
 * At every switch, entries of labels under which packets come by send them on under another label that leaves by the same link and ends at the
 * same switch. The agents put them right when they look next. `seen` holds the packets of each entry at the last look. How many were changed.
 */
function relabel(stateDir: string, seen: Map<string, number>): number {
  const plan = networkSchema.parse(JSON.parse(readFileSync(join(stateDir, "network.json"), "utf8")));
  const ofctl = (name: string, ...args: readonly string[]): string =>
    execFileSync("ovs-ofctl", ["-O", "OpenFlow15", ...args], {
      encoding: "utf8",
      env: { ...process.env, OVS_RUNDIR: join(plan.runDir, name) },
    });
  const entries = plan.switches.map(({ name }) => {
    const dump = ofctl(name, "dump-flows", "br0", "table=1");
    const found = [...dump.matchAll(/n_packets=(\d+),.*mpls_label=(\d+) actions=(\S+)/g)];
    return { name, found: found.map(([, packets, label = "", actions = ""]) => ({ packets: Number(packets), label, actions })) };
  });
  const egress = new Map(
    entries.flatMap(({ name, found }) =>
      found.flatMap(({ label, actions }) => (actions.startsWith("pop_mpls:0x0800") ? [[label, name]] : [])),
    ),
  );
  let changed = 0;
  for (const { name, found } of entries) {
    const lines: string[] = [];
    for (const { packets, label, actions } of found) {
      const other = found.find((each) => each.label !== label && each.actions === actions && egress.get(each.label) === egress.get(label));
      const key = `${name} ${label}`;
      const isIdle = packets <= (seen.get(key) ?? packets);
      seen.set(key, packets);
      if (isIdle || other === undefined || !actions.startsWith("dec_mpls_ttl") || !egress.has(label)) continue;
      const changedActions = actions.replace("dec_mpls_ttl,", `dec_mpls_ttl,set_field:${other.label}->mpls_label,`);
      if (lines.length < relabelledMax) lines.push(`flow modify table=1,mpls,mpls_label=${label},actions=${changedActions}`);
    }
    if (lines.length === 0) continue;
    execFileSync("ovs-ofctl", ["-O", "OpenFlow15", "bundle", "br0", "-"], {
      input: `${lines.join("\n")}\n`,
      env: { ...process.env, OVS_RUNDIR: join(plan.runDir, name) },
      stdio: ["pipe", "ignore", "inherit"],
    });
    changed += lines.length;
  }
  return changed;
}

const networkSchema = z.object({ runDir: z.string(), switches: z.array(z.object({ name: z.string() })) });

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
    for (const promise of ["no packet lost", "every switch knew", "every packet was popped", "between two sites"])
      expect(verdict(update, promise)).toMatchObject({ kept: true });
  });

  it("finds packets that change their version in the middle, though all of them arrive", async () => {
    let isRunning = true;
    const running = measured("update").finally(() => (isRunning = false));
    const seen = new Map<string, number>();
    let changed = 0;
    for (; isRunning && changed < relabelledLeast; await sleep(500)) changed += relabel(stateDir, seen);
    expect(changed).toBeGreaterThan(0);
    const [update] = await running;
    expect(verdict(update, "every packet was popped")).toMatchObject({ kept: false });
    await expect
      .poll(async () => (await ask("status")).text, { timeout: 60_000, interval: 1_000 })
      .toMatch(/12 of 12 hold what they should/);
  });

  it("heals cuts, and loses nothing at the later switches; silent ones are noticed by nobody", async () => {
    const [outages, silent] = await measured("outages", "silent", "--cables", "2");
    expect(outages?.rows).toHaveLength(2);
    expect(verdict(outages, "no loss at the switch")).toMatchObject({ kept: true });
    expect(silent?.rows).toHaveLength(2);
    expect(verdict(silent, "nobody notices")).toMatchObject({ kept: true });
  });

  it("keeps its rules when an agent dies, and programs a switch that comes back empty", async () => {
    const [agent, ovs] = await measured("agent", "switch");
    expect(verdict(agent, "rules are kept")).toMatchObject({ kept: true });
    expect(verdict(ovs, "it holds the rules it held")).toMatchObject({ kept: true });
  });

  it("leaves nothing behind when it is killed, and when it is told to end; with BFD it finds silent cuts", async () => {
    lab.kill("SIGKILL");
    // The databases and logs stay until the next lab takes the directory over.
    const kept = new Set(readdirSync(stateDir));
    expect((await gone(stateDir, before)).filter((each) => !kept.has(each))).toEqual([]);
    const again = startLab(stateDir, [
      "--topology",
      example("abilene.json"),
      "--demands",
      example("abilene-day.json"),
      "--bfd-interval-ms",
      "100",
    ]);
    lab = again.child;
    await again.isUp;
    expect((await ask("ping")).code).toBe(0);
    // The first of Abilene's cables is the only one of its site. The scenario waits for the link's fall and return in the journal; nobody else mends
    // the other cable for five seconds.
    const [silent] = await measured("silent", "--cables", "2");
    expect(silent?.rows).toHaveLength(2);
    expect(silent?.rows[0]?.[3]).toBe("-");
    expect(Number(silent?.rows[1]?.[3])).toBeLessThan(4_000);
    const ended = new Promise((resolve) => again.child.once("close", resolve));
    expect((await ask("down")).code).toBe(0);
    expect(await ended).toBe(0);
    expect(await gone(stateDir, before)).toEqual([]);
  });
});
