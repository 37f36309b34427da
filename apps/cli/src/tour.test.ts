/**
 * docs/tour.md is true: its commands are run, in their order, on the network that it tells to start, and what they say has the same words and
 * the same shape; figures, times and ids may be others. `SLUICE_TOUR=write` writes what they say now into it, and into the README, which quotes it.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommandLine } from "./command-line.js";
import { openTerminal } from "./terminal.js";
import { builtTitle, isBuilt, runNetwork, type RunningNetwork } from "./testing/running-network.js";
import { sourceSolver } from "./testing/run.js";

const tourFile = new URL("../../../docs/tour.md", import.meta.url);
const readmeFile = new URL("../../../README.md", import.meta.url);

/** A block of a document: a command with what it said below it. */
interface Step {
  /** Words after `npx sluice`. */
  readonly argv: readonly string[];
  /** The command line as it stands there. */
  readonly line: string;
  /** Ends with `; echo $?`: the exit code is the last line. */
  readonly showsCode: boolean;
  readonly said: string;
}

const block = /```console\n\$ (npx sluice .*)\n([^]*?)```/g;

function stepsOf(markdown: string): readonly Step[] {
  return [...markdown.matchAll(block)].map(([, line = "", said = ""]) => {
    const showsCode = line.endsWith("; echo $?");
    const words = line.slice("npx sluice ".length).replace(/; echo \$\?$/, "");
    // Words are parted by blanks; quotes keep signs of the shell away, and no word of the tour has a blank.
    return { argv: words.split(" ").map((word) => word.replaceAll("'", "")), line, showsCode, said };
  });
}

/** Figures, times and ids are masked; so is how far columns are apart, which follows from the width of figures. */
function masked(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/\bt-[0-9a-f]{20}\b/g, "TUNNEL")
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "ID")
    .replaceAll(/\d+(?:\.\d+)? [kMGTP]?b\/s/g, "RATE")
    .replaceAll(/\d+(?:\.\d+)?(?:e-?\d+)?/g, "0")
    .replaceAll(/ +/g, " ");
}

/** The document with the same lines of what the same commands say now. */
function requoted(document: string, before: readonly Step[], after: readonly Step[]): string {
  const now = new Map(after.map(({ line, said }) => [line, said.split("\n")]));
  const was = new Map(before.map(({ line, said }) => [line, said]));
  return document.replaceAll(block, (whole, line: string, quoted: string) => {
    const [old, lines] = [was.get(line), now.get(line)];
    if (old === undefined || lines === undefined) return whole;
    const parts = quoted.split(/^\.\.\.\n/m).map((part) => {
      const first = old.slice(0, Math.max(0, old.indexOf(part))).split("\n").length - 1;
      const count = part.split("\n").length - 1;
      return lines
        .slice(first, first + count)
        .map((text) => `${text}\n`)
        .join("");
    });
    return whole.replace(quoted, () => parts.join("...\n"));
  });
}

async function bothTold(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly said: string; readonly code: number }> {
  let said = "";
  // Of one stream, as a terminal shows it.
  const stream = (): Writable =>
    new Writable({
      write: (chunk: Buffer, _, done) => {
        said += chunk.toString("utf8");
        done();
      },
    });
  const code = await runCommandLine(
    argv,
    (flags) => ({
      terminal: openTerminal({ stdout: stream(), stderr: stream(), env }, flags),
      solver: sourceSolver,
      failures: sourceSolver,
      change: sourceSolver,
      bench: sourceSolver,
      signal: new AbortController().signal,
      nowMs: () => performance.now(),
      env,
      ask: undefined,
    }),
    "0.0.0-tour",
  );
  return { said, code };
}

