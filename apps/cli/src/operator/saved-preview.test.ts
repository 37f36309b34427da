/** Plan files: what is written is read again, and what is otherwise since is found. */
import { describe, expect, test } from "vitest";
import type { Answer } from "./plan-answer.js";
import { parseSavedPreview, savedPreviewText, staleParts, type SavedPreview } from "./saved-preview.js";

const figures = { before: 1, after: 2 };
const answer: Answer = {
  kind: "preview",
  formatVersion: 1,
  basis: { topologyVersion: 3, demandsVersion: 40, settingsVersion: 2, inputHash: "before", epoch: 7 },
  plan: { inputHash: "after", rung: "optimal", demandBps: 1, admittedBps: 1, utilizationMax: 1, unroutable: [] },
  difference: {
    kind: "plan-difference",
    formatVersion: 1,
    isDifferent: true,
    classes: [{ trafficClass: "bulk", demandBps: figures, admittedBps: figures, rung: {} }],
    utilizationMax: {},
    groups: [],
    tunnels: { added: [], removed: [] },
    links: [],
    rules: { rulesBefore: 0, rulesAfter: 0, added: 0, changed: 0, removed: 0, switches: [] },
    blastRadius: {
      rulesInstalled: 0,
      rulesAdded: 0,
      rulesChanged: 0,
      rulesRemoved: 0,
      rulesChangedShare: 0,
      admittedBeforeBps: 0,
      admittedLossBps: 0,
      admittedLossShare: 0,
      topClassLossBps: 0,
    },
  },
};
const question = { topologyChanges: [{ kind: "set-link-state", linkId: "a-b", drain: "drained" }] };
const text = savedPreviewText(answer, { controller: "http://x", previewId: "0a-1", question });

function read(from: string): SavedPreview {
  const parsed = parseSavedPreview(new TextEncoder().encode(from), "a.plan");
  if (!parsed.ok) throw new Error(parsed.faults[0].message);
  return parsed.value;
}
type Basis = Partial<Answer["basis"]>;
const later = (basis: Basis, difference: Partial<Answer["difference"]> = {}): Answer => ({
  ...answer,
  basis: { ...answer.basis, ...basis },
  difference: { ...answer.difference, ...difference },
});
const messages = (now: Answer, tolerateDemands = false): string =>
  staleParts(read(text), now, { tolerateDemands })
    .map(({ code, message }) => `${code}: ${message}`)
    .join(" ");

describe("a plan file", () => {
  test("is read as it was written, whatever order its fields have", () => {
    expect(read(text)).toMatchObject({ previewId: "0a-1", question, basis: answer.basis });
    expect(messages(answer)).toBe("");
    const turned = JSON.parse(text) as Record<string, unknown>;
    expect(read(JSON.stringify(Object.fromEntries(Object.entries(turned).toReversed())))).toEqual(read(text));
  });

  test.each([
    [{ topologyVersion: 4 }, /^stale-version: .*the network changed: version 4 now, 3 then\.$/],
    [{ settingsVersion: 5 }, /the settings changed: version 5 now, 2 then/],
    [{ demandsVersion: 41 }, /the demands changed: version 41 now, 40 then/],
    [{ inputHash: "other" }, /links went down or came back/],
    [{ epoch: 8 }, /plan 8 took the place of plan 7/],
    [{ topologyVersion: 4, settingsVersion: 5 }, /the network changed.*the settings changed/],
  ] as const)("is stale by %j, and says so", (basis: Basis, said) => {
    expect(messages(later(basis))).toMatch(said);
  });

  test("is stale where the same basis has another answer", () => {
    expect(messages(later({}, { isDifferent: false }))).toMatch(/^stale-version: .*another answer now/);
  });

  test("tolerates newer demands with what follows from them, and nothing else", () => {
    expect(messages(later({ demandsVersion: 41, inputHash: "other", epoch: 8 }, { isDifferent: false }), true)).toBe("");
    expect(messages(later({ demandsVersion: 41, topologyVersion: 4 }), true)).toMatch(
      /^stale-version: .*the network changed[^:]*: version 4 now, 3 then\.$/,
    );
    // With the demands of then, a hash that differs is not theirs.
    expect(messages(later({ inputHash: "other" }), true)).toMatch(/links went down or came back/);
  });
});
