/** What a switch in memory believes of its ports, and where its failover groups send packets because of it. */
import { toId, type LinkId, type RuleOperation } from "@sluice/model";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryDatapath } from "./memory-datapath.js";

const [direct, around, last] = ["a-b", "a-c", "a-d"].map((id) => toId<LinkId>(id)) as [LinkId, LinkId, LinkId];
const links = [direct, around, last].map((linkId) => ({ linkId, up: true }));

const failover: RuleOperation = {
  op: "put",
  rule: { kind: "failover", failoverId: 40, buckets: [{ output: direct }, { output: around, pushLabel: 40 }, { output: last }] },
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a datapath in memory", () => {
  it("sends packets by the first bucket whose port is live, at once, and drops them where none is", () => {
    const datapath = memoryDatapath({ links });
    expect(datapath.liveBucket(40)).toBeUndefined();
    expect(datapath.apply([failover])).toEqual([]);
    expect(datapath.liveBucket(40)).toEqual({ output: direct });
    datapath.setLink(direct, false);
    expect(datapath.liveBucket(40)).toEqual({ output: around, pushLabel: 40 });
    datapath.setLink(around, false);
    expect(datapath.liveBucket(40)).toEqual({ output: last });
    datapath.setLink(last, false);
    expect(datapath.liveBucket(40)).toBeUndefined();
    datapath.setLink(around, true);
    expect(datapath.liveBucket(40)).toEqual({ output: around, pushLabel: 40 });
    expect(datapath.links()).toEqual([
      { linkId: direct, up: false },
      { linkId: around, up: true },
      { linkId: last, up: false },
    ]);
  });

  it("notices a cut after its detection time, and tells its agent then", () => {
    const datapath = memoryDatapath({ links, detectionMs: 30 });
    expect(datapath.apply([failover])).toEqual([]);
    const told: unknown[] = [];
    const end = datapath.onLinkChange((change) => told.push(change));
    datapath.setLink(direct, false);
    vi.advanceTimersByTime(29);
    expect([datapath.isPortLive(direct), datapath.liveBucket(40)?.output, told]).toEqual([true, direct, []]);
    vi.advanceTimersByTime(1);
    expect([datapath.isPortLive(direct), datapath.liveBucket(40)?.output, told]).toEqual([false, around, [{ linkId: direct, up: false }]]);
    end();
    datapath.setLink(direct, true);
    vi.advanceTimersByTime(30);
    expect([datapath.isPortLive(direct), told.length]).toEqual([true, 1]);
  });

  it("believes of each port what was true for as long as detection takes, and tells each change of that once", () => {
    const detectionMs = 10;
    const changes = fc.array(fc.record({ up: fc.boolean(), afterMs: fc.nat(15) }), { maxLength: 30 });
    fc.assert(
      fc.property(changes, (list) => {
        const datapath = memoryDatapath({ links, detectionMs });
        const told: boolean[] = [];
        datapath.onLinkChange(({ up }) => told.push(up));
        let believed = true;
        let truth = true;
        let sinceMs = 0;
        let nowMs = 0;
        for (const { up, afterMs } of list) {
          datapath.setLink(direct, up);
          if (up !== truth) sinceMs = nowMs;
          truth = up;
          vi.advanceTimersByTime(afterMs);
          nowMs += afterMs;
          if (nowMs - sinceMs >= detectionMs) believed = truth;
          expect(datapath.isPortLive(direct)).toBe(believed);
        }
        expect(told).toEqual(told.map((_, i) => i % 2 === 1));
        expect(told.at(-1) ?? true).toBe(believed);
      }),
    );
  });

  it("has no other ports than its links", () => {
    const datapath = memoryDatapath({ links });
    expect(datapath.isPortLive(toId<LinkId>("b-a"))).toBe(false);
    expect(() => datapath.setLink(toId<LinkId>("b-a"), false)).toThrow("leaves this switch");
  });
});
