/** A network as containerlab takes it (https://containerlab.dev/manual/topo-def-file, and its clab.schema.json). Pure. */
import type { NetworkPlan } from "./network-plan.js";

/**
 * Switches and hosts are containers of images that the reader names: SLUICE_SWITCH_IMAGE has Open vSwitch and the agent, SLUICE_HOST_IMAGE has
 * iproute2 and ethtool. eth0 is containerlab's own management interface; ports of switches keep their numbers.
 */
export function containerlabTopology(plan: NetworkPlan, title: string): string {
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
      `        sluice-node: ${quoted(id)}`,
    );
    const own = plan.cables.flatMap(({ ends }) => ends.filter(({ node }) => node === id));
    own.forEach(({ port, links }) =>
      links.forEach((link, i) => lines.push(`        sluice-port-${port}${i === 0 ? "" : `-${i}`}: ${quoted(link)}`)),
    );
  }
  for (const { node, name, address, mac } of plan.hosts) {
    lines.push(
      `    ${name}:`,
      "      kind: linux",
      "      image: ${SLUICE_HOST_IMAGE:=sluice-host}",
      "      labels:",
      `        sluice-node: ${quoted(node)}`,
      "      exec:",
    );
    // The default route is containerlab's, over eth0.
    const others = plan.hosts
      .filter((other) => other.node !== node)
      .flatMap((other) => [
        `ip route replace ${other.address}/32 dev eth1`,
        `ip neigh replace ${other.address} lladdr ${other.mac} dev eth1 nud permanent`,
      ]);
    const commands = [`ip link set eth1 address ${mac}`, `ip addr add ${address}/32 dev eth1`, "ethtool -K eth1 tx off", ...others];
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

/** A string of YAML, which JSON's are. Containerlab puts environment variables in before it reads YAML: a dollar sign must not look like one. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("$", "\\u0024");
}
