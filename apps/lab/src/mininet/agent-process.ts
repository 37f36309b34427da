/** The agent of one switch as a process in the switch's namespace, started again when it dies, as a service manager would have it. */
import { spawn, type ChildProcess } from "node:child_process";
import { openSync, closeSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LinkId, NodeId } from "@sluice/model";
import type { TlsFiles } from "@sluice/wire";
import type { SwitchPlace } from "./network-process.js";

const agentEntry = fileURLToPath(new URL("../../../agent/dist/main.js", import.meta.url));
/** A death is answered by a new start after this, ms. */
const restartMs = 1_000;
const endMsMax = 6_000;
/** A young generation of 1 MiB: agents are many, and what they hold is small. */
const nodeOptions = ["--max-semi-space-size=1"];

export interface AgentProcessOptions {
  readonly node: NodeId;
  readonly place: SwitchPlace;
  readonly bridge: string;
  readonly interfaces: ReadonlyMap<LinkId, string>;
  readonly controller: string;
  readonly tls: Required<TlsFiles>;
  readonly stateDir: string;
  readonly readBackMs: number;
  readonly countersMs: number;
  /** Absent: no BFD. */
  readonly bfdIntervalMs: number | undefined;
}

export class AgentProcess {
  readonly #options: AgentProcessOptions;
  #child: ChildProcess | undefined;
  #stopping = false;
  #restart: NodeJS.Timeout | undefined;
  #deaths = 0;

  constructor(options: AgentProcessOptions) {
    this.#options = options;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get deaths(): number {
    return this.#deaths;
  }

  /** As by a crash. It is started again. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), endMsMax);
    await ended;
    clearTimeout(timer);
  }

  #start(): void {
    const { node, place, bridge, interfaces, controller, tls, stateDir, readBackMs, countersMs, bfdIntervalMs } = this.#options;
    // A node's id may be no file name, or too long a one.
    const ownDir = join(stateDir, "agents", createHash("sha256").update(node).digest("hex").slice(0, 32));
    const ports = [...interfaces].flatMap(([linkId, name]) => ["--port", `${linkId}=${name}`]);
    const log = openSync(join(stateDir, "agents.log"), "a", 0o600);
    const who = ["--node", node, "--controller", controller, "--state-dir", ownDir];
    const trust = ["--tls-cert", tls.cert, "--tls-key", tls.key, "--tls-ca", tls.ca];
    const what = ["--ovs-bridge", bridge, "--ovs-run-dir", place.runDir, "--deliver", place.site, ...ports];
    const bfd = bfdIntervalMs === undefined ? [] : ["--bfd-interval-ms", String(bfdIntervalMs)];
    const when = ["--read-back-ms", String(readBackMs), "--counters-ms", String(countersMs), ...bfd];
    // Each of these becomes the next one: the child is the agent, which is told to end when this process goes.
    const argv = [
      "--pdeathsig",
      "TERM",
      "nsenter",
      "--target",
      String(place.pid),
      "--net",
      "--",
      process.execPath,
      ...nodeOptions,
      agentEntry,
      ...who,
      ...trust,
      ...what,
      ...when,
    ];
    const child = spawn("setpriv", argv, { stdio: ["ignore", log, log], detached: true });
    closeSync(log);
    this.#child = child;
    child.once("error", () => undefined);
    child.once("close", () => {
      this.#child = undefined;
      if (this.#stopping) return;
      this.#deaths += 1;
      this.#restart = setTimeout(() => this.#start(), restartMs);
    });
  }
}
