import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../testing/run.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-certs-"));
const dir = join(folder, "certs");
const certs = (...argv: string[]) => run(["certs", ...argv]);
const modeOf = (file: string) => statSync(join(dir, file)).mode & 0o777;
const bytesOf = (file: string) => readFileSync(join(dir, file), "utf8");
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(async () => {
  await certs("init", "--dir", dir);
});

describe("sluice certs", () => {
  test("begins with an authority", async () => {
    const elsewhere = join(folder, "elsewhere");
    expect(await certs("agent", "ams", "--dir", elsewhere)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("ca.crt is not there") as string,
    });
    const made = await certs("init", "--dir", elsewhere);
    expect(made).toEqual({ code: 0, stderr: "", stdout: `${elsewhere}/ca.crt and ${elsewhere}/ca.key written\n` });
  });

  test("makes certificates for agents, clients and controllers, and says what they are", async () => {
    expect(await certs("agent", "ams", "x/../y z", "--dir", dir)).toMatchObject({ code: 0, stderr: "" });
    expect(await certs("client", "evening", "--dir", dir)).toMatchObject({ code: 0 });
    expect(await certs("client", "ada", "--role", "operator", "--dir", dir)).toMatchObject({ code: 0 });
    expect(await certs("controller", "localhost", "127.0.0.1", "::1", "--dir", dir, "--days", "7")).toMatchObject({ code: 0 });
    expect(await certs("controller", "b.example.com", "--name", "controller-2", "--dir", dir)).toMatchObject({ code: 0 });
    const names = ["agent-ams", "agent-x%2F..%2Fy%20z", "ca", "client-ada", "client-evening", "controller", "controller-2"];
    expect(readdirSync(dir).toSorted()).toEqual(names.flatMap((name) => [`${name}.crt`, `${name}.key`]).toSorted());
    for (const name of names) expect([name, modeOf(`${name}.key`), modeOf(`${name}.crt`)]).toEqual([name, 0o600, 0o644]);
    expect(statSync(dir).mode & 0o777).toBe(0o700);

    const shown = async (name: string) => JSON.parse((await certs("show", join(dir, `${name}.crt`), "-o", "json")).stdout) as object[];
    expect(await shown("ca")).toMatchObject([{ isAuthority: true, state: "valid" }]);
    expect(await shown("agent-x%2F..%2Fy%20z")).toMatchObject([
      { identity: "spiffe://sluice/agent/x%2F..%2Fy%20z", hosts: [], purposes: ["client"], state: "valid", isAuthority: false },
    ]);
    expect(await shown("client-evening")).toMatchObject([{ identity: "spiffe://sluice/job/evening" }]);
    expect(await shown("client-ada")).toMatchObject([{ identity: "spiffe://sluice/operator/ada" }]);
    expect(await shown("controller")).toMatchObject([
      { identity: "spiffe://sluice/controller/controller", hosts: ["localhost", "127.0.0.1", "0:0:0:0:0:0:0:1"], purposes: ["server"] },
    ]);
    const { stdout } = await certs("show", join(dir, "controller.crt"));
    expect(stdout).toMatch(/^identity {2}spiffe:\/\/sluice\/controller\/controller$/m);
    expect(stdout).toMatch(/^valid {5}\d{4}-.*Z to \d{4}-.*Z$/m);
    const both = join(folder, "both.pem");
    writeFileSync(both, `${bytesOf("agent-ams.crt")}${bytesOf("ca.crt")}`);
    expect((await certs("show", both)).stdout.match(/^identity/gm)).toHaveLength(2);
  });

  test("overwrites nothing unless it is told to, and keeps what is there where it is told that", async () => {
    await certs("agent", "fra", "--dir", dir);
    const before = [bytesOf("ca.key"), bytesOf("agent-fra.key"), bytesOf("agent-fra.crt")];
    const now = () => [bytesOf("ca.key"), bytesOf("agent-fra.key"), bytesOf("agent-fra.crt")];
    for (const again of [
      ["init", "--dir", dir],
      ["agent", "fra", "--dir", dir],
    ]) {
      expect(await certs(...again)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("is there already") as string });
      expect(await certs(...again, "--keep")).toMatchObject({ code: 0, stdout: expect.stringContaining("are there already") as string });
      expect(now()).toEqual(before);
    }
    rmSync(join(dir, "agent-fra.crt"));
    // Half of a pair is no pair, and the other half may be somebody's.
    expect(await certs("agent", "fra", "--dir", dir, "--keep")).toMatchObject({ code: 2 });
    expect(bytesOf("agent-fra.key")).toBe(before[1]);
    expect(await certs("agent", "fra", "--dir", dir, "--replace")).toMatchObject({ code: 0 });
    expect(now()[0]).toBe(before[0]);
    expect(now()[1]).not.toBe(before[1]);
    expect(modeOf("agent-fra.key")).toBe(0o600);
    expect(readdirSync(dir).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("refuses what it does not understand, and writes nothing then", async () => {
    const before = readdirSync(dir).toSorted();
    const wrong = [
      [],
      ["agent"],
      ["agent", " a", "--dir", dir],
      ["agent", "good", "", "--dir", dir],
      ["agent", "\ud800", "--dir", dir],
      ["client", "a", "b", "--dir", dir],
      ["client", "a", "--role", "admin", "--dir", dir],
      ["controller", "--dir", dir],
      ["controller", "a b", "--dir", dir],
      ["controller", "a", "--name", "ca", "--replace", "--dir", dir],
      ["agent", "a", "--days", "0", "--dir", dir],
      ["agent", "a", "--days", "4000", "--dir", dir],
      ["agent", "a", "--keep", "--replace", "--dir", dir],
      ["show", join(dir, "ca.key")],
      ["show", join(dir, "nowhere.crt")],
      ["show", dir],
    ];
    for (const argv of wrong) expect([argv, await certs(...argv)]).toMatchObject([argv, { code: 2, stdout: "" }]);
    expect(readdirSync(dir).toSorted()).toEqual(before);
    expect((await certs("--help")).stdout).toContain("ca.key");
  });
});
