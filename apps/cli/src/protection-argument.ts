/** What is promised when something fails, from the command line's texts. */
import {
  failureKinds,
  localRepairs,
  ok,
  protectionDefault,
  refuse,
  trafficClasses,
  type FailureKind,
  type Guarantee,
  type ProtectionSettings,
  type Result,
  type TrafficClass,
} from "@sluice/model";
import { parseNumber, parseOneOf, parseWhole } from "./argument.js";
import { argumentFault } from "./refusal.js";

export interface ProtectionFlags {
  readonly guarantee?: string;
  readonly localRepair?: string;
  readonly scenarios?: string;
  readonly failureProbability?: string;
}

/** Settings of protection; undefined where no option asks for any. What is not given is the model's default. */
export function parseProtection(flags: ProtectionFlags): Result<ProtectionSettings | undefined> {
  const { guarantee, localRepair, scenarios, failureProbability } = flags;
  if ([guarantee, localRepair, scenarios, failureProbability].every((text) => text === undefined)) return ok(undefined);
  let settings: ProtectionSettings = protectionDefault;
  if (guarantee !== undefined) {
    const parsed = parseGuarantees(guarantee);
    if (!parsed.ok) return parsed;
    settings = { ...settings, guarantee: parsed.value };
  }
  if (localRepair !== undefined) {
    const parsed = parseOneOf(localRepair, localRepairs, "--local-repair");
    if (!parsed.ok) return parsed;
    settings = { ...settings, localRepair: parsed.value };
  }
  if (scenarios !== undefined) {
    const parsed = parseFailureKinds(scenarios);
    if (!parsed.ok) return parsed;
    settings = { ...settings, scenarios: [...parsed.value] };
  }
  if (failureProbability !== undefined) {
    const parsed = parseNumber(failureProbability, "--failure-probability", { above: 0, most: 0.5 });
    if (!parsed.ok) return parsed;
    settings = { ...settings, failureProbability: parsed.value };
  }
  return ok(settings);
}

/** `link`, `link,node,srlg`; `none` for no kind. */
export function parseFailureKinds(text: string): Result<readonly FailureKind[]> {
  if (text === "none") return ok([]);
  const kinds = new Set<FailureKind>();
  for (const part of text.split(",")) {
    const kind = parseOneOf(part.trim(), failureKinds, "--scenarios");
    if (!kind.ok) return kind;
    kinds.add(kind.value);
  }
  return ok(failureKinds.filter((kind) => kinds.has(kind)));
}

/** One for all classes (`guaranteed:1`), or by class (`interactive=guaranteed:1,elastic=protected`): classes not named are promised nothing. */
function parseGuarantees(text: string): Result<ProtectionSettings["guarantee"]> {
  if (!text.includes("=")) return parseGuarantee(text);
  const byClass: Record<TrafficClass, Guarantee> = { interactive: { kind: "none" }, elastic: { kind: "none" }, bulk: { kind: "none" } };
  for (const part of text.split(",")) {
    const [name = "", promise = ""] = part.trim().split("=", 2);
    const trafficClass = parseOneOf(name, trafficClasses, "--guarantee");
    if (!trafficClass.ok) return trafficClass;
    const guarantee = parseGuarantee(promise);
    if (!guarantee.ok) return guarantee;
    byClass[trafficClass.value] = guarantee.value;
  }
  return ok(byClass);
}

function parseGuarantee(text: string): Result<Guarantee> {
  const [kind = "", figure] = text.split(":", 2);
  if ((kind === "none" || kind === "protected") && figure === undefined) return ok({ kind });
  if (kind === "guaranteed") {
    const failures = parseWhole(figure ?? "1", "--guarantee", { least: 1, most: 3 });
    return failures.ok ? ok({ kind, failures: failures.value }) : failures;
  }
  if (kind === "availability" && figure !== undefined) {
    const target = parseNumber(figure, "--guarantee", { above: 0.5, most: 0.999_999 });
    return target.ok ? ok({ kind, target: target.value }) : target;
  }
  return refuse(
    argumentFault(
      "not-allowed",
      "--guarantee",
      `--guarantee takes none, protected, guaranteed:K or availability:SHARE, for all classes or by class as in interactive=guaranteed:1,elastic=protected, not ${JSON.stringify(text)}.`,
    ),
  );
}
