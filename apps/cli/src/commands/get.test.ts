/** `get`, `status` and `context` against a real controller and four real agents. */
import { mkdtemp, readFile, rm, stat, writeFile, chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { resources } from "../operator/resources.js";
import { openLiveController, type LiveController } from "../testing/live-controller.js";
import { run, type Ran } from "../testing/run.js";

let live: LiveController;
let folder = "";
beforeAll(async () => {
  live = await openLiveController();
  folder = await mkdtemp(join(tmpdir(), "sluice-get-"));
}, 120_000);
afterAll(async () => {
  await live.close();
  await rm(folder, { recursive: true, force: true });
});

const ask = (...argv: readonly string[]): Promise<Ran> =>
  run(argv, { env: { SLUICE_CONFIG: join(folder, "none.yaml"), SLUICE_CONTROLLER: live.url } });

describe("get", () => {
  const lists = resources.flatMap(({ form, name, singular }) => (form === "list" ? [[name, singular] as const] : []));
  test.each(lists)("%s in every form", async (name, singular) => {
    const { table, told, names } = await everyForm(name);
    expect(names.code).toBe(0);
    const ids = names.stdout.split("\n").filter((line) => line !== "");
    expect(ids).toHaveLength(told.items?.length ?? -1);
    // A head and a line each, or a line that there are none.
    expect(table.split("\n")).toHaveLength(ids.length === 0 ? 2 : ids.length + 2);
    const [first = "nothing"] = ids;
    const one = await ask("get", singular, first, "-o", "name");
    expect(one).toMatchObject(ids.length === 0 ? { code: 2, stdout: "" } : { code: 0, stdout: `${first}\n` });
  });

  const documents = resources.flatMap(({ form, name }) => (form === "document" ? [name] : []));
  test.each(documents)("%s in every form", async (name) => {
    expect((await everyForm(name)).names).toMatchObject({ code: 2, stdout: "" });
  });

  async function everyForm(name: string) {
    const [table, wide, json, yaml] = await Promise.all(["table", "wide", "json", "yaml"].map((output) => ask("get", name, "-o", output)));
    expect([table, wide, json, yaml].map((ran) => ran?.code)).toEqual([0, 0, 0, 0]);
    expect(table?.stdout).toMatch(/\n$/);
    expect(table?.stdout).not.toContain("\u001b");
    const told = JSON.parse(json?.stdout ?? "") as { items?: unknown[] };
    expect(Object.keys(parse(yaml?.stdout ?? "") as object)).toEqual(Object.keys(told));
    expect(told).not.toHaveProperty("nextCursor");
    return { table: table?.stdout ?? "", told, names: await ask("get", name, "-o", "name") };
  }

  test("walks all pages, and stops at --limit", async () => {
    const all = JSON.parse((await ask("get", "links", "-o", "json")).stdout) as { total: number; items: { linkId: string }[] };
    expect(all.items.map(({ linkId }) => linkId)).toEqual(["a-b", "a-c", "b-a", "b-c", "c-a", "c-b", "c-d", "d-c"]);
    expect(all.total).toBe(8);
    expect((await ask("get", "links", "--limit", "3", "-o", "name")).stdout).toBe("a-b\na-c\nb-a\n");
    expect((await ask("get", "links", "--limit", "0")).code).toBe(2);
  });

  test("chooses by filters, and refuses those that mean nothing", async () => {
    expect((await ask("get", "demands", "--class", "bulk", "-o", "name")).stdout).toBe("b>d/bulk\nd>a/bulk\n");
    expect((await ask("get", "demands", "--src", "a", "--class", "elastic", "-o", "name")).stdout).toBe("a>c/elastic\n");
    expect(await ask("get", "nodes", "--src", "a")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("--src") as string,
    });
    expect(await ask("get", "demands", "--class", "urgent")).toMatchObject({ code: 2, stdout: "" });
    expect(await ask("get", "demands", "a>b/interactive", "--src", "a")).toMatchObject({ code: 2, stdout: "" });
  });

  test("one item is told as it is, several as a list", async () => {
    expect(JSON.parse((await ask("get", "node", "a", "-o", "json")).stdout)).toMatchObject({ id: "a", linksOut: ["a-b", "a-c"] });
    const two = JSON.parse((await ask("get", "nodes", "a", "d", "-o", "json")).stdout) as { items: { id: string }[] };
    expect(two.items.map(({ id }) => id)).toEqual(["a", "d"]);
  });

  test.each([
    ["get", "node", "nowhere"],
    ["get", "srlg", "nothing"],
    ["get", "plan", "999"],
    ["get", "demand", "a>d/bulk"],
    ["get", "demand", "a-d"],
    ["get", "things"],
    ["get", "settings", "mine"],
  ])("%s %s %s is refused, and nothing is on stdout", async (...argv) => {
    const ran = await ask(...argv);
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toMatch(/what to do: /);
  });

  test("a table shows what is admitted in part", async () => {
    const { stdout } = await ask("get", "demands");
    expect(stdout.split("\n")[0]).toMatch(/^from +to +class +demand +admitted +share$/);
    const line = stdout.split("\n").find((each) => each.startsWith("d "));
    expect(line).toMatch(/^d +a +bulk +12 Gb\/s +\S+ Gb\/s +[78]\d\.\d %$/);
    const coloured = await run(["get", "demands", "--color", "always", "--controller", live.url]);
    expect(coloured.stdout).toContain("\u001b");
  });
});

