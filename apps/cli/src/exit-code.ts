/** What the process says to a script when it ends (docs/cli.md). */
import type { Fault, FaultCode } from "@sluice/model";

export const exitCode = {
  /** The answer is there and every verdict is a pass. */
  ok: 0,
  /** The answer is there, but the checker or the packet walk refuses it. */
  verdictFailed: 1,
  /** The arguments or a file were refused; nothing was written. */
  badInput: 2,
  /** Of `plan`, `diff` and `validate`: something differs, or would. Their refusals are 1, so that none looks like this. */
  different: 2,
  /** No rung of the ladder gave an answer in time. */
  noAnswer: 3,
  /** A bug, or a machine that fails underneath. */
  internal: 70,
  /** Ended by Ctrl-C: 128 + SIGINT, as shells have it. */
  interrupted: 130,
  /** Ended by SIGTERM. */
  terminated: 143,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

const codeOf: Partial<Record<FaultCode, ExitCode>> = {
  "deadline-exceeded": exitCode.noAnswer,
  "solver-failed": exitCode.noAnswer,
  cancelled: exitCode.interrupted,
  "check-failed": exitCode.verdictFailed,
  "walk-failed": exitCode.verdictFailed,
  "table-full": exitCode.verdictFailed,
  "labels-exhausted": exitCode.verdictFailed,
  "store-failed": exitCode.internal,
  internal: exitCode.internal,
};

/** Whatever is wrong with what was handed in is `badInput`. */
export function exitCodeOf(fault: Fault): ExitCode {
  return codeOf[fault.code] ?? exitCode.badInput;
}

/** Of a command whose answer may be that something differs: a refusal must not look like one. */
export function differing(code: ExitCode): ExitCode {
  return code === exitCode.badInput ? exitCode.verdictFailed : code;
}
