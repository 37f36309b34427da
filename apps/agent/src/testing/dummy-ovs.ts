/** An Open vSwitch of a test's own: one bridge over the dummy datapath, whose ports take packets and show what leaves them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { OvsPlace } from "../ovs/ovs-tools.js";
import { startOvsDaemons } from "./ovs-daemons.js";
import { framesOfPcap, frameOf, isBfd, seenFrame, type SeenFrame, type TestPacket } from "./packet.js";

/** From a port to one of another bridge, which drops what it gets. */
export interface DummyCable {
  /** The interface at its far end. */
  readonly farEnd: string;
  /** While it is cut, frames vanish in it, both ways; the ports stay up. */
  setCut(isCut: boolean): void;
}

export interface DummyOvs {
  readonly place: OvsPlace;
  /** The port of that number; made by `startDummyOvs`. */
  portName(port: number): string;
  setPort(port: number, up: boolean): void;
  layCable(port: number): DummyCable;
  /** What leaves the bridge by any port when this packet comes in, but for BFD. */
  send(inPort: number, packets: readonly TestPacket[]): Promise<readonly { readonly port: number; readonly frame: SeenFrame }[]>;
  ofctl(...args: readonly string[]): string;
  vsctl(...args: readonly string[]): string;
  /** ovs-vswitchd ends and starts anew: the bridge is there again, its tables are empty. */
  restartSwitch(): void;
  stop(): void;
}

/** A bridge with ports of these numbers. */
export function startDummyOvs(bridge: string, ports: readonly number[]): DummyOvs {
  const daemons = startOvsDaemons("sluice-ovs-");
  const { runDir, run, vsctl } = daemons;
  const portName = (port: number): string => `${bridge}-p${port}`;
  const capture = (port: number): string => join(runDir, `${portName(port)}.pcap`);
  const stream = (port: number): string => join(runDir, `${portName(port)}.stream`);
  const bridgeSettings = ["datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow13,OpenFlow14,OpenFlow15"];
  const portCommands = ports.flatMap((port) => {
    const options = [`options:tx_pcap=${capture(port)}`, `options:pstream=punix:${stream(port)}`];
    return [
      "--",
      "add-port",
      bridge,
      portName(port),
      "--",
      "set",
      "interface",
      portName(port),
      "type=dummy",
      `ofport_request=${port}`,
      ...options,
    ];
  });
  try {
    vsctl("add-br", bridge, "--", "set", "bridge", bridge, ...bridgeSettings, ...portCommands);
  } catch (error) {
    daemons.stop();
    throw error;
  }
  const appctl = (...args: readonly string[]): string => run("ovs-appctl", "-t", daemons.controlPath(), ...args);
  const seen = (port: number): readonly Buffer[] => framesOfPcap(readFileSync(capture(port))).filter((frame) => !isBfd(frame));

  return {
    place: { runDir, bridge },
    portName,
    setPort: (port, up) => void appctl("netdev-dummy/set-admin-state", portName(port), up ? "up" : "down"),
    layCable(port) {
      const far = `${bridge}-far`;
      const farEnd = `${far}-p${port}`;
      // A port with a stream hands its frames to whoever is connected to it, and to nobody where nobody is.
      const connected = `options:stream=unix:${stream(port)}`;
      vsctl("--may-exist", "add-br", far, "--", "set", "bridge", far, "datapath_type=dummy", "fail_mode=secure");
      vsctl("add-port", far, farEnd, "--", "set", "interface", farEnd, "type=dummy", connected);
      return {
        farEnd,
        setCut: (isCut) =>
          void vsctl(...(isCut ? ["remove", "interface", farEnd, "options", "stream"] : ["set", "interface", farEnd, connected])),
      };
    },
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
    vsctl,
    restartSwitch: () => daemons.restartSwitch(),
    stop: () => daemons.stop(),
  };
}
