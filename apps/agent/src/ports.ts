/**
 * Ports of an emulated switch: what it believes of its outgoing links. A change of a link is noticed some time after it happened, as by
 * Bidirectional Forwarding Detection (RFC 5880); one that is undone before is never noticed.
 */
import { assert, type LinkId } from "@sluice/model";
import type { LinkStatus } from "./datapath.js";

interface Port {
  /** What the link is. */
  up: boolean;
  /** What the switch believes. */
  live: boolean;
  noticing: NodeJS.Timeout | undefined;
}

export class Ports {
  readonly #ports: ReadonlyMap<LinkId, Port>;
  readonly #detectionMs: number;
  readonly #listeners = new Set<(change: LinkStatus) => void>();

  /** `detectionMs` from a change of a link until the switch knows; 0: at once. */
  constructor(links: readonly LinkStatus[], detectionMs: number) {
    this.#ports = new Map(links.map(({ linkId, up }) => [linkId, { up, live: up, noticing: undefined }]));
    this.#detectionMs = detectionMs;
  }

  /** What the switch believes of its links. */
  get statuses(): readonly LinkStatus[] {
    return [...this.#ports].map(([linkId, { live }]) => ({ linkId, up: live }));
  }

  /** Whether the switch sends packets out there; false where it has no such port. */
  isLive(linkId: LinkId): boolean {
    return this.#ports.get(linkId)?.live ?? false;
  }

  /** Something happens to the link. */
  set(linkId: LinkId, up: boolean): void {
    const port = this.#ports.get(linkId);
    assert(port !== undefined, `link ${linkId} leaves this switch`);
    if (port.up === up) return;
    port.up = up;
    clearTimeout(port.noticing);
    port.noticing = undefined;
    if (port.live === up) return;
    if (this.#detectionMs === 0) this.#notice(linkId, port);
    else port.noticing = setTimeout(() => this.#notice(linkId, port), this.#detectionMs).unref();
  }

  /** Tells every change that the switch notices from now on; the function returned ends that. */
  onChange(listener: (change: LinkStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #notice(linkId: LinkId, port: Port): void {
    port.noticing = undefined;
    port.live = port.up;
    for (const listener of this.#listeners) listener({ linkId, up: port.live });
  }
}
