/** How far long work is, for people: a bar with its stage on a terminal, nothing elsewhere unless it is asked for. */
import type { Terminal } from "../terminal.js";

const barCells = 24;

/** `[######..................]  25 % solve`. */
export function barText(stage: string, fraction: number): string {
  const share = Math.min(1, Math.max(0, fraction));
  const full = Math.floor(share * barCells);
  return `[${"#".repeat(full)}${".".repeat(barCells - full)}] ${String(Math.floor(share * 100)).padStart(3)} % ${stage}`;
}

export type TellProgress = (progress: { readonly stage: string; readonly fraction: number }) => void;

export function progressOn(terminal: Terminal): TellProgress {
  return ({ stage, fraction }) => terminal.progress(barText(stage, fraction));
}
