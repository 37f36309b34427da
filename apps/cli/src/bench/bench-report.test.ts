import { describe, expect, it } from "vitest";
import { ownColumns, summaryLines } from "./bench-columns.js";
import { withReport } from "./bench-markdown.js";
import type { BenchAnswer } from "./bench-message.js";
import { benchRow, benchSummary, type BenchReport, type BenchSettings } from "./bench-report.js";

const settings: BenchSettings = {
  objective: "max-throughput",
  gap: 1e-3,
  engine: "auto",
  tunnels: "given",
  threads: null,
  repeat: 1,
  warmUpSeconds: 1,
  timeLimitSeconds: 300,
  highs: true,
};
const answer = (total: number, gap: number): BenchAnswer => ({
  size: { nodes: 4, links: 4, demands: 2, paths: 3, unroutable: 0 },
  solver: "first-order",
  status: "gap",
  iterations: 40,
  value: 99,
  bound: 99 / (1 - gap),
  gap,
  verdict: "pass",
  violations: [],
  seconds: { read: 0, tunnels: 0, solve: total, check: 0, total },
  totalSeconds: [total],
  cpuSeconds: total,
  memoryBytes: 1e8,
});
const row = (total: number, gap: number, highsSeconds: number, finished = true) =>
  benchRow({
    tunnels: "given",
    id: "Kdl_gravity_17_x16",
    label: "Kdl gravity x16",
    answer: answer(total, gap),
    fault: null,
    published: { optimum: 100, figures: {} },
    highs: {
      attempts: [],
      fastest: finished ? { method: "simplex", totalSeconds: highsSeconds, answer: answer(highsSeconds, gap) } : null,
      atLeastSeconds: finished ? null : highsSeconds,
    },
  });
const reportOf = (more: Partial<BenchSettings> = {}): BenchReport => {
  const instances = [row(0.1, 9e-4, 1), row(0.1, 5e-4, 4), row(1, 2e-3, 64, false)];
  return {
    kind: "bench-report",
    formatVersion: 1,
    date: "2026-01-02T03:04:05.000Z",
    machine: { cpu: "a processor", cores: 2, memoryBytes: 2 ** 33, platform: "linux x64", node: "20.0.0" },
    settings: { ...settings, ...more },
    instances,
    summary: benchSummary(instances, settings.gap),
  };
};

describe("a report", () => {
  it("sums up: worst figures, geometric mean and median of the ratios", () => {
    expect(reportOf().summary).toEqual({
      instances: 3,
      reached: 2,
      ofOptimumMin: 0.99,
      ofUnrestrictedMin: null,
      gapMax: 2e-3,
      totalSecondsMax: 1,
      memoryBytesMax: 1e8,
      highs: {
        compared: 3,
        atLeast: 1,
        ratioGeometricMean: expect.closeTo((10 * 40 * 64) ** (1 / 3), 9),
        ratioMedian: 40,
        ratioMin: 10,
      },
    });
    expect(summaryLines(reportOf()).join("\n")).toMatch(
      /2 of 3 .*\nWorst: objective 0\.99000000.*\n.*median 40\.0, least 10\.0\)\. On 1 HiGHS ran out of time/,
    );
  });

  it("of nothing has no worst and no mean", () => {
    expect(benchSummary([], 1e-3)).toMatchObject({ instances: 0, ofOptimumMin: null, gapMax: null, highs: null });
  });

  it("shows what a ratio is at least", () => {
    const columns = ownColumns(settings, []);
    const cells = reportOf().instances.map((each) => columns.slice(-4).map(({ text }) => text(each)));
    expect(cells).toEqual([
      ["first-order", "1.000", "simplex", "10.0"],
      ["first-order", "4.000", "simplex", "40.0"],
      ["first-order", ">64.00", "-", ">64.0"],
    ]);
  });
});

describe("a report in a Markdown file", () => {
  it("comes last where it is new, and takes its own place later", () => {
    const first = withReport("# Page\n\nWords.\n", reportOf());
    expect(first).toMatch(
      /^# Page\n\nWords\.\n\n<!-- bench: max-throughput, gap 1e-3, given tunnels, beside HiGHS -->\n\n### max-throughput/,
    );
    expect(first).toContain("2026-01-02, a processor, 2 cores, 8 GiB, linux x64, Node 20.0.0; engine auto; one run each.");
    const second = withReport(`${first}\nMore words.\n`, reportOf({ objective: "max-concurrent" }));
    const third = withReport(second, reportOf({ repeat: 5 }));
    expect(third.match(/<!-- bench: /g)).toHaveLength(2);
    expect(third.indexOf("the median of 5 runs each")).toBeLessThan(third.indexOf("More words."));
    expect(third.indexOf("More words.")).toBeLessThan(third.indexOf("### max-concurrent"));
    expect(withReport(third, reportOf({ repeat: 5 }))).toBe(third);
    const alone = withReport(third, reportOf({ highs: false }));
    expect(alone.match(/<!-- bench: max-throughput, gap 1e-3, given tunnels(, beside HiGHS)? -->/g)).toHaveLength(2);
  });

  it("makes a file of its own", () => {
    expect(withReport("", reportOf())).toMatch(/^<!-- bench: [^\n]+\n\n###[^]*<!-- end of bench: [^\n]+\n$/);
  });
});
