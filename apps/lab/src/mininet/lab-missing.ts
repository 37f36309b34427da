/** What the lab on Mininet needs of its machine. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const tools = [
  "ip",
  "tc",
  "nsenter",
  "setpriv",
  "ethtool",
  "ping",
  "iperf3",
  "nft",
  "ovsdb-tool",
  "ovsdb-server",
  "ovs-vswitchd",
  "ovs-vsctl",
  "ovs-ofctl",
];

/** Undefined where everything is there; else one sentence that says what is not. */
export function labMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const path = (process.env["PATH"] ?? "").split(":");
  const absent = tools.filter((tool) => !path.some((folder) => existsSync(`${folder}/${tool}`)));
  const packages = "apt-get install --no-install-recommends mininet openvswitch-switch iperf3 nftables ethtool iputils-ping iproute2";
  if (absent.length > 0) return `${absent.join(", ")} not found (Debian: ${packages})`;
  if (spawnSync("/usr/bin/python3", ["-c", "import mininet.net"], { stdio: "ignore" }).status !== 0)
    return `Mininet is not installed (Debian: ${packages})`;
  if (spawnSync("unshare", ["--net", "true"], { stdio: "ignore" }).status !== 0) return "this machine lets nobody make network namespaces";
  return undefined;
}
