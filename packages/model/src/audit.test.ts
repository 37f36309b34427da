import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { auditStart, auditVerifier, chainAudit, verifyAudit, type AuditDraft, type AuditEntry, type AuditPosition } from "./index.js";

function draft(i: number, more: Partial<AuditDraft> = {}): AuditDraft {
  return {
    at: new Date(Date.UTC(2026, 2, 1) + i).toISOString(),
    phase: "both",
    requestId: `r${i}`,
    actor: "alice",
    role: "operator",
    method: "POST",
    route: "/v1/drains",
    resource: "/v1/drains",
    status: 200,
    ...more,
  };
}

function chainOf(drafts: readonly AuditDraft[]): AuditEntry[] {
  let position: AuditPosition = auditStart;
  return drafts.map((each) => {
    const entry = chainAudit(position, each, 1);
    position = entry;
    return entry;
  });
}

const aChain = fc
  .array(fc.record({ actor: fc.string({ maxLength: 5 }), status: fc.integer({ min: 200, max: 599 }) }), { minLength: 3, maxLength: 20 })
  .map((list) => chainOf(list.map((more, i) => draft(i, more))));

/** Each of these leaves a chain that somebody has been at. */
const tamperings: Readonly<Record<string, (chain: readonly AuditEntry[], at: number) => readonly AuditEntry[]>> = {
  "one changed": (chain, at) => chain.map((entry, i) => (i === at ? { ...entry, actor: `${entry.actor}!` } : entry)),
  "one changed, and its hash with it": (chain, at) =>
    chain.map((entry, i) => {
      if (i !== at) return entry;
      const { sequence, previousHash, hash: _, term, ...rest } = entry;
      return chainAudit({ sequence: sequence - 1, hash: previousHash }, { ...rest, actor: `${entry.actor}!` }, term);
    }),
  "one with a field more": (chain, at) => chain.map((entry, i) => (i === at ? ({ ...entry, surprise: 1 } as AuditEntry) : entry)),
  "one taken out": (chain, at) => chain.filter((_, i) => i !== at),
  "one twice": (chain, at) => chain.flatMap((entry, i) => (i === at ? [entry, entry] : [entry])),
  "two exchanged": (chain, at) => {
    const [one, two] = [chain[at], chain[at + 1]];
    return chain.map((entry, i) => (i === at && two !== undefined ? two : i === at + 1 && one !== undefined ? one : entry));
  },
  "all before it dropped": (chain, at) => chain.slice(at + 1),
};

describe("the audit chain", () => {
  it("is intact as it was made, whole or in pieces, from the start or from any entry", () => {
    fc.assert(
      fc.property(aChain, fc.nat({ max: 100 }), (chain, cut) => {
        const at = cut % chain.length;
        expect(verifyAudit(chain)).toEqual({
          verdict: "intact",
          checked: chain.length,
          head: { sequence: chain.length, hash: chain.at(-1)?.hash },
          open: [],
          openCount: 0,
          breaks: [],
        });
        const pieces = auditVerifier();
        pieces.take(chain.slice(0, at));
        pieces.take(chain.slice(at));
        expect(pieces.result({ isWhole: true })).toEqual(verifyAudit(chain));
        const from = chain[at] ?? auditStart;
        expect(verifyAudit(chain.slice(at + 1), { from })).toMatchObject({ verdict: "intact", checked: chain.length - at - 1 });
      }),
    );
  });

  it.each(Object.keys(tamperings))("shows %s, and where", (name) => {
    fc.assert(
      fc.property(aChain, fc.nat({ max: 100 }), (chain, place) => {
        // Somebody who rewrites the last entry, or cuts the log there, needs no other entry to agree: that is what known positions are for.
        const at = place % (chain.length - 1);
        const found = verifyAudit(tamperings[name]?.(chain, at) ?? chain);
        expect(found.verdict).toBe("broken");
        const { sequence = 0 } = found.breaks[0] ?? {};
        expect(sequence).toBeGreaterThanOrEqual(name === "all before it dropped" ? 1 : at + 1);
        expect(sequence).toBeLessThanOrEqual(at + 2);
      }),
    );
  });

  it("goes on after a break, so that each changed entry is told", () => {
    const chain = chainOf(Array.from({ length: 9 }, (_, i) => draft(i)));
    const changed = chain.map((entry, i) => (i === 2 || i === 6 ? { ...entry, status: 201 } : entry));
    expect(verifyAudit(changed).breaks.map(({ sequence, reason }) => [sequence, reason])).toEqual([
      [3, "content"],
      [7, "content"],
    ]);
  });

  it("shows an end that was cut off, or written anew, to those who know a position", () => {
    const chain = chainOf(Array.from({ length: 5 }, (_, i) => draft(i)));
    const known = { sequence: 5, hash: chain[4]?.hash ?? "" };
    expect(verifyAudit(chain, { known }).verdict).toBe("intact");
    expect(verifyAudit(chain.slice(0, 4)).verdict).toBe("intact");
    expect(verifyAudit(chain.slice(0, 4), { known }).breaks).toMatchObject([{ sequence: 5, reason: "known-position" }]);
    const anew = chainOf(Array.from({ length: 6 }, (_, i) => draft(i, i === 1 ? { actor: "mallory" } : {})));
    expect(verifyAudit(anew).verdict).toBe("intact");
    expect(verifyAudit(anew, { known }).breaks).toMatchObject([{ sequence: 5, reason: "known-position" }]);
  });

  it("pairs outcomes with requests: what is open, what fits none", () => {
    const chain = chainOf([
      draft(0, { phase: "request" }),
      draft(1, { phase: "request" }),
      draft(2, { phase: "outcome", of: 1 }),
      draft(3, { phase: "request" }),
    ]);
    expect(verifyAudit(chain)).toMatchObject({ verdict: "intact", open: [2, 4], openCount: 2 });
    const twice = chainOf([draft(0, { phase: "request" }), draft(1, { phase: "outcome", of: 1 }), draft(2, { phase: "outcome", of: 1 })]);
    expect(verifyAudit(twice).breaks).toMatchObject([{ sequence: 3, reason: "outcome" }]);
  });
});
