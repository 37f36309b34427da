/**
 * How a change of the inputs is taken back without taking back what others changed since: each element and each setting has what it was and
 * what it became, and goes back only where it still is what it became.
 */
import { canonicalJson } from "./canonical.js";
import type { Result } from "./fault.js";
import type { LinkId, NodeId, SiteId } from "./id.js";
import type { PlanSettings } from "./settings.js";
import { buildTopology, type Link, type Node, type Site, type Topology } from "./topology.js";

/** Before is absent where the element was added, after where it was removed. */
export type ElementUndo =
  | { readonly kind: "site"; readonly id: SiteId; readonly before?: Site | undefined; readonly after?: Site | undefined }
  | { readonly kind: "node"; readonly id: NodeId; readonly before?: Node | undefined; readonly after?: Node | undefined }
  | { readonly kind: "link"; readonly id: LinkId; readonly before?: Link | undefined; readonly after?: Link | undefined };

export interface SettingUndo {
  readonly name: keyof PlanSettings;
  /** Absent where the setting was not there. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface Undo {
  readonly elements: readonly ElementUndo[];
  readonly settings: readonly SettingUndo[];
}

export const nothingToUndo: Undo = { elements: [], settings: [] };

/** O(V + E). */
export function undoOf(
  before: { readonly topology: Topology; readonly settings: PlanSettings },
  after: { readonly topology: Topology; readonly settings: PlanSettings },
): Undo {
  const names = [...new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])].sort() as (keyof PlanSettings)[];
  return {
    elements: [
      ...differing(before.topology.sites, after.topology.sites).map((each): ElementUndo => ({ kind: "site", ...each })),
      ...differing(before.topology.nodes, after.topology.nodes).map((each): ElementUndo => ({ kind: "node", ...each })),
      ...differing(before.topology.links, after.topology.links).map((each): ElementUndo => ({ kind: "link", ...each })),
    ],
    settings: names
      .filter((name) => !isSame(before.settings[name], after.settings[name]))
      .map((name) => ({ name, before: before.settings[name], after: after.settings[name] })),
  };
}

/** Elements that differ, in the order of their ids. */
function differing<T extends { readonly id: string }>(before: readonly T[], after: readonly T[]) {
  const olds = new Map(before.map((element): [T["id"], T] => [element.id, element]));
  const news = new Map(after.map((element): [T["id"], T] => [element.id, element]));
  const ids = [...new Set([...olds.keys(), ...news.keys()])].filter((id) => !isSame(olds.get(id), news.get(id)));
  return ids.map((id) => ({ id, before: olds.get(id), after: news.get(id) }));
}

export interface Undone<T> {
  readonly value: T;
  /** Ids or names of what somebody changed since: it stays. */
  readonly kept: readonly string[];
}

/**
 * The topology with the elements back as they were. Refuses (as `buildTopology`) where that gives no valid one: a node that is to go has got
 * another link since. O(V + E).
 */
export function undoElements(topology: Topology, { elements }: Undo): Result<Undone<Topology>> {
  const sites = new Map(topology.sites.map((site) => [site.id, site]));
  const nodes = new Map(topology.nodes.map((node) => [node.id, node]));
  const links = new Map(topology.links.map((link) => [link.id, link]));
  const kept: string[] = [];
  for (const element of elements) {
    let isBack: boolean;
    if (element.kind === "site") isBack = putBack(sites, element);
    else if (element.kind === "node") isBack = putBack(nodes, element);
    else isBack = putBack(links, element);
    if (!isBack) kept.push(element.id);
  }
  const built = buildTopology({
    kind: "topology",
    name: topology.name,
    sites: [...sites.values()],
    nodes: [...nodes.values()],
    links: [...links.values()],
  });
  return built.ok ? { ok: true, value: { value: built.value, kept } } : built;
}

function putBack<Id, T>(
  elements: Map<Id, T>,
  { id, before, after }: { readonly id: Id; readonly before?: T | undefined; readonly after?: T | undefined },
): boolean {
  if (!isSame(elements.get(id), after)) return false;
  if (before === undefined) elements.delete(id);
  else elements.set(id, before);
  return true;
}

export function undoSettings(settings: PlanSettings, undo: Undo): Undone<PlanSettings> {
  const values = new Map<string, unknown>(Object.entries(settings));
  const kept: string[] = [];
  for (const { name, before, after } of undo.settings) {
    if (!isSame(values.get(name), after)) kept.push(name);
    else if (before === undefined) values.delete(name);
    else values.set(name, before);
  }
  // Each value is one that this field has had.
  return { value: Object.fromEntries(values) as unknown as PlanSettings, kept };
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b));
}
