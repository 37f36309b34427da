/**
 * The ways that failures leave of ways that were found before them, without following a packet where nothing changed: up to the failed
 * link it goes as it did, and from where the bypass ends again.
 */
import type { LinkId, NodeId } from "@sluice/model";
import { followWay, repairOf, type FirstHop, type Way, type WayEnd, type WayScene } from "./way.js";

/** A bypass, from the link that its packets take first to where they are under their tunnel's label again, or to where it ends for them. */
interface Detour {
  readonly links: readonly number[];
  readonly end: WayEnd | { readonly kind: "merged"; readonly at: NodeId };
}

/**
 * Finds ways in `scene` from ways that the same rules gave when more links were up. The same answers as `followWay`: under its own label a
 * packet at a node goes on as any packet under it did there, and what a bypass does to it depends on the bypass alone. Where that is
 * not so (bypasses that are repaired themselves, that end elsewhere than further along) packets are followed. Each bypass is followed once.
 * O(hops) for a way, with one look-up of rules for each failed link on it.
 */
export function rerouter(scene: WayScene): (from: NodeId, hop: FirstHop, before: Way) => Way {
  const { ground, up } = scene;
  const detours = new Map<number, Map<number | undefined, Detour | undefined>>();
  return (from, hop, before) => {
    // Past a node that a bypass left out a loop may not close any more.
    const isPlain = before.repairs === 0 && before.kind !== "loop";
    return (isPlain ? reroute(from, hop, before) : undefined) ?? followWay(scene, from, hop);
  };

  function reroute(from: NodeId, hop: FirstHop, before: Way): Way | undefined {
    const links: number[] = [];
    let repairs = 0;
    for (let i = 0; i < before.links.length; i += 1) {
      const link = before.links[i] ?? 0;
      if (up[link] === 1) {
        links.push(link);
        continue;
      }
      const at = ground.links[link]?.from ?? from;
      const repair = repairOf(scene, at, exitAt(i, link, hop));
      if (typeof repair === "string") return { kind: repair, at, links, repairs };
      repairs += 1;
      const detour = detourOf(repair.link, repair.pushLabel);
      if (detour === undefined) return undefined;
      links.push(...detour.links);
      const { end } = detour;
      if (end.kind !== "merged") return { kind: end.kind, at: end.at, links, repairs };
      const merge = before.links.findIndex((each, j) => j >= i && ground.links[each]?.to === end.at);
      if (merge < 0) return undefined;
      i = merge;
    }
    return { kind: before.kind, at: before.at, links, repairs };
  }

  /** By what a packet under its tunnel's label leaves for its link number `i`. */
  function exitAt(i: number, link: number, hop: FirstHop): { readonly output: LinkId; readonly failoverId: number | undefined } {
    const { id: output, from: at } = ground.links[link] ?? { id: hop.output, from: undefined };
    const rule = i === 0 || at === undefined ? undefined : scene.lookup(at, `label/${hop.pushLabel}`);
    const failoverId =
      i === 0 ? hop.failoverId : rule?.kind === "label" && rule.action.kind === "output" ? rule.action.failoverId : undefined;
    return { output, failoverId };
  }

  function detourOf(first: number, label: number | undefined): Detour | undefined {
    let byLabel = detours.get(first);
    if (byLabel === undefined) detours.set(first, (byLabel = new Map()));
    if (!byLabel.has(label)) byLabel.set(label, followBypass(first, label));
    return byLabel.get(label);
  }

  /** Undefined where a packet would be repaired again. */
  function followBypass(first: number, label: number | undefined): Detour | undefined {
    const links: number[] = [];
    const passed = new Set<NodeId>();
    let next = first;
    let isPopped = label === undefined;
    for (;;) {
      links.push(next);
      const at = ground.links[next]?.to;
      if (at === undefined) return undefined;
      if (isPopped) return { links, end: { kind: "merged", at } };
      if (passed.has(at)) return { links, end: { kind: "loop", at } };
      passed.add(at);
      const rule = scene.lookup(at, `label/${label}`);
      if (rule?.kind !== "label") return { links, end: { kind: "blackhole", at } };
      const { action } = rule;
      if (action.kind === "pop-deliver") return { links, end: { kind: "stack", at } };
      const on = ground.linkFrom(at, action.link);
      if (on === undefined) return { links, end: { kind: "dangling", at } };
      if (up[on] !== 1) {
        return action.kind === "output" && action.failoverId !== undefined ? undefined : { links, end: { kind: "lost", at } };
      }
      isPopped = action.kind === "pop-output";
      next = on;
    }
  }
}
