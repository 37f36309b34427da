/** The link prices of a certificate as plans publish them. */
import type { Certificate, Topology } from "@sluice/model";

/** Those above zero, in the order of the topology's links; none without prices. */
export function publishedPrices(topology: Topology, linkPrice: Float64Array | undefined): Certificate["linkPrices"] {
  return topology.links.map((link, i) => ({ linkId: link.id, price: linkPrice?.[i] ?? 0 })).filter(({ price }) => price > 0);
}
