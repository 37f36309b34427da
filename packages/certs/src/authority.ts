/**
 * A certificate authority for development and labs: EC P-256, signed with ECDSA and SHA-256 (RFC 5280). Where an organisation has one of its own,
 * certificates come from there; only the URI in their subject alternative name matters (docs/security.md).
 */
import "reflect-metadata";
import { createPrivateKey, randomBytes, webcrypto, X509Certificate as NodeCertificate } from "node:crypto";
import { isIP } from "node:net";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type JsonGeneralName,
} from "@peculiar/x509";
import { fault, identityUri, refuse, type Identity, type Result } from "@sluice/model";

// The types of the DOM are not loaded here; Node.js has the same object under its own.
cryptoProvider.set(webcrypto as unknown as Parameters<typeof cryptoProvider.set>[1]);

type CryptoKey = webcrypto.CryptoKey;
type CryptoKeyPair = webcrypto.CryptoKeyPair;

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const dayMs = 86_400_000;
/** Certificates begin a little before they are made: clocks differ. */
const clockSkewMs = 300_000;

/** A certificate and the private key of what it names, both PEM; the key is PKCS #8 and not encrypted. */
export interface KeyPairPem {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends KeyPairPem {
  readonly kind: "authority";
}

export interface Validity {
  readonly nowMs: number;
  readonly days: number;
}

export interface CertificateRequest {
  readonly identity: Identity;
  /** DNS names and addresses under which it serves; without any it is a client's certificate only. */
  readonly hosts: readonly string[];
}

export async function createAuthority({ nowMs, days }: Validity): Promise<Authority> {
  const keys = await keyPair();
  const generated = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=Sluice development CA",
    ...period({ nowMs, days }),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { kind: "authority", certificate: pemText(generated), key: await keyText(keys.privateKey) };
}

/**
 * An authority from its two files. Fault: `malformed` where they are no certificate and key, `not-allowed` where they do not belong together or the certificate
 * is no authority's.
 */
export function readAuthority(pem: KeyPairPem): Result<Authority> {
  try {
    const certificate = new NodeCertificate(pem.certificate);
    if (!certificate.ca) return refuse(fault("not-allowed", "The certificate is not that of an authority."));
    if (!belongs(pem)) return refuse(fault("not-allowed", "The authority's key is not the one of its certificate."));
  } catch {
    return refuse(fault("malformed", "The authority's certificate or key is not PEM that can be read."));
  }
  return { ok: true, value: { kind: "authority", certificate: pem.certificate, key: pem.key } };
}

/** A certificate by the authority, ending with it at the latest. Faults: `out-of-range` (the authority has expired), `malformed` (a host that is no name). */
export async function issueCertificate(authority: Authority, request: CertificateRequest, validity: Validity): Promise<Result<KeyPairPem>> {
  const odd = request.hosts.find((host) => isIP(host) === 0 && !isDnsName(host));
  if (odd !== undefined) return refuse(fault("malformed", `${JSON.stringify(odd)} is neither a DNS name nor an address.`));
  const issuer = new X509Certificate(authority.certificate);
  const { notBefore, notAfter } = period(validity);
  if (issuer.notAfter.getTime() <= validity.nowMs) {
    return refuse(fault("out-of-range", `The authority's certificate expired at ${issuer.notAfter.toISOString()}.`));
  }
  const keys = await keyPair();
  const names: JsonGeneralName[] = [
    { type: "url", value: identityUri(request.identity) },
    ...request.hosts.map((value): JsonGeneralName => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
  ];
  const generated = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=Sluice ${request.identity.kind}`,
    issuer: issuer.subjectName,
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority.key),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      // Who serves as a controller has no business to call as one, and the other way round.
      new ExtendedKeyUsageExtension([request.hosts.length > 0 ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension(names),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { ok: true, value: { certificate: pemText(generated), key: await keyText(keys.privateKey) } };
}

/** Whether the key is the one that the certificate names. Throws where either cannot be read. */
function belongs({ certificate, key }: KeyPairPem): boolean {
  return new NodeCertificate(certificate).checkPrivateKey(createPrivateKey(key));
}

function keyPair(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]) as Promise<CryptoKeyPair>;
}

function signingKey(pem: string): Promise<CryptoKey> {
  return webcrypto.subtle.importKey("pkcs8", PemConverter.decodeFirst(pem), algorithm, false, ["sign"]) as Promise<CryptoKey>;
}

async function keyText(key: CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), PemConverter.PrivateKeyTag)}\n`;
}

function pemText(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

/** 126 random bits: positive, without leading zeros, and nothing tells how many there are. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

function period({ nowMs, days }: Validity): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(nowMs - clockSkewMs), notAfter: new Date(nowMs + days * dayMs) };
}

/** RFC 1123, section 2.1, with a wildcard of one label in front where that is wanted. */
function isDnsName(text: string): boolean {
  return text.length <= 253 && /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(text);
}
