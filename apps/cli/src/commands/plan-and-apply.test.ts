/** From a preview to a plan in force and back: `sluice plan`, `apply`, `confirm`, `diff`, `rollback`, on a network that runs. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { builtTitle, isBuilt, runTriangle, triangle, type RunningNetwork } from "../testing/running-network.js";
import { run, type Ran } from "../testing/run.js";

interface PreviewJson {
  readonly previewId: string;
  readonly difference: { readonly isDifferent: boolean; readonly blastRadius: { readonly rulesChangedShare: number } };
}
interface AppliedJson {
  readonly epoch: number;
  readonly inForce: boolean;
  readonly confirmBy?: string;
}

describe.skipIf(!isBuilt)(`plans against a controller${builtTitle}`, { timeout: 120_000 }, () => {
  let dir = "";
  let network: RunningNetwork | undefined;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "sluice-cli-plan-"));
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
  async function epochNow(): Promise<number> {
    return (await live().settled()).plan?.epoch ?? 0;
  }
  /** Everything as it was at first, and planned for. Between tests nothing is planned but what they apply. */
  async function restored(): Promise<void> {
    const { solves } = (await live().settled()).cycle;
    const { links } = await live().get<{ readonly links: readonly { readonly id: string }[] }>("/v1/topology");
    const active = links.map(({ id }) => ({ kind: "set-link-state", linkId: id, drain: "active" }));
    await live().change("PATCH", "/v1/topology", { changes: active });
    await live().change("PUT", "/v1/demands", { name: triangle.demands.name, demands: triangle.demands.demands });
    await live().change("PATCH", "/v1/operation", { mode: "automatic" });
    await live().until(({ cycle }) => cycle.solves > solves);
    await live().change("PATCH", "/v1/operation", { mode: "held" });
    await live().settled();
  }
  const drainAb = ["plan", "--drain", "cable/a-b"];

  test("plan: 0 where nothing would change, 2 where something would, and the same in every form", async () => {
    const before = await epochNow();
    const same = await sluice(["plan"]);
    expect({ code: same.code, stderr: same.stderr }).toEqual({ code: 0, stderr: "" });
    expect(same.stdout).toMatch(
      /^plan optimal, against plan \d+: 13 Gb\/s of 13 Gb\/s admitted, fullest link [\d.]+ %\n\nNo changes: the plan stays as it is\.\n$/,
    );

    const table = await sluice(drainAb);
    expect({ code: table.code, stderr: table.stderr }).toEqual({ code: 2, stderr: "" });
    expect(table.stdout).toMatch(/^changes\n {2}~ link a-b: drain drained\n {2}~ link b-a: drain drained\n/);
    expect(table.stdout).toMatch(/\n~ +bulk +4 Gb\/s +4 Gb\/s -> 1 Gb\/s +-3 Gb\/s \(-75\.00 %\)\n/);
    expect(table.stdout).toMatch(/\n {3}interactive +8 Gb\/s +8 Gb\/s\n/);
    expect(table.stdout).toMatch(/\n- +a-b +\S+ Gb\/s -> 0 b\/s +[\d.]+ % -> 0\.00 %/);
    expect(table.stdout).toMatch(/\n {2}admitted given up +3 Gb\/s of 13 Gb\/s, 23\.08 % \(at most 5\.00 % without --force\)\n/);
    expect(table.stdout).toMatch(/\nThis is more than may be changed at once: it needs --force\.\n$/);

    const json = await sluice([...drainAb, "-o", "json"]);
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 2, stderr: "" });
    const value = JSON.parse(json.stdout) as PreviewJson;
    expect(value).toMatchObject({ kind: "preview", formatVersion: 1, difference: { isDifferent: true }, plan: { admittedBps: 10e9 } });
    const yaml = parse((await sluice([...drainAb, "-o", "yaml"])).stdout) as PreviewJson;
    expect(yaml.difference).toEqual(value.difference);
    // Nothing was touched.
    expect(await epochNow()).toBe(before);
  });

  test("plan: changes from a file and from options, a failure report of both plans", async () => {
    const file = join(dir, "changes.yaml");
    await writeFile(
      file,
      "# half the weights\nsettings: { splitWeightSumMax: 32 }\ntopologyChanges:\n  - { kind: set-link-state, linkId: a-b, drain: drained }\n",
    );
    const ran = await sluice(["plan", "-f", file, "--drain", "b-a", "--set", "tunnels.k=2", "--failures", "link", "-o", "wide"]);
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 2, stderr: "" });
    expect(ran.stdout).toMatch(
      /~ link a-b: drain drained\n {2}~ link b-a: drain drained\n {2}~ splitWeightSumMax: 32\n {2}~ tunnels: \{"kind":"k-shortest","k":2\}\n/,
    );
    expect(ran.stdout).toMatch(/\nfailures \(scenario-split\): .*\n.*scenario +lost +by class +fullest link\n~ +link:b-c/);
    // -o wide has every tunnel.
    expect(ran.stdout).toMatch(/\n {3}tunnel +over\n/);
  });

  test.each([
    [["plan", "--drain", "a-z"], "--drain", "not-found", 1],
    [["plan", "--drain", "node/z"], "--drain", "no node", 1],
    [["plan", "--set", "objective=best"], "--set", "/settings/objective", 1],
    [["plan", "--set", "objective"], "--set", "malformed", 1],
    [["plan", "--soft"], "--soft", "not-allowed", 1],
    [["plan", "--failures", "meteor"], "--failures", "not-allowed", 1],
    [["plan", "--top", "0"], "--top", "out-of-range", 1],
    [["plan", "-o", "name"], "--output", "not-allowed", 1],
    [["plan", "--nonsense"], "--nonsense", "unknown-field", 1],
    [["plan", "-f", "absent.yaml"], "-f", "not-found", 1],
    [["diff", "0"], "EPOCH", "out-of-range", 1],
    [["diff", "99999"], "99999", "not-found", 1],
    [["diff"], "epoch", "missing-field", 1],
    [["rollback", "99999"], "99999", "not-found", 2],
    [["rollback", "1", "--confirm-within", "2d"], "--confirm-within", "out-of-range", 2],
    [["apply", "absent.plan"], "PLANFILE", "not-found", 2],
    [["confirm"], "waits", "not-found", 2],
    [["confirm", "1"], "wait", "not-found", 2],
  ] as const)("%j is refused, naming %s", async (argv, named, code, exit) => {
    const ran = await sluice(argv);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: exit, stdout: "" });
    expect(ran.stderr).toContain(named);
    expect(ran.stderr).toContain(code);
    expect(ran.stderr).toContain("what to do:");
  });

  test("a file of changes is refused with the file and the place in it", async () => {
    const file = join(dir, "bad.yaml");
    const refusedAs = async (text: string): Promise<string> => {
      await writeFile(file, text);
      const ran = await sluice(["plan", "-f", file]);
      expect(ran.code).toBe(1);
      return ran.stderr;
    };
    expect(await refusedAs("settings: {objective: best}\n")).toMatch(/bad\.yaml.*\/settings\/objective.*\[wrong-type\]/);
    expect(await refusedAs("topologyChanges: [{kind: set-link-state, linkId: z, drain: drained}]\n")).toMatch(
      /bad\.yaml.*\/topologyChanges\/0/,
    );
    expect(await refusedAs("- a\n- b\n")).toMatch(/bad\.yaml.*mapping.*\[wrong-type\]/);
    expect(await refusedAs("a: [\n")).toMatch(/bad\.yaml.*\[malformed\]/);
    expect(await refusedAs("speed: 3\n")).toMatch(/bad\.yaml.*speed.*\[unknown-field\]/);
  });

  test("no controller there: 3, and what to do", async () => {
    const ran = await run(["plan", "--controller", "http://127.0.0.1:9"], { env: {} });
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 3, stdout: "" });
    expect(ran.stderr).toMatch(/127\.0\.0\.1:9 could not be reached.*\[unavailable\]\n.*what to do: check that the controller runs/);
  });

  describe("which change it", () => {
    beforeEach(restored);

    test("apply asks first, applies what was shown, and confirm keeps it", async () => {
      const file = join(dir, "drain.plan");
      const planned = await sluice([...drainAb, "--out", file]);
      expect(planned.stderr).toBe(`sluice: written to ${file}; apply it with: sluice apply ${file}\n`);
      const before = await epochNow();

      const unasked = await sluice(["apply", file]);
      expect(unasked.code).toBe(2);
      expect(unasked.stderr).toMatch(/--yes: Apply this\? Nobody is at a terminal.*\[precondition-required\]\n.*add --yes/);
      expect(unasked.stdout).toBe(planned.stdout);
      const questions: string[] = [];
      const answered = (answer: string) => ({
        ask: (question: string) => {
          questions.push(question);
          return Promise.resolve(answer);
        },
      });
      const no = await sluice(["apply", file], answered("no"));
      expect({ code: no.code, stderr: no.stderr }).toEqual({ code: 1, stderr: "Nothing was changed.\n" });
      expect(await epochNow()).toBe(before);

      const small = await sluice(["apply", file], answered("yes"));
      expect(small.code).toBe(2);
      expect(small.stderr).toMatch(/23\.1 %\).*\[blast-radius\]\n.*what to do: .*--force/);
      expect(await epochNow()).toBe(before);

      const forced = await sluice(["apply", file, "--force", "--confirm-within", "10min"], answered("yes"));
      expect(forced.code).toBe(0);
      expect(questions).toEqual(["Apply this? [yes/no] ", "Apply this? [yes/no] ", "Apply this? [yes/no] "]);
      expect(forced.stdout).toMatch(new RegExp(`\nApplied as plan ${before + 1}, which every switch holds\\.\n$`));
      expect(forced.stderr).toMatch(
        new RegExp(
          `it is taken back at \\S+ unless it is confirmed: sluice confirm ${before + 1}\nsluice: to take it back at once: sluice rollback ${before}\n$`,
        ),
      );
      const drains = await live().get<{ readonly links: readonly { readonly id: string }[] }>("/v1/drains");
      expect(drains.links.map(({ id }) => id)).toEqual(["a-b", "b-a"]);

      // One at a time.
      const second = await sluice(["apply", file, "--yes", "--force"]);
      expect(second.code).toBe(2);
      expect(second.stderr).toMatch(/waits for its confirmation.*\[not-allowed\]\n.*what to do: keep that one first \(sluice confirm\)/);
      const confirmed = await sluice(["confirm", "-o", "json"]);
      expect({ code: confirmed.code, stderr: confirmed.stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(confirmed.stdout)).toMatchObject({ epoch: before + 1 });
      expect((await live().get<object>("/v1/operation")) as Record<string, unknown>).not.toHaveProperty("confirmation");
    });

    test("what waits to be confirmed is taken back at once by a roll-back to the plan before it", async () => {
      const before = await epochNow();
      const drained = await sluice(["drain", "cable", "a-b", "--yes", "--force", "--confirm-within", "1h"]);
      expect(drained.code).toBe(0);
      const back = await sluice(["rollback", String(before), "--yes", "--force", "-o", "json"]);
      expect(back).toMatchObject({ code: 0, stderr: "" });
      expect(JSON.parse(back.stdout)).toMatchObject({ rolledBackTo: before, inForce: true });
      expect(await live().get<object>("/v1/drains")).toMatchObject({ nodes: [], links: [] });
      expect((await sluice(["confirm"])).code).toBe(2);
    });

    test("apply computes a preview anew that the controller has no more, and finds the same", async () => {
      const file = join(dir, "lost.plan");
      expect((await sluice([...drainAb, "--out", file])).code).toBe(2);
      const saved = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
      await writeFile(file, JSON.stringify({ ...saved, previewId: "00000000-0000-4000-8000-000000000000" }));
      const ran = await sluice(["apply", file, "--yes", "--force", "-o", "json"]);
      expect(ran.code).toBe(0);
      expect(ran.stderr).toContain("has this preview no more, so it is computed anew");
      expect((JSON.parse(ran.stdout) as AppliedJson).inForce).toBe(true);

      // The network is another one now: the same file is of the past, and says of which part.
      const again = await sluice(["apply", file, "--yes", "--force"]);
      expect({ code: again.code, stdout: again.stdout }).toEqual({ code: 2, stdout: "" });
      expect(again.stderr).toMatch(/the network changed: version \d+ now, \d+ then\. \[stale-version\]/);
      expect(again.stderr).toContain("what to do: plan anew");

      // A file whose difference is not the one that is found is not what somebody looked at.
      const next = join(dir, "other.plan");
      expect((await sluice(["plan", "--undrain", "cable/a-b", "--out", next])).code).toBe(2);
      const other = JSON.parse(await readFile(next, "utf8")) as Record<string, unknown>;
      await writeFile(
        next,
        JSON.stringify({ ...other, previewId: "00000000-0000-4000-8000-000000000000", differenceHash: "0".repeat(64) }),
      );
      const unlike = await sluice(["apply", next, "--yes", "--force"]);
      expect(unlike.code).toBe(2);
      expect(unlike.stderr).toMatch(/another answer now.*\[stale-version\]/);
    });

    test("apply of a stale plan says what changed; newer demand can be tolerated", async () => {
      const file = join(dir, "stale.plan");
      expect((await sluice([...drainAb, "--out", file])).code).toBe(2);
      const demands = triangle.demands.demands.map((demand) => ({ ...demand, rateBps: demand.rateBps * 1.01 }));
      await live().change("PUT", "/v1/demands", { name: "a little more", demands });
      const newer = await sluice(["apply", file, "--yes", "--force"]);
      expect(newer.code).toBe(2);
      expect(newer.stderr).toMatch(/demand matrix.*\[stale-version\]\n.*--tolerate-demands/);
      const tolerated = await sluice(["apply", file, "--yes", "--force", "--tolerate-demands", "-o", "json"]);
      expect(tolerated.code).toBe(0);

      expect((await sluice(["plan", "--undrain", "cable/a-b", "--out", file])).code).toBe(2);
      await live().change("PATCH", "/v1/topology", { changes: [{ kind: "set-link-state", linkId: "a-d", drain: "soft-drained" }] });
      const moved = await sluice(["apply", file, "--yes", "--force", "--tolerate-demands"]);
      expect(moved.code).toBe(2);
      expect(moved.stderr).toMatch(/topology.*\[stale-version\]\n.*what to do: plan anew/);
    });

    test("apply refuses what is no plan file", async () => {
      const file = join(dir, "no.plan");
      for (const [text, code] of [
        ["{}", "malformed"],
        ["no", "malformed"],
        ["null", "malformed"],
        ['{"kind":"saved-preview"}', "missing-field"],
        [
          '{"kind":"saved-preview","formatVersion":1,"controller":"x","previewId":"../../status","question":{},"basis":{},"differenceHash":""}',
          "malformed",
        ],
      ] as const) {
        await writeFile(file, text);
        const ran = await sluice(["apply", file, "--yes"]);
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 2, stdout: "" });
        expect(ran.stderr).toContain(`no.plan`);
        expect(ran.stderr).toContain(code);
      }
    });

    test("diff and rollback: what would change is shown; the plan of before comes back, and nothing is planned after it", async () => {
      const first = await epochNow();
      const file = join(dir, "back.plan");
      await sluice([...drainAb, "--out", file]);
      expect((await sluice(["apply", file, "--yes", "--force"])).code).toBe(0);
      const second = await epochNow();

      const diff = await sluice(["diff", String(first)]);
      expect({ code: diff.code, stderr: diff.stderr }).toEqual({ code: 2, stderr: "" });
      expect(diff.stdout).toMatch(new RegExp(`^from plan ${first} to plan ${second}\n`));
      expect(diff.stdout).toMatch(/\n~ +bulk +4 Gb\/s +4 Gb\/s -> 1 Gb\/s/);
      const json = JSON.parse((await sluice(["diff", String(first), String(second), "-o", "json"])).stdout) as Record<string, unknown>;
      expect(json).toMatchObject({ kind: "plan-difference", epochs: { before: first, after: second }, isDifferent: true });
      const none = await sluice(["diff", String(second), "in-force"]);
      expect(none).toMatchObject({
        code: 0,
        stdout: `from plan ${second} to plan ${second}\n\nNo difference: the same traffic, tunnels and rules.\n`,
      });

      // The network has changed since: a drained link still carries traffic, which force allows.
      const ran = await sluice(["rollback", String(first), "--yes", "--force", "-o", "json"]);
      expect(ran.code).toBe(0);
      expect(JSON.parse(ran.stdout)).toMatchObject({ rolledBackTo: first, mode: "held", inForce: true });
      const back = await sluice(["diff", String(first)]);
      expect({ code: back.code, rules: /No difference/.test(back.stdout) }).toEqual({ code: 0, rules: true });
      const asked = await sluice(["rollback", String(second)], { ask: () => Promise.resolve("n") });
      expect(asked).toMatchObject({ code: 1, stderr: "Nothing was changed.\n" });
      expect(asked.stdout).toContain("Nothing is planned after a roll-back until the mode is changed: sluice mode automatic.\n");
    });
  });
});
