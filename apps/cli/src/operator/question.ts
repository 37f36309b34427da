/** A question to the person at the terminal: on stderr, so that stdout has results alone. */
import { createInterface } from "node:readline/promises";

/** The answer, trimmed; empty where the person ends the input, or the signal is aborted. */
export async function askPerson(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await lines.question(question, { signal })).trim();
  } catch {
    return "";
  } finally {
    lines.close();
  }
}
