import { describe, expect, it } from "vitest";
import { readDecimal, readSignedDecimal } from "./decimal.js";
import { fiberLatencyMs, greatCircleKm } from "./great-circle.js";
import { Reading } from "./reading.js";
import { capacityOfText, unitOfText } from "./units.js";

describe("capacities in words", () => {
  it.each<[text: string, bps: number | undefined]>([
    ["10 Gbps", 10e9],
    ["10 Gbit/s", 10e9],
    ["10G", 10e9],
    ["2.5 Gbps", 2.5e9],
    ["155 Mbps", 155e6],
    ["100-155 Mbit/s", 100e6],
    ["1 Tb/s", 1e12],
    ["64 kbps", 64e3],
    ["OC-192c", 192 * 51.84e6],
    ["STM-4", 12 * 51.84e6],
    ["E3", 34.368e6],
    ["Lit Fibre", undefined],
    ["Completion 2007-2008", undefined],
    ["10 kilometres", undefined],
    ["3 Giraffes", undefined],
    ["", undefined],
  ])("%s", (text, bps) => {
    expect(capacityOfText(text)?.bps).toBe(bps);
  });

  it.each<[text: string, unitBps: number | undefined]>([
    ["bps", 1],
    ["kbps", 1e3],
    ["Mb/s", 1e6],
    ["Mbit/s", 1e6],
    ["G", 1e9],
    ["Gbps", 1e9],
    ["", undefined],
    ["furlongs", undefined],
  ])("the unit %s", (text, unitBps) => {
    expect(unitOfText(text)).toBe(unitBps);
  });
});

describe("the decimal gate", () => {
  const gate = (text: string, read = readDecimal) => {
    const reading = new Reading({ name: "x" });
    const value = read(text, reading, "/x");
    const result = reading.result(value);
    return result.ok ? result.value : result.faults[0].code;
  };

  it.each<[text: string, outcome: number | string]>([
    ["0", 0],
    ["-0", 0],
    ["+1", 1],
    ["1.", 1],
    [".5", 0.5],
    ["1e3", 1000],
    ["1.0000000e+04", 10_000],
    ["1e-400", 0],
    ["1e999", "not-finite"],
    ["NaN", "not-finite"],
    ["-Infinity", "not-finite"],
    ["inf", "not-finite"],
    ["-1", "negative"],
    ["-1e-3", "negative"],
    ["", "missing-field"],
    [" ", "wrong-type"],
    ["0x10", "wrong-type"],
    ["0b1", "wrong-type"],
    ["1_000", "wrong-type"],
    ["1,5", "wrong-type"],
    ["1e", "wrong-type"],
    ["e1", "wrong-type"],
    ["--1", "wrong-type"],
    ["١", "wrong-type"],
  ])("%j is %s", (text, outcome) => {
    expect(gate(text)).toBe(outcome);
  });

  it("lets coordinates be below 0", () => {
    expect(gate("-12.5", readSignedDecimal)).toBe(-12.5);
    expect(gate("--12.5", readSignedDecimal)).toBe("negative");
  });
});

describe("great circles", () => {
  it("agrees with known distances", () => {
    const [london, newYork, sydney] = [
      { latitudeDeg: 51.5074, longitudeDeg: -0.1278 },
      { latitudeDeg: 40.7128, longitudeDeg: -74.006 },
      { latitudeDeg: -33.8688, longitudeDeg: 151.2093 },
    ] as const;
    expect(greatCircleKm(london, newYork)).toBeCloseTo(5570, -1);
    expect(greatCircleKm(london, sydney)).toBeCloseTo(16_994, -2);
    expect(greatCircleKm(london, london)).toBe(0);
    // Half a turn of the Earth across the date line.
    expect(greatCircleKm({ latitudeDeg: 0, longitudeDeg: -90 }, { latitudeDeg: 0, longitudeDeg: 90 })).toBeCloseTo(Math.PI * 6371.0088, 6);
    expect(fiberLatencyMs(200)).toBeCloseTo(1.001, 3);
  });
});
