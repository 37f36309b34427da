/** A backtest for people: errors by horizon, forecasters side by side; as columns, or as Markdown tables. */
import type { BacktestReport, BacktestRow, BlendBacktestRow, BlendRule, QuantileName } from "@sluice/forecast";
import { columnsText } from "../columns.js";
import { percentText } from "../rate-unit.js";
import type { Colors } from "../terminal.js";
import { spanText } from "./span.js";

interface Grid {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function backtestText(report: BacktestReport, colors: Colors): string {
  return `${aboutText(report)}\n\n${gridsText(gridsOf(report), colors)}`;
}

export function backtestMarkdown(report: BacktestReport): string {
  return gridsMarkdown(gridsOf(report));
}

/** What rules of blending would have been worth, at one quantile. */
export interface BlendReport {
  readonly quantile: QuantileName;
  readonly forecaster: string;
  readonly forecastWindows: number;
  readonly stepMs: number;
  readonly rows: readonly BlendBacktestRow[];
}

export const blendText = (reports: readonly BlendReport[], colors: Colors): string => gridsText(reports.map(blendGrid), colors);
export const blendMarkdown = (reports: readonly BlendReport[]): string => gridsMarkdown(reports.map(blendGrid));

function blendGrid({ quantile, forecaster, forecastWindows, stepMs, rows }: BlendReport): Grid {
  const rules = [...new Map(rows.map(({ rule }) => [ruleText(rule), rule])).keys()];
  const ages = [...new Set(rows.map(({ ageWindows }) => ageWindows))];
  const title = `Pinball loss of ${quantile}, share of traffic (in brackets: windows at or below it), forecasts by ${forecaster} ${spanText(forecastWindows * stepMs)} ahead`;
  return {
    title,
    head: ["measured before", ...rules],
    rows: ages.map((age) => [
      spanText(age * stepMs),
      ...rules.map((rule) => {
        const row = rows.find((each) => each.ageWindows === age && ruleText(each.rule) === rule);
        return row === undefined || row.count === 0 ? "-" : `${percentText(row.pinball)} (${percentText(row.coverage)})`;
      }),
    ]),
  };
}

function ruleText(rule: BlendRule): string {
  switch (rule.kind) {
    case "by-age":
      return "weight by age";
    case "larger":
      return "larger of the two";
    case "weighted":
      return rule.weight === 1 ? "measurement and margin" : rule.weight === 0 ? "forecast alone" : `weight ${rule.weight}`;
  }
}

function gridsText(grids: readonly Grid[], colors: Colors): string {
  const parts = grids.map(({ title, head, rows }) => {
    const aligns = head.map((_, i) => (i === 0 ? ("left" as const) : ("right" as const)));
    return `${colors.bold(title)}\n${columnsText({ head: head.map((name) => colors.dim(name)), aligns, rows })}`;
  });
  return `${parts.join("\n\n")}\n`;
}

function gridsMarkdown(grids: readonly Grid[]): string {
  const parts = grids.map(({ title, head, rows }) =>
    [`${title}:`, "", line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n"),
  );
  return `${parts.join("\n\n")}\n`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function aboutText(report: BacktestReport): string {
  const { groups, groupsLeftOut, missing, stepMs, trainingWindows, testWindows, origins } = report;
  return [
    `${groups - groupsLeftOut} of ${groups} flow groups, windows of ${spanText(stepMs)}: ${trainingWindows} to train on, ${testWindows} to test on, ${origins} origins`,
    ...(missing.rates === 0 ? [] : [`${missing.rates} rates are missing, ${missing.windows} windows whole`]),
  ].join("\n");
}

function gridsOf(report: BacktestReport): readonly Grid[] {
  const { rows, stepMs } = report;
  const names = [...new Set(rows.map(({ forecaster }) => forecaster))];
  const horizons = [...new Set(rows.map(({ horizonWindows }) => horizonWindows))];
  const quantiles = [...new Set(rows.flatMap((row) => row.quantiles.map(({ quantile }) => quantile)))];
  const cell = (horizon: number, name: string): BacktestRow | undefined =>
    rows.find(({ forecaster, horizonWindows }) => forecaster === name && horizonWindows === horizon);
  const grid = (title: string, textOf: (row: BacktestRow) => string): Grid => ({
    title,
    head: ["ahead", ...names],
    rows: horizons.map((horizon) => [
      spanText(horizon * stepMs),
      ...names.map((name) => {
        const row = cell(horizon, name);
        return row === undefined || row.count === 0 ? "-" : textOf(row);
      }),
    ]),
  });
  return [
    grid("Error of the point forecast (WAPE)", ({ wape }) => percentText(wape)),
    ...quantiles.flatMap((quantile) => {
      const of = (row: BacktestRow) => row.quantiles.find((each) => each.quantile === quantile);
      const loss = grid(`Pinball loss of ${quantile}, share of traffic (in brackets: windows at or below it)`, (row) => {
        const found = of(row);
        return found === undefined ? "-" : `${percentText(found.pinball)} (${percentText(found.coverage)})`;
      });
      return [loss];
    }),
  ];
}
