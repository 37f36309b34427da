import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keepAliveFile } from "./alive-file.js";

let directory: string;
beforeEach(() => {
  vi.useFakeTimers();
  directory = mkdtempSync(join(tmpdir(), "sluice-alive-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

const surprise = (cause: unknown): never => {
  throw cause instanceof Error ? cause : new Error(String(cause));
};

describe("the alive file", () => {
  it("is there at once, private, and written anew for as long as the event loop turns, until it is stopped", () => {
    const path = join(directory, "alive");
    let written = 0;
    const alive = keepAliveFile(path, () => ({ written: (written += 1) }), { everyMs: 100, onFailure: surprise });
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ written: 1 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    vi.advanceTimersByTime(250);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ written: 3 });
    alive.stop();
    vi.advanceTimersByTime(1_000);
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ written: 3 });
  });

  it("is complained of once where it cannot be written, and tried again", () => {
    const path = join(directory, "away", "alive");
    const causes: unknown[] = [];
    const alive = keepAliveFile(path, () => ({}), { everyMs: 100, onFailure: (cause) => void causes.push(cause) });
    vi.advanceTimersByTime(500);
    alive.stop();
    expect(causes).toHaveLength(1);
    expect(existsSync(path)).toBe(false);
  });
});
