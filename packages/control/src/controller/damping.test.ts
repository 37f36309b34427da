/** Links that flap: against the plain definition of the penalty, and many of them at once against the machine. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { assert, parseTopology, type LinkId, type Topology } from "@sluice/model";
import { demandsOf, Harness, link, node, triangle } from "../testing/harness.js";

const direct = { "a>c": ["a-c"], "b>c": ["b-c"] };
const demands = demandsOf("one", { "a>c": 2e9, "b>c": 1e9 });

function running(topology: Topology, more: ConstructorParameters<typeof Harness>[0] = {}): Harness {
  const harness = new Harness(more);
  harness.ingest(topology, demands);
  for (const { id } of topology.nodes) harness.startAgent(id);
  harness.wait(100);
  harness.answer(direct);
  harness.wait(1_000);
  expect(harness.view.planInForce?.record.epoch).toBe(1);
  return harness;
}

const isUp = (harness: Harness, id: LinkId) => harness.view.topology?.linkById.get(id)?.operational === "up";
const tell = (harness: Harness, id: LinkId, up: boolean) => harness.agentEvent(node("a"), { kind: "link-changed", linkId: id, up });

describe("a link that comes and goes", () => {
  it("is down at once, and up after the hold-down or, once suppressed, after its penalty has decayed", () => {
    const config = { linkUpHoldMs: 500, dampingHalfLifeMs: 3_000, dampingPenaltyMax: 6_000 };
    const steps = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 14 });
    const id = link("a-b");
    fc.assert(
      fc.property(steps, (waits) => {
        const harness = running(triangle(), { config });
        let up = true;
        // The definition, step by step: what falls costs 1,000, and all of it halves every half-life.
        const told = { penalty: 0, suppressed: false, risenMs: -Infinity };
        for (const wait of waits) {
          up = !up;
          tell(harness, id, up);
          if (up) told.risenMs = harness.nowMs;
          else told.penalty = Math.min(6_000, told.penalty + 1_000);
          if (told.penalty > 2_500) told.suppressed = true;
          for (let tick = 0; tick < wait; tick += 1) {
            harness.wait(50);
            told.penalty *= 2 ** (-50 / 3_000);
            if (told.penalty < 750) told.suppressed = false;
            const expected = up && !told.suppressed && harness.nowMs >= told.risenMs + 500;
            expect([harness.nowMs, isUp(harness, id)]).toEqual([harness.nowMs, expected]);
          }
        }
        harness.wait(20_000);
        expect(isUp(harness, id)).toBe(up);
        const suppressions = harness.kinds().filter((kind) => kind === "link-suppressed").length;
        expect(harness.kinds().filter((kind) => kind === "link-reused")).toHaveLength(suppressions);
        // What is quiet for long enough is forgotten.
        harness.wait(20_000);
        expect(harness.controller.inventory.damping.size).toBe(0);
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  it("starts a new solve only when it is used again, and the one for the network without it goes on", () => {
    const harness = running(triangle());
    const id = link("a-b");
    tell(harness, id, false);
    harness.wait(600);
    const solves = harness.solves.length;
    tell(harness, id, true);
    harness.wait(300);
    tell(harness, id, false);
    harness.wait(300);
    tell(harness, id, true);
    harness.answer(direct);
    harness.wait(1_900);
    expect(harness.cancelled).toEqual([]);
    expect(harness.solves).toHaveLength(solves);
    harness.wait(600);
    expect(harness.solves).toHaveLength(solves + 1);
    expect(harness.kinds().filter((kind) => kind.startsWith("link-"))).toEqual(["link-down", "link-up"]);
  });
});

describe("a hundred links that flap ten times a second for a minute", () => {
  /** The triangle with a hundred more cables between a and b. */
  function bundle(): Topology {
    const { nodes, links } = triangle();
    const more = Array.from({ length: 100 }, (_, i) => [
      { ...links[0], id: `a-b-${i}`, from: "a", to: "b" },
      { ...links[0], id: `b-a-${i}`, from: "b", to: "a" },
    ]).flat();
    const parsed = parseTopology({ name: "bundle", nodes, links: [...links, ...more] });
    assert(parsed.ok, "the bundle is valid");
    return parsed.value;
  }

  it("cost few solves, never two within the interval, and few events; at rest all are used again", () => {
    const harness = running(bundle());
    const before = harness.published.length;
    const solvesAtMs: number[] = [];
    let answered = harness.solves.length;
    let touched = 0;
    for (let halfPeriod = 0; halfPeriod < 1_200; halfPeriod += 1) {
      for (let i = 0; i < 100; i += 1) {
        // Out of step with each other, and each end tells of its own port.
        const up = (halfPeriod + i) % 2 === 0;
        tell(harness, link(`a-b-${i}`), up);
        harness.agentEvent(node("b"), { kind: "link-changed", linkId: link(`b-a-${i}`), up });
        touched += 2;
      }
      harness.wait(50);
      if (harness.solves.length === answered) continue;
      expect(harness.solves).toHaveLength(answered + 1);
      solvesAtMs.push(harness.nowMs);
      answered = harness.solves.length;
      harness.answer(direct);
    }
    const during = harness.published.slice(before).map(({ kind }) => kind);
    const count = (kind: string) => during.filter((one) => one === kind).length;
    expect(touched).toBe(240_000);
    expect(count("link-down")).toBe(200);
    expect(count("link-up")).toBe(0);
    expect(count("link-suppressed")).toBeLessThanOrEqual(10);
    expect(count("solve-started")).toBe(solvesAtMs.length);
    // The first falls, and no more: from then on all of them count as down.
    expect(solvesAtMs.length).toBeLessThanOrEqual(3);
    for (const [i, atMs] of solvesAtMs.entries()) expect(atMs - (solvesAtMs[i - 1] ?? -Infinity)).toBeGreaterThanOrEqual(500);
    expect(during.length).toBeLessThan(250);
    expect(harness.view.linksDamped).toHaveLength(200);
    expect(harness.view.linksDamped.every(({ suppressed, penalty }) => suppressed && penalty <= 12_000)).toBe(true);

    for (let i = 0; i < 100; i += 1) {
      tell(harness, link(`a-b-${i}`), true);
      harness.agentEvent(node("b"), { kind: "link-changed", linkId: link(`b-a-${i}`), up: true });
    }
    harness.wait(30_000);
    expect(harness.view.topology?.links.filter(({ operational }) => operational === "down")).toHaveLength(200);
    harness.wait(40_000);
    expect(harness.view.topology?.links.filter(({ operational }) => operational === "down")).toHaveLength(0);
    expect(harness.solves.length - answered).toBe(1);
  });
});
