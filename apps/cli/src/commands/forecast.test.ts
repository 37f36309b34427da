import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { dataDir, dataTitle, hasData } from "../testing/data.js";
import { openForecastController, type ForecastController, type ForecastControllerOptions } from "../testing/forecast-controller.js";
import { run } from "../testing/run.js";

let scratch = "";
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "sluice-forecast-"));
  await writeFile(
    join(scratch, "net.yaml"),
    "kind: topology\nname: pair\nnodes: [{ id: a }, { id: b }]\nlinks:\n" +
      "  - { id: ab, from: a, to: b, capacityBps: 1e10, latencyMs: 1, metric: 1 }\n" +
      "  - { id: ba, from: b, to: a, capacityBps: 1e10, latencyMs: 1, metric: 1 }\n",
  );
  await writeFile(join(scratch, "day.csv"), `start_seconds,src,dst,class,rate_bps\n${seriesRows(7 * 24).join("\n")}\n`);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Rates of a day that repeats, with something that does not. */
const rateAt = (hour: number, factor: number): number => factor * (1000 + 500 * (hour % 24) + ((hour * 7919) % 97));
const seriesRows = (hours: number): readonly string[] =>
  Array.from({ length: hours }, (_, hour) => [
    `${hour * 3600},a,b,elastic,${rateAt(hour, 1)}`,
    `${hour * 3600},b,a,bulk,${rateAt(hour, 3)}`,
  ]).flat();
const files = (): readonly string[] => ["--topology", join(scratch, "net.yaml"), "--demands", join(scratch, "day.csv")];
const made = (...more: readonly string[]): readonly string[] => ["forecast", ...files(), "--window", "1h", "--horizon", "3h", ...more];

const nowMs = Date.UTC(2026, 2, 8);
const history = (hours: number, endMs = nowMs): string =>
  Array.from({ length: hours }, (_, hour) => {
    const windowStart = new Date(endMs - (hours - hour) * 3_600_000).toISOString();
    return [
      { windowStart, windowSeconds: 3600, src: "a", dst: "b", class: "elastic", rateBps: rateAt(hour, 1) },
      { windowStart, windowSeconds: 3600, src: "b", dst: "a", class: "bulk", rateBps: rateAt(hour, 3) },
    ]
      .map((row) => `${JSON.stringify(row)}\n`)
      .join("");
  }).join("");

const open: ForecastController[] = [];
afterEach(async () => {
  for (const controller of open.splice(0)) await controller.close();
});
async function controllerOf(options: ForecastControllerOptions = {}): Promise<ForecastController> {
  const controller = await openForecastController({ history: history(7 * 24), ...options });
  open.push(controller);
  return controller;
}
const uploadTo = (controller: ForecastController, ...more: readonly string[]): readonly string[] => [
  "forecast",
  "--upload",
  `--controller=${controller.url}`,
  "--now=2026-03-08T00:10:00Z",
  "--window=1h",
  "--horizon=2h",
  "--retry-pause=1ms",
  ...more,
];

describe("sluice forecast, from files", () => {
  test("writes a row for each window, flow group and quantile", async () => {
    const ran = await run(made("--start", "2026-03-01T00:00:00Z", "--quantiles", "p90,p50"));
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const [header, ...rows] = ran.stdout.trimEnd().split("\n");
    expect(header).toBe("windowStart,windowSeconds,src,dst,class,rateBps,quantile");
    expect(rows).toHaveLength(3 * 2 * 2);
    expect(rows[0]).toMatch(/^2026-03-08T00:00:00\.000Z,3600,a,b,elastic,\d+,p50$/);
    const rate = (row: number): number => Number(rows[row]?.split(",")[5]);
    // The first hour of the day is 1000, the third 2000, up to noise below 97.
    expect(rate(0)).toBeGreaterThan(900);
    expect(rate(0)).toBeLessThan(1200);
    expect(rate(8)).toBeGreaterThan(1900);
    expect(rate(8)).toBeLessThan(2200);
    expect(rate(1)).toBeGreaterThanOrEqual(rate(0));
  });

  test("writes NDJSON of the same content, to a file", async () => {
    const out = join(scratch, "rows.ndjson");
    const csv = await run(made("--start", "2026-03-01T00:00:00Z"));
    const ran = await run(made("--start", "2026-03-01T00:00:00Z", "--format", "ndjson", "--out", out, "-o", "json"));
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      kind: "forecast-summary",
      rows: 30,
      windows: 3,
      windowSeconds: 3600,
      flowGroups: 2,
      historyWindows: 168,
      start: "2026-03-08T00:00:00.000Z",
    });
    const rows = (await readFile(out, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => Object.values(JSON.parse(line) as object).join(","));
    expect(rows).toEqual(csv.stdout.trimEnd().split("\n").slice(1));
  });

  test("says what it took for granted", async () => {
    const ran = await run(made("--model", "last-value"));
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("start not stated: 1970-01-01T00:00:00Z");
  });

  test.each([
    [["forecast"], "--controller", "missing-field"],
    [["forecast", "--controller", "nowhere"], "--controller", "malformed"],
    [["forecast", "--controller", "http://x", "--demands", "x"], "--topology", "missing-field"],
    [["forecast", "--upload"], "--controller", "missing-field"],
    [made("--horizon", "90min"), "--horizon", "out-of-range"],
    [made("--window", "1hour"), "--window", "malformed"],
    [made("--window", "700ms", "--horizon", "3h"), "--window", "out-of-range"],
    [made("--quantiles", "p51"), "--quantiles", "not-allowed"],
    [made("--model", "oracle"), "--model", "not-allowed"],
    [made("--format", "xml"), "--format", "not-allowed"],
    [made("--start", "yesterday"), "--start", "malformed"],
    [["forecast", "--controller", "http://x", "--token-file", "/nowhere"], "--token-file", "not-found"],
  ])("refuses %j", async (argv, option, code) => {
    const ran = await run(argv.map((each) => (/^(?:net\.yaml|day\.csv)$/.test(each) ? join(scratch, each) : each)));
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(`[${code}]`);
    expect(ran.stderr).toContain(option);
  });

  test("refuses a file with one matrix", async () => {
    const one = join(scratch, "one.csv");
    await writeFile(one, "src,dst,class,rate_bps\na,b,elastic,5\n");
    const ran = await run(["forecast", "--topology", join(scratch, "net.yaml"), "--demands", one]);
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.stderr).toContain("series");
  });
});

