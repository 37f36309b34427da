/**
 * The controller as a child process: started, watched until it says that it serves, ended by its process id. It ends by itself
 * when this process goes, however that happens (`--exit-with-stdin`).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { fault, ok, refuse, type Fault, type PlanSettings, type Result, type Term } from "@sluice/model";
import type { TlsFiles } from "@sluice/wire";

/** Longest that a controller may take from its start to its ready line, ms: a new database needs some 4 s on a slow machine. */
const readyMsMax = 60_000;
/** Longest that it may take to end before it is killed, ms. */
const endMsMax = 12_000;
/** Log lines that are kept to explain a failure. */
const lastLinesMax = 20;
/** glibc keeps what a thread gave back in an arena of its own; of the database's and the compiler's threads that is some 70 MB. */
const memoryEnvironment = { MALLOC_ARENA_MAX: "2" };

export interface ControllerProcessOptions {
  readonly entry: URL;
  readonly dataDir: string;
  readonly grpc: string;
  /** Of gRPC; plaintext, on loopback only, without. */
  readonly tls?: Required<TlsFiles>;
  readonly rest: string;
  readonly cycleSeconds: number;
  /** Absent: the controller's own. */
  readonly settings?: PlanSettings;
  /** Where its log goes. */
  readonly logFile: string;
  readonly verbose: boolean;
  /** Ends a controller that does not serve yet, and the wait for it. */
  readonly signal?: AbortSignal;
}

export interface Serving {
  readonly grpc: string;
  readonly rest: string;
  readonly term: Term;
  readonly pid: number;
}

export interface ControllerProcess {
  readonly serving: Serving;
  /** Settles when the process is gone: how it ended and what it last complained of. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/** Faults: `unavailable` with the controller's own words where it ends before it serves, `deadline-exceeded` where it does neither, `cancelled` by the signal; the process is gone then. */
export function startController(options: ControllerProcessOptions): Promise<Result<ControllerProcess>> {
  const { entry, dataDir, grpc, tls, rest, cycleSeconds, settings, signal } = options;
  if (signal?.aborted === true) return Promise.resolve(refuse(startCancelled()));
  const args = ["--data-dir", dataDir, "--grpc", grpc, "--rest", rest, "--cycle-seconds", String(cycleSeconds), "--exit-with-stdin"];
  if (tls !== undefined) args.push("--grpc-tls-cert", tls.cert, "--grpc-tls-key", tls.key, "--grpc-tls-ca", tls.ca);
  if (settings !== undefined) args.push("--settings", JSON.stringify(settings));
  // stdin stays open and empty: its end is how the child learns that this process is gone. A process group of its own keeps Ctrl-C away: here
  // is decided in which order things end.
  const child = spawn(process.execPath, [fileURLToPath(entry), ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
    env: { ...memoryEnvironment, ...process.env },
  });
  const complaints = keepLog(child, options);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
    child.once("exit", (code, signalName) => {
      const how = signalName === null ? `it ended with code ${code}` : `it was ended by ${signalName}`;
      const said = complaints();
      resolve(said === "" ? how : `${how}: ${said}`);
    });
  });

  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      void stop(child, ended);
      resolve(
        refuse(fault("deadline-exceeded", `The controller did not serve within ${readyMsMax / 1000} s; its log is ${options.logFile}.`)),
      );
    }, readyMsMax);
    const cancel = (): void => void stop(child, ended);
    signal?.addEventListener("abort", cancel, { once: true });
    void ended.then((how) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      resolve(refuse(signal?.aborted === true ? startCancelled() : fault("unavailable", `The controller could not serve: ${how}`)));
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const serving = readyLine(line, child.pid ?? 0);
      if (serving === undefined) return;
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      resolve(ok({ serving, ended, stop: () => stop(child, ended) }));
    });
  });
}

function startCancelled(): Fault {
  return fault("cancelled", "The start of the controller was stopped.");
}

/** `{"ready":true,"grpc":"127.0.0.1:50051","rest":"http://127.0.0.1:8080","term":1}`; undefined for any other line. */
export function readyLine(line: string, pid: number): Serving | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined; // Something else on stdout is not the ready line; the controller's log says what it is.
  }
  if (typeof value !== "object" || value === null || !("ready" in value) || value.ready !== true) return undefined;
  const { grpc, rest, term } = value as { readonly grpc?: unknown; readonly rest?: unknown; readonly term?: unknown };
  if (typeof grpc !== "string" || typeof rest !== "string" || typeof term !== "number") return undefined;
  return { grpc, rest, term, pid };
}

async function stop(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), endMsMax);
  await ended;
  clearTimeout(timer);
}

/** Copies the child's log to its file; the returned function gives its last complaint in words. */
function keepLog(
  child: ChildProcess & { readonly stderr: NodeJS.ReadableStream },
  { logFile, verbose }: ControllerProcessOptions,
): () => string {
  const file = createWriteStream(logFile, { flags: "a" });
  // A full disk must not end the lab: the log is a convenience.
  file.on("error", () => undefined);
  const last: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    file.write(`${line}\n`);
    if (verbose) process.stderr.write(`${line}\n`);
    last.push(line);
    if (last.length > lastLinesMax) last.shift();
  });
  child.once("close", () => file.end());
  return () => complaintOf(last);
}

/** pino's level of an error; 60 is fatal. */
const errorLevel = 50;

/** The last error in the controller's log as a sentence; else its last line that is no JSON, such as commander's. */
export function complaintOf(lines: readonly string[]): string {
  for (const line of lines.toReversed()) {
    try {
      const entry = JSON.parse(line) as { readonly level?: unknown; readonly msg?: unknown };
      if (typeof entry.level === "number" && entry.level >= errorLevel && typeof entry.msg === "string") return entry.msg;
    } catch {
      if (line.trim() !== "") return line.trim();
    }
  }
  return "";
}
