/** A preview or a what-if for people: what is asked, what follows from it, and how it ends. */
import { rateText, trimmed } from "../rate-unit.js";
import type { Colors } from "../terminal.js";
import { counted, differenceLines, gistOf, needsForce } from "./difference-table.js";
import { failureLines } from "./failure-difference-table.js";
import type { Answer, BlastRadiusLimits } from "./plan-answer.js";
import type { Question } from "./plan-question.js";

/** Rows of one part of a table, where nothing else is asked for. */
export const rowsDefault = 8;

export interface AnswerTableOptions {
  readonly colors: Colors;
  readonly rows: number;
  readonly limits?: BlastRadiusLimits | undefined;
}

export function answerLines(
  { question, answer }: { readonly question: Question; readonly answer: Answer },
  options: AnswerTableOptions,
): readonly string[] {
  const { colors, limits, rows } = options;
  const { difference, plan, failures, basis, kind } = answer;
  const against = basis.epoch === undefined ? "there is no plan yet" : `against plan ${basis.epoch}`;
  const asked = questionLines(question, options);
  const head = [
    ...(asked.length === 0 ? [] : [colors.bold(kind === "preview" ? "changes" : "what if"), ...asked, ""]),
    `${colors.bold("plan")} ${plan.rung}, ${against}: ${rateText(plan.admittedBps)} of ${rateText(plan.demandBps)} admitted, fullest link ${trimmed(plan.utilizationMax * 100)} %`,
    ...(plan.unroutable.length === 0 ? [] : [colors.yellow(`${counted(plan.unroutable.length, "flow group")} without any tunnel`)]),
    ...(plan.softDrained === "used" ? [colors.yellow("what is soft-drained still carries traffic: nothing else carries it")] : []),
  ];
  if (!difference.isDifferent) return [...head, "", "No changes: the plan stays as it is.", ...failurePart(answer, options)];
  return [
    ...head,
    "",
    ...differenceLines(difference, { colors, rows, limits }),
    ...(failures === undefined ? [] : failurePart(answer, options)),
    "",
    gistLine(answer, colors),
    ...(kind === "preview" && limits !== undefined && needsForce(difference.blastRadius, limits)
      ? [colors.red("This is more than may be changed at once: it needs --force.")]
      : []),
  ];
}

/** `Plan: 3 rules to add, ...`. */
export function gistLine({ kind, difference }: Answer, { bold }: Colors): string {
  return `${bold(kind === "preview" ? "Plan:" : "If so:")} ${gistOf(difference)}.`;
}

function failurePart({ failures }: Answer, { rows, colors }: AnswerTableOptions): readonly string[] {
  const lines = failures === undefined ? [] : failureLines(failures, { rows, colors });
  return lines.length === 0 ? [] : ["", ...lines];
}

/** What is asked, a line each. */
function questionLines(question: Question, { colors, rows }: AnswerTableOptions): readonly string[] {
  const { topologyChanges, settings, demands, fail, drain, addCapacity } = question as {
    readonly topologyChanges?: readonly Record<string, unknown>[];
    readonly settings?: Record<string, unknown>;
    readonly demands?: {
      readonly scale?: number;
      readonly scaleClass?: Record<string, number>;
      readonly add?: readonly Record<string, unknown>[];
    };
    readonly fail?: ElementLists;
    readonly drain?: ElementLists & { readonly kind?: string };
    readonly addCapacity?: readonly { readonly linkId: string; readonly capacityBps: number }[];
  };
  const tilde = colors.yellow("~");
  const lines = [
    ...(topologyChanges ?? []).map((change) => changeLine(change, colors)),
    ...Object.entries(settings ?? {}).map(([name, value]) => `  ${tilde} ${name}: ${plain(value)}`),
    ...(demands?.scale === undefined ? [] : [`  ${tilde} all demand times ${demands.scale}`]),
    ...Object.entries(demands?.scaleClass ?? {}).map(([name, factor]) => `  ${tilde} ${name} demand times ${factor}`),
    ...(demands?.add ?? []).map(
      ({ src, dst, trafficClass, rateBps }) =>
        `  ${colors.green("+")} demand ${plain(src)}>${plain(dst)}/${plain(trafficClass)} ${rateText(Number(rateBps))}`,
    ),
    ...namesOf(fail).map((name) => `  ${colors.red("-")} ${name} fails`),
    ...namesOf(drain).map((name) => `  ${tilde} ${name} ${drain?.kind === "soft" ? "soft-drained" : "drained"}`),
    ...(addCapacity ?? []).map(({ linkId, capacityBps }) => `  ${colors.green("+")} link ${linkId} ${rateText(capacityBps)} more capacity`),
  ];
  return lines.length <= rows ? lines : [...lines.slice(0, rows), colors.dim(`  and ${lines.length - rows} more`)];
}

interface ElementLists {
  readonly linkIds?: readonly string[];
  readonly nodeIds?: readonly string[];
  readonly srlgIds?: readonly string[];
}

function namesOf(lists: ElementLists | undefined): readonly string[] {
  return [
    ...(lists?.nodeIds ?? []).map((id) => `node ${id}`),
    ...(lists?.linkIds ?? []).map((id) => `link ${id}`),
    ...(lists?.srlgIds ?? []).map((id) => `srlg ${id}`),
  ];
}

/** `~ link a-b: drain drained`; `+ link a-b`, `- node a`. */
function changeLine(change: Readonly<Record<string, unknown>>, colors: Colors): string {
  const { kind, ...fields } = change;
  const [verb = "", what = ""] = String(kind).split("-");
  const element = fields[`${what}Id`] ?? (fields[what] as { readonly id?: unknown } | undefined)?.id;
  if (verb === "remove") return `  ${colors.red("-")} ${what} ${plain(element)}`;
  if (verb === "put") return `  ${colors.green("+")} ${what} ${plain(element)}`;
  const rest = Object.entries(fields).filter(([name]) => name !== `${what}Id`);
  return `  ${colors.yellow("~")} ${what} ${plain(element)}: ${rest.map(([name, value]) => `${name} ${plain(value)}`).join(", ")}`;
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