describe("status", () => {
  test("for people and for programs", async () => {
    const table = await ask("status");
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/^controller +controller-1, term 1, ready$/m);
    expect(table.stdout).toMatch(/^network +ring: 4 nodes, 8 links$/m);
    expect(table.stdout).toMatch(/^switches +4 of 4 hold what they should$/m);
    expect(table.stdout).toMatch(/^bulk +16 Gb\/s +\S+ Gb\/s/m);
    expect(JSON.parse((await ask("status", "-o", "json")).stdout)).toMatchObject({ ready: true, network: { name: "ring" } });
    expect((await ask("status", "-o", "name")).code).toBe(2);
  });

  test("a controller that is not there: code 3, and at once", async () => {
    const ran = await run(["status", "--controller", "http://127.0.0.1:59"], { env: {} });
    expect(ran).toMatchObject({ code: 3, stdout: "" });
    expect(ran.stderr).toMatch(/nobody listens there[\s\S]*what to do: check that the controller runs/);
    expect(ran.stderr).not.toContain("Trying again");
  });

  test.each(["ftp://x", "nonsense", "http://user:secret@127.0.0.1/", "http://127.0.0.1/?a=b"])(
    "--controller %s is refused",
    async (url) => {
      expect(await run(["status", "--controller", url], { env: {} })).toMatchObject({ code: 2, stdout: "" });
    },
  );
});

describe("context", () => {
  const at = (file: string, more: Record<string, string> = {}) => ({ env: { SLUICE_CONFIG: join(folder, file), ...more } });

  test("add, use, list, show, remove", async () => {
    const config = at("cycle/config.yaml");
    expect((await run(["context", "add", "lab", "--controller", live.url], config)).code).toBe(0);
    expect((await run(["context", "add", "far", "--controller", "http://127.0.0.1:59"], config)).code).toBe(0);
    expect(((await stat(join(folder, "cycle/config.yaml"))).mode & 0o777).toString(8)).toBe("600");
    expect((await run(["context", "list", "-o", "name"], config)).stdout).toBe("lab\nfar\n");
    expect((await run(["status"], config)).code).toBe(0);
    expect((await run(["status", "--context", "far"], config)).code).toBe(3);
    expect((await run(["context", "use", "far"], config)).code).toBe(0);
    expect((await run(["status"], config)).code).toBe(3);
    expect((await run(["status"], at("cycle/config.yaml", { SLUICE_CONTEXT: "lab" }))).code).toBe(0);
    expect((await run(["status", "--controller", live.url], config)).code).toBe(0);
    expect(JSON.parse((await run(["context", "show", "-o", "json"], config)).stdout)).toMatchObject({ name: "far", isCurrent: true });
    expect((await run(["context", "remove", "far"], config)).code).toBe(0);
    expect((await run(["context", "show"], config)).code).toBe(2);
    expect((await run(["context", "list", "-o", "name"], config)).stdout).toBe("lab\n");
  });

  test("refuses what it cannot mean", async () => {
    const config = at("refused.yaml");
    expect((await run(["context", "use", "none"], config)).code).toBe(2);
    expect((await run(["context", "add", "a b", "--controller", live.url], config)).code).toBe(2);
    expect((await run(["context", "add", "x", "--controller", "nonsense"], config)).code).toBe(2);
    expect((await run(["context", "add", "x", "--controller", live.url, "--cert", "c.pem"], config)).code).toBe(2);
    expect((await run(["context", "add", "x", "--controller", live.url], config)).code).toBe(0);
    expect((await run(["context", "add", "x", "--controller", "http://other:1"], config)).code).toBe(2);
    expect((await run(["context", "add", "x", "--controller", "http://other:1", "--force"], config)).code).toBe(0);
    expect((await run(["status", "--context", "x", "--controller", live.url], config)).code).toBe(2);
    expect((await run(["status", "--context", "nobody"], config)).code).toBe(2);
  });

  test("a file that is none of contexts is refused without being quoted", async () => {
    for (const text of ["contexts: [", "token: very-secret", "contexts:\n  - {name: a, controller: b, token: [very-secret]}\n"]) {
      await writeFile(join(folder, "broken.yaml"), text);
      const ran = await run(["status"], at("broken.yaml"));
      expect(ran).toMatchObject({ code: 2, stdout: "" });
      expect(ran.stderr).toContain("broken.yaml");
      expect(ran.stderr).not.toContain("very-secret");
    }
  });

  test("keeps a token from SLUICE_TOKEN, never shows it, and warns where others can read it", async () => {
    const secret = "token-that-nobody-sees";
    const config = at("token.yaml", { SLUICE_TOKEN: secret });
    const added = await run(["context", "add", "lab", "--controller", live.url, "--token"], config);
    const later = at("token.yaml");
    const views = await Promise.all(
      [["list"], ["list", "-o", "json"], ["show"], ["show", "-o", "yaml"]].map((argv) => run(["context", ...argv], later)),
    );
    for (const { code, stdout, stderr } of [added, ...views]) {
      expect(code).toBe(0);
      expect(stdout + stderr).not.toContain(secret);
    }
    expect(await readFile(join(folder, "token.yaml"), "utf8")).toContain(secret);
    await chmod(join(folder, "token.yaml"), 0o644);
    expect((await run(["context", "list"], later)).stderr).toContain("chmod 600");
    expect((await run(["context", "add", "none", "--controller", live.url, "--token"], later)).code).toBe(2);
  });
});
