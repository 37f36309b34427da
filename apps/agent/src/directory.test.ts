import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeDirectory } from "./directory.js";

it("makes what is missing, is content with what is there, and refuses where directories cannot be", () => {
  const place = mkdtempSync(join(tmpdir(), "sluice-directory-"));
  try {
    makeDirectory(join(place, "a", "b", "c"));
    makeDirectory(join(place, "a", "b", "c"));
    expect(existsSync(join(place, "a", "b", "c"))).toBe(true);
    // Node's own recursive mkdir never returns from this one.
    expect(() => makeDirectory("/proc/sluice/a")).toThrow(/ENOENT/);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});
