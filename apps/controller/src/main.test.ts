/** The controller as a process: what a signal during its start leaves behind. Runs what the build made. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const isBuilt = existsSync(main);

let dataDir = "";
beforeAll(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), "sluice-controller-test-")), "data");
});
afterAll(() => rm(join(dataDir, ".."), { recursive: true, force: true }));

function start(environment: Readonly<Record<string, string>> = {}, more: readonly string[] = []) {
  const args = [main, "--data-dir", dataDir, "--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0", ...more];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
}

/** A busy machine: the controller says when to come back. */
async function patiently(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status !== 503 || !response.headers.has("retry-after")) return response;
  await response.body?.cancel();
  await new Promise((resolve) => setTimeout(resolve, 500));
  return patiently(url, init);
}

describe.skipIf(!isBuilt)(`the controller${isBuilt ? "" : " (SKIPPED: not built; run npm run setup)"}`, { timeout: 120_000 }, () => {
  it("stopped while it opens the database leaves no lock and no half of a database, and the next start serves", async () => {
    const stopped = start();
    const log = text(stopped.stderr);
    const gone = once(stopped, "exit");
    while (!(existsSync(dataDir) ? await readdir(dataDir) : []).some((name) => name.startsWith("pglite.unfinished"))) {
      expect(stopped.exitCode).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    stopped.kill("SIGTERM");
    expect(await gone).toEqual([0, null]);
    expect(await log).not.toMatch(/"level":(50|60)/);
    expect(await readdir(dataDir)).toEqual([]);

    const next = start();
    const [line] = (await once(createInterface({ input: next.stdout }), "line")) as [string];
    expect(JSON.parse(line)).toMatchObject({ ready: true, term: 1 });
    next.kill("SIGTERM");
    expect(await once(next, "exit")).toEqual([0, null]);
    expect(await readdir(dataDir)).toEqual(["pglite"]);
  });

  it("names the server that DATABASE_URL names where it cannot be reached, without its password", async () => {
    const refused = start({ DATABASE_URL: "postgresql://user:hidden@127.0.0.1:1/sluice" });
    const [log, [code]] = await Promise.all([text(refused.stderr), once(refused, "exit")]);
    expect(code).toBe(1);
    expect(log).toContain("127.0.0.1:1 of DATABASE_URL cannot be reached");
    expect(log).not.toContain("hidden");
  });

  it("serves without tokens on this machine only, and says so in the log", async () => {
    const elsewhere = start({}, ["--rest", "0.0.0.0:0"]);
    const [said, [code]] = await Promise.all([text(elsewhere.stderr), once(elsewhere, "exit")]);
    expect([code, said]).toEqual([2, expect.stringContaining("0.0.0.0 is no loopback address")]);
    for (const half of [
      ["--auth-issuer", "i"],
      ["--auth-key", "k"],
      ["--auth-key", "k", "--auth-jwks", "j", "--auth-issuer", "i"],
    ]) {
      const refused = start({}, half);
      expect([half, (await once(refused, "exit"))[0]]).toEqual([half, 2]);
    }
  });

  it("asks for tokens where it is told to, keeps them out of its log, and does a repeated request once over a restart", async () => {
    const secret = "a secret of the issuer that is long enough";
    const file = join(dataDir, "..", "secret");
    await writeFile(file, secret, { mode: 0o600 });
    const token = await new SignJWT({ role: "operator" })
      .setProtectedHeader({ alg: "HS256" })
      .setIssuer("https://issuer.example")
      .setAudience("sluice")
      .setSubject("ada")
      .setExpirationTime("1h")
      .sign(Buffer.from(secret));
    const serve = async () => {
      const child = start({}, ["--rest", "0.0.0.0:0", "--auth-key", file, "--auth-issuer", "https://issuer.example"]);
      const log = text(child.stderr);
      const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
      const { rest } = JSON.parse(line) as { rest: string };
      const address = `http://127.0.0.1:${new URL(rest).port}`;
      const ask = (
        path: string,
        more: { readonly method?: string; readonly body?: object; readonly headers?: Record<string, string> } = {},
      ) =>
        patiently(`${address}${path}`, {
          method: more.method ?? "GET",
          headers: { authorization: `Bearer ${token}`, ...(more.body && { "content-type": "application/json" }), ...more.headers },
          ...(more.body && { body: JSON.stringify(more.body) }),
        });
      return { child, log, address, ask };
    };
    const drain = { method: "POST", body: { nodeIds: ["a"] }, headers: { "if-match": "*", "idempotency-key": "the-drain" } };

    const first = await serve();
    expect((await patiently(`${first.address}/v1/status`)).status).toBe(401);
    expect((await patiently(`${first.address}/healthz`)).status).toBe(200);
    expect((await first.ask("/v1/status")).status).toBe(200);
    const topology = { name: "pair", nodes: [{ id: "a" }, { id: "b" }], links: [] };
    expect((await first.ask("/v1/topology", { method: "PUT", body: topology, headers: { "if-match": "*" } })).status).toBe(200);
    const done = await first.ask("/v1/drains", drain);
    const answer = await done.text();
    expect([done.status, done.headers.get("idempotency-replayed"), JSON.parse(answer)]).toMatchObject([
      200,
      null,
      { nodes: [{ id: "a" }] },
    ]);
    first.child.kill("SIGKILL");
    await once(first.child, "exit");

    const second = await serve();
    const before = (await second.ask("/v1/topology")).headers.get("etag");
    const again = await second.ask("/v1/drains", drain);
    expect([again.status, again.headers.get("idempotency-replayed"), await again.text()]).toEqual([200, "true", answer]);
    expect(again.headers.get("etag")).toBe(done.headers.get("etag"));
    const other = await second.ask("/v1/drains", { ...drain, body: { nodeIds: ["b"] } });
    expect(other.status).toBe(422);
    expect((await second.ask("/v1/topology")).headers.get("etag")).toBe(before);
    second.child.kill("SIGTERM");
    await once(second.child, "exit");
    const logs = `${await first.log}${await second.log}`;
    for (const part of [token, secret]) expect(logs).not.toContain(part);
  });
});
