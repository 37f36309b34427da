/** Controller and agent as processes, on an address that is not loopback only, with certificates. Runs what the build made. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { writeAuthority, writeCertificate, type CertificateRequest } from "@sluice/certs";
import { v1 } from "@sluice/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const controllerMain = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const agentMain = fileURLToPath(new URL("../../agent/dist/main.js", import.meta.url));
const isBuilt = existsSync(controllerMain) && existsSync(agentMain);

const folder = mkdtempSync(join(tmpdir(), "sluice-main-tls-"));
const certs = join(folder, "certs");
const file = (name: string): string => join(certs, name);
const validity = { nowMs: Date.now(), days: 30 };
const clients: Readonly<Record<string, CertificateRequest>> = {
  controller: { identity: { kind: "controller", name: "c" }, hosts: ["127.0.0.1", "localhost"] },
  ada: { identity: { kind: "operator", name: "ada" }, hosts: [] },
  "agent-a": { identity: { kind: "agent", name: "a" }, hosts: [] },
};
const children: ChildProcess[] = [];

beforeAll(async () => {
  await writeAuthority(certs, validity, "refuse");
  for (const [name, wanted] of Object.entries(clients)) await writeCertificate(certs, name, wanted, validity, "refuse");
});
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const grpcTls = ["--grpc-tls-cert", file("controller.crt"), "--grpc-tls-key", file("controller.key"), "--grpc-tls-ca", file("ca.crt")];
const restTls = ["--rest-tls-cert", file("controller.crt"), "--rest-tls-key", file("controller.key")];

function start(main: string, args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, DATABASE_URL: "" } });
  children.push(child);
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
  return { child, lines };
}

async function refused(main: string, args: readonly string[]): Promise<{ readonly code: unknown; readonly said: string }> {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, DATABASE_URL: "" },
  });
  children.push(child);
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  return { code, said };
}

const controllerArgs = (...more: string[]): string[] => ["--data-dir", join(folder, "data"), "--rest", "127.0.0.1:0", ...more];
const agentArgs = (...more: string[]): string[] => ["--state-dir", join(folder, "agent"), ...more];
const agentTls = (name: string): string[] => [
  "--tls-cert",
  file(`${name}.crt`),
  "--tls-key",
  file(`${name}.key`),
  "--tls-ca",
  file("ca.crt"),
];

describe.skipIf(!isBuilt)(
  `certificates on the command line${isBuilt ? "" : " (SKIPPED: not built; run npm run setup)"}`,
  { timeout: 180_000 },
  () => {
    it("a controller without them serves gRPC on this machine only, and says what to do; half of them are none", async () => {
      const elsewhere = await refused(controllerMain, controllerArgs("--grpc", "0.0.0.0:0"));
      expect(elsewhere).toEqual({
        code: 2,
        said: expect.stringContaining("say --grpc-tls-cert, --grpc-tls-key and --grpc-tls-ca") as string,
      });
      for (const half of [grpcTls.slice(0, 4), ["--rest-tls-ca", file("ca.crt")]]) {
        expect([half, (await refused(controllerMain, controllerArgs(...half))).code]).toEqual([half, 2]);
      }
      const wrong = await refused(controllerMain, controllerArgs(...grpcTls.with(3, file("ada.key"))));
      expect(wrong).toEqual({ code: 1, said: expect.stringContaining("is not the one of the certificate") as string });
    });

    it("an agent without them speaks to this machine only; with those of another switch it does not start", async () => {
      const elsewhere = await refused(agentMain, agentArgs("--node", "a", "--controller", "127.0.0.1:1,10.0.0.1:50051"));
      expect(elsewhere).toEqual({
        code: expect.toSatisfy((code) => code !== 0) as number,
        said: expect.stringContaining("10.0.0.1:50051 is not on this machine") as string,
      });
      const other = await refused(agentMain, agentArgs("--node", "b", "--controller", "10.0.0.1:50051", ...agentTls("agent-a")));
      expect(other).toEqual({
        code: 1,
        said: expect.stringContaining("is that of spiffe://sluice/agent/a, not of spiffe://sluice/agent/b") as string,
      });
      const half = await refused(agentMain, agentArgs("--node", "a", "--controller", "10.0.0.1:50051", ...agentTls("agent-a").slice(2)));
      expect(half.said).toContain("go together");
      const missing = await refused(agentMain, agentArgs("--node", "a", "--controller", "10.0.0.1:50051", ...agentTls("nobody")));
      expect(missing).toEqual({ code: 1, said: expect.stringContaining("cannot be read (ENOENT)") as string });
    });

    it("serve together on an address that others reach, take up new ones on SIGHUP, and REST is HTTPS", async () => {
      const controller = start(controllerMain, controllerArgs("--grpc", "0.0.0.0:0", ...grpcTls, ...restTls));
      const [line] = (await once(createInterface({ input: controller.child.stdout }), "line")) as [string];
      const { grpc, rest } = JSON.parse(line) as { grpc: string; rest: string };
      const target = `127.0.0.1:${new URL(`http://${grpc}`).port}`;
      expect(rest).toMatch(/^https:/);
      expect(await getOf(`${rest}/healthz`)).toEqual({ status: 200, body: '{"status":"ok"}' });

      const client = new v1.TopologyServiceClient(
        target,
        credentials.createSsl(readFileSync(file("ca.crt")), readFileSync(file("ada.key")), readFileSync(file("ada.crt"))),
      );
      const topology = { name: "one", sites: [], nodes: [{ id: "a", drain: 0, operational: 0 }], links: [] };
      const code = await new Promise((resolve) => {
        client.replaceTopology(
          { topology } as Parameters<typeof client.replaceTopology>[0],
          new Metadata(),
          (error: ServiceError | null) => {
            client.close();
            resolve(error?.code ?? status.OK);
          },
        );
      });
      expect(code).toBe(status.OK);

      const agent = start(agentMain, agentArgs("--node", "a", "--controller", target, ...agentTls("agent-a")));
      const connections = () => controller.lines.filter((entry) => entry.includes('"msg":"agent-connected"')).length;
      await expect.poll(connections, { timeout: 60_000 }).toBe(1);

      // A new authority: the agent, whose files are new as well, comes back by itself.
      await writeAuthority(certs, validity, "replace");
      for (const [name, wanted] of Object.entries(clients)) await writeCertificate(certs, name, wanted, validity, "replace");
      agent.child.kill("SIGHUP");
      controller.child.kill("SIGHUP");
      await expect.poll(connections, { timeout: 60_000 }).toBe(2);
      expect(controller.lines.join("\n")).toContain("the authorities have changed: connections were closed");
      expect(await getOf(`${rest}/healthz`)).toEqual({ status: 200, body: '{"status":"ok"}' });

      agent.child.kill("SIGTERM");
      expect(await once(agent.child, "exit")).toEqual([0, null]);
      controller.child.kill("SIGTERM");
      expect(await once(controller.child, "exit")).toEqual([0, null]);
      for (const name of Object.keys(clients)) {
        const secret = readFileSync(file(`${name}.key`), "utf8").split("\n")[1] ?? "";
        expect([...controller.lines, ...agent.lines].join("\n")).not.toContain(secret);
      }
      for (const entry of agent.lines) expect(() => JSON.parse(entry) as unknown).not.toThrow();
    });
  },
);

function getOf(url: string): Promise<{ readonly status: number | undefined; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { ca: readFileSync(file("ca.crt")), agent: false }, (response) => {
      void text(response).then((body) => resolve({ status: response.statusCode, body }));
    });
    asked.on("error", reject);
    asked.end();
  });
}
