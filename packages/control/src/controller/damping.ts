/**
 * Links that come and go. Down is believed at once, up is not: a link that came up is used again after a hold-down, and one that
 * went down too often of late after it has been quiet for a while (route flap damping, RFC 2439 section 4.2: a penalty for each
 * fall, halved with time; above a first threshold the link is suppressed, below a second, lower one it is used again).
 *
 *   penalty                 +1000 at each fall, at most the ceiling
 *     ^      /|   /|\
 *     |     / |_ / | \_        suppressed above this
 *     |- - /- - - - - -\_- - -
 *     |   /|            \__    used again below this
 *     |- - - - - - - - - - \- - - -
 *     +-----------------------------> time
 */
import { compareText, type LinkId, type OperationSettings } from "@sluice/model";
import { publish } from "./journal.js";
import { touchTopology } from "./replan.js";
import type { ControllerState, InventoryState, LinkDamping } from "./state.js";

/** What one fall adds to a link's penalty (RFC 2439 section 4.2, figure of merit). */
const penaltyOfFall = 1000;

/** Whether the link counts as down although every agent says that it is up. */
export function isHeldDown({ damping }: InventoryState, linkId: LinkId): boolean {
  return damping.get(linkId)?.heldSinceMs !== undefined;
}

export function penaltyAt(
  { penalty, atMs }: LinkDamping,
  nowMs: number,
  { dampingHalfLifeMs }: Pick<OperationSettings, "dampingHalfLifeMs">,
): number {
  return penalty * 2 ** (-(nowMs - atMs) / dampingHalfLifeMs);
}

/** Agents say that the link went down. Returns whether it counted as up until now. */
export function noteFall({ inventory, operation: { settings }, config, nowMs }: ControllerState, linkId: LinkId): boolean {
  const known = inventory.damping.get(linkId);
  const penalty = Math.min(config.dampingPenaltyMax, penaltyOfFall + (known === undefined ? 0 : penaltyAt(known, nowMs, settings)));
  const suppressed = known?.suppressed === true || penalty > settings.dampingSuppressAbove;
  inventory.damping.set(linkId, { penalty, atMs: nowMs, suppressed, isTold: known?.isTold === true, heldSinceMs: undefined });
  return known?.heldSinceMs === undefined;
}

/** Agents say that the link came up. It is used again when the hold-down is over and it is not suppressed. */
export function noteRise(state: ControllerState, linkId: LinkId): void {
  const { inventory, nowMs } = state;
  const known = inventory.damping.get(linkId) ?? { penalty: 0, atMs: nowMs, suppressed: false, isTold: false };
  inventory.damping.set(linkId, { ...known, heldSinceMs: nowMs });
  if (isOver(state, linkId)) release(state, [linkId]);
}

/**
 * With each tick: links whose time has come are used again, all of them with one look at the network, and what was suppressed or
 * reused since the last tick is told in one event each, however many flap. O(links that were down lately).
 */
export function advanceDamping(state: ControllerState): void {
  const { inventory, operation, nowMs } = state;
  const { settings } = operation;
  const suppressed: LinkId[] = [];
  const reused: LinkId[] = [];
  const over: LinkId[] = [];
  for (const [linkId, damping] of inventory.damping) {
    const penalty = penaltyAt(damping, nowMs, settings);
    if (damping.suppressed && penalty < settings.dampingReuseBelow) {
      damping.suppressed = false;
      if (damping.isTold) reused.push(linkId);
      damping.isTold = false;
    } else if (damping.suppressed && !damping.isTold) {
      damping.isTold = true;
      suppressed.push(linkId);
    }
    if (isOver(state, linkId)) over.push(linkId);
    // A penalty of half the lower threshold says nothing any more (RFC 2439 section 4.8.7).
    else if (damping.heldSinceMs === undefined && !damping.suppressed && penalty < settings.dampingReuseBelow / 2)
      inventory.damping.delete(linkId);
  }
  if (suppressed.length > 0) publish(state, "link-suppressed", { linkIds: suppressed.sort(compareText) });
  if (reused.length > 0) publish(state, "link-reused", { linkIds: reused.sort(compareText) });
  if (over.length > 0) release(state, over.sort(compareText));
}

function isOver({ inventory, operation, nowMs }: ControllerState, linkId: LinkId): boolean {
  const damping = inventory.damping.get(linkId);
  if (damping?.heldSinceMs === undefined || damping.suppressed) return false;
  return nowMs >= damping.heldSinceMs + operation.settings.linkUpHoldMs;
}

/** Before another half-life holds: what has decayed by now has decayed by the old one. O(links that were down lately). */
export function settlePenalties({ inventory, operation, nowMs }: ControllerState): void {
  for (const [linkId, damping] of inventory.damping)
    inventory.damping.set(linkId, { ...damping, penalty: penaltyAt(damping, nowMs, operation.settings), atMs: nowMs });
}

function release(state: ControllerState, linkIds: readonly LinkId[]): void {
  const { inventory, nowMs } = state;
  for (const linkId of linkIds) {
    const damping = inventory.damping.get(linkId);
    const link = inventory.topology?.linkById.get(linkId);
    if (damping?.heldSinceMs === undefined || link === undefined) continue;
    publish(state, "link-up", { linkId, from: link.from, to: link.to, heldMs: nowMs - damping.heldSinceMs });
    damping.heldSinceMs = undefined;
  }
  touchTopology(state, { obsoletes: false });
}
