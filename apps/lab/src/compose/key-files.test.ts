import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identityOfAlternativeNames, toId, type NodeId } from "@sluice/model";
import { jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tokenAudience, tokenIssuer, writeKeyFiles } from "./key-files.js";

const nowMs = Date.now();
const nodeIds = ["a", "b/c"].map((id) => toId<NodeId>(id));
const hosts = ["controller", "localhost"];
let directory: string;
const make = (atMs = nowMs) =>
  writeKeyFiles({
    directory,
    nodeIds,
    controllerHosts: hosts,
    database: { host: "postgres", name: "sluice", user: "sluice" },
    nowMs: atMs,
  });
const read = (path: string) => readFileSync(join(directory, path), "utf8");
const everything = () =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "sluice-keys-"));
  const made = await make();
  if (!made.ok) throw new Error(made.faults[0].message);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("the secrets of a network in containers", () => {
  it("stand where the one service looks that needs them, and the authority's key stands nowhere else", () => {
    const byService = new Map<string, string[]>();
    for (const path of everything()) {
      const [service = "", name = ""] = path.split("/");
      byService.set(service, [...(byService.get(service) ?? []), name]);
    }
    byService.delete("authority");
    expect(Object.fromEntries(byService)).toEqual({
      agents: ["agent-a.crt", "agent-a.key", "agent-b%2Fc.crt", "agent-b%2Fc.key", "ca.crt"],
      controller: ["ca.crt", "controller.crt", "controller.key", "pgpass", "rest.pem"],
      feeder: ["ca.crt", "client-feeder.crt", "client-feeder.key"],
      operator: ["token"],
      postgres: ["password"],
      prometheus: ["token"],
    });
    const secrets = ["ca.key", "rest.key"].map((name) => read(`authority/${name}`));
    const elsewhere = everything().filter((path) => !path.startsWith("authority/"));
    for (const secret of secrets) expect(elsewhere.filter((path) => read(path).includes(secret))).toEqual([]);
  });

  it("are for their owner alone, but for what is public and the token of Prometheus", () => {
    const open = everything().filter((path) => (statSync(join(directory, path)).mode & 0o077) !== 0);
    expect(open.filter((path) => !path.endsWith(".crt"))).toEqual(["controller/rest.pem", "prometheus/token"]);
  });

  it("are certificates by one authority, each of its own identity, the controller's for its hosts", () => {
    const authority = new X509Certificate(read("authority/ca.crt"));
    const identities = ["controller/controller", "feeder/client-feeder", "agents/agent-a", "agents/agent-b%2Fc"].map((path) => {
      const certificate = new X509Certificate(read(`${path}.crt`));
      expect(certificate.verify(authority.publicKey)).toBe(true);
      return identityOfAlternativeNames(certificate.subjectAltName);
    });
    expect(identities.map((each) => each.ok && `${each.value.kind} ${each.value.name}`)).toEqual([
      "controller controller",
      "operator feeder",
      "agent a",
      "agent b/c",
    ]);
    const controller = new X509Certificate(read("controller/controller.crt"));
    for (const host of hosts) expect(controller.checkHost(host)).toBe(host);
  });

  it("are tokens that the controller's key verifies, of the roles that are needed", async () => {
    const key = createPublicKey(read("controller/rest.pem"));
    const claims = { issuer: tokenIssuer, audience: tokenAudience, algorithms: ["EdDSA"] };
    const roles = await Promise.all(
      ["prometheus", "operator"].map(async (service) => (await jwtVerify(read(`${service}/token`), key, claims)).payload),
    );
    expect(roles.map(({ sub, role }) => [sub, role])).toEqual([
      ["prometheus", "viewer"],
      ["operator", "admin"],
    ]);
  });

  it("stay when they are made again, but for the tokens, which last longer then; the passwords agree", async () => {
    const before = new Map(everything().map((path) => [path, read(path)]));
    expect(await make(nowMs + 60_000)).toEqual({ ok: true, value: undefined });
    const changed = [...before].filter(([path, text]) => read(path) !== text).map(([path]) => path);
    expect(changed).toEqual(["operator/token", "prometheus/token"]);
    expect(everything()).toEqual([...before.keys()]);
    expect(read("controller/pgpass")).toBe(`postgres:5432:sluice:sluice:${read("postgres/password")}\n`);
  });
});
