/** A solve report for people. */
import { percentText, rateText, trimmed } from "./rate-unit.js";
import { columnsText } from "./columns.js";
import type { FileNote } from "./network-input.js";
import type { Score, SolveReport } from "./solve-report.js";
import type { Colors } from "./terminal.js";

/** Digits of objectives: enough to compare with published figures. */
const scoreDigits = 9;
/** Digits of a share of time: 99.9999 % is another promise than 99.999 %. */
const availabilityDigits = 7;
/** Violations shown; all are in the JSON. */
const violationsShownMax = 10;

export function solveTable(report: SolveReport, colors: Colors): string {
  const { network, demands, tunnels, objective, seconds } = report;
  const interval = demands.interval === undefined ? "" : `, interval ${demands.interval.index} of ${demands.interval.count}`;
  const rows: (readonly [string, string])[] = [
    ["network", `${network.name} (${network.format}): ${network.nodes} nodes, ${network.links} links`],
    ["demands", `${demands.name} (${demands.format}): ${demands.flowGroups} flow groups, ${rateText(demands.rateBps)}${interval}`],
    ["tunnels", `${tunnels.source}${tunnels.format === undefined ? "" : ` (${tunnels.format})`}: ${tunnels.used} in use`],
    ...scoreRows(objective, report.objectiveInFileUnits),
    [
      "admitted",
      `${percentText(report.admittedShare)}: ${rateText(report.admittedBps)} of ${rateText(report.demandBps)}${quantizationText(report)}`,
    ],
    ["utilization", `${percentText(report.utilizationMax)} on the fullest link`],
    ["rung", `${report.rung}, by ${report.solver}`],
    ["check", checkText(report, colors)],
    [
      "seconds",
      Object.entries(seconds)
        .map(([stage, value]) => `${stage} ${value.toFixed(3)}`)
        .join("  "),
    ],
  ];
  for (const each of report.classes) {
    if (each.guarantee !== undefined) rows.push(["guarantee", guaranteeText(each.trafficClass, each.guarantee)]);
  }
  if (report.unroutable > 0) rows.push(["unroutable", `${report.unroutable} flow groups have no tunnel`]);
  const head = rows.map(([name, text]) => `${colors.bold(name.padEnd(12))} ${text}`);
  const notes = report.classes.flatMap((each) => each.notes.map((note) => `${each.trafficClass}: ${note}`));
  return [...head, "", classTable(report, colors), ...notes, ""].join("\n");
}

function guaranteeText(
  trafficClass: string,
  { guarantee, withoutBps, givenUpBps, givenUpShare, availability }: NonNullable<SolveReport["classes"][number]["guarantee"]>,
): string {
  const what =
    guarantee.kind === "guaranteed"
      ? `guaranteed:${guarantee.failures}`
      : guarantee.kind === "availability"
        ? `availability:${guarantee.target}`
        : guarantee.kind;
  const kept = availability === undefined ? "" : `; kept ${trimmed(100 * availability, availabilityDigits)} % of the time`;
  return `${trafficClass} ${what} costs ${rateText(givenUpBps)} of ${rateText(withoutBps)} (${percentText(givenUpShare)})${kept}`;
}

function scoreRows(objective: Score | null, inFileUnits: SolveReport["objectiveInFileUnits"]): (readonly [string, string])[] {
  if (objective === null || inFileUnits === null) return [["objective", "one for each class: see below"]];
  const bound = objective.sense === "maximize" ? "upper bound" : "lower bound";
  const { unit } = objective;
  const unitText = inFileUnits.unitBps === 1 ? "" : ` in units of ${rateText(inFileUnits.unitBps)}${unit === "bps*ms" ? " x ms" : ""}`;
  const say = (value: number, inUnits: number): string => {
    if (unit === "1") return trimmed(value, scoreDigits);
    const plain = unit === "bps" ? rateText(value) : `${trimmed(value, scoreDigits)} bps x ms`;
    return unitText === ""
      ? `${trimmed(value, scoreDigits)} ${unit === "bps" ? "bps" : "bps x ms"}${unit === "bps" ? ` = ${plain}` : ""}`
      : `${trimmed(inUnits, scoreDigits)}${unitText} = ${plain}`;
  };
  return [
    ["objective", `${objective.name} ${say(objective.value, inFileUnits.value)}`],
    [
      bound,
      objective.bound === undefined
        ? "none: this objective has no dual bound, or the solver gave no usable prices"
        : say(objective.bound, inFileUnits.bound ?? 0),
    ],
    ["gap", objective.gap === undefined ? "unknown" : gapText(objective.gap)],
  ];
}

function quantizationText({ allottedBps, admittedBps }: SolveReport): string {
  const cost = allottedBps - admittedBps;
  return allottedBps === 0 || cost <= 0 ? "" : ` (whole weights cost ${percentText(cost / allottedBps)} of ${rateText(allottedBps)})`;
}

function checkText({ check }: SolveReport, { green, red }: Colors): string {
  const counts = Object.entries(check.checked)
    .map(([what, count]) => `${count} ${what}`)
    .join(", ");
  const verdict = check.verdict === "pass" ? green("pass") : red("fail");
  const violations = check.violations.slice(0, violationsShownMax).map((each) => `\n             ${red(each.code)} ${each.message}`);
  const more = check.violations.length - violations.length;
  return `${verdict} (${counts})${violations.join("")}${more > 0 ? `\n             and ${more} more` : ""}`;
}

function classTable({ classes }: SolveReport, colors: Colors): string {
  return columnsText({
    head: ["class", "demand", "admitted", "share", "objective", "value", "bound", "gap", "rung", "solver"].map((name) => colors.dim(name)),
    aligns: ["left", "right", "right", "right", "left", "right", "right", "right", "left", "left"],
    rows: classes.map((each) => {
      const scoreText = (value: number | undefined) =>
        value === undefined ? "-" : each.unit === "bps" ? rateText(value) : trimmed(value, 6);
      return [
        each.trafficClass,
        rateText(each.demandBps),
        rateText(each.admittedBps),
        percentText(each.admittedShare),
        each.name,
        scoreText(each.value),
        scoreText(each.bound),
        each.gap === undefined ? "-" : gapText(each.gap),
        each.rung,
        each.solver,
      ];
    }),
  });
}

function gapText(gap: number): string {
  return gap === 0 ? "0" : gap.toExponential(1);
}

/** The reading notes, a line each. */
export function noteLines(notes: readonly FileNote[], colors: Colors): readonly string[] {
  return notes.map(({ file, kind, what, count, example }) => {
    const where = example === undefined ? "" : `, e.g. ${example}`;
    return colors.dim(`${file}: ${kind}: ${what}${count === 1 && example === undefined ? "" : ` (${count}${where})`}`);
  });
}
