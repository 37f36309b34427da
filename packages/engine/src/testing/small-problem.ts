/** Small random problems of one class, with all their demands in it, for properties of schemes and of quantization. */
import type fc from "fast-check";
import { buildTopology } from "@sluice/model";
import { buildProblem } from "../build-problem.js";
import type { Problem } from "@sluice/mcf";
import { candidateTunnels } from "../tunnels/candidate-tunnels.js";
import { arbitrarySnapshot, type SmallNetworkOptions } from "./small-network.js";

export function arbitraryProblem(options: SmallNetworkOptions & { readonly k?: number } = {}): fc.Arbitrary<Problem> {
  return arbitrarySnapshot(options).map(({ topology: document, demands: { demands } }) => {
    const topology = buildTopology(document);
    if (!topology.ok) throw new Error(JSON.stringify(topology.faults));
    const candidates = candidateTunnels(topology.value, demands, { kind: "k-shortest", k: options.k ?? 4 });
    const capacityBps = Float64Array.from(topology.value.links, (link) => link.capacityBps);
    return buildProblem(topology.value, demands, candidates, capacityBps).problem;
  });
}