describe.skipIf(!isBuilt)(`docs/tour.md${builtTitle}`, { timeout: 240_000 }, () => {
  let dir = "";
  let network: RunningNetwork | undefined;
  let tour = "";
  beforeAll(async () => {
    tour = await readFile(tourFile, "utf8");
    dir = await mkdtemp(join(tmpdir(), "sluice-tour-"));
    const started = /^npm start -- (.*?) *(?:#.*)?$/m.exec(tour)?.[1] ?? "";
    network = await runNetwork(started.split(" "));
    // Counters of every link have been read since traffic flows: tables have their measured columns.
    interface Links {
      readonly items: readonly {
        readonly capacityBps: number;
        readonly planned: { readonly loadBps: number };
        readonly measured?: { readonly transmittedBps: number };
      }[];
    }
    for (;;) {
      const { items } = await network.get<Links>("/v1/links?limit=1000");
      // A busy machine counts late, and then more than a link can carry.
      const isCounted = ({ capacityBps, planned, measured }: Links["items"][number]): boolean =>
        measured !== undefined && measured.transmittedBps >= planned.loadBps / 2 && measured.transmittedBps <= capacityBps;
      if (items.every(isCounted)) break;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }, 400_000);
  afterAll(async () => {
    await network?.end();
    await rm(dir, { recursive: true, force: true });
  });

  test("each command says what stands there", async () => {
    const steps = stepsOf(tour);
    expect(steps.length).toBeGreaterThanOrEqual(10);
    const env = { SLUICE_CONTROLLER: network?.url ?? "", SLUICE_CONFIG: join(dir, "config.yaml") };
    let now = tour;
    const found: { readonly line: string; readonly said: string }[] = [];
    for (const { argv, line, said, showsCode } of steps) {
      const local = (word: string): string => word.replaceAll(/\b[a-z0-9-]+\.plan\b/g, (name) => join(dir, name));
      const ran = await bothTold(argv.map(local), env);
      const text = `${ran.said.replaceAll(`${dir}/`, "").replaceAll(env.SLUICE_CONTROLLER, "http://127.0.0.1:8080")}${showsCode ? `${ran.code}\n` : ""}`;
      expect({ line, code: showsCode ? 0 : ran.code }).toEqual({ line, code: 0 });
      found.push({ line, said: text });
      now = now.replace(`$ ${line}\n${said}`, () => `$ ${line}\n${text}`);
      await network?.settled();
    }
    if (process.env["SLUICE_TOUR"] === "write") {
      await writeFile(readmeFile, requoted(await readFile(readmeFile, "utf8"), steps, stepsOf(now)));
      return writeFile(tourFile, now);
    }
    const shape = (list: readonly { readonly line: string; readonly said: string }[]) =>
      list.map(({ line, said }) => `$ ${line}\n${masked(said)}`).join("\n");
    expect(shape(found)).toBe(shape(steps));
  });
});

test("the README quotes it, word for word", async () => {
  const steps = new Map(stepsOf(await readFile(tourFile, "utf8")).map(({ line, said }) => [line, said]));
  const quoted = stepsOf(await readFile(readmeFile, "utf8"));
  expect(quoted.length).toBeGreaterThanOrEqual(3);
  for (const { line, said } of quoted) {
    const whole = steps.get(line);
    expect({ line, isThere: whole !== undefined }).toEqual({ line, isThere: true });
    // A line of dots stands for lines that were left out.
    let from = 0;
    for (const part of said.split(/^\.\.\.\n/m)) {
      const at = (whole ?? "").indexOf(part, from);
      expect({ line, part, isThere: at >= 0 }).toEqual({ line, part, isThere: true });
      from = at + part.length;
    }
  }
});

test("masking: figures and times go, words and signs stay", () => {
  expect(masked("~  a-b   12.06 Gb/s -> 0 b/s  -100.00 %  t-0123456789abcdef0123 at 2026-11-21T23:13:02.409Z")).toBe(
    "~ a-b RATE -> RATE -0 % TUNNEL at TIME",
  );
  expect(masked("+ 3 rules")).not.toBe(masked("- 3 rules"));
  expect(masked("3 rules")).not.toBe(masked("3 switches"));
});
