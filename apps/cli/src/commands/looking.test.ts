/** Questions to a controller, and what is done to its elements and switches: `what-if`, `path-check`, `explain`, `drain`, `validate`, `resync`. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { builtTitle, isBuilt, runTriangle, type RunningNetwork } from "../testing/running-network.js";
import { run, type Ran } from "../testing/run.js";

describe.skipIf(!isBuilt)(`questions to a controller${builtTitle}`, { timeout: 120_000 }, () => {
  let dir = "";
  let network: RunningNetwork | undefined;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "sluice-cli-look-"));
    network = await runTriangle(dir);
    await network.change("PATCH", "/v1/operation", { mode: "held" });
    await network.settled();
  }, 400_000);
  afterAll(async () => {
    await network?.end();
    await rm(dir, { recursive: true, force: true });
  });
  function live(): RunningNetwork {
    if (network === undefined) throw new Error("the network runs");
    return network;
  }
  function sluice(argv: readonly string[], more: Parameters<typeof run>[1] = {}): Promise<Ran> {
    return run([...argv, "--controller", live().url], { env: { SLUICE_CONFIG: join(dir, "config.yaml") }, ...more });
  }
  async function json<T>(argv: readonly string[]): Promise<T> {
    const ran = await sluice([...argv, "-o", "json"]);
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(ran.stdout) as T;
  }

  test("what-if: failures, demand, capacity and drains together, by the figures of the network", async () => {
    // a>b has 10 Gb/s by way of c where a-b fails; interactive doubles, so 6 of 16 Gb/s are lost, and c>b has nothing left.
    const asked = ["what-if", "--fail", "cable/a-b", "--scale", "interactive=2"];
    const cut = await sluice(asked);
    expect({ code: cut.code, stderr: cut.stderr }).toEqual({ code: 0, stderr: "" });
    expect(cut.stdout).toMatch(/^what if\n {2}~ interactive demand times 2\n {2}- link a-b fails\n {2}- link b-a fails\n/);
    expect(cut.stdout).toMatch(/\n~ +interactive +8 Gb\/s -> 16 Gb\/s +8 Gb\/s -> 10 Gb\/s +\+2 Gb\/s/);
    expect(cut.stdout).toMatch(/\n~ +bulk +4 Gb\/s +4 Gb\/s -> 0 b\/s +-4 Gb\/s \(-100\.00 %\)/);
    expect(cut.stdout).toMatch(/\nIf so: .* less admitted\.\n$/);
    expect(cut.stdout).not.toContain("--force");

    interface Answer {
      readonly kind: string;
      readonly plan: { readonly demandBps: number; readonly admittedBps: number; readonly softDrained?: string };
    }
    const wider = await json<Answer>([...asked, "--add-capacity", "cable/b-c=11Gbps", "--add-capacity", "a-c=7Gbps"]);
    expect(wider).toMatchObject({ kind: "what-if", plan: { demandBps: 21e9, admittedBps: 21e9 } });
    const more = await json<Answer>(["what-if", "--add-demand", "c>a/bulk=3Gbps", "--scale", "0.5"]);
    expect(more.plan).toMatchObject({ demandBps: 9.5e9, admittedBps: 9.5e9 });
    const soft = await json<Answer>(["what-if", "--drain", "srlg/duct-ad", "--soft"]);
    expect(soft.plan).toMatchObject({ admittedBps: 13e9, softDrained: "used" });
    const file = join(dir, "what-if.yaml");
    await writeFile(file, "fail: { nodeIds: [d] }\naddCapacity: [{ linkId: a-b, capacityBps: 1.0e+9 }]\n");
    const both = parse((await sluice(["what-if", "-f", file, "--fail", "link/a-c", "-o", "yaml"])).stdout) as Answer;
    expect(both.plan).toMatchObject({ demandBps: 13e9, admittedBps: 12e9 });
  });

  test.each([
    [["what-if"], "--fail", "missing-field", 2],
    [["what-if", "--scale", "fast"], "--scale", "wrong-type", 2],
    [["what-if", "--scale", "-1"], "--scale", "negative", 2],
    [["what-if", "--scale", "gold=2"], "--scale", "not-allowed", 2],
    [["what-if", "--add-demand", "a>b=3Gbps"], "--add-demand", "malformed", 2],
    [["what-if", "--add-demand", "a>z/bulk=3Gbps"], "--add-demand", "not-found", 2],
    [["what-if", "--add-demand", "a>b/bulk=much"], "--add-demand", "malformed", 2],
    [["what-if", "--add-capacity", "node/a=3Gbps"], "--add-capacity", "not-allowed", 2],
    [["what-if", "--add-capacity", "a-b"], "--add-capacity", "malformed", 2],
    [["what-if", "--fail", "srlg/none"], "--fail", "not-found", 2],
    [["path-check", "a", "b"], "--rate", "missing-field", 2],
    [["path-check", "a", "b", "--rate", "1Gbps", "--class", "gold"], "--class", "not-allowed", 2],
    [["path-check", "a", "a", "--rate", "1Gbps"], "DST", "self-loop", 2],
    [["path-check", "a", "z", "--rate", "1Gbps"], "node z", "not-found", 2],
    [["explain"], "--demand", "missing-field", 2],
    [["explain", "--link", "z"], "link z", "not-found", 2],
    [["explain", "--link", "a-b", "--exact"], "--topology", "missing-field", 2],
    [["explain", "--link", "a-b", "--change"], "--change", "not-allowed", 2],
    [["explain", "--demand", "b>a"], "--demand", "not-found", 2],
    [["explain", "--demand", "a>b/bulk", "--epoch", "99"], "99", "not-found", 2],
    [["drain", "cloud", "a"], "KIND", "not-allowed", 2],
    [["drain", "node", "z"], "ID", "not-found", 2],
    [["drain", "node"], "id", "missing-field", 2],
    [["undrain", "link", "z"], "ID", "not-found", 2],
    [["validate", "z"], "node z", "not-found", 1],
    [["validate", "--top", "no"], "--top", "wrong-type", 1],
    [["resync", "z"], "node z", "not-found", 2],
    [["resync", "a", "--wait", "long"], "--wait", "malformed", 2],
  ] as const)("%j is refused, naming %s", async (argv, named, code, exit) => {
    const ran = await sluice(argv);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: exit, stdout: "" });
    expect(ran.stderr).toContain(named);
    expect(ran.stderr).toContain(`[${code}]`);
    expect(ran.stderr).toContain("what to do:");
  });

  test("path-check: yes, at the cost of lower classes, in part, no path", async () => {
    const check = (rate: string, ...more: readonly string[]) => sluice(["path-check", "a", "b", "--rate", rate, ...more]);
    expect((await check("1Gbps")).stdout).toMatch(
      /^Yes\. 1 Gb\/s from a to b in class elastic: fits beside all that is admitted now\.\n +1 Gb\/s {2}\d+ ms {2}a-/,
    );
    const taking = await check("9Gbps", "--class", "interactive");
    expect(taking.stdout).toMatch(/^Yes, taking\. 9 Gb\/s .*: 7 Gb\/s fits beside/);
    expect(taking.stdout).toMatch(/\nwhich takes\n +\S+ Gb\/s {2}of (bulk|elastic) on /);
    expect((await check("30Gbps")).stdout).toMatch(/^In part\./);
    expect((await check("1Gbps", "--latency-max", "0.5")).stdout).toMatch(/^No\. .* within 0\.5 ms: there is no tunnel from a to b/);
    const value = await json<object>(["path-check", "a", "b", "--rate", "9Gbps", "--class", "interactive"]);
    expect(value).toMatchObject({ kind: "path-check", verdict: "yes-taking", demand: { src: "a", dst: "b", rateBps: 9e9 } });
  });

  test("explain: a link, a demand with and without its class, in the controller's plan", async () => {
    const link = await sluice(["explain", "--link", "a-b"]);
    expect(link).toMatchObject({ code: 0, stderr: "" });
    expect(link.stdout).toMatch(/^plan \d+\n.*a-b/);
    const demand = await sluice(["explain", "--demand", "a>b"]);
    expect(demand.stdout).toMatch(/^plan \d+\na>b\/interactive: all 8 Gb\/s admitted\.\n +\S+ Gb\/s {2}\d+ ms {2}a-/);
    const epoch = (await live().settled()).plan?.epoch;
    expect(await json<object>(["explain", "--demand", "c>b/bulk", "--epoch", String(epoch)])).toMatchObject({
      kind: "explanation",
      epoch,
      flowGroup: { src: "c", dst: "b", trafficClass: "bulk" },
      admittedBps: 4e9,
    });
  });

  test("drain and undrain: shown, asked about, applied; what is so already is left alone", async () => {
    const no = await sluice(["drain", "cable", "b-c", "--force"], { ask: () => Promise.resolve("no") });
    expect({ code: no.code, stderr: no.stderr }).toEqual({ code: 1, stderr: "Nothing was changed.\n" });
    expect(no.stdout).toMatch(/^changes\n {2}~ link b-c: drain drained\n {2}~ link c-b: drain drained\n/);
    interface Drains {
      readonly nodes: readonly object[];
      readonly links: readonly object[];
    }
    expect(await live().get<Drains>("/v1/drains")).toMatchObject({ nodes: [], links: [] });

    const drained = await json<{ readonly epoch: number; readonly inForce: boolean }>(["drain", "cable", "b-c", "--yes", "--force"]);
    expect(drained.inForce).toBe(true);
    expect((await live().get<Drains>("/v1/drains")).links).toEqual([
      { id: "b-c", kind: "hard" },
      { id: "c-b", kind: "hard" },
    ]);
    const again = await sluice(["drain", "link", "b-c"]);
    expect(again).toMatchObject({ code: 0, stdout: "link b-c: drained already; nothing was changed.\n", stderr: "" });
    await json<object>(["drain", "srlg", "duct-cb", "--soft", "--yes", "--force"]);
    expect((await live().get<Drains>("/v1/drains")).links).toEqual([
      { id: "b-c", kind: "soft" },
      { id: "c-b", kind: "soft" },
    ]);
    const back = await sluice(["undrain", "cable", "b-c", "--yes", "--force", "--no-wait"]);
    expect(back).toMatchObject({ code: 0, stderr: "" });
    expect(back.stdout).toMatch(/\nApplied as plan \d+\.\n$/);
    expect(await live().get<Drains>("/v1/drains")).toMatchObject({ nodes: [], links: [] });
    await live().settled();
  });

  test("validate and resync: every switch holds what it should, also after it was read anew", async () => {
    const all = await sluice(["validate"]);
    expect({ code: all.code, stderr: all.stderr }).toEqual({ code: 0, stderr: "" });
    expect(all.stdout).toMatch(
      /^switch +installed +intended +missing +unexpected +different +verdict\na +(\d+) +\1 +0 +0 +0 +as intended\n/,
    );
    expect(all.stdout).toMatch(/\nAll 4 switches hold what they should\.\n$/);
    const resync = await sluice(["resync", "c"]);
    expect(resync).toMatchObject({ code: 0, stdout: "c was read anew, and holds what it should.\n", stderr: "" });
    const one = await json<{ readonly asIntended: boolean; readonly switches: readonly { readonly nodeId: string }[] }>(["validate", "c"]);
    expect(one).toMatchObject({ kind: "validation", asIntended: true, switches: [{ nodeId: "c", missing: 0, items: [] }] });
    expect(await json<object>(["resync", "c", "--no-wait"])).toMatchObject({ nodeId: "c" });
  });
});

/** A controller whose switches are not as they should be: no real one stays so for long. */
test("validate: 2 where rules differ or are not known, and which", async () => {
  const rules = new Map<string, object>([
    [
      "a",
      {
        nodeId: "a",
        known: true,
        installed: 3,
        intended: 3,
        missing: 1,
        unexpected: 1,
        different: 1,
        total: 3,
        items: [
          { key: "label:17", state: "unexpected", installed: { kind: "label", match: { label: 17 }, action: { kind: "pop-deliver" } } },
          {
            key: "meter:1",
            state: "different",
            installed: { kind: "meter", meterId: 1, rateBps: 5, burstBits: 1 },
            intended: { kind: "meter", meterId: 1, rateBps: 7, burstBits: 1 },
          },
          { key: "meter:2", state: "missing", intended: { kind: "meter", meterId: 2, rateBps: 5, burstBits: 1 } },
        ],
      },
    ],
    ["b", { nodeId: "b", known: false, installed: 0, intended: 4, missing: 0, unexpected: 0, different: 0, total: 0, items: [] }],
  ]);
  const server = createServer((request, response) => {
    const [, , , nodeId = ""] = new URL(request.url ?? "", "http://x").pathname.split("/");
    const body = nodeId === "" ? { total: 2, items: [...rules.keys()].map((id) => ({ nodeId: id })) } : rules.get(nodeId);
    response.writeHead(200, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const ran = await run(["validate", "--controller", url], { env: {} });
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 2, stderr: "" });
    expect(ran.stdout).toMatch(/\na +3 +3 +1 +1 +1 +differs\nb +\? +\? +\? +\? +\? +not known now\n/);
    expect(ran.stdout).toMatch(
      /\n\+ +label:17 +unexpected: action=\{"kind":"pop-deliver"\}\n~ +meter:1 +.*rateBps=5.* -> .*rateBps=7\n- +meter:2 +missing: /,
    );
    expect(ran.stdout).toMatch(/\n2 of 2 switches are not as intended: sluice resync NODE /);
    const json = await run(["validate", "a", "--controller", url, "-o", "json"], { env: {} });
    expect({ code: json.code, asIntended: (JSON.parse(json.stdout) as { asIntended: boolean }).asIntended }).toEqual({
      code: 2,
      asIntended: false,
    });
  } finally {
    server.close();
  }
});
