/** A failure report for people: a row a scenario, worst first; below, each layer's worst. */
import type { FailureReport, LayerName, LayerOutcome, ScenarioReport } from "@sluice/failures";
import { trafficClasses } from "@sluice/model";
import type { ControllerReport } from "./controller-report.js";
import { columnsText } from "../columns.js";
import { percentText, rateText } from "../rate-unit.js";
import type { Colors } from "../terminal.js";

const layerHeads: Readonly<Record<LayerName, string>> = {
  unrepaired: "unrepaired",
  "local-repair": "local repair",
  "scenario-split": "split",
  "new-plan": "new plan",
};

/** A controller's report says which of its plans it is about. */
type TableReport = FailureReport & Partial<Pick<ControllerReport, "epoch" | "inForce">>;

export function failuresTable(report: TableReport, rows: number, colors: Colors): string {
  const { scenarios, layers } = report;
  const admitted = sum(report.admittedBps);
  const shown = scenarios.slice(0, rows);
  const lines = [
    ...planLines(report, colors),
    `${colors.bold("admitted".padEnd(12))} ${rateText(admitted)} (${trafficClasses.map((name) => `${name} ${rateText(report.admittedBps[name])}`).join(", ")})`,
    `${colors.bold("scenarios".padEnd(12))} ${scenarios.length}${pairsText(report)}`,
    ...splitLines(report, colors),
    "",
    columnsText({
      head: ["scenario", "links", ...layers.map((layer) => `${layerHeads[layer]}: lost`), "by class", "fullest link", "ends lost"].map(
        (name) => colors.dim(name),
      ),
      aligns: ["left", "right", ...layers.map(() => "right" as const), "left", "left", "right"],
      rows: shown.map((scenario) => rowOf(scenario, layers, { admitted, colors })),
    }),
  ];
  if (shown.length < scenarios.length) lines.push(colors.dim(`and ${scenarios.length - shown.length} more: --top, or -o json`));
  lines.push("", ...layers.map((layer) => worstLine(report, layer, colors)), "");
  return lines.join("\n");
}

function planLines({ epoch, inForce }: TableReport, { bold }: Colors): readonly string[] {
  if (epoch === undefined) return [];
  return [`${bold("plan".padEnd(12))} epoch ${epoch}, ${inForce === true ? "in force" : "not in force"}`];
}

/** Whose splits are shown, where some are those of a controller. */
function splitLines({ scenarios }: TableReport, { bold }: Colors): readonly string[] {
  const countOf = (wanted: ScenarioReport["split"]) => scenarios.filter(({ split }) => split === wanted).length;
  const [given, made, none] = [countOf("given"), countOf("made"), countOf("none")];
  if (given + none === 0) return [];
  const parts = [
    `${given} prepared`,
    ...(made > 0 ? [`${made} not prepared, shown as they would be`] : []),
    ...(none > 0 ? [`${none} refused: local repair goes on`] : []),
  ];
  return [`${bold("splits".padEnd(12))} ${parts.join("; ")}`];
}

function rowOf(
  scenario: ScenarioReport,
  layers: readonly LayerName[],
  { admitted, colors }: { readonly admitted: number; readonly colors: Colors },
) {
  const decisive =
    scenario.layers["scenario-split"] ?? scenario.layers["local-repair"] ?? scenario.layers.unrepaired ?? scenario.layers["new-plan"];
  return [
    scenario.id,
    String(scenario.linkIds.length),
    ...layers.map((layer) => lossText(scenario.layers[layer], admitted, colors)),
    byClassText(decisive),
    fullestText(decisive, colors),
    sum(scenario.endsLostBps) === 0 ? "-" : rateText(sum(scenario.endsLostBps)),
  ];
}

function lossText(outcome: LayerOutcome | undefined, admitted: number, colors: Colors): string {
  if (outcome === undefined) return "-";
  const lost = sum(outcome.lostBps);
  if (lost === 0) return colors.green("0");
  return `${rateText(lost)} ${colors.dim(percentText(admitted === 0 ? 0 : lost / admitted))}`;
}

function byClassText(outcome: LayerOutcome | undefined): string {
  const lost = trafficClasses.filter((name) => (outcome?.lostBps[name] ?? 0) > 0);
  return lost.length === 0 ? "-" : lost.map((name) => `${name} ${rateText(outcome?.lostBps[name] ?? 0)}`).join(", ");
}

function fullestText(outcome: LayerOutcome | undefined, colors: Colors): string {
  if (outcome?.fullestLinkId === undefined) return "-";
  const text = `${outcome.fullestLinkId} ${percentText(outcome.utilizationMax)}`;
  return outcome.overfullLinks > 0 ? colors.red(text) : text;
}

function pairsText({ pairs }: FailureReport): string {
  if (pairs === undefined) return "";
  const which = pairs.sampled
    ? `${pairs.taken} of ${pairs.possible} pairs, drawn with seed ${pairs.seed}: a worse one may be among the others`
    : `all ${pairs.possible} pairs`;
  return ` (${which})`;
}

function worstLine({ scenarios }: FailureReport, layer: LayerName, colors: Colors): string {
  let worst: ScenarioReport | undefined;
  let hit = 0;
  for (const scenario of scenarios) {
    const outcome = scenario.layers[layer];
    if (outcome === undefined) continue;
    if (sum(outcome.lostBps) > 0) hit += 1;
    if (sum(outcome.lostBps) > sum(worst?.layers[layer]?.lostBps ?? {})) worst = scenario;
  }
  const head = colors.bold(layerHeads[layer].padEnd(12));
  if (worst === undefined) return `${head} nothing is lost`;
  return `${head} ${hit} of ${scenarios.length} scenarios lose traffic; the most ${rateText(sum(worst.layers[layer]?.lostBps ?? {}))}, in ${worst.id}`;
}

function sum(byClass: Readonly<Record<string, number>>): number {
  return Object.values(byClass).reduce((total, bps) => total + bps, 0);
}
