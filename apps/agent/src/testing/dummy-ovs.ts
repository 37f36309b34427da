/** An Open vSwitch of a test's own: real ovs-vswitchd over its dummy datapath, in a folder, without any privilege. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { OvsPlace } from "../ovs/ovs-tools.js";
import { framesOfPcap, frameOf, seenFrame, type SeenFrame, type TestPacket } from "./packet.js";

const schema = "/usr/share/openvswitch/vswitch.ovsschema";

/** Undefined where everything is there; else what is missing, for the line that says why tests are skipped. */
export function ovsMissing(): string | undefined {
  for (const tool of ["ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovsdb-client"]) {
    if (spawnSync(tool, ["--version"], { stdio: "ignore" }).error !== undefined)
      return `${tool} is not installed (Debian: openvswitch-switch)`;
  }
  return existsSync(schema) ? undefined : `${schema} is not there`;
}

export interface DummyOvs {
  readonly place: OvsPlace;
  /** The port of that number; made by `startDummyOvs`. */
  portName(port: number): string;
  setPort(port: number, up: boolean): void;
  /** What leaves the bridge by any port when this packet comes in. */
  send(inPort: number, packets: readonly TestPacket[]): Promise<readonly { readonly port: number; readonly frame: SeenFrame }[]>;
  ofctl(...args: readonly string[]): string;
  /** ovs-vswitchd ends and starts anew: the bridge is there again, its tables are empty. */
  restartSwitch(): void;
  stop(): void;
}

/** A bridge with ports of these numbers. */
export function startDummyOvs(bridge: string, ports: readonly number[]): DummyOvs {
  const runDir = mkdtempSync(join(tmpdir(), "sluice-ovs-"));
  const env = { ...process.env, OVS_RUNDIR: runDir, OVS_LOGDIR: runDir, OVS_DBDIR: runDir };
  const run = (tool: string, ...args: readonly string[]): string =>
    execFileSync(tool, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  const database = `unix:${runDir}/db.sock`;
  const vsctl = (...args: readonly string[]): string => run("ovs-vsctl", `--db=${database}`, "--timeout=10", ...args);
  const pidOf = (name: string): number => Number(readFileSync(join(runDir, `${name}.pid`), "utf8"));
  const startSwitch = (): void => {
    run(
      "ovs-vswitchd",
      database,
      "--enable-dummy=override",
      "--disable-system",
      `--pidfile=${runDir}/ovs-vswitchd.pid`,
      "--detach",
      "--no-chdir",
      "-vconsole:off",
      "-vfile:off",
      "-vsyslog:off",
    );
  };
  /** By its own command; it removes its pidfile at last. A process that is not reaped would look alive for ever. */
  const endProcess = (name: string): void => {
    const pidFile = join(runDir, `${name}.pid`);
    run("ovs-appctl", "-t", `${runDir}/${name}.${pidOf(name)}.ctl`, "exit");
    for (let i = 0; i < 500 && existsSync(pidFile); i++) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  };
  const portName = (port: number): string => `${bridge}-p${port}`;
  const capture = (port: number): string => join(runDir, `${portName(port)}.pcap`);

  run("ovsdb-tool", "create", join(runDir, "conf.db"), schema);
  run(
    "ovsdb-server",
    join(runDir, "conf.db"),
    `--remote=p${database}`,
    `--pidfile=${runDir}/ovsdb-server.pid`,
    "--detach",
    "--no-chdir",
    "-vconsole:off",
    "-vfile:off",
    "-vsyslog:off",
  );
  vsctl("--no-wait", "init");
  startSwitch();
  const bridgeSettings = ["datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow13,OpenFlow14,OpenFlow15"];
  const portCommands = ports.flatMap((port) => {
    const settings = ["type=dummy", `ofport_request=${port}`, `options:tx_pcap=${capture(port)}`];
    return ["--", "add-port", bridge, portName(port), "--", "set", "interface", portName(port), ...settings];
  });
  vsctl("add-br", bridge, "--", "set", "bridge", bridge, ...bridgeSettings, ...portCommands);
  const appctl = (...args: readonly string[]): string =>
    run("ovs-appctl", "-t", `${runDir}/ovs-vswitchd.${pidOf("ovs-vswitchd")}.ctl`, ...args);
  const seen = (port: number): readonly Buffer[] => framesOfPcap(readFileSync(capture(port)));

  return {
    place: { runDir, bridge },
    portName,
    setPort: (port, up) => void appctl("netdev-dummy/set-admin-state", portName(port), up ? "up" : "down"),
    async send(inPort, packets) {
      const before = new Map(ports.map((port) => [port, seen(port).length]));
      for (const packet of packets) appctl("netdev-dummy/receive", portName(inPort), frameOf(packet).toString("hex"));
      // The first packet of a flow goes up to ovs-vswitchd and comes back a moment later.
      let out: readonly { readonly port: number; readonly frame: SeenFrame }[] = [];
      for (let waited = 0, quiet = 0; waited < 100 && quiet < 4; waited++) {
        await sleep(20);
        const now = ports.flatMap((port) =>
          seen(port)
            .slice(before.get(port))
            .map((frame) => ({ port, frame: seenFrame(frame) })),
        );
        quiet = now.length === out.length ? quiet + 1 : 0;
        out = now;
      }
      return out;
    },
    ofctl: (...args) => run("ovs-ofctl", "-O", "OpenFlow15", ...args),
    restartSwitch() {
      endProcess("ovs-vswitchd");
      startSwitch();
    },
    stop() {
      for (const name of ["ovs-vswitchd", "ovsdb-server"]) endProcess(name);
      rmSync(runDir, { recursive: true, force: true });
    },
  };
}
