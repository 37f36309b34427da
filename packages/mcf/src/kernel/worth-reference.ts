/** The kernels of assembly/sweep-worth.ts in plain TypeScript, to the bit: sums are taken in two lanes. */
import type { Layout } from "./layout.js";

export function worthBeyond({ leastPrice, demand }: Layout, scale: number): number {
  const sum = [0, 0];
  for (let k = 0; k < demand.length; k++) {
    const short = 1 - scale * (leastPrice[k] as number);
    const lane = k & 1;
    sum[lane] = (sum[lane] as number) + (demand[k] as number) * (short > 0 ? short : 0);
  }
  return (sum[0] as number) + (sum[1] as number);
}

export function worthFall({ leastPrice, demand }: Layout, by: number, stride: number): number {
  const sum = [0, 0];
  for (let pair = 0; pair < demand.length; pair += 2 * stride) {
    for (let lane = 0; lane < 2; lane++) {
      const m = leastPrice[pair + lane] as number;
      sum[lane] = (sum[lane] as number) + (by * m < 1 ? (demand[pair + lane] as number) * m : 0);
    }
  }
  return (sum[0] as number) + (sum[1] as number);
}

export function worthOf({ fitted, cost }: Layout): number {
  const sum = [0, 0];
  for (let s = 0; s < fitted.length; s++) {
    const lane = s & 1;
    const flow = fitted[s] as number;
    sum[lane] = (sum[lane] as number) + (cost.length === 0 ? flow : flow * (1 - (cost[s] as number)));
  }
  return (sum[0] as number) + (sum[1] as number);
}
