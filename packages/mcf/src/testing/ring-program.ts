/** A ring with demands between all pairs, each with its two ways round: large enough for more than one thread, and made in no time. */
import type { FlowProgram } from "../flow-program.js";
import { problemOf } from "./written-problem.js";

/** Capacities and rates differ in a fixed pattern; about half of the demands fit. Each path comes `copies` times. */
export function ringProgram(nodes: number, limit: FlowProgram["limit"], copies = 1): FlowProgram {
  const clockwise = Array.from({ length: nodes }, (_, v) => ({ from: v, to: (v + 1) % nodes, capacity: 100 + ((v * 7) % 13) }));
  const back = clockwise.map(({ from, to, capacity }) => ({ from: to, to: from, capacity: capacity + 1 }));
  const demands = Array.from({ length: nodes }, (_, src) =>
    Array.from({ length: nodes - 1 }, (_unused, i) => {
      const hops = i + 1;
      const dst = (src + hops) % nodes;
      const forward = Array.from({ length: hops }, (_none, k) => (src + k) % nodes);
      const backward = Array.from({ length: nodes - hops }, (_none, k) => nodes + ((src - 1 - k + 2 * nodes) % nodes));
      return {
        src,
        dst,
        rate: (16 / nodes ** 2) * (50 + ((src * 31 + hops * 17) % 50)),
        paths: Array.from({ length: copies }, () => [forward, backward]).flat(),
      };
    }),
  ).flat();
  return { problem: problemOf({ links: [...clockwise, ...back], demands }), limit };
}
