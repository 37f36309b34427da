/**
 * Who is at the other end of a connection: the URI in the subject alternative name of its certificate, `spiffe://sluice/KIND/NAME`. The form is
 * that of SPIFFE ids (SPIFFE-ID.md, section 2) with one liberty: what a path of such ids may not hold is percent-encoded, since the name of a switch may hold it.
 */
import { fault, refuse, type Result } from "./fault.js";
import { isId } from "./id.js";

/** `agent`: of a switch, by its node's id; `job`: a program that measures or forecasts; `operator`: who changes the network; `controller`: who serves. */
export const identityKinds = ["agent", "job", "operator", "controller"] as const;
export type IdentityKind = (typeof identityKinds)[number];

export interface Identity {
  readonly kind: IdentityKind;
  /** An id: 1 to 128 printable characters; of an agent its node's. */
  readonly name: string;
}

const trustDomain = "sluice";

export function identityUri({ kind, name }: Identity): string {
  return `spiffe://${trustDomain}/${kind}/${encodeURIComponent(name)}`;
}

/** The identity of a URI in its one spelling; undefined for every other text. */
export function parseIdentityUri(uri: string): Identity | undefined {
  const [, kind, encoded] = /^spiffe:\/\/sluice\/([a-z]+)\/([A-Za-z0-9._~!'()*%-]+)$/.exec(uri) ?? [];
  const known = identityKinds.find((each) => each === kind);
  const name = decoded(encoded ?? "");
  if (known === undefined || name === undefined || !isId(name)) return undefined;
  // One identity has one URI, so that nobody passes by another spelling where URIs are compared.
  return identityUri({ kind: known, name }) === uri ? { kind: known, name } : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * The names in a subject alternative name as node:crypto writes it (`DNS:a, URI:"b\u002c c"`): names with characters that could be taken for
 * the list's own are quoted as JSON. Undefined where the text is no such list.
 */
export function alternativeNames(text: string): readonly { readonly kind: string; readonly name: string }[] | undefined {
  const names: { kind: string; name: string }[] = [];
  const entry = /([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  while (entry.lastIndex < text.length) {
    const [, kind, written] = entry.exec(text) ?? [];
    const name = written === undefined ? undefined : unquoted(written);
    if (kind === undefined || name === undefined) return undefined;
    names.push({ kind, name });
  }
  return names;
}

function unquoted(written: string): string | undefined {
  if (!written.startsWith('"')) return written;
  try {
    const text: unknown = JSON.parse(written);
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}

/** The one identity that a certificate's subject alternative name gives. Fault: `unauthenticated`, with what is wrong. */
export function identityOfAlternativeNames(text: string | undefined): Result<Identity> {
  const names = text === undefined ? [] : alternativeNames(text);
  if (names === undefined) return refuse(fault("unauthenticated", "The certificate's subject alternative name cannot be read."));
  const uris = names.filter(({ kind, name }) => kind === "URI" && name.toLowerCase().startsWith("spiffe:"));
  const [uri] = uris;
  if (uri === undefined) {
    return refuse(
      fault("unauthenticated", `The certificate names nobody: it needs a URI such as ${identityUri({ kind: "agent", name: "NODE" })}.`),
    );
  }
  if (uris.length > 1) return refuse(fault("unauthenticated", "The certificate names several identities; it must name one."));
  const identity = parseIdentityUri(uri.name);
  if (identity === undefined) {
    const form = `spiffe://${trustDomain}/KIND/NAME with KIND one of ${identityKinds.join(", ")}`;
    return refuse(fault("unauthenticated", `The certificate's identity is not of the form ${form}.`));
  }
  return { ok: true, value: identity };
}
