/** `events`, `history`, `audit`, `describe`, `mode`, `settings`, `upload` and completions against a real controller that asks for roles. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { openLiveController, type LiveController } from "../testing/live-controller.js";
import { run, type Ran } from "../testing/run.js";

let live: LiveController;
let folder = "";
beforeAll(async () => {
  live = await openLiveController({ withTokens: true });
  folder = await mkdtemp(join(tmpdir(), "sluice-operate-"));
}, 120_000);
afterAll(async () => {
  await live.close();
  await rm(folder, { recursive: true, force: true });
});

const envOf = (role: string | undefined) => ({
  SLUICE_CONFIG: join(folder, "none.yaml"),
  SLUICE_CONTROLLER: live.url,
  ...(role === undefined ? {} : { SLUICE_TOKEN: live.tokenOf(role) }),
});
const as = (role: string | undefined, ...argv: readonly string[]): Promise<Ran> => run(argv, { env: envOf(role) });
const ask = (...argv: readonly string[]): Promise<Ran> => as("admin", ...argv);

interface Event {
  readonly sequence: number;
  readonly kind: string;
  readonly data: { readonly by?: { readonly correlationId: string } };
}
async function journal(...more: readonly string[]): Promise<readonly Event[]> {
  return (JSON.parse((await ask("events", "--after", "0", ...more, "-o", "json")).stdout) as { items: readonly Event[] }).items;
}

describe("roles", () => {
  test.each([
    [undefined, ["status"], "--token-file FILE, SLUICE_TOKEN"],
    ["job", ["get", "nodes"], "role does not allow"],
    [
      "viewer",
      ["upload", fileURLToPath(new URL("../../../../examples/b4-day.json", import.meta.url)), "--as", "forecasts"],
      "role does not allow",
    ],
    ["operator", ["audit"], "role does not allow"],
  ] as const)("%s may not %j, and is told what to do", async (role, argv, advice) => {
    const ran = await as(role, ...argv);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(advice);
  });

  test("a token comes from a file, too, and is never shown", async () => {
    const token = live.tokenOf("viewer");
    await writeFile(join(folder, "token"), `${token}\n`);
    const ran = await run(["status", "--token-file", join(folder, "token")], { env: envOf(undefined) });
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const bad = await run(["status"], { env: { ...envOf(undefined), SLUICE_TOKEN: `${token}x` } });
    expect(bad).toMatchObject({ code: 2, stdout: "" });
    expect(bad.stderr).not.toContain(token);
    expect(await run(["status", "--token-file", join(folder, "nowhere")], { env: envOf(undefined) })).toMatchObject({ code: 2 });
  });
});

describe("events", () => {
  test("the journal in every form, from where it is asked for", async () => {
    const all = await journal();
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, i) => i + 1));
    const { stdout } = await ask("events", "--after", "0");
    expect(stdout.split("\n").slice(0, -1)).toHaveLength(all.length);
    expect(stdout).toMatch(/^ +\d+ {2}\d{4}-\d\d-\d\dT[\d:]+Z {2}plan-applied {2}.*epoch=1 /m);
    expect((await journal("--kind", "plan-applied,topology-changed")).map(({ kind }) => kind)).toEqual(
      all.map(({ kind }) => kind).filter((kind) => kind === "plan-applied" || kind === "topology-changed"),
    );
    const last = parse((await ask("events", "--last", "2", "-o", "yaml")).stdout) as { items: readonly Event[]; nextAfter: number };
    expect(last.items.map(({ sequence }) => sequence)).toEqual([last.nextAfter - 1, last.nextAfter]);
    expect((await ask("events", "--after", "1", "--limit", "2", "-o", "name")).stdout).toBe("2\n3\n");
    expect(await ask("events", "--after", "1", "--last", "2")).toMatchObject({ code: 2, stdout: "" });
    expect(await ask("events", "--kind", "no such")).toMatchObject({ code: 2, stdout: "" });
  });

  test("-f begins where it is told, ends at --limit, and is one object or document each", async () => {
    const lines = (await ask("events", "-f", "--after", "0", "--limit", "3", "-o", "json")).stdout.split("\n").slice(0, -1);
    expect(lines.map((line) => (JSON.parse(line) as Event).sequence)).toEqual([1, 2, 3]);
    const yaml = (await ask("events", "-f", "--after", "1", "--limit", "2", "-o", "yaml")).stdout;
    expect(parseAllDocuments(yaml).map((document) => (document.toJS() as Event).sequence)).toEqual([2, 3]);
    expect(await ask("events", "-f", "--after", "999999")).toMatchObject({ code: 2, stdout: "" });
    expect(await ask("events", "-f", "--request", "x")).toMatchObject({ code: 2, stdout: "" });
  });

  test("-f goes on over a restart of the controller, without a gap", async () => {
    const { length } = await journal();
    const following = ask("events", "-f", "--after", String(length - 1), "--limit", "5", "-o", "json");
    await watched();
    await live.restart();
    const { code, stdout } = await following;
    expect(code).toBe(0);
    const got = stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as Event).sequence);
    expect(got).toEqual(got.map((_, i) => (got[0] ?? 0) + i));
    expect(got[0]).toBe(length);
  }, 120_000);
});

/** Until somebody follows events. */
async function watched(): Promise<void> {
  const headers = { authorization: `Bearer ${live.tokenOf("viewer")}` };
  while (!/^sluice_event_watchers 1$/m.test(await (await fetch(`${live.url}/metrics`, { headers })).text())) await wait(20);
}

