/** Open vSwitch's daemons for tests: real ones over the dummy datapath, in a folder of their own, without any privilege. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const schema = "/usr/share/openvswitch/vswitch.ovsschema";
const tools = ["ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovsdb-client"];
/** Looks for a daemon's end, 10 ms apart. */
const endTurnsMax = 500;

/** Undefined where everything is there; else what is missing, for the line that says why tests are skipped. */
export function ovsMissing(): string | undefined {
  const path = (process.env["PATH"] ?? "").split(":");
  const absent = tools.filter((tool) => !path.some((folder) => existsSync(join(folder, tool))));
  if (absent.length > 0) return `${absent.join(", ")} not found (Debian: openvswitch-switch)`;
  return existsSync(schema) ? undefined : `${schema} is not there`;
}

export interface OvsDaemons {
  /** Databases and sockets: OVS_RUNDIR. */
  readonly runDir: string;
  /** What a tool prints; throws where it fails. */
  run(tool: string, ...args: readonly string[]): string;
  vsctl(...args: readonly string[]): string;
  /** The socket of ovs-vswitchd's own commands. */
  controlPath(): string;
  /** ovs-vswitchd ends and starts anew: bridges are there again, their tables are empty. */
  restartSwitch(): void;
  stop(): void;
}

/** Throws where they do not start; then nothing is left of them. */
export function startOvsDaemons(prefix: string): OvsDaemons {
  const runDir = mkdtempSync(join(tmpdir(), prefix));
  const env = { ...process.env, OVS_RUNDIR: runDir, OVS_LOGDIR: runDir, OVS_DBDIR: runDir };
  const run = (tool: string, ...args: readonly string[]): string =>
    execFileSync(tool, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const database = `unix:${runDir}/db.sock`;
  const quiet = ["-vconsole:off", "-vfile:off", "-vsyslog:off"];
  const pidFile = (name: string): string => join(runDir, `${name}.pid`);
  const daemon = (name: string): readonly string[] => [`--pidfile=${pidFile(name)}`, "--detach", "--no-chdir", ...quiet];
  const control = (name: string): string => join(runDir, `${name}.${readFileSync(pidFile(name), "utf8").trim()}.ctl`);
  const startSwitch = (): void => {
    run("ovs-vswitchd", database, "--enable-dummy=override", "--disable-system", ...daemon("ovs-vswitchd"));
  };
  /** By its own command; it removes its pidfile at last. A process that is not reaped would look alive for ever. */
  const end = (name: string): void => {
    if (!existsSync(pidFile(name))) return;
    run("ovs-appctl", "-t", control(name), "exit");
    for (let i = 0; i < endTurnsMax && existsSync(pidFile(name)); i++) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  };
  const stop = (): void => {
    for (const name of ["ovs-vswitchd", "ovsdb-server"]) end(name);
    rmSync(runDir, { recursive: true, force: true });
  };
  const vsctl = (...args: readonly string[]): string => run("ovs-vsctl", `--db=${database}`, "--timeout=60", ...args);
  try {
    run("ovsdb-tool", "create", join(runDir, "conf.db"), schema);
    run("ovsdb-server", join(runDir, "conf.db"), `--remote=p${database}`, ...daemon("ovsdb-server"));
    vsctl("--no-wait", "init");
    startSwitch();
  } catch (error) {
    stop();
    throw error;
  }
  return {
    runDir,
    run,
    vsctl,
    controlPath: () => control("ovs-vswitchd"),
    restartSwitch() {
      end("ovs-vswitchd");
      startSwitch();
    },
    stop,
  };
}
