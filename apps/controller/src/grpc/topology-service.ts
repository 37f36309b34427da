/** sluice.v1.TopologyService: the network, whole or by changes. */
import { fault, ok, refuse, topologyDocument, type Faults, type Result } from "@sluice/model";
import { changeFaultToRequest, topologyChangesFromWire, topologyFromWire, topologyToWire, under, type v1 } from "@sluice/wire";
import type { GrpcLimits } from "./limits.js";
import type { GrpcParts } from "./ports.js";
import { changingCall, unary } from "./unary.js";

export function topologyService(ports: GrpcParts, limits: GrpcLimits) {
  const { driver } = ports;
  return {
    replaceTopology: changingCall<v1.ReplaceTopologyRequest, v1.ReplaceTopologyResponse>(ports, limits, async ({ topology }, by) => {
      const admitted = topologyFromWire(topology, ["topology"]);
      if (!admitted.ok) return admitted;
      const stored = await driver.submit({ kind: "replace-topology", topology: topologyDocument(admitted.value), by });
      return stored.ok ? versionOf(stored.value) : under(["topology"], stored);
    }),

    applyChanges: changingCall<v1.ApplyChangesRequest, v1.ApplyChangesResponse>(ports, limits, async ({ changes }, by) => {
      const admitted = topologyChangesFromWire(changes);
      if (!admitted.ok) return admitted;
      const stored = await driver.submit({ kind: "change-topology", changes: admitted.value, by });
      if (stored.ok) return versionOf(stored.value);
      const [first, ...rest] = stored.faults;
      const faults: Faults = [changeFaultToRequest(first, changes), ...rest.map((one) => changeFaultToRequest(one, changes))];
      return { ok: false, faults };
    }),

    getTopology: unary<v1.GetTopologyRequest, v1.GetTopologyResponse>(ports, limits, () => {
      const { topology, topologyVersion } = driver.view();
      if (topology === undefined) return refuse(fault("not-found", "There is no topology yet: send one with ReplaceTopology."));
      return ok({ topology: topologyToWire(topology), version: BigInt(topologyVersion ?? 0) });
    }),
  };
}

/** The version in a reply of the controller's machine. */
function versionOf(reply: unknown): Result<{ readonly version: bigint }> {
  const version = typeof reply === "object" && reply !== null && "version" in reply ? reply.version : undefined;
  if (typeof version !== "number") return refuse(fault("internal", "The controller's reply has no version."));
  return ok({ version: BigInt(version) });
}
