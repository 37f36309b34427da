/** What each failure would cost before and after a change: a row a scenario, worst after it first. */
import { trafficClasses } from "@sluice/model";
import { columnsText } from "../columns.js";
import { percentText, rateText } from "../rate-unit.js";
import type { Colors } from "../terminal.js";
import type { FailureDifference } from "./plan-answer.js";

type Outcome = NonNullable<FailureDifference["scenarios"][number]["after"]>;
type Verdict = FailureDifference["scenarios"][number]["verdict"];

/** Shown is the layer that decides: what is left when every prepared answer is in place. */
const decisive = ["scenario-split", "local-repair", "unrepaired", "new-plan"] as const;

export function failureLines(
  { layers, scenarios }: FailureDifference,
  { rows, colors }: { readonly rows: number; readonly colors: Colors },
): readonly string[] {
  const layer = decisive.find((name) => layers.includes(name));
  if (layer === undefined || scenarios.length === 0) return [];
  const count = (verdict: Verdict): number => scenarios.filter((each) => each.verdict === verdict).length;
  const parts = (["worse", "better", "same", "new", "gone"] as const).filter((verdict) => count(verdict) > 0);
  // Others differ by how full links are, at most.
  const lossy = scenarios.filter(({ before, after }) => lossOf(before, layer) > 0 || lossOf(after, layer) > 0);
  const shown = lossy.slice(0, rows);
  const lines = [`${colors.bold("failures")} (${layer}): ${parts.map((verdict) => `${count(verdict)} ${verdict}`).join(", ")}`];
  if (shown.length > 0)
    lines.push(
      ...columnsText({
        head: ["", "scenario", "lost", "by class", "fullest link"].map((name) => colors.dim(name)),
        aligns: ["left", "left", "right", "left", "left"],
        rows: shown.map(({ id, verdict, before, after }) => [
          signText(verdict, colors),
          id,
          fromTo(before === undefined ? undefined : lossOf(before, layer), after === undefined ? undefined : lossOf(after, layer)),
          byClass(after, layer),
          fullest(after, layer, colors),
        ]),
      }).split("\n"),
    );
  if (lossy.length > shown.length) lines.push(colors.dim(`  and ${lossy.length - shown.length} more: --top, -o wide or -o json`));
  return lines;
}

function signText(verdict: Verdict, { green, red, yellow }: Colors): string {
  if (verdict === "worse") return red("~");
  if (verdict === "better") return green("~");
  return verdict === "new" ? yellow("+") : verdict === "gone" ? yellow("-") : " ";
}

function lossOf(outcome: Outcome | undefined, layer: string): number {
  const lost = outcome?.layers[layer]?.lostBps;
  return lost === undefined ? 0 : trafficClasses.reduce((sum, name) => sum + lost[name], 0);
}

function fromTo(before: number | undefined, after: number | undefined): string {
  const side = (value: number | undefined): string => (value === undefined ? "none" : value === 0 ? "0" : rateText(value));
  return side(before) === side(after) ? side(after) : `${side(before)} -> ${side(after)}`;
}

function byClass(outcome: Outcome | undefined, layer: string): string {
  const lost = outcome?.layers[layer]?.lostBps;
  const named = trafficClasses.filter((name) => (lost?.[name] ?? 0) > 0);
  return named.length === 0 ? "-" : named.map((name) => `${name} ${rateText(lost?.[name] ?? 0)}`).join(", ");
}

function fullest(outcome: Outcome | undefined, layer: string, colors: Colors): string {
  const found = outcome?.layers[layer];
  if (found?.fullestLinkId === undefined) return "-";
  const text = `${found.fullestLinkId} ${percentText(found.utilizationMax)}`;
  return found.utilizationMax > 1 + 1e-6 ? colors.red(text) : text;
}
