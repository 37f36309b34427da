/** What a preview or a what-if asks, from options and a file of changes: the body of the request, and which option each part of it comes from. */
import { fault, ok, refuse, trafficClasses, type Fault, type Faults, type Result, type TrafficClass } from "@sluice/model";
import { parseDocument } from "yaml";
import { parseNumber } from "../argument.js";
import { parseRateUnit } from "../rate-unit.js";
import { argumentFault } from "../refusal.js";
import { fieldChanges } from "./field-changes.js";
import { drainChanges, parseElements, type Network } from "./network-elements.js";

/** Largest factor by which demand is scaled: the controller's limit. */
const scaleMax = 1_000;
/** Largest file of changes, bytes: the controller takes no longer body. */
export const changesBytesMax = 8 << 20;

export interface PlanQuestionFlags {
  /** The file of changes: its path, for messages, and its text. */
  readonly file?: { readonly path: string; readonly text: string } | undefined;
  readonly set?: readonly string[] | undefined;
  readonly drain?: readonly string[] | undefined;
  readonly undrain?: readonly string[] | undefined;
  readonly soft?: boolean | undefined;
  /** Kinds of failures to report on; `true`: those of the settings. */
  readonly failures?: string | boolean | undefined;
}

export interface WhatIfFlags extends PlanQuestionFlags {
  readonly fail?: readonly string[] | undefined;
  readonly scale?: readonly string[] | undefined;
  readonly addDemand?: readonly string[] | undefined;
  readonly addCapacity?: readonly string[] | undefined;
}

/** What the question is about, as far as it had to be read. */
export interface Ground {
  readonly network: Network | undefined;
  /** `GET /v1/settings`. */
  readonly settings: Readonly<Record<string, unknown>> | undefined;
}

export type Question = Readonly<Record<string, unknown>>;

/** Which parts of the ground the options need: names of elements are looked up, fields of settings are put into what is set. */
export function groundNeeded(flags: WhatIfFlags): { readonly network: boolean; readonly settings: boolean } {
  const named = [flags.drain, flags.undrain, flags.fail, flags.addCapacity, flags.addDemand];
  return {
    network: named.some((names) => (names ?? []).length > 0),
    settings: (flags.set ?? []).some((each) => each.split("=", 1)[0]?.includes(".") === true),
  };
}

/** `POST /v1/previews`. Faults name the option, or the file and the place in it. */
export function previewQuestion(flags: PlanQuestionFlags, ground: Ground): Result<Question> {
  const base = fileQuestion(flags.file);
  if (!base.ok) return base;
  const changes = drainsOf(flags, ground);
  if (!changes.ok) return changes;
  return withCommon(base.value, { flags, ground, topologyChanges: changes.value });
}

/** `POST /v1/what-ifs`: drains are the question's own there. */
export function whatIfQuestion(flags: WhatIfFlags, ground: Ground): Result<Question> {
  const base = fileQuestion(flags.file);
  if (!base.ok) return base;
  const { drain, undrain } = flags;
  const undrained = drainsOf({ undrain }, ground);
  if (!undrained.ok) return undrained;
  const common = withCommon(base.value, { flags, ground, topologyChanges: undrained.value });
  if (!common.ok) return common;
  const failed = elementsAsked(flags.fail, "--fail", ground);
  if (!failed.ok) return failed;
  const drained = elementsAsked(drain, "--drain", ground);
  if (!drained.ok) return drained;
  const demands = demandsAsked(flags, ground);
  if (!demands.ok) return demands;
  const capacity = capacityAsked(flags.addCapacity, ground);
  if (!capacity.ok) return capacity;
  return ok({
    ...common.value,
    ...mergedObject("demands", base.value, demands.value),
    ...mergedObject("fail", base.value, failed.value),
    ...mergedObject("drain", base.value, drained.value && { ...drained.value, kind: flags.soft === true ? "soft" : "hard" }),
    ...mergedList("addCapacity", base.value, capacity.value),
  });
}

