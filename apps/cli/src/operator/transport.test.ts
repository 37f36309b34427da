/** HTTPS with a CA of one's own and with client certificates, as `sluice certs` makes them, over real sockets. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { run } from "../testing/run.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-tls-"));
const dir = join(folder, "certs");
const other = join(folder, "other");
const file = (name: string) => join(dir, name);
let server: Server | undefined;

beforeAll(async () => {
  const certs = async (...argv: readonly string[]): Promise<void> => {
    const { code, stderr } = await run(["certs", ...argv]);
    if (code !== 0) throw new Error(stderr);
  };
  for (const each of [dir, other]) await certs("init", "--dir", each);
  for (const argv of [
    ["controller", "127.0.0.1"],
    ["client", "ada", "--role", "operator"],
    ["controller", "elsewhere.example", "--name", "elsewhere"],
  ])
    await certs(...argv, "--dir", dir);
  await certs("client", "eve", "--role", "operator", "--dir", other);
});
afterEach(async () => {
  await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  server = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Answers every request with an empty list; tells who the client is by its certificate. */
async function serve({ name = "controller", requestCert = false }: { readonly name?: string; readonly requestCert?: boolean }) {
  const seen: (string | undefined)[] = [];
  const pem = (path: string) => readFileSync(file(path));
  const options = { cert: pem(`${name}.crt`), key: pem(`${name}.key`), ca: pem("ca.crt"), requestCert, rejectUnauthorized: requestCert };
  const here = createServer(options, (request, response) => {
    const { subjectaltname } = (request.socket as unknown as { getPeerCertificate(): { subjectaltname?: string } }).getPeerCertificate();
    seen.push(subjectaltname);
    response.writeHead(200, { "content-type": "application/json", connection: "close" });
    response.end('{"items":[]}');
  });
  server = here;
  await new Promise<void>((resolve) => here.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(here.address() as AddressInfo).port}`;
  return {
    seen,
    url,
    ask: (...more: readonly string[]) => run(["get", "jobs", "--controller", url, ...more], { env: {} }),
  };
}

describe("HTTPS", () => {
  test("by the controller's own CA; without it, it is said what to give", async () => {
    const { ask, seen } = await serve({});
    expect(await ask("--ca", file("ca.crt"))).toEqual({ code: 0, stdout: "There are no jobs.\n", stderr: "" });
    const unknown = await ask();
    expect(unknown).toMatchObject({ code: 3, stdout: "" });
    expect(unknown.stderr).toContain("give its CA by --ca FILE");
    expect(unknown.stderr).not.toContain("Trying again");
    expect(await ask("--ca", join(other, "ca.crt"))).toMatchObject({ code: 3, stdout: "" });
    expect(seen).toHaveLength(1);
  });

  test("a certificate for another host is refused", async () => {
    const { ask, seen } = await serve({ name: "elsewhere" });
    const ran = await ask("--ca", file("ca.crt"));
    expect(ran).toMatchObject({ code: 3, stdout: "" });
    expect(ran.stderr).toContain("127.0.0.1");
    expect(seen).toEqual([]);
  });

  test("a client certificate is shown where one is given, by options or by a context", async () => {
    const { ask, seen, url } = await serve({ requestCert: true });
    const own = ["--ca", file("ca.crt"), "--cert", file("client-ada.crt"), "--key", file("client-ada.key")];
    expect(await ask(...own)).toMatchObject({ code: 0, stderr: "" });
    const env = { SLUICE_CONFIG: join(folder, "config.yaml") };
    expect(await run(["context", "add", "wan", "--controller", url, ...own], { env })).toMatchObject({ code: 0 });
    expect(await run(["get", "jobs"], { env })).toMatchObject({ code: 0, stderr: "" });
    expect(seen).toEqual(["URI:spiffe://sluice/operator/ada", "URI:spiffe://sluice/operator/ada"]);
    for (const bad of [[], ["--cert", join(other, "client-eve.crt"), "--key", join(other, "client-eve.key")]]) {
      const ran = await ask("--ca", file("ca.crt"), ...bad);
      expect(ran).toMatchObject({ code: 3, stdout: "" });
      expect(ran.stderr).toContain("--cert FILE and --key FILE");
    }
    expect(seen).toHaveLength(2);
  });

  test.each([
    [["--cert", "client-ada.crt"], "--key"],
    [["--key", "client-ada.key"], "--cert"],
    [["--ca", "nowhere.crt"], "nowhere.crt"],
    [["--ca", "text"], "PEM"],
    [["--cert", "client-ada.crt", "--key", "controller.key"], "--cert"],
  ] as const)("%j is refused before anything is sent", async (argv, text) => {
    writeFileSync(file("text"), "no certificate");
    const { ask, seen } = await serve({});
    const ran = await ask(...argv.map((each) => (each.startsWith("--") ? each : file(each))));
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(text);
    expect(seen).toEqual([]);
  });
});
