/** Differences, failures and path checks as people read them. */
import picocolors from "picocolors";
import { describe, expect, test } from "vitest";
import { answerLines } from "./answer-table.js";
import { differenceLines, gistOf, needsForce } from "./difference-table.js";
import { failureLines } from "./failure-difference-table.js";
import { pathCheckLines } from "./path-check-table.js";
import { answerSchema, type Answer, type Difference, type FailureDifference, type PathCheckAnswer } from "./plan-answer.js";

const colors = picocolors.createColors(false);
const limits = { rulesChangedShareMax: 0.5, admittedLossShareMax: 0.05, topClassLossAllowed: false };

const difference: Difference = {
  kind: "plan-difference",
  formatVersion: 1,
  isDifferent: true,
  classes: [
    { trafficClass: "interactive", demandBps: { before: 8e9, after: 8e9 }, admittedBps: { before: 8e9, after: 8e9 }, rung: {} },
    { trafficClass: "bulk", demandBps: { before: 4e9, after: 4e9 }, admittedBps: { before: 4e9, after: 1e9 }, rung: {} },
  ],
  utilizationMax: { before: 0.8, after: 1 },
  groups: [
    {
      src: "a",
      dst: "b",
      trafficClass: "bulk",
      demandBps: { before: 1e9, after: 1e9 },
      admittedBps: { before: 1e9, after: 0 },
      resplit: true,
    },
    {
      src: "c",
      dst: "b",
      trafficClass: "bulk",
      demandBps: { before: 3e9, after: 3e9 },
      admittedBps: { before: 3e9, after: 1e9 },
      resplit: true,
    },
    {
      src: "a",
      dst: "b",
      trafficClass: "interactive",
      demandBps: { before: 8e9, after: 8e9 },
      admittedBps: { before: 8e9, after: 8e9 },
      resplit: true,
    },
    {
      src: "d",
      dst: "b",
      trafficClass: "interactive",
      demandBps: { before: 0, after: 1e9 },
      admittedBps: { before: 0, after: 1e9 },
      resplit: true,
    },
  ],
  tunnels: {
    added: [{ id: "t-2", src: "a", dst: "b", path: ["a-c", "c-b"] }],
    removed: [{ id: "t-1", src: "a", dst: "b", path: ["a-b"] }],
  },
  links: [
    {
      linkId: "a-b",
      capacityBps: { before: 1e10, after: 1e10 },
      loadBps: { before: 8e9, after: 0 },
      utilization: { before: 0.8, after: 0 },
    },
    {
      linkId: "a-c",
      capacityBps: { before: 1e10, after: 1e10 },
      loadBps: { before: 0, after: 8e9 },
      utilization: { before: 0, after: 0.8 },
    },
    {
      linkId: "c-b",
      capacityBps: { before: 1e10, after: 9e9 },
      loadBps: { before: 4e9, after: 9e9 },
      utilization: { before: 0.4, after: 1 },
    },
  ],
  rules: {
    rulesBefore: 10,
    rulesAfter: 11,
    added: 4,
    changed: 1,
    removed: 3,
    switches: [
      { nodeId: "a", rulesBefore: 5, rulesAfter: 5, added: 1, changed: 1, removed: 1 },
      { nodeId: "c", rulesBefore: 0, rulesAfter: 3, added: 3, changed: 0, removed: 0 },
      { nodeId: "d", rulesBefore: 2, rulesAfter: 0, added: 0, changed: 0, removed: 2 },
    ],
  },
  blastRadius: {
    rulesInstalled: 10,
    rulesAdded: 4,
    rulesChanged: 1,
    rulesRemoved: 3,
    rulesChangedShare: 0.8,
    admittedBeforeBps: 12e9,
    admittedLossBps: 3e9,
    admittedLossShare: 0.25,
    topClassLossBps: 0,
  },
};

