import { describe, expect, it } from "vitest";
import { helperTrust } from "./helper-trust.js";

/** How many calls go without help after one that was late. */
function restOf({ isGiven }: ReturnType<typeof helperTrust>): number {
  let calls = 0;
  while (!isGiven()) calls++;
  return calls;
}

describe("trust in a further thread", () => {
  it("is given as long as it is on time", () => {
    const trust = helperTrust();
    for (let call = 0; call < 100; call++) {
      expect(trust.isGiven()).toBe(true);
      trust.note(false);
    }
  });

  it("rests longer each time it was late, within a bound, and is won back call by call", () => {
    const trust = helperTrust();
    const rests = Array.from({ length: 9 }, () => {
      trust.note(true);
      return restOf(trust);
    });
    expect(rests).toEqual([16, 32, 64, 128, 256, 512, 1024, 1024, 1024]);
    for (let call = 0; call < 2000; call++) trust.note(false);
    trust.note(true);
    expect(restOf(trust)).toBe(16);
  });
});
