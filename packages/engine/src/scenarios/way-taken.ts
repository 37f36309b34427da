/** Where traffic goes that is sent into a tunnel when something fails: on it as far as it lasts, and over the bypasses that are installed. */
import type { Failure } from "./failure.js";
import type { PlanIndex } from "./plan-index.js";

export interface WayTaken {
  /** Links that it loads. */
  readonly links: readonly number[];
  readonly arrives: boolean;
}

/** A bypass in numbers: around the link, or around its end as well, to the node after that. */
export interface IndexedBypass {
  readonly links: readonly number[];
  readonly avoidsNode: boolean;
}

/** As switches repair: around the far node where there is such a bypass from here to where the tunnel goes on, or else around the link. */
export function wayTaken(index: PlanIndex, { deadLink }: Failure, tunnel: number): WayTaken {
  const { start, items } = index.linksOfTunnel;
  const path = items.subarray(start[tunnel], start[tunnel + 1]);
  const links: number[] = [];
  for (let at = 0; at < path.length; at++) {
    const e = path[at] as number;
    if (deadLink[e] === 0) {
      links.push(e);
      continue;
    }
    const bypasses = index.bypassesOfLink.get(e) ?? [];
    const next = path[at + 1];
    const leadsTo = ({ links: way }: IndexedBypass, link: number): boolean => index.linkTo[way.at(-1) ?? -1] === index.linkTo[link];
    const around = next === undefined ? undefined : bypasses.find((bypass) => bypass.avoidsNode && leadsTo(bypass, next));
    const bypass = around ?? bypasses.find(({ avoidsNode }) => !avoidsNode);
    if (bypass === undefined) return { links, arrives: false };
    const broken = bypass.links.findIndex((link) => deadLink[link] === 1);
    links.push(...(broken < 0 ? bypass.links : bypass.links.slice(0, broken)));
    if (broken >= 0) return { links, arrives: false };
    if (around !== undefined) at++;
  }
  return { links, arrives: true };
}
