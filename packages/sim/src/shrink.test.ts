/** A failing seed made small still fails alike, from the command that it names. */
import { describe, expect, it } from "vitest";
import { deafToLinks } from "./mutations.js";
import { shrink } from "./shrink.js";
import { runWorld, SeedFailed } from "./world.js";

const testTimeoutMs = 600_000;

async function failureOf(run: Promise<unknown>): Promise<SeedFailed | undefined> {
  try {
    await run;
    return undefined;
  } catch (cause) {
    if (cause instanceof SeedFailed) return cause;
    throw cause;
  }
}

describe("shrink", () => {
  it("leaves out most of a storm, and what is left fails alike each time", { timeout: testTimeoutMs }, async () => {
    const mutation = deafToLinks;
    let seed = 1;
    let whole = await failureOf(runWorld(seed, mutation));
    while (whole === undefined && seed < 100) whole = await failureOf(runWorld((seed += 1), mutation));
    expect(whole).toBeDefined();
    const shrunk = await shrink(seed, {}, { mutation, triesMax: 40 });
    expect(shrunk?.failure.invariant).toBe(whole?.invariant);
    expect(shrunk?.failure.happened.length).toBeLessThan(whole?.happened.length ?? 0);
    const again = await failureOf(runWorld(seed, mutation, { without: shrunk?.without ?? new Set() }));
    expect(again?.message).toBe(shrunk?.failure.message);
    for (const what of shrunk?.without ?? []) expect(again?.message).toContain(`'-${what}'`);
  });

  it("has nothing to do where a seed holds", { timeout: testTimeoutMs }, async () => {
    expect(await shrink(1)).toBeUndefined();
  });
});
