import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alternativeNames, identityKinds, identityOfAlternativeNames, identityUri, parseIdentityUri } from "./identity.js";
import { isId } from "./id.js";

const names = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter(isId);
const identities = fc.record({ kind: fc.constantFrom(...identityKinds), name: names });

describe("identities", () => {
  it("have one URI each, of characters that a URI may hold", () => {
    fc.assert(
      fc.property(identities, (identity) => {
        const uri = identityUri(identity);
        expect(uri).toMatch(/^spiffe:\/\/sluice\/[a-z]+\/[\x21-\x7e]+$/);
        expect(uri.split("/")).toHaveLength(5);
        expect(parseIdentityUri(uri)).toEqual(identity);
        expect(identityOfAlternativeNames(`URI:${uri}`)).toEqual({ ok: true, value: identity });
      }),
    );
  });

  it.each([
    "",
    "spiffe://sluice/agent/",
    "spiffe://sluice/agent",
    "spiffe://sluice/root/a",
    "spiffe://other/agent/a",
    "spiffe://sluice.example/agent/a",
    "SPIFFE://sluice/agent/a",
    "spiffe://sluice/agent/a/b",
    "spiffe://sluice/agent/a?b",
    "spiffe://sluice/agent/%61",
    "spiffe://sluice/agent/a%2fb",
    "spiffe://sluice/agent/%",
    "spiffe://sluice/agent/%FF",
    "spiffe://sluice/agent/a%0Ab",
    "spiffe://sluice/agent/%20a",
    "spiffe://sluice/agent/__proto__",
    `spiffe://sluice/agent/${"a".repeat(129)}`,
    " spiffe://sluice/agent/a",
  ])("are not read from %j", (uri) => {
    expect(parseIdentityUri(uri)).toBeUndefined();
  });
});

describe("the names of a certificate", () => {
  it("are read with their quotes", () => {
    expect(alternativeNames('URI:spiffe://sluice/agent/a, DNS:"a, URI:b", IP Address:127.0.0.1')).toEqual([
      { kind: "URI", name: "spiffe://sluice/agent/a" },
      { kind: "DNS", name: "a, URI:b" },
      { kind: "IP Address", name: "127.0.0.1" },
    ]);
    expect(alternativeNames('DNS:"\\u0000\\"", othername:<unsupported>')).toEqual([
      { kind: "DNS", name: '\u0000"' },
      { kind: "othername", name: "<unsupported>" },
    ]);
    for (const odd of ["DNS", 'DNS:"a', 'DNS:"a"b', "DNS:a,DNS:b", 'DNS:"\\x"', "DNS:a, , DNS:b"])
      expect([odd, alternativeNames(odd)]).toEqual([odd, undefined]);
  });

  it("give one identity or none, and none that is put into another name", () => {
    const agent = "URI:spiffe://sluice/agent/a";
    expect(identityOfAlternativeNames(`DNS:x, ${agent}, URI:https://example.com/`)).toMatchObject({
      ok: true,
      value: { kind: "agent", name: "a" },
    });
    for (const text of [
      undefined,
      "",
      "DNS:a",
      `DNS:"x, ${agent}, y"`,
      `DNS:"x, ${agent}"`,
      `${agent}, URI:spiffe://sluice/operator/b`,
      `${agent}, ${agent}`,
      `${agent}, URI:SPIFFE://elsewhere/b`,
      "URI:https://sluice/agent/a",
    ]) {
      expect([text, identityOfAlternativeNames(text)]).toMatchObject([text, { ok: false, faults: [{ code: "unauthenticated" }] }]);
    }
  });
});