describe("a difference", () => {
  test("parts in their order, with signs, the worst first", () => {
    expect(differenceLines(difference, { colors, rows: 2, limits }).join("\n")).toMatchInlineSnapshot(`
      "   class        demand          admitted              change
         interactive  8 Gb/s            8 Gb/s
      ~  bulk         4 Gb/s  4 Gb/s -> 1 Gb/s  -3 Gb/s (-75.00 %)

         flow group  demand          admitted               change
      ~  c>b/bulk    3 Gb/s  3 Gb/s -> 1 Gb/s   -2 Gb/s (-66.67 %)
      ~  a>b/bulk    1 Gb/s   1 Gb/s -> 0 b/s  -1 Gb/s (-100.00 %)
        and 1 more: --top, -o wide or -o json
      ~ 4 flow groups split otherwise

      + 1 tunnel, - 1 tunnel

         link                                 load          of capacity               change
      ~  c-b (10 Gb/s -> 9 Gb/s)  4 Gb/s -> 9 Gb/s  40.00 % -> 100.00 %  +5 Gb/s (+125.00 %)
      +  a-c                       0 b/s -> 8 Gb/s    0.00 % -> 80.00 %              +8 Gb/s
      -  a-b                       8 Gb/s -> 0 b/s    80.00 % -> 0.00 %  -8 Gb/s (-100.00 %)

         switch   rules  added  changed  removed
      ~  a            5     +1       ~1       -1
      +  c       0 -> 3     +3       ~0       -0
        and 1 more: --top, -o wide or -o json

      blast radius
        rules changed         8 against 10 installed, 80.00 % (at most 50.00 % without --force)
        admitted given up     3 Gb/s of 12 Gb/s, 25.00 % (at most 5.00 % without --force)
        interactive given up  0 b/s (nothing without --force)"
    `);
  });

  test("all rows: every tunnel, and no word of more", () => {
    const lines = differenceLines(difference, { colors, rows: Infinity });
    expect(lines).toContain("-  a>b     a-b");
    expect(lines).toContain("+  a>b     a-c c-b");
    expect(lines.join("\n")).not.toContain("more:");
    expect(lines.join("\n")).not.toContain("without --force");
  });

  test("figures that are the same up to rounding are no change", () => {
    const [bulk] = difference.classes.slice(1);
    const same = {
      ...difference,
      groups: [],
      links: [],
      classes: bulk === undefined ? [] : [{ ...bulk, admittedBps: { before: 4e9, after: 4e9 * (1 + 1e-12) } }],
    };
    expect(gistOf(same)).toBe("4 rules to add, 1 to change, 3 to remove on 3 switches; all that is admitted stays so");
    expect(differenceLines(same, { colors, rows: 2 })[1]).toMatch(/^ {3}bulk +4 Gb\/s +4 Gb\/s$/);
  });

  test("force is needed where a limit is passed, and only there", () => {
    const radius = { ...difference.blastRadius, rulesChangedShare: 0.5, admittedLossShare: 0.05, topClassLossBps: 0 };
    expect(needsForce(radius, limits)).toBe(false);
    expect(needsForce({ ...radius, rulesChangedShare: 0.51 }, limits)).toBe(true);
    expect(needsForce({ ...radius, admittedLossShare: 0.051 }, limits)).toBe(true);
    expect(needsForce({ ...radius, topClassLossBps: 1 }, limits)).toBe(true);
    expect(needsForce({ ...radius, topClassLossBps: 1 }, { ...limits, topClassLossAllowed: true })).toBe(false);
  });

  test("colours are on signs and on what is beyond a limit, and nowhere in plain text", () => {
    const bright = picocolors.createColors(true);
    const lines = differenceLines(difference, { colors: bright, rows: 2, limits }).join("\n");
    expect(lines).toContain(bright.red("-"));
    expect(lines).toContain(bright.red("8 against 10 installed, 80.00 %"));
    expect(differenceLines(difference, { colors, rows: 2, limits }).join("")).not.toContain("\u001b");
  });
});

const lost = (bulk: number, utilizationMax = 0.5) => ({
  endsLostBps: { interactive: 0, elastic: 0, bulk: 0 },
  layers: { "local-repair": { lostBps: { interactive: 0, elastic: 0, bulk }, utilizationMax, fullestLinkId: "a-c" } },
});
const failures: FailureDifference = {
  layers: ["unrepaired", "local-repair"],
  admittedBps: {},
  scenarios: [
    { id: "link:a-b", verdict: "worse", before: lost(0), after: lost(2e9, 1.2) },
    { id: "link:a-c", verdict: "worse", before: lost(0, 0.5), after: lost(0, 0.9) },
    { id: "link:c-b", verdict: "better", before: lost(3e9), after: lost(1e9) },
    { id: "node:x", verdict: "gone", before: lost(1e9) },
    { id: "node:y", verdict: "new", after: lost(1e9) },
  ],
};

test("failures: what is lost before and after, of the layer that decides; what loses nothing either way is counted", () => {
  expect(failureLines(failures, { rows: 3, colors }).join("\n")).toMatchInlineSnapshot(`
    "failures (local-repair): 2 worse, 1 better, 1 new, 1 gone
       scenario              lost  by class     fullest link
    ~  link:a-b       0 -> 2 Gb/s  bulk 2 Gb/s  a-c 120.00 %
    ~  link:c-b  3 Gb/s -> 1 Gb/s  bulk 1 Gb/s  a-c 50.00 %
    -  node:x      1 Gb/s -> none  -            -
      and 1 more: --top, -o wide or -o json"
  `);
  expect(failureLines({ ...failures, scenarios: [] }, { rows: 3, colors })).toEqual([]);
});

