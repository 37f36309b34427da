/** Cuts cables of the emulated network, and follows each cut until a plan answers it. */
import { cablesOf, type LinkId, type Topology } from "@sluice/model";
import { pause } from "./controller-supervisor.js";
import { FailureStory } from "./failure-story.js";
import type { FluidNetwork } from "./fluid-network.js";
import { JournalReader } from "./journal.js";
import { journalText } from "./journal-text.js";

/** Between two samples of the traffic while a cut is followed, ms; more where forwarding takes long. */
const sampleMs = 10;
/** At most this share of the time is spent on samples: the controller and the agents need the processor, too. */
const sampleShareMax = 0.2;
/** How often the journal is read, ms. */
const journalMs = 100;
/** Longest that one cut is followed, ms. */
const storyMsMax = 60_000;

export interface FailureWatchParts {
  readonly topology: Topology;
  readonly network: FluidNetwork;
  /** Where the controller serves REST; undefined while it is dead. */
  readonly rest: () => string | undefined;
  readonly tell: (line: string) => void;
  readonly signal: AbortSignal;
}

export class FailureWatch {
  readonly #parts: FailureWatchParts;
  readonly #cables: ReadonlyMap<LinkId, readonly LinkId[]>;
  readonly #journal = new JournalReader();
  readonly #open = new Set<FailureStory>();
  #latest: FailureStory | undefined;

  constructor(parts: FailureWatchParts) {
    this.#parts = parts;
    this.#cables = new Map(cablesOf(parts.topology).flatMap(({ linkIds }) => linkIds.map((id) => [id, linkIds] as const)));
  }

  /** Of the cut that happened last; undefined before the first. */
  get latest(): readonly string[] | undefined {
    return this.#latest?.lines;
  }

  /** Whether a cut waits for its answer. */
  get isFollowing(): boolean {
    return this.#open.size > 0;
  }

  /** Reads the journal until aborted: what it has to say to people, and what cuts wait for. */
  async followJournal(): Promise<void> {
    const { rest, signal, tell } = this.#parts;
    // What was written before is of earlier runs.
    let isNews = false;
    while (!signal.aborted) {
      const address = rest();
      const read = address === undefined ? undefined : await this.#journal.read(address);
      for (const story of this.#open) {
        if (read?.ok !== true) story.unanswered();
        else for (const entry of read.value) story.heard(entry);
      }
      if (read?.ok === true) {
        if (isNews) {
          for (const entry of read.value) {
            const text = journalText(entry);
            if (text !== undefined) tell(text);
          }
        }
        isNews = true;
      }
      await pause(journalMs, signal);
    }
  }

  /** Both links of the cable go down; resolves when that is answered, or after a minute. */
  async cut(linkId: LinkId): Promise<void> {
    const { network, signal } = this.#parts;
    const linkIds = this.#cable(linkId);
    // The other direction was named as well, or it was cut before.
    if (!linkIds.some((id) => network.isLinkUp(id))) return;
    const deliveredBps = this.#deliveredBps();
    const cutAtMs = wallMs();
    const story = new FailureStory({ linkIds, cutAtMs, deliveredBps });
    const sample = (): number => {
      const atMs = wallMs();
      story.sampled({ atMs, deliveredBps: this.#deliveredBps() });
      return atMs;
    };
    const isKnown = (): boolean => linkIds.every((id) => network.isPortLive(id) === network.isLinkUp(id));
    const unwatch = linkIds.map((id) =>
      network.onNotice(id, () => {
        if (isKnown()) story.detected(sample());
      }),
    );
    for (const id of linkIds) network.setLink(id, false);
    sample();
    this.#open.add(story);
    this.#latest = story;
    let told = 0;
    const tell = (): void => {
      for (const line of story.lines.slice(told)) this.#parts.tell(line);
      told = story.lines.length;
    };
    tell();
    while (!signal.aborted && !story.isOver && wallMs() - cutAtMs < storyMsMax) {
      const startMs = performance.now();
      sample();
      tell();
      // Repaired before it was answered: there is nothing left to follow.
      if (isKnown() && linkIds.every((id) => network.isLinkUp(id))) break;
      await pause(Math.max(sampleMs, (performance.now() - startMs) / sampleShareMax), signal);
    }
    tell();
    for (const end of unwatch) end();
    this.#open.delete(story);
  }

  repair(linkId: LinkId): void {
    const linkIds = this.#cable(linkId);
    for (const id of linkIds) this.#parts.network.setLink(id, true);
    this.#parts.tell(`Cable ${linkIds[0] ?? linkId} is repaired.`);
  }

  #cable(linkId: LinkId): readonly LinkId[] {
    return this.#cables.get(linkId) ?? [linkId];
  }

  #deliveredBps(): number {
    return this.#parts.network.forward(0).flows.reduce((sum, flow) => sum + flow.deliveredBps, 0);
  }
}

/** With fractions, and never backwards. */
function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
