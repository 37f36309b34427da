import { toId, type LinkId } from "@sluice/model";
import { expect, test } from "vitest";
import { FailureStory } from "./failure-story.js";
import type { JournalEntry } from "./journal.js";

const cutAtMs = 1_000_000;
const linkIds = ["a-b", "b-a"].map((id) => toId<LinkId>(id));
const begin = (): FailureStory => new FailureStory({ linkIds, cutAtMs, deliveredBps: 100e9 });
const sample = (afterMs: number, gbps: number) => ({ atMs: cutAtMs + afterMs, deliveredBps: gbps * 1e9 });
const entry = (afterMs: number, kind: string, data: JournalEntry["data"] = {}): JournalEntry => ({
  sequence: 1,
  atMs: cutAtMs + afterMs,
  kind,
  data,
});
const linkDown = (afterMs: number, linkId = "b-a") => entry(afterMs, "link-down", { linkId });
const programmed = (afterMs: number) => entry(afterMs, "scenario-programmed", { scenarioId: "link:a-b", ingresses: 3 });

test("a cut is told layer by layer, each with what the traffic did by then", () => {
  const story = begin();
  for (const [afterMs, gbps] of [
    [0.1, 70],
    [10, 90],
    [30, 95],
    [200, 95],
    [420, 100],
  ] as const) {
    story.sampled(sample(afterMs, gbps));
    if (afterMs === 10) story.detected(cutAtMs + 10);
  }
  // The journal is read later than it is written.
  for (const each of [
    linkDown(11),
    programmed(28),
    entry(60, "solve-started"),
    entry(300, "plan-persisted", { epoch: 5 }),
    entry(2_400, "plan-applied", { epoch: 5, seconds: 2.1, movedSeconds: 0.1 }),
  ])
    story.heard(each);
  expect(story.lines).toEqual([
    "Cable a-b is cut: 30 Gb/s of 100 Gb/s (30.00 %) is lost until the switches at its ends notice.",
    "  after 10 ms the switches at its ends send around it: 10 Gb/s (10.00 %) less arrives than before.",
    "  after 28 ms 3 ingresses use the split prepared for link:a-b: 5 Gb/s (5.00 %) less arrives than before.",
    "  after 400 ms plan 5 carries the traffic: all arrives.",
  ]);
  expect(story.isOver).toBe(true);
});

test("a line waits for the traffic of its moment", () => {
  const story = begin();
  story.sampled(sample(0, 60));
  for (const each of [linkDown(5), programmed(28)]) story.heard(each);
  story.sampled(sample(27, 70));
  expect(story.lines).toHaveLength(1);
  story.sampled(sample(29, 80));
  expect(story.lines[1]).toContain("20 Gb/s (20.00 %) less");
});

test("a plan that was on its way does not count: it knows nothing of the cut", () => {
  const story = begin();
  story.sampled(sample(0, 60));
  const applied = (afterMs: number, epoch: number) => entry(afterMs, "plan-applied", { epoch, seconds: 0.1, movedSeconds: 0.1 });
  for (const each of [entry(1, "solve-started"), programmed(2), entry(3, "plan-persisted", { epoch: 3 }), applied(4, 3)]) story.heard(each);
  story.heard(linkDown(10, "c-d"));
  story.heard(linkDown(11));
  for (const each of [entry(12, "plan-persisted", { epoch: 4 }), applied(50, 4), entry(60, "solve-started")]) story.heard(each);
  for (const each of [entry(80, "plan-persisted", { epoch: 5 }), applied(90, 4)]) story.heard(each);
  story.sampled(sample(95, 60));
  expect([story.isOver, story.lines.length]).toEqual([false, 1]);
  story.heard(applied(120, 5));
  expect(story.isOver).toBe(false);
  story.sampled(sample(130, 99));
  expect([story.isOver, story.lines.at(-1)]).toEqual([
    true,
    "  after 120 ms plan 5 carries the traffic: 1 Gb/s (1.00 %) less arrives than before.",
  ]);
});

test("without a controller the switches are all there is, which is said once", () => {
  const story = begin();
  story.sampled(sample(0, 60));
  story.sampled(sample(10, 100));
  story.detected(cutAtMs + 10);
  story.unanswered();
  story.unanswered();
  expect(story.lines.slice(1)).toEqual([
    "  after 10 ms the switches at its ends send around it: all arrives.",
    "  No controller answers: the switches go on by themselves.",
  ]);
});

test("what repairs nothing is not praised, and an idle cable not mourned", () => {
  const unprotected = begin();
  unprotected.sampled(sample(0, 70));
  unprotected.sampled(sample(10, 70));
  unprotected.detected(cutAtMs + 10);
  expect(unprotected.lines[1]).toBe("  after 10 ms the switches at its ends know of it: 30 Gb/s (30.00 %) less arrives than before.");
  const idle = begin();
  idle.sampled(sample(0, 100));
  idle.sampled(sample(10, 100));
  idle.detected(cutAtMs + 10);
  expect(idle.lines).toEqual(["Cable a-b is cut: nothing was on it.", "  after 10 ms the switches at its ends know of it: all arrives."]);
});
