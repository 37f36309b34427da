/** `sluice solve`: a plan for one network and one demand matrix, with its certificate and the checker's verdict. */
import { parseOneOf } from "../argument.js";
import { jsonText, outputKinds, refused, type CommandContext } from "../command-context.js";
import { exitCode, type ExitCode } from "../exit-code.js";
import { writeWhole } from "../input-file.js";
import type { NetworkFlags } from "../network-input.js";
import { writePlanFile } from "../plan-file.js";
import { solveReport } from "../solve-report.js";
import { runSolve } from "../solve-run.js";
import type { SolveFlags } from "../solve-setting.js";
import { noteLines, solveTable } from "../solve-table.js";

export interface SolveCommandFlags extends NetworkFlags, SolveFlags {
  readonly output: string;
  readonly planOut?: string;
}

export async function solveCommand(flags: SolveCommandFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const output = parseOneOf(flags.output, outputKinds, "--output");
  if (!output.ok) return refused(context, output.faults);
  const solved = await runSolve(flags, context);
  if (!solved.ok) return refused(context, solved.faults);
  const { plan, settings, source, notes } = solved.value;
  if (flags.planOut !== undefined) {
    const written = await writeWhole(flags.planOut, writePlanFile({ settings, tunnels: source.kind, plan }), "--plan-out");
    if (!written.ok) return refused(context, written.faults);
  }
  terminal.settle();
  const report = solveReport(solved.value);
  if (output.value === "json") {
    await terminal.write(jsonText(report));
  } else {
    for (const line of noteLines(notes, terminal.errorColors)) terminal.tell(line);
    await terminal.write(solveTable(report, terminal.colors));
  }
  return plan.check.verdict === "pass" ? exitCode.ok : exitCode.verdictFailed;
}