describe("sluice forecast, from a controller", () => {
  test("reads what was measured, and uploads what is to come", async () => {
    const controller = await controllerOf();
    const ran = await run(uploadTo(controller, "-o", "json"));
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      rows: 20,
      batch: { state: "ready", rows: 20 },
      repeated: false,
      start: "2026-03-08T00:00:00.000Z",
    });
    expect(controller.requests[0]).toBe("GET /v1/history/demands?from=2026-02-22T00%3A00%3A00.000Z&to=2026-03-08T00%3A00%3A00.000Z");
    const [batchId, rows] = [...controller.batches][0] ?? ["", []];
    expect(batchId).toMatch(/^forecast-[0-9a-f]{32}$/);
    expect(JSON.parse(rows[0] ?? "")).toEqual({
      windowStart: "2026-03-08T00:00:00.000Z",
      windowSeconds: 3600,
      src: "a",
      dst: "b",
      class: "elastic",
      rateBps: expect.any(Number),
      quantile: "p50",
    });
    expect(controller.requests).toHaveLength(3);
  });

  test("sends the same batch when it is run again, and the controller has it already", async () => {
    const controller = await controllerOf();
    await run(uploadTo(controller));
    const again = await run(uploadTo(controller));
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(again.stdout).toContain("had it already");
    expect([...controller.batches.keys()]).toHaveLength(1);
    expect(controller.requests.filter((each) => each.startsWith("POST"))).toHaveLength(1);
  });

  test("sends another batch for another forecast", async () => {
    const controller = await controllerOf();
    await run(uploadTo(controller));
    await run(uploadTo(controller, "--quantiles", "p50"));
    expect([...controller.batches.keys()]).toHaveLength(2);
  });

  test("goes on behind the rows that are durable where the upload broke off", async () => {
    const controller = await controllerOf({ breaks: { times: 2, rows: 6 } });
    const ran = await run(uploadTo(controller, "-o", "json"));
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("Trying again");
    expect(controller.requests.filter((each) => !each.startsWith("GET")).map((each) => each.replace(/forecast-[0-9a-f]+/, "ID"))).toEqual([
      "POST /v1/forecasts?batchId=ID&rows=20",
      "PATCH /v1/forecasts/ID?row=6&rows=20",
      "PATCH /v1/forecasts/ID?row=12&rows=20",
    ]);
    const whole = await controllerOf();
    await run(uploadTo(whole));
    expect([...controller.batches]).toEqual([...whole.batches]);
  });

  test("waits for a controller that is busy", async () => {
    const controller = await controllerOf({ busy: 1 });
    const ran = await run(uploadTo(controller));
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain("(1 of 4)");
  });

  test("exits with 1 where windows are quarantined", async () => {
    const controller = await controllerOf({ endsAs: "quarantined" });
    const ran = await run(uploadTo(controller));
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain("1 of 4 windows are quarantined");
  });

  test.each([
    [{ status: 422, code: "out-of-range" }, 2, "It is out-of-range."],
    [{ status: 401, code: "unauthenticated" }, 2, "--token-file"],
    [{ status: 403, code: "forbidden" }, 2, "role does not allow"],
  ])("tells what the controller refuses: %j", async (problem, code, text) => {
    const controller = await controllerOf({ problem });
    const ran = await run(uploadTo(controller));
    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(text);
    expect(controller.requests).toHaveLength(1);
  });

  test("sends its token, and shows it nowhere", async () => {
    const controller = await controllerOf();
    const file = join(scratch, "token");
    await writeFile(file, "secret-token\n");
    const ran = await run(uploadTo(controller, "--token-file", file));
    expect(new Set(controller.authorizations)).toEqual(new Set(["Bearer secret-token"]));
    expect(`${ran.stdout}${ran.stderr}`).not.toContain("secret-token");
  });

  test("forecasts from now on though nothing was measured of late", async () => {
    const controller = await controllerOf({ history: history(5 * 24, nowMs - 6 * 3_600_000) });
    const ran = await run(uploadTo(controller, "-o", "json"));
    expect(JSON.parse(ran.stdout)).toMatchObject({ start: "2026-03-08T00:00:00.000Z", historyWindows: 126 });
    expect(ran.stderr).toContain("nothing was measured (6)");
  });

  test("refuses a history of nothing, and one that is no history", async () => {
    const empty = await run(uploadTo(await controllerOf({ history: "" })));
    expect(empty).toMatchObject({ code: 2 });
    expect(empty.stderr).toContain("[missing-field]");
    const broken = await run(uploadTo(await controllerOf({ history: "{}\n" })));
    expect(broken).toMatchObject({ code: 2 });
    expect(broken.stderr).toContain("line/1");
  });

  test("ends with 3 where nobody answers", async () => {
    const controller = await controllerOf();
    await controller.close();
    const ran = await run(uploadTo(controller));
    expect(ran).toMatchObject({ code: 3, stdout: "" });
    expect(ran.stderr).toContain("could not be reached");
  });

  test("stops when it is told to", async () => {
    const controller = await controllerOf({ busy: 100 });
    const stop = new AbortController();
    const running = run(uploadTo(controller), { signal: stop.signal });
    await controller.firstRequest;
    stop.abort();
    expect(await running).toMatchObject({ code: 130, stdout: "" });
  });
});

