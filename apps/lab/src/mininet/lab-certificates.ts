/**
 * Certificates of a lab: its agents are in other network namespaces, so gRPC is not on loopback there. The authority is the lab's own and goes with its
 * directory.
 */
import { join } from "node:path";
import { certificateFiles, writeAuthority, writeCertificate, type CertificateRequest } from "@sluice/certs";
import { ok, type NodeId, type Result } from "@sluice/model";
import type { TlsFiles } from "@sluice/wire";

/** Longer than any lab is up, days. */
const validDays = 30;

export interface LabCertificates {
  readonly controller: Required<TlsFiles>;
  readonly agents: ReadonlyMap<NodeId, Required<TlsFiles>>;
  /** Of the lab itself: it sets topology and demand. */
  readonly operator: Required<TlsFiles>;
}

export interface LabCertificatesWanted {
  readonly stateDir: string;
  /** Where the controller is called. */
  readonly host: string;
  readonly nodeIds: readonly NodeId[];
  readonly nowMs: number;
}

/** Faults as those of `writeCertificate`. What an earlier start left in the directory is replaced. */
export async function makeLabCertificates({ stateDir, host, nodeIds, nowMs }: LabCertificatesWanted): Promise<Result<LabCertificates>> {
  const directory = join(stateDir, "certs");
  const validity = { nowMs, days: validDays };
  const authority = await writeAuthority(directory, validity, "replace");
  if (!authority.ok) return authority;
  const ca = authority.value.certificateFile;

  async function make(name: string, request: CertificateRequest): Promise<Result<Required<TlsFiles>>> {
    const written = await writeCertificate(directory, name, request, validity, "replace");
    if (!written.ok) return written;
    const { certificateFile, keyFile } = certificateFiles(directory, name);
    return ok({ cert: certificateFile, key: keyFile, ca });
  }

  const controller = await make("controller", { identity: { kind: "controller", name: "controller" }, hosts: [host] });
  if (!controller.ok) return controller;
  const operator = await make("client-lab", { identity: { kind: "operator", name: "lab" }, hosts: [] });
  if (!operator.ok) return operator;
  const agents = new Map<NodeId, Required<TlsFiles>>();
  for (const [i, name] of nodeIds.entries()) {
    // A node's id may be no file name, or too long a one.
    const agent = await make(`agent-${i}`, { identity: { kind: "agent", name }, hosts: [] });
    if (!agent.ok) return agent;
    agents.set(name, agent.value);
  }
  return ok({ controller: controller.value, operator: operator.value, agents });
}
