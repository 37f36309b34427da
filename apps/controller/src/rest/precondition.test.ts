import { describe, expect, it } from "vitest";
import { etagOf, heldVersion, preconditionOf } from "./precondition.js";

const outcome = (header: string | undefined, current: number) => {
  const asked = preconditionOf(header, "topology");
  if (!asked.ok) return asked.faults[0].code;
  const held = heldVersion(asked.value, current, "topology");
  return held.ok ? (held.value ?? "any") : held.faults[0].code;
};

describe("If-Match", () => {
  it.each([
    [undefined, 7, "precondition-required"],
    ["*", 7, "any"],
    [" * ", 0, "any"],
    ['"v7"', 7, 7],
    ['"v6"', 7, "stale-version"],
    ['"v6", "v7"', 7, 7],
    ['"v0"', 0, 0],
    // Weak tags, and those of somebody else, are tags: they match nothing.
    ['W/"v7"', 7, "stale-version"],
    ['"7"', 7, "stale-version"],
    ['"v07"', 7, "stale-version"],
    ['"v7x"', 7, "stale-version"],
    ['""', 7, "stale-version"],
    ["v7", 7, "malformed"],
    ['"v7', 7, "malformed"],
    ["", 7, "malformed"],
    ['"v7",', 7, "malformed"],
    ['*, "v7"', 7, "malformed"],
    [Array(17).fill('"v7"').join(), 7, "malformed"],
  ] as const)("%s at version %i is %s", (header, current, expected) => {
    expect(outcome(header, current)).toBe(expected);
  });

  it("takes the tag that GET gives", () => {
    for (const version of [0, 1, 42, 999_999_999]) expect(outcome(etagOf(version), version)).toBe(version);
  });
});
