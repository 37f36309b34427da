/** What every command is given besides its arguments, and how it ends. */
import type { Faults } from "@sluice/model";
import { exitCodeOf, type ExitCode } from "./exit-code.js";
import { refusalLines } from "./refusal.js";
import type { ChildEntry } from "./child-task.js";
import type { Terminal } from "./terminal.js";

export interface CommandContext {
  readonly terminal: Terminal;
  readonly solver: ChildEntry;
  /** The process that looks at failures. */
  readonly failures: ChildEntry;
  /** The process that seeks the smallest change. */
  readonly change: ChildEntry;
  /** The process of one instance of the benchmark. */
  readonly bench: ChildEntry;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Puts a question to the person at the terminal; undefined where nobody is there. What is answered is trimmed. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}

/** Says what was refused and gives the exit code for it. */
export function refused({ terminal }: CommandContext, faults: Faults): ExitCode {
  if (faults[0].code !== "cancelled") for (const line of refusalLines(faults, terminal)) terminal.tell(line);
  terminal.settle();
  return exitCodeOf(faults[0]);
}

export const outputKinds = ["table", "json"] as const;
export type OutputKind = (typeof outputKinds)[number];

/** JSON for stdout: two blanks of indentation, a line feed at the end. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