/** An empty object in place of what is not given: what is wrong with a part of the file is the controller's to say. */
function fileQuestion(file: PlanQuestionFlags["file"]): Result<Question> {
  if (file === undefined) return ok({});
  const document = parseDocument(file.text, { prettyErrors: true, uniqueKeys: true });
  const [error] = document.errors;
  const inFile = { data: { file: file.path } };
  if (error !== undefined)
    return refuse(fault("malformed", `${error.message.split("\n")[0] ?? error.message}.`.replace(/[.:]*\.$/, "."), inFile));
  let value: unknown;
  try {
    // Aliases that multiply are refused by the library's own limit.
    value = document.toJS();
  } catch (thrown) {
    return refuse(fault("malformed", `${thrown instanceof Error ? thrown.message : String(thrown)}.`, inFile));
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return ok(value as Question);
  return refuse(
    fault("wrong-type", "A file of changes is a mapping: topologyChanges, settings, failures (docs/cli.md shows one).", inFile),
  );
}

function withCommon(
  base: Question,
  {
    flags,
    ground,
    topologyChanges,
  }: { readonly flags: PlanQuestionFlags; readonly ground: Ground; readonly topologyChanges: readonly unknown[] },
): Result<Question> {
  const settings = fieldChanges(flags.set ?? [], { given: base["settings"], before: ground.settings, option: "--set" });
  if (!settings.ok) return settings;
  const failures = failuresAsked(flags.failures);
  return ok({
    ...base,
    ...mergedList("topologyChanges", base, topologyChanges),
    ...(settings.value === undefined ? {} : { settings: settings.value }),
    ...(failures === undefined ? {} : { failures: { ...objectOf(base["failures"]), ...failures } }),
  });
}

/** What the file lists first, then the options'. */
function mergedList(name: string, base: Question, more: readonly unknown[]): Question {
  const given = base[name];
  if (more.length === 0) return {};
  return { [name]: [...(Array.isArray(given) ? (given as readonly unknown[]) : []), ...more] };
}

/** Options count for more than the file; lists in both are joined. */
function mergedObject(name: string, base: Question, more: Question | undefined): Question {
  if (more === undefined) return {};
  const given = objectOf(base[name]);
  const merged: Record<string, unknown> = { ...given };
  for (const [field, value] of Object.entries(more)) {
    const old = given[field];
    merged[field] = Array.isArray(value) && Array.isArray(old) ? [...(old as readonly unknown[]), ...(value as readonly unknown[])] : value;
  }
  return { [name]: merged };
}

function objectOf(value: unknown): Question {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Question) : {};
}

function drainsOf(
  { drain = [], undrain = [], soft }: Pick<PlanQuestionFlags, "drain" | "undrain" | "soft">,
  { network }: Ground,
): Result<readonly unknown[]> {
  if (network === undefined) return ok([]);
  const drained = parseElements(drain, "--drain", network);
  if (!drained.ok) return drained;
  const undrained = parseElements(undrain, "--undrain", network);
  if (!undrained.ok) return undrained;
  return ok([
    ...drainChanges(undrained.value, "active", network),
    ...drainChanges(drained.value, soft === true ? "soft-drained" : "drained", network),
  ]);
}

function elementsAsked(names: readonly string[] | undefined, option: string, { network }: Ground): Result<Question | undefined> {
  if (names === undefined || names.length === 0 || network === undefined) return ok(undefined);
  const elements = parseElements(names, option, network);
  if (!elements.ok) return elements;
  return ok(Object.fromEntries(Object.entries(elements.value).filter(([, ids]) => (ids as readonly string[]).length > 0)));
}

function failuresAsked(failures: string | boolean | undefined): Question | undefined {
  if (failures === undefined || failures === false) return undefined;
  return failures === true ? {} : { kinds: failures === "none" ? [] : failures.split(",").map((kind) => kind.trim()) };
}

function demandsAsked({ scale = [], addDemand = [] }: WhatIfFlags, { network }: Ground): Result<Question | undefined> {
  const asked: Record<string, unknown> = {};
  const byClass: Partial<Record<TrafficClass, number>> = {};
  for (const text of scale) {
    const [left = "", right] = text.split("=", 2);
    const factor = parseNumber(right ?? left, "--scale", { above: -Number.MIN_VALUE, most: scaleMax });
    if (!factor.ok) return factor;
    if (right === undefined) {
      asked["scale"] = factor.value;
      continue;
    }
    const name = trafficClasses.find((each) => each === left);
    if (name === undefined)
      return refuse(
        argumentFault(
          "not-allowed",
          "--scale",
          `--scale takes 1.2, or one class as in bulk=1.2 (${trafficClasses.join(", ")}), not ${JSON.stringify(text)}.`,
        ),
      );
    byClass[name] = factor.value;
  }
  if (Object.keys(byClass).length > 0) asked["scaleClass"] = byClass;
  const add: unknown[] = [];
  for (const text of addDemand) {
    const demand = parseDemand(text, network);
    if (!demand.ok) return demand;
    add.push(demand.value);
  }
  if (add.length > 0) asked["add"] = add;
  return ok(Object.keys(asked).length === 0 ? undefined : asked);
}

