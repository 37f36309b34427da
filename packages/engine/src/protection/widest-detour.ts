/** The shortest way around a link among those with the most room for what the link carries. */
import type { DetourSearch } from "./detour-search.js";

/** What each link has to offer, and what each would need of others if it failed; bps per link. */
export interface Width {
  readonly roomBps: Float64Array;
  readonly needBps: Float64Array;
}

/**
 * A link's width for another is the share of the need that fits its room, in so many steps: differences that only rounding or a little noise
 * in the demands makes are none, and bypasses stay what they are.
 */
const widthSteps = 32;
/** Of a step; sums of rates are rounded. */
const stepTolerance = 1e-6;

/** The width of a link's narrowest link on a path for each of `widths`, in steps of `widthSteps`. */
export function widthsOf(path: readonly number[], link: number, widths: readonly Width[]): readonly number[] {
  return widths.map((width) => narrowest(path, stepsOf(width, link)));
}

/**
 * The path from source to target that is widest for `link` by the first width, of those by the second and so on, and then as `DetourSearch` orders
 * them. Undefined where there is no path. One search where the shortest path has room for everything; else up to 6 more for each width.
 */
export function widestDetour(
  search: DetourSearch,
  { source, target, link }: { readonly source: number; readonly target: number; readonly link: number },
  widths: readonly Width[],
): readonly number[] | undefined {
  const find = (): readonly number[] | undefined => search.find({ source, target, first: "penalty" });
  let best = find();
  if (best === undefined) return undefined;
  const { bannedLinks } = search;
  const banned = bannedLinks.slice();
  for (const width of widths) {
    const steps = stepsOf(width, link);
    let least = narrowest(best, steps);
    // A path of width `least` is known, none of more than `most` can be.
    for (let most = widthSteps; least < most;) {
      const tried = (least + most + 1) >> 1;
      const before = bannedLinks.slice();
      banBelow(bannedLinks, steps, tried);
      const found = find();
      bannedLinks.set(before);
      if (found === undefined) {
        most = tried - 1;
      } else {
        best = found;
        least = narrowest(found, steps);
      }
    }
    // What was found as the shortest of at least `tried` is the shortest of its own width.
    banBelow(bannedLinks, steps, least);
  }
  bannedLinks.set(banned);
  return best;
}

function stepsOf({ roomBps, needBps }: Width, link: number): Uint8Array {
  const steps = new Uint8Array(roomBps.length).fill(widthSteps);
  const perBps = widthSteps / (needBps[link] as number);
  if (perBps === Infinity) return steps;
  for (let e = 0; e < steps.length; e++) {
    const step = Math.floor((roomBps[e] as number) * perBps + stepTolerance);
    if (step < widthSteps) steps[e] = step;
  }
  return steps;
}

function narrowest(path: readonly number[], steps: Uint8Array): number {
  return path.reduce((least, link) => Math.min(least, steps[link] as number), widthSteps);
}

function banBelow(banned: Uint8Array, steps: Uint8Array, least: number): void {
  for (let link = 0; link < steps.length; link++) if ((steps[link] as number) < least) banned[link] = 1;
}
