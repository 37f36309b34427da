/** The kernels of assembly/sweep-links.ts in plain TypeScript, to the bit: sums are taken in two lanes. */
import { linkDouble, type Layout } from "./layout.js";

export function stepPrices({ partitions, doubles, linkRecord, price, priceNew, load, loadNew, capacity, priceMetric }: Layout): void {
  const size = doubles[linkRecord / 8 + linkDouble.size] as number;
  const [first, second] = partitions.map((partition) => partition.load) as [Float64Array, Float64Array];
  for (let e = 0; e < price.length; e++) {
    const fresh = (first[e] as number) + (second[e] as number);
    loadNew[e] = fresh;
    const excess = fresh + fresh - (load[e] as number) - (capacity[e] as number);
    const stepped = (price[e] as number) + size * (priceMetric[e] as number) * excess;
    priceNew[e] = stepped > 0 ? stepped : 0;
  }
}

export function averageLinks(layout: Layout): void {
  const { doubles, linkRecord, price, priceNew, priceAnchor, load, loadNew, loadAnchor, priceReach } = layout;
  const at = linkRecord / 8;
  const newShare = doubles[at + linkDouble.newShare] as number;
  const oldShare = doubles[at + linkDouble.oldShare] as number;
  const anchorShare = doubles[at + linkDouble.anchorShare] as number;
  const moved = [0, 0];
  const coupled = [0, 0];
  for (let e = 0; e < price.length; e++) {
    const y = price[e] as number;
    const q = load[e] as number;
    const d = (priceNew[e] as number) - y;
    const lane = e & 1;
    moved[lane] = (moved[lane] as number) + d * d * (priceReach[e] as number);
    coupled[lane] = (coupled[lane] as number) + d * ((loadNew[e] as number) - q);
    price[e] = newShare * (priceNew[e] as number) + oldShare * y + anchorShare * (priceAnchor[e] as number);
    load[e] = newShare * (loadNew[e] as number) + oldShare * q + anchorShare * (loadAnchor[e] as number);
  }
  doubles[at + linkDouble.movement] = (moved[0] as number) + (moved[1] as number);
  doubles[at + linkDouble.coupling] = (coupled[0] as number) + (coupled[1] as number);
}
