import { toId, type FlowGroup, type NodeId } from "@sluice/model";
import { describe, expect, test } from "vitest";
import { parseFlowGroup, parseNumber, parseTunnelSource, parseWhole } from "./argument.js";

describe("parseTunnelSource", () => {
  test.each([
    ["k-shortest:4", { kind: "policy", policy: { kind: "k-shortest", k: 4 } }],
    ["edge-disjoint", { kind: "policy", policy: { kind: "edge-disjoint", k: 4 } }],
    ["priced:2", { kind: "policy", policy: { kind: "priced", k: 2 } }],
    ["srlg-disjoint:16", { kind: "policy", policy: { kind: "srlg-disjoint", k: 16 } }],
    ["any", { kind: "any" }],
    ["paths.txt.gz", { kind: "file", path: "paths.txt.gz" }],
    ["./k-shortest", { kind: "file", path: "./k-shortest" }],
    ["C:/paths.json", { kind: "file", path: "C:/paths.json" }],
  ])("%s", (text, value) => {
    expect(parseTunnelSource(text, undefined)).toEqual({ ok: true, value });
  });
  test("takes the latency bound into the policy", () => {
    expect(parseTunnelSource("k-shortest:2", 30)).toMatchObject({ value: { policy: { k: 2, latencyMsMax: 30 } } });
  });
  test.each([
    ["k-shortest:0", "out-of-range"],
    ["k-shortest:17", "out-of-range"],
    ["k-shortest:-1", "negative"],
    ["k-shortest:four", "wrong-type"],
    ["k-shortest:", "wrong-type"],
    ["k-shortest:4.5", "wrong-type"],
    ["oblivious:4", "not-allowed"],
    ["", "not-allowed"],
  ])("%j is refused as %s", (text, code) => {
    expect(parseTunnelSource(text, undefined)).toMatchObject({ ok: false, faults: [{ code, pointer: "--tunnels" }] });
  });
});

describe("numbers", () => {
  const limits = { above: 0, most: 3600 };
  test.each([
    ["1", 1],
    ["0.25", 0.25],
    ["3600", 3600],
    ["1e2", 100],
  ])("%s", (text, value) => {
    expect(parseNumber(text, "--deadline", limits)).toEqual({ ok: true, value });
  });
  test.each([
    ["", "wrong-type"],
    ["ten", "wrong-type"],
    ["0x10", "wrong-type"],
    ["1 s", "wrong-type"],
    ["NaN", "wrong-type"],
    ["1e999", "not-finite"],
    ["-1", "negative"],
    ["0", "out-of-range"],
    ["3601", "out-of-range"],
  ])("%j is refused as %s", (text, code) => {
    expect(parseNumber(text, "--deadline", limits)).toMatchObject({ ok: false, faults: [{ code, pointer: "--deadline" }] });
  });
  test.each([
    ["1.5", "wrong-type"],
    ["-1", "negative"],
    ["2016", "out-of-range"],
    ["99999999999999999999", "out-of-range"],
  ])("whole %j is refused as %s", (text, code) => {
    expect(parseWhole(text, "--interval", { least: 0, most: 2015 })).toMatchObject({ ok: false, faults: [{ code }] });
  });
});

describe("parseFlowGroup", () => {
  const node = (text: string) => toId<NodeId>(text);
  const known: readonly FlowGroup[] = [
    { src: node("a"), dst: node("b"), trafficClass: "bulk" },
    { src: node("a"), dst: node("b"), trafficClass: "elastic" },
    { src: node("x>y"), dst: node("z/bulk"), trafficClass: "bulk" },
  ];
  test("a class may be named or left out", () => {
    expect(parseFlowGroup("a>b/bulk", "--demand", known)).toMatchObject({ value: { trafficClass: "bulk" } });
    expect(parseFlowGroup("a>b", "--demand", known)).toMatchObject({ value: { trafficClass: "elastic" } });
  });
  test("names may hold the separators", () => {
    expect(parseFlowGroup("x>y>z/bulk/bulk", "--demand", known)).toMatchObject({ value: { src: "x>y", dst: "z/bulk" } });
  });
  test.each([
    ["a-b", "malformed"],
    ["a>c", "not-found"],
    ["a>b/interactive", "not-found"],
    ["b>a", "not-found"],
  ])("%s is refused as %s", (text, code) => {
    expect(parseFlowGroup(text, "--demand", known)).toMatchObject({ ok: false, faults: [{ code, pointer: "--demand" }] });
  });
});
