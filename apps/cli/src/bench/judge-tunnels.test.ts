import { describe, expect, it } from "vitest";
import { judgeTunnels } from "./judge-tunnels.js";
import { warmUpProblem } from "./warm-up.js";

const given = warmUpProblem(3);

/** The problem with the links of its first path of two or more changed. */
function withPath(change: (links: readonly number[]) => readonly number[]) {
  const p = given.linkStart.findIndex((start, i) => (given.linkStart[i + 1] ?? 0) - start >= 2);
  const [from, to] = [given.linkStart[p] ?? 0, given.linkStart[p + 1] ?? 0];
  const links = change([...given.pathLinks.subarray(from, to)]);
  return {
    ...given,
    pathLinks: Int32Array.from([...given.pathLinks.subarray(0, from), ...links, ...given.pathLinks.subarray(to)]),
    linkStart: given.linkStart.map((start, i) => (i > p ? start + links.length - (to - from) : start)),
  };
}

describe("the judge of tunnels", () => {
  it("lets pass ways through the network, up to so many a demand", () => {
    expect(judgeTunnels(given, given, 2)).toEqual([]);
    expect(judgeTunnels(given, given, 1)).toEqual([expect.stringMatching(/^Demand \d+ has 2 tunnels, more than 1\.$/)]);
  });

  it.each<[string, (links: readonly number[]) => readonly number[]]>([
    ["stops short", (links) => links.slice(0, -1)],
    ["begins elsewhere", (links) => links.slice(1)],
    ["goes backwards", (links) => links.toReversed()],
    ["has no link at all", () => []],
    ["has a link that is not there", ([first = 0]) => [first, 9999]],
    ["goes there and back and there", ([first = 0, ...rest]) => [first, backOf(first), first, ...rest]],
  ])("does not let pass a tunnel that %s", (_, change) => {
    expect(judgeTunnels(withPath(change), given, 2)).toContainEqual(expect.stringMatching(/is no loopless way/));
  });

  it.each([
    ["wider", { ...given, capacityBps: given.capacityBps.map((bps) => 2 * bps) }],
    ["other links", { ...given, linkTo: given.linkTo.toReversed() }],
    ["fewer demands", { ...given, demandBps: given.demandBps.subarray(1) }],
    ["larger demands", { ...given, demandBps: given.demandBps.map((bps) => bps + 1) }],
  ])("nor tunnels of another problem: %s", (_, found) => {
    expect(judgeTunnels(found, given, 2)).toEqual(["The tunnels are of another network or of other demands."]);
  });
});

function backOf(link: number): number {
  return given.linkFrom.findIndex((from, e) => from === given.linkTo[link] && given.linkTo[e] === given.linkFrom[link]);
}
