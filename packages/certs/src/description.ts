/** What a certificate says, for people. */
import { X509Certificate } from "node:crypto";
import { alternativeNames, fault, identityOfAlternativeNames, identityUri, ok, refuse, type Result } from "@sluice/model";

export interface CertificateDescription {
  readonly subject: string;
  readonly issuer: string;
  readonly isAuthority: boolean;
  /** The URI of the one identity that it gives; absent where it gives none. */
  readonly identity?: string;
  /** DNS names and addresses under which it may serve. */
  readonly hosts: readonly string[];
  /** Purposes, by their object identifiers' names where they are known. */
  readonly purposes: readonly string[];
  /** RFC 3339. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly state: "valid" | "expired" | "not-yet-valid";
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string;
}

const purposeNames: ReadonlyMap<string, string> = new Map([
  ["1.3.6.1.5.5.7.3.1", "server"],
  ["1.3.6.1.5.5.7.3.2", "client"],
]);

/** Most certificates that are described of one file. */
const certificatesMax = 1_000;

/** All certificates of a PEM file, in its order. Fault: `malformed` where there is none, or one that cannot be read. */
export function describeCertificates(pem: string, nowMs: number): Result<readonly CertificateDescription[]> {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return refuse(fault("malformed", "There is no certificate (PEM) in it."));
  if (blocks.length > certificatesMax) return refuse(fault("too-many", `There are more than ${certificatesMax} certificates in it.`));
  try {
    return ok(blocks.map((block) => describe(new X509Certificate(block), nowMs)));
  } catch {
    return refuse(fault("malformed", "A certificate in it cannot be read."));
  }
}

function describe(certificate: X509Certificate, nowMs: number): CertificateDescription {
  const identity = identityOfAlternativeNames(certificate.subjectAltName);
  const names = alternativeNames(certificate.subjectAltName ?? "") ?? [];
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  return {
    subject: certificate.subject.replaceAll("\n", ", "),
    issuer: certificate.issuer.replaceAll("\n", ", "),
    isAuthority: certificate.ca,
    ...(identity.ok && { identity: identityUri(identity.value) }),
    hosts: names.filter(({ kind }) => kind === "DNS" || kind === "IP Address").map(({ name }) => name),
    // Absent in an authority's.
    purposes: ((certificate.keyUsage as readonly string[] | undefined) ?? []).map((each) => purposeNames.get(each) ?? each),
    notBefore: new Date(from).toISOString(),
    notAfter: new Date(to).toISOString(),
    state: nowMs < from ? "not-yet-valid" : nowMs > to ? "expired" : "valid",
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
  };
}
