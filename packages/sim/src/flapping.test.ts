/** What a storm of flapping links may cost (docs/protocol.md, link state). */
import { describe, expect, it } from "vitest";
import { playFlapping } from "./flapping.js";

const testTimeoutMs = 600_000;

describe("a hundred links that flap ten times a second for a minute", () => {
  it(
    "cost a few solves and events, hold what there are links to hold, and are used again afterwards",
    { timeout: testTimeoutMs },
    async () => {
      const { linkChanges, solves, published, heldMax, pendingMax, unrest } = await playFlapping(1);
      expect(linkChanges).toBeGreaterThan(100_000);
      // All of them fall within a tenth of a second: a plan for what fell first, and one for the rest.
      expect(solves).toBeGreaterThan(0);
      expect(solves).toBeLessThanOrEqual(3);
      expect(published["link-down"]).toBeLessThanOrEqual(200);
      expect(published["link-suppressed"] ?? 0).toBeLessThanOrEqual(10);
      expect(published["link-up"] ?? 0).toBe(0);
      expect(published["agent-disconnected"] ?? 0).toBe(0);
      // A penalty and a report for each link that flaps, and one stream for each node.
      expect(heldMax).toBeLessThanOrEqual(300);
      expect(pendingMax).toBeLessThanOrEqual(1_000);
      expect(unrest).toBeUndefined();
    },
  );
});
