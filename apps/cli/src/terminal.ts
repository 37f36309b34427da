/**
 * The process's two streams as the commands see them: results on stdout, everything else on stderr. A reader that goes
 * away (`sluice ... | head`) ends the output, not the work: the exit code still tells the verdict.
 */
import type { Writable } from "node:stream";
import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;

export interface Terminal {
  /** For stdout: coloured only where a person reads it. */
  readonly colors: Colors;
  readonly errorColors: Colors;
  /** Writes a result; resolves when the stream took it, or when nobody reads any more. */
  write(text: string): Promise<void>;
  /** A line for people. */
  tell(line: string): void;
  /** What is being done now; replaces the line before on a TTY, and says nothing where progress is off. */
  progress(stage: string, fraction?: number): void;
  /** Wipes the progress line. */
  settle(): void;
}

export interface TerminalOptions {
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface TerminalSetting {
  /** `--progress` and `--no-progress`; without either it shows on a TTY. */
  readonly progress?: boolean;
  /** `--color`: `always`, `never` or `auto`, which is what is done without it. */
  readonly color?: string;
}

export function openTerminal({ stdout, stderr, env }: TerminalOptions, setting: TerminalSetting = {}): Terminal {
  const plain = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  const forced = (env["FORCE_COLOR"] ?? "") !== "" && env["FORCE_COLOR"] !== "0";
  const coloured = (stream: { readonly isTTY?: boolean }) => {
    if (setting.color === "always" || setting.color === "never") return setting.color === "always";
    return !plain && (forced || stream.isTTY === true);
  };
  const shown = setting.progress ?? stderr.isTTY === true;
  const inPlace = stderr.isTTY === true && env["TERM"] !== "dumb";
  let line = "";

  const settle = (): void => {
    if (inPlace && line !== "") stderr.write("\r\u001b[K");
    line = "";
  };
  return {
    colors: picocolors.createColors(coloured(stdout)),
    errorColors: picocolors.createColors(coloured(stderr)),
    settle,
    write: (text) => writeAll(stdout, text),
    tell(text) {
      settle();
      stderr.write(`${text}\n`);
    },
    progress(stage, fraction) {
      if (!shown) return;
      const percent = fraction === undefined || fraction <= 0 || fraction >= 1 ? "" : ` ${Math.floor(fraction * 100)} %`;
      const next = `sluice: ${stage}${percent}`;
      if (next === line) return;
      line = next;
      stderr.write(inPlace ? `\r\u001b[K${next}` : `${next}\n`);
    },
  };
}

function writeAll(stream: Writable, text: string): Promise<void> {
  if (stream.destroyed || stream.writableEnded || stream.errored !== null) return Promise.resolve();
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error === null || error === undefined || isReaderGone(error)) resolve();
      else reject(error);
    });
  });
}

/** EPIPE, or a stream that was destroyed after one. */
export function isReaderGone(error: Error & { readonly code?: string }): boolean {
  return error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED";
}
