import { describe, expect, test } from "vitest";
import { parseRateUnit, rateText } from "./rate-unit.js";

describe("parseRateUnit", () => {
  test.each([
    ["Mbps", 1e6],
    ["1000bps", 1000],
    ["8 kb/s", 8000],
    ["100Gbps", 1e11],
    ["2.5Gbit/s", 2.5e9],
    ["1e6", 1e6],
    ["bps", 1],
    ["2.6666666", 2.6666666],
  ])("%s is %d bps", (text, bps) => {
    expect(parseRateUnit(text, "--rate-unit")).toEqual({ ok: true, value: bps });
  });
  test.each([
    ["", "malformed"],
    ["furlongs", "malformed"],
    ["0x10", "malformed"],
    ["-1Mbps", "malformed"],
    ["NaN", "malformed"],
    ["Infinity", "malformed"],
    ["M", "malformed"],
    ["0", "out-of-range"],
    ["1e999", "out-of-range"],
    ["1000Pbps", "out-of-range"],
  ])("%j is refused as %s", (text, code) => {
    expect(parseRateUnit(text, "--rate-unit")).toMatchObject({ ok: false, faults: [{ code, pointer: "--rate-unit" }] });
  });
});

test("rates in words", () => {
  expect([0, 999, 1e3, 1.5e6, 29.8207001e9, 4e12].map(rateText)).toEqual([
    "0 b/s",
    "999 b/s",
    "1 kb/s",
    "1.5 Mb/s",
    "29.82 Gb/s",
    "4 Tb/s",
  ]);
});
