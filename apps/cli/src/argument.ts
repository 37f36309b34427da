/** The gate for option values: text in, typed value or a fault that names the option out. Nothing is guessed. */
import {
  compareText,
  objectiveNames,
  ok,
  refuse,
  solverNames,
  trafficClasses,
  tunnelPolicyKinds,
  type FlowGroup,
  type ObjectiveName,
  type Result,
  type SolverName,
  type TrafficClass,
  type TunnelPolicy,
} from "@sluice/model";
import { argumentFault } from "./refusal.js";

/** Where tunnels come from: a policy, every path there is (edge-based LP), or a file with a path set. */
export type TunnelSource =
  | { readonly kind: "policy"; readonly policy: TunnelPolicy }
  | { readonly kind: "any" }
  | { readonly kind: "file"; readonly path: string };

export function parseOneOf<T extends string>(text: string, allowed: readonly T[], option: string): Result<T> {
  const found = allowed.find((each) => each === text);
  if (found !== undefined) return ok(found);
  return refuse(argumentFault("not-allowed", option, `${option} takes one of ${allowed.join(", ")}, not ${JSON.stringify(text)}.`));
}

export const parseObjective = (text: string): Result<ObjectiveName> => parseOneOf(text, objectiveNames, "--objective");
export const parseSolver = (text: string): Result<SolverName> => parseOneOf(text, solverNames, "--solver");
export const parseClass = (text: string, option: string): Result<TrafficClass> => parseOneOf(text, trafficClasses, option);

const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A finite decimal number strictly above `above` and at most `most`; no hexadecimal, no blanks, no unit. */
export function parseNumber(
  text: string,
  option: string,
  { above, most }: { readonly above: number; readonly most: number },
): Result<number> {
  if (!decimal.test(text)) return refuse(argumentFault("wrong-type", option, `${option} takes a number, not ${JSON.stringify(text)}.`));
  const value = Number(text);
  if (!Number.isFinite(value)) return refuse(argumentFault("not-finite", option, `${option} is beyond any number: ${text}.`));
  if (value > above && value <= most) return ok(value);
  const code = value < 0 ? "negative" : "out-of-range";
  return refuse(argumentFault(code, option, `${option} must be more than ${above} and at most ${most}, not ${text}.`));
}

export function parseWhole(
  text: string,
  option: string,
  { least, most }: { readonly least: number; readonly most: number },
): Result<number> {
  if (!/^[+-]?\d+$/.test(text))
    return refuse(argumentFault("wrong-type", option, `${option} takes a whole number, not ${JSON.stringify(text)}.`));
  const value = Number(text);
  if (value >= least && value <= most) return ok(value);
  const code = value < 0 ? "negative" : "out-of-range";
  return refuse(argumentFault(code, option, `${option} must be from ${least} to ${most}, not ${text}.`));
}

/** `k-shortest:4`, `edge-disjoint:2`, `srlg-disjoint:3`, `priced:4`, `any`; what has no such form is a file's name. */
export function parseTunnelSource(text: string, latencyMsMax: number | undefined): Result<TunnelSource> {
  const latency = latencyMsMax === undefined ? {} : { latencyMsMax };
  if (text === "any") return ok({ kind: "any" });
  const kind = tunnelPolicyKinds.find((each) => text === each || text.startsWith(`${each}:`));
  if (kind === undefined) {
    const policyLike = /^[a-z-]+:[^/\\.]*$/.test(text);
    if (!policyLike && text !== "") return ok({ kind: "file", path: text });
    return refuse(
      argumentFault(
        "not-allowed",
        "--tunnels",
        `--tunnels takes ${tunnelPolicyKinds.map((each) => `${each}:K`).join(", ")}, any, or a file with a path set, not ${JSON.stringify(text)}.`,
      ),
    );
  }
  const count = text.slice(kind.length + 1);
  if (text === kind) return ok({ kind: "policy", policy: { kind, k: 4, ...latency } });
  const k = parseWhole(count, "--tunnels", { least: 1, most: 16 });
  return k.ok ? ok({ kind: "policy", policy: { kind, k: k.value, ...latency } }) : k;
}

/** `A>B` or `A>B/class`. Where the class is left out, the most important one that has such a demand is meant. */
export function parseFlowGroup(text: string, option: string, known: readonly FlowGroup[]): Result<FlowGroup> {
  const slash = text.lastIndexOf("/");
  const named = trafficClasses.find((each) => each === text.slice(slash + 1));
  const ends = slash >= 0 && named !== undefined ? text.slice(0, slash) : text;
  // Node names may hold a > themselves: every split is tried against the demands that exist.
  const splits = [...ends.matchAll(/>/g)].map(({ index }) => ({ src: ends.slice(0, index), dst: ends.slice(index + 1) }));
  if (splits.length === 0)
    return refuse(
      argumentFault("malformed", option, `${option} takes A>B or A>B/class, not ${JSON.stringify(text)} (quote it: > is the shell's).`),
    );
  const matches = known
    .filter(
      (group) =>
        (named === undefined || group.trafficClass === named) && splits.some(({ src, dst }) => group.src === src && group.dst === dst),
    )
    .toSorted((a, b) => trafficClasses.indexOf(a.trafficClass) - trafficClasses.indexOf(b.trafficClass) || compareText(a.src, b.src));
  const [match] = matches;
  if (match !== undefined) return ok({ src: match.src, dst: match.dst, trafficClass: match.trafficClass });
  const [example] = known;
  const hint = example === undefined ? "There are no demands." : `One that exists: ${example.src}>${example.dst}/${example.trafficClass}.`;
  return refuse(argumentFault("not-found", option, `There is no demand ${text}. ${hint}`));
}
