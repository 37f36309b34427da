import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, identityOfAlternativeNames, toId, type NodeId } from "@sluice/model";
import { readTlsFiles } from "@sluice/wire";
import { afterAll, expect, it } from "vitest";
import { makeLabCertificates } from "./lab-certificates.js";

const stateDir = mkdtempSync(join(tmpdir(), "sluice-lab-certs-"));
afterAll(() => rmSync(stateDir, { recursive: true }));

it("makes a certificate for each agent, for the controller's address and for the lab, whatever nodes are called, and anew each time", async () => {
  const nodeIds = ["ams", "../x y/ä", "n".repeat(128)].map((id) => toId<NodeId>(id));
  const wanted = { stateDir, host: "10.254.0.1", nodeIds, nowMs: Date.now() };
  const first = await makeLabCertificates(wanted);
  assert(first.ok, JSON.stringify(first));
  const before = readFileSync(first.value.operator.ca, "utf8");
  const made = await makeLabCertificates(wanted);
  assert(made.ok, JSON.stringify(made));
  expect(readFileSync(made.value.operator.ca, "utf8")).not.toBe(before);
  const { controller, operator, agents } = made.value;
  const authority = new X509Certificate(readFileSync(operator.ca));
  for (const [files, identity] of [
    [controller, { kind: "controller", name: "controller" }],
    [operator, { kind: "operator", name: "lab" }],
    ...nodeIds.map((name) => [agents.get(name), { kind: "agent", name }] as const),
  ] as const) {
    assert(files !== undefined, "each has its files");
    const read = await readTlsFiles(files, Date.now());
    assert(read.ok, JSON.stringify(read));
    expect(read.value.warnings).toEqual([]);
    expect(identityOfAlternativeNames(read.value.subjectAltName)).toEqual({ ok: true, value: identity });
    expect(new X509Certificate(read.value.cert).verify(authority.publicKey)).toBe(true);
  }
  expect(new X509Certificate(readFileSync(controller.cert)).checkIP("10.254.0.1")).toBe("10.254.0.1");
});