/** `SRC>DST/CLASS=RATE`; ids may hold any of these signs themselves, so the reading that the network has is meant. */
function parseDemand(text: string, network: Network | undefined): Result<Question> {
  const equals = text.lastIndexOf("=");
  const slash = text.lastIndexOf("/", equals);
  const trafficClass = trafficClasses.find((each) => each === text.slice(slash + 1, equals));
  if (equals < 0 || slash < 0 || trafficClass === undefined || !text.slice(0, slash).includes(">"))
    return refuse(
      argumentFault(
        "malformed",
        "--add-demand",
        `--add-demand takes 'SRC>DST/CLASS=RATE', such as 'a>b/bulk=10Gbps' (quote it: > is the shell's), not ${JSON.stringify(text)}.`,
      ),
    );
  const rateBps = parseRateUnit(text.slice(equals + 1), "--add-demand");
  if (!rateBps.ok) return rateBps;
  const pair = text.slice(0, slash);
  const nodes = new Set(network?.nodes.map(({ id }) => id));
  const readings = [...pair.matchAll(/>/g)].map(({ index }) => ({ src: pair.slice(0, index), dst: pair.slice(index + 1) }));
  const meant = readings.find(({ src, dst }) => nodes.has(src) && nodes.has(dst));
  if (meant === undefined) {
    const example = network?.nodes[0]?.id;
    return refuse(
      argumentFault(
        "not-found",
        "--add-demand",
        `The network has no such pair of nodes as ${pair}.${example === undefined ? "" : ` A node that exists: ${example}.`}`,
      ),
    );
  }
  return ok({ ...meant, trafficClass, rateBps: rateBps.value });
}

/** `LINK=RATE`, or `cable/LINK=RATE` for so much more both ways. */
function capacityAsked(texts: readonly string[] | undefined, { network }: Ground): Result<readonly unknown[]> {
  const asked: unknown[] = [];
  for (const text of texts ?? []) {
    const equals = text.lastIndexOf("=");
    if (equals < 1)
      return refuse(
        argumentFault("malformed", "--add-capacity", `--add-capacity takes LINK=RATE, such as a-b=10Gbps, not ${JSON.stringify(text)}.`),
      );
    const rate = parseRateUnit(text.slice(equals + 1), "--add-capacity");
    if (!rate.ok) return rate;
    if (network === undefined) continue;
    const elements = parseElements([text.slice(0, equals)], "--add-capacity", network);
    if (!elements.ok) return elements;
    const { linkIds, nodeIds, srlgIds } = elements.value;
    if (nodeIds.length + srlgIds.length > 0)
      return refuse(
        argumentFault("not-allowed", "--add-capacity", `Capacity is a link's: ${JSON.stringify(text.slice(0, equals))} is none.`),
      );
    asked.push(...linkIds.map((linkId) => ({ linkId, capacityBps: rate.value })));
  }
  return ok(asked);
}

/** Which option made a part of the question, where no file has it. */
const optionOf: readonly (readonly [string, string])[] = [
  ["/settings", "--set"],
  ["/failures", "--failures"],
  ["/demands/add", "--add-demand"],
  ["/demands", "--scale"],
  ["/fail", "--fail"],
  ["/drain", "--drain"],
  ["/addCapacity", "--add-capacity"],
  ["/topologyChanges", "--drain"],
];

/** Pointers into the question as places in the file, or as the option's name. */
export function inQuestion(faults: Faults, file: PlanQuestionFlags["file"]): Faults {
  const [first, ...rest] = faults.map((each): Fault => {
    const pointer = /^\/(?:body\b)?(.*)$/.exec(each.pointer ?? "");
    if (pointer === null) return each;
    const place = (each.pointer ?? "").startsWith("/body") ? (pointer[1] ?? "") : (each.pointer ?? "");
    const message = each.message.replace(`${each.pointer ?? ""}:`, `${place}:`);
    if (file !== undefined) return { ...each, message, pointer: place, data: { ...each.data, file: file.path } };
    const option = optionOf.find(([prefix]) => place === prefix || place.startsWith(`${prefix}/`))?.[1];
    return { ...each, message, pointer: option ?? place };
  });
  return first === undefined ? faults : [first, ...rest];
}