describe("a description", () => {
  test.each([
    ["node", "a", /^node +a$[\s\S]*^switch$[\s\S]*^session +synced$[\s\S]*^links$[\s\S]*^a-b +up/m, ["node", "agent", "links"]],
    [
      "link",
      "c-d",
      /^capacity +10 Gb\/s$[\s\S]*^srlgs +cable:c-d$[\s\S]*^tunnels \(\d+\)$[\s\S]*^ways around it\nNone is prepared\.$/m,
      ["link", "tunnels", "bypasses"],
    ],
    ["plan", "in-force", /^in force +yes$[\s\S]*^check +pass$[\s\S]*^bulk +16 Gb\/s/m, ["plan"]],
    ["agent", "d", /^session +synced$[\s\S]*^rules$\n^installed +\d+$\n^intended +\d+$\n^otherwise +none$/m, ["agent", "rules"]],
    [
      "demand",
      "d>a/bulk",
      /^admitted +\S+ Gb\/s \([78]\d\.\d\d %\)$[\s\S]*^What binds it: sluice explain --demand 'd>a\/bulk'$/m,
      ["demand", "tunnels"],
    ],
  ])("%s %s", async (what, id, pattern, parts) => {
    await live.settled();
    const table = await as("viewer", "describe", what, id);
    expect(table).toMatchObject({ code: 0, stderr: "" });
    expect(table.stdout).toMatch(pattern);
    const told = JSON.parse((await as("viewer", "describe", what, id, "-o", "json")).stdout) as object;
    expect(Object.keys(told)).toEqual(["kind", ...parts]);
    expect(told).toMatchObject({ kind: `${what}-description` });
  });

  test.each([
    ["node", "nowhere"],
    ["link", "a-d"],
    ["plan", "0"],
    ["plan", "999"],
    ["agent", "nobody"],
    ["demand", "a>b"],
    ["site", "a"],
  ])("%s %s is refused", async (what, id) => {
    expect(await ask("describe", what, id)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("what to do") as string });
  });
});

