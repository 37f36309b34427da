/** Runs a command to its end, in a namespace where one is given. Bounded in time and output. */
import { execFile } from "node:child_process";

const outputBytesMax = 64 * 2 ** 20;
const toolMsMax = 60_000;

export interface ToolRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ToolPlace {
  /** A process whose network namespace the command runs in. */
  readonly pid?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly msMax?: number;
}

export function runTool(argv: readonly [string, ...string[]], { pid, env, msMax = toolMsMax }: ToolPlace = {}): Promise<ToolRun> {
  const [file, ...args] = pid === undefined ? argv : ["nsenter", "--target", String(pid), "--net", "--", ...argv];
  return new Promise((resolve) => {
    execFile(
      file ?? argv[0],
      args,
      { env: { ...process.env, ...env }, timeout: msMax, killSignal: "SIGKILL", maxBuffer: outputBytesMax },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, stdout, stderr: error === null || stderr !== "" ? stderr : error.message });
      },
    );
  });
}