test("an answer: what was asked, whether force is needed, and nothing where nothing differs", () => {
  const answer: Answer = answerSchema.parse({
    kind: "preview",
    formatVersion: 1,
    basis: { topologyVersion: 1, demandsVersion: 2, settingsVersion: 3, inputHash: "x", epoch: 7 },
    plan: {
      inputHash: "y",
      rung: "optimal",
      demandBps: 12e9,
      admittedBps: 9e9,
      utilizationMax: 1,
      unroutable: [{ src: "a", dst: "b", trafficClass: "bulk" }],
      softDrained: "used",
    },
    difference,
  });
  const question = {
    topologyChanges: [
      { kind: "put-link", link: { id: "new" } },
      { kind: "remove-node", nodeId: "old" },
      { kind: "set-link-state", linkId: "a-b", drain: "drained", operational: "up" },
    ],
    settings: { objective: "min-cost" },
  };
  const lines = answerLines({ question, answer }, { colors, rows: 8, limits });
  expect(lines.slice(0, 8)).toEqual([
    "changes",
    "  + link new",
    "  - node old",
    "  ~ link a-b: drain drained, operational up",
    "  ~ objective: min-cost",
    "",
    "plan optimal, against plan 7: 9 Gb/s of 12 Gb/s admitted, fullest link 100 %",
    "1 flow group without any tunnel",
  ]);
  expect(lines[8]).toBe("what is soft-drained still carries traffic: nothing else carries it");
  expect(lines.slice(-2)).toEqual([
    "Plan: 4 rules to add, 1 to change, 3 to remove on 3 switches; 3 Gb/s less admitted.",
    "This is more than may be changed at once: it needs --force.",
  ]);
  const same = { ...answer, difference: { ...difference, isDifferent: false } };
  expect(answerLines({ question: {}, answer: same }, { colors, rows: 8, limits }).slice(-2)).toEqual([
    "",
    "No changes: the plan stays as it is.",
  ]);
  // A what-if cannot be applied: nothing is said of force.
  expect(answerLines({ question, answer: { ...answer, kind: "what-if" } }, { colors, rows: 8, limits }).join("\n")).not.toContain(
    "it needs --force",
  );
});

describe("a path check", () => {
  const tunnels = [{ id: "t", src: "a", dst: "b", path: ["a-c", "c-b"], latencyMs: 2.5, rateBps: 2e9 }];
  const none = { admittedBps: 0, tunnels: [], binding: [] };
  const check: PathCheckAnswer = {
    kind: "path-check",
    formatVersion: 1,
    demand: { src: "a", dst: "b", trafficClass: "elastic", rateBps: 5e9 },
    verdict: "yes",
    beside: { admittedBps: 5e9, tunnels, binding: [] },
    notes: [],
  };
  test.each([
    [check, ["Yes. 5 Gb/s from a to b in class elastic: fits beside all that is admitted now.", "       2 Gb/s  2.5 ms  a-c c-b"]],
    [
      { ...check, verdict: "no", beside: none, latencyMsMax: 3 },
      ["No. 5 Gb/s from a to b in class elastic within 3 ms: nothing of it fits."],
    ],
    [
      { ...check, verdict: "no-path", beside: none },
      ["No. 5 Gb/s from a to b in class elastic: there is no tunnel from a to b that may be used."],
    ],
    [
      {
        ...check,
        verdict: "in-part",
        beside: { admittedBps: 2e9, tunnels, binding: [{ linkId: "c-b", roomBps: 2e9, capacityBps: 1e10 }] },
        otherTunnels: { admittedBps: 4e9, tunnels: [], binding: [] },
        notes: ["Failures are not looked at."],
      },
      [
        "In part. 5 Gb/s from a to b in class elastic: only 2 Gb/s fits beside all that is admitted now.",
        "       2 Gb/s  2.5 ms  a-c c-b",
        "full then, the dearest first",
        "  c-b: 2 Gb/s of 10 Gb/s was free for it",
        "other tunnels than the policy's would carry 4 Gb/s beside all that is admitted now",
        "Failures are not looked at.",
      ],
    ],
  ] as const)("%#", (answer, lines) => {
    expect(pathCheckLines(answer as PathCheckAnswer, colors)).toEqual(lines);
  });
});
