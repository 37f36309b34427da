/** What a command makes as one text: its notes to stderr, the text to `--output`, or to stdout where that is `-`. */
import type { Result } from "@sluice/model";
import { refused, type CommandContext } from "./command-context.js";
import { exitCode, type ExitCode } from "./exit-code.js";
import { writeWhole } from "./input-file.js";
import type { FileNote } from "./network-input.js";
import { noteLines } from "./solve-table.js";

export interface TextResult {
  readonly text: string;
  /** What had to be inferred of the files that it was made from. */
  readonly notes: readonly FileNote[];
}

/** Ends the command's progress. */
export async function tellTextResult(made: Result<TextResult>, output: string, context: CommandContext): Promise<ExitCode> {
  if (!made.ok) return refused(context, made.faults);
  const { terminal } = context;
  const { text, notes } = made.value;
  for (const line of noteLines(notes, terminal.errorColors)) terminal.tell(line);
  terminal.settle();
  if (output === "-") {
    await terminal.write(text);
    return exitCode.ok;
  }
  const written = await writeWhole(output, text, "--output");
  return written.ok ? exitCode.ok : refused(context, written.faults);
}
