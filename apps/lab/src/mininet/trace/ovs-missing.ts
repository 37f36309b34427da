/** What traces through Open vSwitch's dummy datapath need of the machine; no privilege. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const tools = ["ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-ofctl", "ovs-appctl"];

/** Undefined where everything is there. */
export function ovsMissing(): string | undefined {
  const path = (process.env["PATH"] ?? "").split(":");
  const absent = tools.filter((tool) => !path.some((folder) => existsSync(join(folder, tool))));
  return absent.length > 0 ? `${absent.join(", ")} not found (Debian: openvswitch-switch)` : undefined;
}