describe("sluice forecast backtest", () => {
  const backtest = (...more: readonly string[]): readonly string[] => [
    "forecast",
    "backtest",
    ...files(),
    "--horizons",
    "1h,6h",
    "--every",
    "1h",
    ...more,
  ];

  test("tells errors by horizon, forecasters side by side", async () => {
    const ran = await run(backtest("-o", "json"));
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const report = JSON.parse(ran.stdout) as {
      readonly rows: readonly { readonly forecaster: string; readonly wape: number; readonly count: number }[];
    };
    expect(report).toMatchObject({ kind: "forecast-backtest", trainingWindows: 120, testWindows: 48, groups: 2, groupsLeftOut: 0 });
    expect(report.rows.map(({ forecaster, count }) => [forecaster, count])).toEqual([
      ...["last-value", "seasonal-naive", "holt-winters", "combined"].map((name) => [name, 96]),
      ...["last-value", "seasonal-naive", "holt-winters", "combined"].map((name) => [name, 86]),
    ]);
    // A day that repeats is known to all but the last value.
    const [last, ...others] = report.rows.slice(4).map(({ wape }) => wape);
    expect(others).toHaveLength(3);
    for (const wape of others) expect(wape).toBeLessThan((last ?? 0) / 5);
  });

  test("prints tables, and Markdown", async () => {
    const table = await run(backtest());
    expect(table.stdout).toMatch(/ahead +last-value +seasonal-naive +holt-winters +combined/);
    expect(table.stdout).toMatch(/^6 h /m);
    const markdown = await run(backtest("-o", "markdown"));
    expect(markdown.stdout).toContain(
      "| ahead | last-value | seasonal-naive | holt-winters | combined |\n| --- | ---: | ---: | ---: | ---: |\n| 1 h |",
    );
  });

  test.each([
    [["--train", "8d"], "[out-of-range]"],
    [["--train", "90min"], "[out-of-range]"],
    [["--horizons", "1h,soon"], "[malformed]"],
    [["--models", "oracle"], "[not-allowed]"],
    [["--data", "/nowhere"], "[not-allowed]"],
    [["--output", "xml"], "[not-allowed]"],
  ])("refuses %j", async (more, code) => {
    const ran = await run(backtest(...more));
    expect(ran).toMatchObject({ code: 2, stdout: "" });
    expect(ran.stderr).toContain(code);
  });

  test("says where the week of Abilene is not", async () => {
    const ran = await run(["forecast", "backtest", "--data", scratch]);
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.stderr).toContain("week1.txt.gz");
  });

  test("stops when it is told to", async () => {
    const signal = AbortSignal.abort();
    expect(await run(backtest(), { signal })).toMatchObject({ code: 130, stdout: "" });
  });

  test.skipIf(!hasData)(`forecasts the week of Abilene better than the day before does${dataTitle}`, async () => {
    const ran = await run([
      "forecast",
      "backtest",
      "--data",
      dataDir,
      "--window",
      "30min",
      "--every",
      "1h",
      "--horizons",
      "2h,12h",
      "-o",
      "json",
    ]);
    expect(ran).toMatchObject({ code: 0 });
    const { rows } = JSON.parse(ran.stdout) as {
      readonly rows: readonly { readonly forecaster: string; readonly horizonWindows: number; readonly wape: number }[];
    };
    for (const horizon of [4, 24]) {
      const wapeOf = (name: string): number =>
        rows.find(({ forecaster, horizonWindows }) => forecaster === name && horizonWindows === horizon)?.wape ?? Number.NaN;
      expect(wapeOf("combined")).toBeLessThan(wapeOf("seasonal-naive"));
    }
  });
});
