/**
 * `sluice verify`: judges a plan against a network by means that share no code with what made it: the independent checker on
 * the flows, then the rules it compiles to, walked packet by packet.
 */
import { checkPlan } from "@sluice/engine";
import { assign, compileRules, emptyAssignments, walkRules, type WalkReport } from "@sluice/rules";
import {
  canonicalHash,
  ok,
  refuse,
  topologyDocument,
  type CheckReport,
  type Faults,
  type Plan,
  type Result,
  type Snapshot,
  type Topology,
} from "@sluice/model";
import { parseOneOf } from "../argument.js";
import { jsonText, outputKinds, refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { readOneFile, type ReadLimits } from "../input-file.js";
import { readNetworkAndDemands, type FileNote, type NetworkFlags } from "../network-input.js";
import { readPlanFile } from "../plan-file.js";
import { percentText } from "../rate-unit.js";
import { inFile } from "../refusal.js";
import { noteLines } from "../solve-table.js";
import { readTunnelFile, tunnelsNeeded } from "../tunnel-input.js";
import { walkFailures, type FailuresWalked } from "../walk-failures.js";
import type { Colors } from "../terminal.js";

/** Violations shown in a table; all are in the JSON. */
const violationsShownMax = 20;

export interface VerifyCommandFlags extends NetworkFlags {
  readonly plan: string;
  /** The path set that the plan was made with, where it was made with one. */
  readonly tunnels?: string;
  /** Walk every single failure as well. */
  readonly failures?: boolean;
  readonly output: string;
}

export interface VerifyReport {
  readonly kind: "verify-report";
  readonly formatVersion: 1;
  readonly verdict: "pass" | "fail";
  readonly plan: string;
  /** Whether the plan was made from exactly these inputs. */
  readonly inputMatches: boolean;
  readonly check: CheckReport;
  /** Null where the plan cannot be compiled: `refusal` says why. */
  readonly rules: { readonly switches: number; readonly rules: number } | null;
  readonly walk: WalkReport | null;
  /** With `--failures`. */
  readonly failures?: FailuresWalked;
  readonly refusal: Faults | null;
  readonly seconds: Readonly<Record<string, number>>;
  readonly notes: readonly FileNote[];
}

export async function verifyCommand(flags: VerifyCommandFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const output = parseOneOf(flags.output, outputKinds, "--output");
  if (!output.ok) return refused(context, output.faults);
  const verified = await verify(flags, context);
  if (!verified.ok) return refused(context, verified.faults);
  const report = verified.value;
  terminal.settle();
  if (output.value === "json") {
    await terminal.write(jsonText(report));
  } else {
    for (const line of noteLines(report.notes, terminal.errorColors)) terminal.tell(line);
    await terminal.write(verifyTable(report, terminal.colors));
  }
  return report.verdict === "pass" ? exitCode.ok : exitCode.verdictFailed;
}

async function verify(flags: VerifyCommandFlags, { terminal, nowMs, signal }: CommandContext): Promise<Result<VerifyReport>> {
  const startMs = nowMs();
  terminal.progress("read");
  const bytes = await readOneFile(flags.plan, "--plan", { signal });
  if (!bytes.ok) return bytes;
  const planFile = inFile(flags.plan, readPlanFile(bytes.value));
  if (!planFile.ok) return planFile;
  const input = await readNetworkAndDemands(flags, { signal });
  if (!input.ok) return input;
  const { topology, matrix } = input.value;
  const { plan, settings, tunnels } = planFile.value;
  const given = tunnels === "file" ? await readGiven(flags, topology, { signal }) : ok(undefined);
  if (!given.ok) return given;
  const notes = [...input.value.notes, ...(given.value?.notes ?? [])];
  const snapshot: Snapshot = { topology: topologyDocument(topology), demands: matrix, settings };

  terminal.progress("check");
  const checkMs = nowMs();
  const check = checkPlan(snapshot, plan, { candidates: tunnels === "any" ? "all-paths" : given.value?.candidates });
  terminal.progress("walk");
  const walkMs = nowMs();
  const { rules, ...walked } = walkPlan(topology, plan, flags.failures === true);
  const endMs = nowMs();
  const passed = check.verdict === "pass" && walked.walk?.verdict === "pass" && walked.failures?.verdict !== "fail";
  return ok({
    kind: "verify-report",
    formatVersion: 1,
    verdict: passed ? "pass" : "fail",
    plan: flags.plan,
    inputMatches: canonicalHash(snapshot) === plan.inputHash,
    check,
    rules,
    ...walked,
    seconds: {
      read: (checkMs - startMs) / 1000,
      check: (walkMs - checkMs) / 1000,
      walk: (endMs - walkMs) / 1000,
      total: (endMs - startMs) / 1000,
    },
    notes,
  });
}

async function readGiven({ tunnels, plan }: VerifyCommandFlags, topology: Topology, limits: ReadLimits) {
  if (tunnels === undefined) return refuse(tunnelsNeeded(plan));
  const read = await readTunnelFile(tunnels, topology, limits);
  return read.ok
    ? ok({ candidates: read.value.candidates, notes: read.value.notes.map((note): FileNote => ({ ...note, file: tunnels })) })
    : read;
}

/** Rules as a controller without any history would install them. */
function walkPlan(topology: Topology, plan: Plan, withFailures: boolean): Pick<VerifyReport, "rules" | "walk" | "failures" | "refusal"> {
  const assigned = assign(emptyAssignments, plan, topology);
  if (!assigned.ok) return { rules: null, walk: null, refusal: assigned.faults };
  const rules = compileRules(topology, plan, assigned.value);
  if (!rules.ok) return { rules: null, walk: null, refusal: rules.faults };
  const count = [...rules.value.values()].reduce((sum, node) => sum + node.size, 0);
  return {
    rules: { switches: rules.value.size, rules: count },
    walk: walkRules(topology, rules.value, {}),
    ...(withFailures ? { failures: walkFailures(topology, rules.value) } : {}),
    refusal: null,
  };
}

function verifyTable(report: VerifyReport, { bold, green, red }: Colors): string {
  const verdictText = (verdict: "pass" | "fail") => (verdict === "pass" ? green("pass") : red("fail"));
  const part = (checked: Readonly<Record<string, number>>) =>
    Object.entries(checked)
      .map(([what, count]) => `${count} ${what}`)
      .join(", ");
  const { check, walk, rules, failures, refusal } = report;
  const violations = [...check.violations, ...(walk?.violations ?? []), ...(failures?.violations ?? []), ...(refusal ?? [])];
  const rows = [
    ["plan", `${report.plan}${report.inputMatches ? "" : ": made from other inputs than these"}`],
    ["check", `${verdictText(check.verdict)} (${part(check.checked)}); fullest link ${percentText(check.utilizationMax)}`],
    ["rules", rules === null ? red("could not be compiled") : `${rules.rules} on ${rules.switches} switches`],
    [
      "walk",
      walk === null
        ? red("not walked")
        : `${verdictText(walk.verdict)} (${part(walk.checked)}); fullest link ${percentText(walk.utilizationMax)}`,
    ],
    ...(failures === undefined
      ? []
      : [
          [
            "failures",
            `${verdictText(failures.verdict)} (${failures.scenarios} scenarios); ${failures.repaired} wholly repaired next to the failure; ${failures.overfull} with overfull links until ingresses change over`,
          ] as const,
        ]),
    [
      "seconds",
      Object.entries(report.seconds)
        .map(([stage, value]) => `${stage} ${value.toFixed(3)}`)
        .join("  "),
    ],
    ["verdict", verdictText(report.verdict)],
  ] as const;
  const lines = rows.map(([name, text]) => `${bold(name.padEnd(8))} ${text}`);
  for (const each of violations.slice(0, violationsShownMax)) lines.push(`  ${red(each.code)} ${each.pointer ?? ""} ${each.message}`);
  if (violations.length > violationsShownMax) lines.push(`  and ${violations.length - violationsShownMax} more`);
  return `${lines.join("\n")}\n`;
}