describe("settings and mode", () => {
  test("set shows what would be otherwise, asks, and changes it; the request's history and audit entries are found", async () => {
    expect((await ask("settings", "get", "tunnels.k")).stdout).toBe("tunnels.k  4\n");
    const unasked = await ask("settings", "set", "tunnels.k=3");
    expect(unasked).toMatchObject({ code: 2, stdout: "~ tunnels.k  4 -> 3\n", stderr: expect.stringContaining("--yes") as string });
    const questions: string[] = [];
    const answering = (answer: string) => ({
      env: envOf("operator"),
      ask: (question: string) => {
        questions.push(question);
        return Promise.resolve(answer);
      },
    });
    expect(await run(["settings", "set", "tunnels.k=3"], answering("no"))).toMatchObject({ code: 1 });
    expect((await ask("settings", "get", "tunnels.k", "-o", "json")).stdout).toBe('{\n  "tunnels.k": 4\n}\n');
    const changed = await run(["settings", "set", "tunnels.k=3", "objective=min-cost"], answering("yes"));
    expect(changed).toMatchObject({ code: 0, stdout: "~ objective  max-throughput -> min-cost\n~ tunnels.k  4 -> 3\n" });
    expect(questions).toHaveLength(2);
    expect(JSON.parse((await ask("settings", "get", "-o", "json")).stdout)).toMatchObject({
      settings: { objective: "min-cost", tunnels: { kind: "k-shortest", k: 3 } },
      operation: { mode: "automatic" },
    });

    const [, request = ""] = /sluice history (\S+)\)/.exec(changed.stderr) ?? [];
    await live.settled();
    const history = await ask("history", request);
    expect(history.stdout).toMatch(/ settings-changed [\s\S]* plan-persisted [\s\S]*^led to {2}plan/m);
    expect((await ask("events", "--request", request, "-o", "json")).stdout).toContain("settings-changed");
    const audit = JSON.parse((await ask("audit", "--request", request, "-o", "json")).stdout) as {
      items: { phase: string; actor: string }[];
    };
    expect(audit.items).toMatchObject([
      { phase: "outcome", actor: "a operator", status: 200 },
      { phase: "request", actor: "a operator", resource: "/v1/settings" },
    ]);
    expect((await ask("audit", "--actor", "nobody")).stdout).toBe("There are no such entries.\n");
  });

  test.each([
    ["nonsense"],
    ["tunnels.k=many"],
    ["nothing.like.this=1"],
    ["objective=[a"],
    ["mode=held"],
    ["objective=min-cost", "linkUpHoldMs=2500"],
    ["__proto__.x=1"],
  ])("set %s is refused, and changes nothing", async (...sets) => {
    const before = (await ask("settings", "get", "-o", "json")).stdout;
    const ran = await ask("settings", "set", ...sets, "--yes");
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining("what to do") as string });
    expect((await ask("settings", "get", "-o", "json")).stdout).toBe(before);
  });

  test("fields of operation keep their neighbours", async () => {
    expect((await ask("settings", "set", "blastRadius.rulesChangedShareMax=0.25", "linkUpHoldMs=2500", "--yes", "-o", "json")).code).toBe(
      0,
    );
    expect((await ask("settings", "get", "blastRadius", "linkUpHoldMs")).stdout).toBe(
      "blastRadius.rulesChangedShareMax  0.25\nblastRadius.admittedLossShareMax  0.05\nblastRadius.topClassLossAllowed   false\nlinkUpHoldMs                      2500\n",
    );
    expect(await ask("settings", "get", "nothing")).toMatchObject({ code: 2, stdout: "" });
  });

  test("mode tells, changes, and does nothing twice", async () => {
    expect((await ask("mode")).stdout).toMatch(/^automatic: /);
    expect(await ask("mode", "held")).toMatchObject({ code: 2, stderr: expect.stringContaining("nothing is planned") as string });
    expect(await ask("mode", "held", "--yes")).toMatchObject({ code: 0, stdout: "~ mode  automatic -> held\n" });
    expect(JSON.parse((await ask("mode", "-o", "json")).stdout)).toEqual({ mode: "held" });
    expect((await ask("mode", "held", "--yes")).stderr).toContain("nothing was changed");
    expect(await ask("mode", "sideways")).toMatchObject({ code: 2, stdout: "" });
    expect(JSON.parse((await ask("mode", "automatic", "--yes", "-o", "json")).stdout)).toMatchObject({ mode: "automatic" });
  });
});

