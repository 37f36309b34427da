import { protectionDefault } from "@sluice/model";
import { describe, expect, test } from "vitest";
import { parseLabOptions } from "./options.js";

const optionsOf = (argv: string) => {
  const parsed = parseLabOptions(argv === "" ? [] : argv.split(" "));
  return parsed.ok && "options" in parsed.value ? parsed.value.options : undefined;
};

describe("the lab's command line", () => {
  test("without arguments it is B4 and its day", () => {
    const options = optionsOf("");
    expect(options?.network.topology).toMatch(/examples\/b4\.json$/);
    expect(options?.network.demands).toMatch(/examples\/b4-day\.json$/);
    expect(options).toMatchObject({
      once: false,
      output: "table",
      grpc: "127.0.0.1:50051",
      rest: "127.0.0.1:8080",
      intervalSeconds: 5,
      startInterval: 0,
    });
    expect(options).not.toHaveProperty("settings");
  });

  test("one's own network does not get B4's day", () => {
    expect(optionsOf("--network mine.json")?.network).toEqual({ topology: "mine.json" });
    expect(optionsOf("--network mine.json --demands day.csv --rate-unit Mbps")?.network).toEqual({
      topology: "mine.json",
      demands: "day.csv",
      rateUnit: "Mbps",
    });
  });

  test("--once takes free ports unless told otherwise", () => {
    expect(optionsOf("--once -o json")).toMatchObject({ once: true, output: "json", grpc: "127.0.0.1:0", rest: "127.0.0.1:0" });
    expect(optionsOf("--once --rest 127.0.0.1:8888")).toMatchObject({ grpc: "127.0.0.1:0", rest: "127.0.0.1:8888" });
  });

  test("plan settings are whole where any is given", () => {
    expect(optionsOf("--objective max-min-fair")?.settings).toMatchObject({
      objective: "max-min-fair",
      tunnels: { kind: "k-shortest", k: 4 },
    });
  });

  test("protection is on unless the command line says otherwise", () => {
    expect(optionsOf("--objective max-min-fair")?.settings?.protection).toEqual(protectionDefault);
    expect(optionsOf("--guarantee interactive=guaranteed:2 --local-repair node --scenarios link")?.settings?.protection).toMatchObject({
      guarantee: { interactive: { kind: "guaranteed", failures: 2 }, elastic: { kind: "none" }, bulk: { kind: "none" } },
      localRepair: "node",
      scenarios: ["link"],
    });
    expect(optionsOf("--guarantee none --local-repair none --scenarios none")?.settings?.protection).toMatchObject({
      guarantee: { kind: "none" },
      localRepair: "none",
      scenarios: [],
    });
    expect(optionsOf("")).toMatchObject({ detectionMs: 10 });
    expect(optionsOf("--detection-ms 50")).toMatchObject({ detectionMs: 50 });
  });

  test("cuts may be given several times", () => {
    expect(optionsOf("--link-down a-b@5 --link-down c-d@6 --link-up a-b@9")).toMatchObject({
      linkDown: ["a-b@5", "c-d@6"],
      linkUp: ["a-b@9"],
    });
  });

  test.each([
    ["--nonsense", "--nonsense", "unknown-field"],
    ["surprise", "arguments", "unknown-field"],
    ["-o json", "--output", "not-allowed"],
    ["--once -o xml", "--output", "not-allowed"],
    ["--interval-seconds 0", "--interval-seconds", "out-of-range"],
    ["--interval-seconds -5", "--interval-seconds", "negative"],
    ["--interval-seconds fast", "--interval-seconds", "wrong-type"],
    ["--start-interval 1.5", "--start-interval", "wrong-type"],
    ["--objective best", "--objective", "not-allowed"],
    ["--tunnels any", "--tunnels", "not-allowed"],
    ["--tunnels paths.txt", "--tunnels", "not-allowed"],
    ["--tunnels k-shortest:0", "--tunnels", "out-of-range"],
    ["--solver cplex", "--solver", "not-allowed"],
    ["--deadline 0", "--deadline", "out-of-range"],
    ["--grpc here", "--grpc", "malformed"],
    ["--rest 127.0.0.1:99999", "--rest", "malformed"],
    ["--guarantee always", "--guarantee", "not-allowed"],
    ["--local-repair path", "--local-repair", "not-allowed"],
    ["--scenarios meteor", "--scenarios", "not-allowed"],
    ["--failure-probability 2", "--failure-probability", "out-of-range"],
    ["--detection-ms 0", "--detection-ms", "out-of-range"],
  ])("%s is refused", (argv, pointer, code) => {
    expect(parseLabOptions(argv.split(" "))).toMatchObject({ ok: false, faults: [{ code, pointer }] });
  });

  test("help is no error", () => {
    const parsed = parseLabOptions(["--help"]);
    expect(parsed.ok && "help" in parsed.value && parsed.value.help).toContain("--link-down");
  });
});
