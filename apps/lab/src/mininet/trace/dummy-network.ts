/** All switches of a topology as bridges of one ovs-vswitchd over the dummy datapath: packets are traced through them, none is sent. Needs no privilege. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { openOvsDatapath } from "@sluice/agent";
import { startOvsDaemons, type OvsDaemons } from "@sluice/agent/testing";
import { assert, type LinkId, type NodeId, type RuleSet, type Topology } from "@sluice/model";
import { diffRules } from "@sluice/rules";

const sitePort = 1;
const readBackMs = 3_600_000;

export interface DummyNetwork {
  /** `ofproto/trace` of a packet that comes in from the site, or under labels: text, and what the numbers of its ports are. */
  trace(node: NodeId, flow: string, frame?: string): Promise<string>;
  /** What a bucket's actions do to a packet. */
  traceActions(node: NodeId, flow: string, actions: string): Promise<string>;
  /** The link that leaves by this port of the datapath, or the site. */
  outOf(node: NodeId, port: number): LinkId | "site" | undefined;
  setLink(linkId: LinkId, up: boolean): Promise<void>;
  sitePort: number;
  portOf(linkId: LinkId): number;
  stop(): void;
}

export async function startDummyNetwork(topology: Topology, rules: RuleSet): Promise<DummyNetwork> {
  const daemons = startOvsDaemons("sluice-trace-");
  try {
    return await networkOn(daemons, topology, rules);
  } catch (error) {
    daemons.stop();
    throw error;
  }
}

async function networkOn(daemons: OvsDaemons, topology: Topology, rules: RuleSet): Promise<DummyNetwork> {
  const { runDir, run, vsctl } = daemons;
  const bridgeOf = new Map<NodeId, string>(topology.nodes.map(({ id }, i) => [id, `s${i + 1}`]));
  const bridge = (node: NodeId): string => bridgeOf.get(node) ?? "";
  const ports = new Map<LinkId, { readonly node: NodeId; readonly port: number; readonly name: string }>();
  const commands: string[] = [];
  for (const { id } of topology.nodes) {
    const name = bridge(id);
    const settings = ["datapath_type=dummy", "fail_mode=secure", "protocols=OpenFlow13,OpenFlow14,OpenFlow15"];
    commands.push("--", "add-br", name, "--", "set", "bridge", name, ...settings);
    const own = topology.links.filter(({ from }) => from === id);
    own.forEach((link, i) => ports.set(link.id, { node: id, port: sitePort + 1 + i, name: `${name}-p${sitePort + 1 + i}` }));
    const all = [[sitePort, `${name}-site`] as const, ...own.map((link, i) => [sitePort + 1 + i, ports.get(link.id)?.name ?? ""] as const)];
    for (const [port, interfaceName] of all)
      commands.push("--", "add-port", name, interfaceName, "--", "set", "interface", interfaceName, "type=dummy", `ofport_request=${port}`);
  }
  vsctl(...commands.slice(1));

  for (const [node, nodeRules] of rules) {
    const links = new Map([...ports].flatMap(([linkId, each]) => (each.node === node ? [[linkId, each.name] as const] : [])));
    const opened = await openOvsDatapath({
      place: { runDir, bridge: bridge(node) },
      ports: { links, deliver: `${bridge(node)}-site` },
      ruleCountMax: 100_000,
      readBackMs,
      log: { warn: () => undefined },
    });
    assert(opened.ok, `the datapath of ${node} opens: ${opened.ok ? "" : opened.faults[0].message}`);
    const failures = await opened.value.apply(diffRules(new Map(), nodeRules));
    assert(failures.length === 0, `${node} takes its rules: ${failures[0]?.reason}`);
    await opened.value.stop();
  }

  const control = openControl(daemons.controlPath());
  const datapathPort = new Map<string, string>();
  for (const [, name, port] of (await control.call("dpif/show", [])).matchAll(/^\s+(\S+) \d+\/(\d+):/gm))
    datapathPort.set(port ?? "", name ?? "");
  const linkByName = new Map([...ports].map(([linkId, { name }]) => [name, linkId]));
  return {
    sitePort,
    portOf: (linkId) => ports.get(linkId)?.port ?? -1,
    trace: (node, flow, frame) => control.call("ofproto/trace", [bridge(node), flow, ...(frame === undefined ? [] : [frame])]),
    traceActions: (node, flow, actions) => control.call("ofproto/trace-packet-out", [bridge(node), flow, actions]),
    outOf(node, port) {
      const name = datapathPort.get(String(port)) ?? "";
      return name === `${bridge(node)}-site` ? "site" : linkByName.get(name);
    },
    async setLink(linkId, up) {
      const { node, port, name } = ports.get(linkId) ?? { node: "" as NodeId, port: -1, name: "" };
      await control.call("netdev-dummy/set-admin-state", [name, up ? "up" : "down"]);
      // The bridge hears of it a turn of ovs-vswitchd later: until then failover groups take the port for what it was.
      const isLive = (): boolean => /\bLIVE\b/.test(run("ovs-ofctl", "-O", "OpenFlow15", "dump-ports-desc", bridge(node), String(port)));
      for (let turns = 0; isLive() !== up; turns++) {
        assert(turns < portTurnsMax, `Open vSwitch notices within ${portTurnsMax} looks that ${name} is ${up ? "up" : "down"}`);
        await sleep(10);
      }
    },
    stop() {
      control.close();
      daemons.stop();
    },
  };
}

/** Looks at a port, 10 ms apart, until Open vSwitch has noticed its change. */
const portTurnsMax = 500;

/** What ovs-appctl speaks (JSON-RPC over a socket), over one connection: a process for each of ten thousand traces would take minutes. */
function openControl(path: string) {
  const socket = connect(path);
  const waiting: { resolve: (text: string) => void; reject: (error: Error) => void }[] = [];
  let buffer = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    buffer += text;
    // One request is under way at a time, so what is there is one answer, whole or not yet.
    let answer: { readonly result?: unknown; readonly error?: unknown };
    try {
      answer = JSON.parse(buffer) as typeof answer;
    } catch {
      return;
    }
    buffer = "";
    const next = waiting.shift();
    if (typeof answer.result === "string") next?.resolve(answer.result);
    else next?.reject(new Error(String(answer.error)));
  });
  socket.on("error", (error) => waiting.shift()?.reject(error));
  let last: Promise<unknown> = Promise.resolve();
  return {
    call(method: string, params: readonly string[]): Promise<string> {
      const answer = last.then(
        () =>
          new Promise<string>((resolve, reject) => {
            waiting.push({ resolve, reject });
            socket.write(JSON.stringify({ id: 0, method, params }));
          }),
      );
      last = answer.catch(() => undefined);
      return answer;
    },
    close: () => void socket.destroy(),
  };
}
