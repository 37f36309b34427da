import { describe, expect, it } from "vitest";
import { parseMininetOptions, stateDirDefault } from "./options.js";

describe("npm run lab", () => {
  it("brings up B4 unless told otherwise", () => {
    const parsed = parseMininetOptions(["up", "--interval", "40", "--link-mbps", "50", "--bfd-interval-ms", "20"]);
    const up = { interval: 40, linkBpsMax: 50e6, bfdIntervalMs: 20 };
    expect(parsed).toMatchObject({ ok: true, value: { kind: "up", stateDir: stateDirDefault, up } });
    if (!parsed.ok || parsed.value.kind !== "up") throw new Error("up");
    expect(parsed.value.up.network.topology).toMatch(/examples\/b4\.json$/);
    expect(parsed.value.up.network.demands).toMatch(/examples\/b4-day\.json$/);
  });

  it("has no demands of its own for another topology", () => {
    const parsed = parseMininetOptions(["up", "--topology", "x.json"]);
    if (!parsed.ok || parsed.value.kind !== "up") throw new Error("up");
    expect(parsed.value.up.network).toEqual({ topology: "x.json" });
  });

  it("hands every other command to the lab that is up", () => {
    expect(parseMininetOptions(["cut", "a-b", "--state-dir", "/x"])).toEqual({
      ok: true,
      value: { kind: "ask", stateDir: "/x", argv: ["cut", "a-b"] },
    });
  });

  it("teaches by help, and refuses what it does not understand", () => {
    for (const argv of [[], ["--help"], ["up", "--help"]]) {
      const parsed = parseMininetOptions(argv);
      const text = expect.stringMatching(/--link-mbps[\s\S]*restore LINK/) as string;
      expect(parsed).toMatchObject({ ok: true, value: { kind: "help", text } });
    }
    for (const argv of [
      ["up", "--nonsense"],
      ["up", "b4"],
      ["up", "--interval", "x"],
      ["up", "--link-mbps", "0"],
      ["up", "--bfd-interval-ms", "0"],
      ["cut", "--state-dir"],
    ])
      expect(parseMininetOptions(argv).ok).toBe(false);
  });
});
