/** A topology as something that others run: a Mininet script that needs nothing else, or a containerlab topology. Pure but for reading the library. */
import { readFileSync } from "node:fs";
import type { Topology } from "@sluice/model";
import { networkPlanOf, type NetworkPlan } from "./network-plan.js";

export const exportFormats = ["mininet", "containerlab"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportOptions {
  readonly format: ExportFormat;
  /** Capacities are divided by it already; it is said in the file. */
  readonly factor: number;
}

/** `topology` is scaled already. */
export function exportNetwork(topology: Topology, { format, factor }: ExportOptions): string {
  const plan = networkPlanOf(topology, "@RUN_DIR@");
  const title = `${oneLine(topology.name)}: ${plan.switches.length} switches, ${plan.cables.length} cables, capacities divided by ${factor.toFixed(3)}`;
  return format === "mininet" ? mininetScript(plan, title) : containerlab(plan, title);
}

const library = new URL("../../mininet/sluice_lab.py", import.meta.url);
const entry = 'if __name__ == "__main__":\n';

/** The library, and instead of the plan in a file the plan itself. */
function mininetScript(plan: NetworkPlan, title: string): string {
  const text = readFileSync(library, "utf8");
  const body = text.slice(0, text.indexOf(entry));
  // JSON of JSON is a string literal of Python as well: both escape alike, and ensure nothing ends the literal early.
  const literal = JSON.stringify(JSON.stringify(plan)).replaceAll(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `#!/usr/bin/env python3
# ${title}.
# Run as root with Mininet and Open vSwitch: /usr/bin/python3 THIS_FILE. It prints what it built (JSON), and ends with Ctrl-C.
${body}PLAN = ${literal}


${entry}    import tempfile

    with tempfile.TemporaryDirectory(prefix="sluice-lab-") as run_dir:
        plan = json.loads(PLAN)
        plan["runDir"] = run_dir
        main(plan)
`;
}

/**
 * Switches and hosts are containers of images that the reader names: SLUICE_SWITCH_IMAGE has Open vSwitch and the agent, SLUICE_HOST_IMAGE has
 * iproute2 and ethtool. eth0 is containerlab's own management interface; ports of switches keep their numbers.
 */
function containerlab(plan: NetworkPlan, title: string): string {
  const nameOf = new Map(plan.switches.map(({ id, name }) => [id, name]));
  const lines = [
    `# ${title}.`,
    "# Agents reach the controller over containerlab's management network (eth0).",
    "name: sluice",
    "topology:",
    "  nodes:",
  ];
  for (const { id, name } of plan.switches) {
    lines.push(
      `    ${name}:`,
      "      kind: linux",
      "      image: ${SLUICE_SWITCH_IMAGE:=sluice-switch}",
      "      labels:",
      `        sluice-node: ${JSON.stringify(id)}`,
    );
    const own = plan.cables.flatMap(({ ends }) => ends.filter(({ node }) => node === id));
    own.forEach(({ port, links }) =>
      links.forEach((link, i) => lines.push(`        sluice-port-${port}${i === 0 ? "" : `-${i}`}: ${JSON.stringify(link)}`)),
    );
  }
  for (const { node, name, address, mac } of plan.hosts) {
    lines.push(
      `    ${name}:`,
      "      kind: linux",
      "      image: ${SLUICE_HOST_IMAGE:=sluice-host}",
      "      labels:",
      `        sluice-node: ${JSON.stringify(node)}`,
      "      exec:",
    );
    const neighbours = plan.hosts
      .filter((other) => other.node !== node)
      .map((other) => `ip neigh replace ${other.address} lladdr ${other.mac} dev eth1 nud permanent`);
    const commands = [
      `ip link set eth1 address ${mac}`,
      `ip addr add ${address}/32 dev eth1`,
      "ip route add 10.0.0.0/8 dev eth1",
      "ethtool -K eth1 tx off",
      ...neighbours,
    ];
    for (const command of commands) lines.push(`        - ${command}`);
  }
  lines.push("  links:");
  for (const { node, name } of plan.hosts) lines.push(`    - endpoints: ["${nameOf.get(node)}:eth1", "${name}:eth1"]`);
  for (const { ends, bps } of plan.cables) {
    const points = ends.map(({ node, port }) => `"${nameOf.get(node)}:eth${port}"`).join(", ");
    lines.push(`    - endpoints: [${points}] # ${bps} bit/s each way`, "      mtu: 1600");
  }
  return `${lines.join("\n")}\n`;
}

function oneLine(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, " ");
}