describe("history and audit", () => {
  test("plans, who asked for them and what became of them", async () => {
    const { items } = JSON.parse((await ask("history", "-o", "json")).stdout) as { items: { epoch: number; events: { kind: string }[] }[] };
    expect(items.map(({ epoch }) => epoch)).toEqual(items.map((_, i) => (items[0]?.epoch ?? 0) - i));
    expect((await ask("history", "--limit", "1")).stdout.split("\n")).toHaveLength(3);
    expect(items.at(-1)?.events.map(({ kind }) => kind)).toContain("plan-applied");
    expect(await ask("history", "of-nothing")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("of-nothing") as string,
    });
    expect(await ask("history", "no such id!")).toMatchObject({ code: 2, stdout: "" });
  });

  test("the log is verified there and here alike; a head that was noted must be in it", async () => {
    const there = JSON.parse((await ask("audit", "verify", "-o", "json")).stdout) as {
      verdict: string;
      head: { sequence: number; hash: string };
    };
    const here = JSON.parse((await ask("audit", "verify", "--here", "-o", "json")).stdout) as object;
    expect(there.verdict).toBe("intact");
    expect(here).toEqual(there);
    const { sequence, hash } = there.head;
    expect(await ask("audit", "verify", "--known", `${sequence}:${hash}`)).toMatchObject({ code: 0 });
    const other = `${sequence}:${"0".repeat(64)}`;
    for (const way of [[], ["--here"]]) {
      const broken = await ask("audit", "verify", "--known", other, ...way);
      expect(broken).toMatchObject({ code: 1, stdout: expect.stringMatching(/^verdict +broken$[\s\S]*known-position/m) as string });
    }
    expect(await ask("audit", "verify", "--known", "1")).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("upload", () => {
  const header = "windowStart,windowSeconds,src,dst,class,rateBps,quantile";
  const start = Math.ceil(Date.now() / 3_600_000) * 3_600_000;
  const rows = [0, 1, 2].flatMap((hour) =>
    ["a,b,interactive,2e9", "a,c,elastic,3e9", "b,d,bulk,4e9", "d,a,bulk,12e9"].map(
      (row) => `${new Date(start + hour * 3_600_000).toISOString()},3600,${row},p90`,
    ),
  );
  const csv = (some: readonly string[]) => `${[header, ...some].join("\n")}\n`;

  test("forecasts: the same content is the same batch, gzipped or not", async () => {
    await writeFile(join(folder, "rows.csv"), csv(rows));
    await writeFile(join(folder, "rows.csv.gz"), gzipSync(csv(rows)));
    const first = await as("job", "upload", join(folder, "rows.csv.gz"), "-o", "json");
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(first.stdout)).toMatchObject({
      kind: "forecast-upload",
      repeated: false,
      batch: { state: "ready", rows: 12, windows: 3 },
    });
    const again = await as("job", "upload", join(folder, "rows.csv"));
    expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/had it already\)\nstate +ready\nrows +12\n/) as string });
    expect((await ask("get", "forecasts", "-o", "name")).stdout.split("\n").slice(0, -1)).toHaveLength(1);
  });

  test("forecasts: goes on behind the rows that the controller has", async () => {
    const put = await live.fetch("/v1/forecasts?batchId=broken-off&more=true", {
      method: "POST",
      headers: { "content-type": "text/csv" },
      body: csv(rows.slice(0, 5)),
    });
    expect(put).toMatchObject({ state: "receiving", rows: 5 });
    const before = (await journalOfBatches()).length;
    await writeFile(join(folder, "rows.csv"), csv(rows));
    const ran = await ask("upload", join(folder, "rows.csv"), "--batch", "broken-off", "-o", "json");
    expect(JSON.parse(ran.stdout)).toMatchObject({ batch: { batchId: "broken-off", state: "ready", rows: 12 } });
    const asked = JSON.parse((await ask("audit", "--limit", "2", "-o", "json")).stdout) as {
      items: { method: string; resource: string }[];
    };
    expect(asked.items[0]).toMatchObject({ method: "PATCH", resource: "/v1/forecasts/broken-off" });
    expect(await journalOfBatches()).toHaveLength(before + 1);
  });
  const journalOfBatches = () => journal("--kind", "forecast-ready");

  test("forecasts: rows that are wrong are told with file and line, and nothing of it counts", async () => {
    const file = join(folder, "wrong.ndjson");
    const row = { windowStart: new Date(start).toISOString(), windowSeconds: 3600, src: "a", dst: "b", class: "bulk", rateBps: 1 };
    await writeFile(file, [row, { ...row, dst: "nowhere" }, { ...row, rateBps: -1 }].map((each) => `${JSON.stringify(each)}\n`).join(""));
    const ran = await ask("upload", file);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(`${file}: /line/2/dst: `);
    expect(ran.stderr).toContain(`${file}: /line/3/rateBps: `);
  });

  test("demands: any format, in the place of those measured", async () => {
    const file = join(folder, "demands.csv");
    await writeFile(file, "src,dst,class,rate_bps\na,b,interactive,1e9\nb,a,bulk,2e9\n");
    const ran = await ask("upload", file, "-o", "json");
    expect(JSON.parse(ran.stdout)).toMatchObject({ kind: "demands-upload", demands: 2, rateBps: 3e9, superseded: false });
    expect((await ask("get", "demands", "-o", "name")).stdout).toBe("a>b/interactive\nb>a/bulk\n");
    expect(await ask("upload", file, "--batch", "x")).toMatchObject({ code: 2, stdout: "" });
    expect(await ask("upload", join(folder, "nothing"))).toMatchObject({ code: 2, stdout: "" });
    expect(await ask("upload", folder)).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("completion", () => {
  /** As it is installed: each Tab is a process of its own. */
  const main = fileURLToPath(new URL("../../bin/sluice.mjs", import.meta.url));

  /** What bash offers where Tab is pressed at the end of each line. */
  async function tab(lines: readonly string[]): Promise<readonly (readonly string[])[]> {
    const script = `sluice() { '${process.execPath}' '${main}' "$@"; }
source <(sluice completion bash)
for COMP_LINE in "$@"; do
  COMP_POINT=\${#COMP_LINE}
  _sluice
  echo "line"
  for each in "\${COMPREPLY[@]}"; do echo ": $each"; done
done
complete -p sluice >&2`;
    const { stdout, stderr } = await promisify(execFile)("bash", ["-c", script, "bash", ...lines], {
      env: { ...process.env, ...envOf("viewer") },
    });
    expect(stderr).toContain("-F _sluice sluice");
    return stdout
      .split("line\n")
      .slice(1)
      .map((each) => [...each.matchAll(/^: (.*)$/gm)].map(([, word = ""]) => word));
  }

  test("in bash: commands, options, their values, ids of the controller, in and out of quotes", async () => {
    const expected: readonly (readonly [string, readonly string[]])[] = [
      ["sluice sta", ["status"]],
      ["sluice get li", ["links"]],
      ["sluice get links a", ["a-b", "a-c"]],
      // bash parts words at colons, > and =, and replaces what is behind the last.
      ["sluice get srlg cable:a-", ["a-b", "a-c"]],
      ["sluice describe demand a\\>b/", ["b/interactive"]],
      ["sluice describe demand 'a>b/", ["a>b/interactive"]],
      ["sluice status --output=y", ["yaml"]],
      ["sluice describe 'no", ["node"]],
      ["sluice mode sh", ["shortest-path"]],
      ["sluice settings set tunnels.", ["tunnels.kind=", "tunnels.k="]],
      ["sluice audit ver", ["verify"]],
      ["sluice upload x", []],
    ];
    expect(await tab(expected.map(([line]) => line))).toEqual(expected.map(([, offered]) => offered));
  }, 240_000);

  test("names every command and option of the grammar, and only these", async () => {
    const commands = (await ask("__complete", "--", "")).stdout.split("\n").slice(0, -1);
    expect(commands).toEqual(expect.arrayContaining(["get", "describe", "plan", "solve", "completion"]));
    expect(commands).not.toContain("__complete");
    for (const command of commands) {
      const help = (await ask(command, "--help")).stdout;
      const options = (await ask("__complete", "--", command, "--")).stdout.split("\n").slice(0, -1);
      for (const option of options) expect(help).toContain(option);
    }
    expect((await ask("completion", "tcsh")).code).toBe(2);
    for (const shell of ["zsh", "fish"]) expect((await ask("completion", shell)).stdout).toContain("sluice __complete");
  });

  test("a controller that is not there offers nothing, and says nothing", async () => {
    expect(await run(["__complete", "--", "get", "links", ""], { env: { SLUICE_CONTROLLER: "http://127.0.0.1:59" } })).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
  });
});
