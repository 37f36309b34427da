/** Open vSwitch's own command-line tools, run one at a time against one ovs-vswitchd. Each run is bounded in time and output. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { fault, ok, refuse, type Result } from "@sluice/model";

/** A tool that takes longer is killed, ms. Bundles of 20,000 entries take 0.4 s. */
const toolMsMax = 15_000;
/** Output kept of one run, bytes: a dump of 200,000 flow entries has about 20 MB. */
const outputBytesMax = 256 * 2 ** 20;
/** What a message quotes of a tool's complaint, characters. */
const quotedMax = 400;

export interface OvsPlace {
  /** Where ovs-vswitchd and ovsdb-server keep their sockets (OVS_RUNDIR). */
  readonly runDir: string;
  readonly bridge: string;
}

export type OvsTool = "ovs-ofctl" | "ovs-vsctl" | "ovsdb-client";

/** Runs a tool to its end. Faults: `unavailable` where it cannot be run or is late, `rule-refused` where the switch says no. */
export function runOvsTool(place: OvsPlace, tool: OvsTool, args: readonly string[], stdin = ""): Promise<Result<string>> {
  return new Promise((resolve) => {
    const child = execFile(
      tool,
      [...connection(place, tool), ...args],
      { env: environment(place), timeout: toolMsMax, killSignal: "SIGKILL", maxBuffer: outputBytesMax },
      (error, stdout, stderr) => {
        if (error === null) return resolve(ok(stdout));
        const said = (stderr.trim() === "" ? error.message : stderr.trim()).replaceAll(/\s+/g, " ").slice(0, quotedMax);
        if (error.killed === true) return resolve(refuse(fault("unavailable", `${tool} took longer than ${toolMsMax} ms.`)));
        const isRefusal = /\bOFP[A-Z]+C_|OFPERR|Error /.test(said);
        resolve(refuse(fault(isRefusal ? "rule-refused" : "unavailable", `${tool}: ${said}`)));
      },
    );
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(stdin);
  });
}

/** Starts a tool that runs until it is killed, such as a monitor. */
export function followOvsTool(place: OvsPlace, tool: OvsTool, args: readonly string[]): ChildProcess {
  return spawn(tool, [...connection(place, tool), ...args], { env: environment(place), stdio: ["ignore", "pipe", "pipe"] });
}

function connection({ runDir }: OvsPlace, tool: OvsTool): readonly string[] {
  switch (tool) {
    case "ovs-ofctl":
      // Meters are actions, select groups say how they hash, and stages are bundles: OpenFlow 1.5.
      return ["-O", "OpenFlow15"];
    case "ovs-vsctl":
      return [`--db=unix:${runDir}/db.sock`, "--timeout=10"];
    case "ovsdb-client":
      return [];
  }
}

function environment({ runDir }: OvsPlace): NodeJS.ProcessEnv {
  return { ...process.env, OVS_RUNDIR: runDir };
}
