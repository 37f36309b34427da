/**
 * A cut cable and what answers it, layer by layer: what the traffic did at each moment, measured behind the switches' rules, beside what the
 * controller's journal says that it has done. Pure: samples and journal entries in, lines for people out.
 */
import type { LinkId } from "@sluice/model";
import { percentText, rateText } from "sluice";
import type { JournalEntry } from "./journal.js";

/** Samples that are kept: a story is over long before. */
const samplesMax = 10_000;
/** Less than this of the traffic is no loss: meters count in whole kb/s. */
const roundingShare = 1e-6;

/** Times are those of the wall clock, ms. */
export interface StoryStart {
  readonly linkIds: readonly LinkId[];
  readonly cutAtMs: number;
  /** What arrived before the cut, all classes, bps. */
  readonly deliveredBps: number;
}

export interface StorySample {
  readonly atMs: number;
  readonly deliveredBps: number;
}

/** Something happened at a moment, and its line waits for a sample that is not older. */
interface Pending {
  readonly atMs: number;
  readonly line: (lessText: string, lessBps: number) => string;
  readonly isLast?: boolean;
}

export class FailureStory {
  readonly #start: StoryStart;
  readonly #samples: StorySample[] = [];
  #pending: Pending[] = [];
  readonly #lines: string[] = [];
  #lostAtFirstBps = 0;
  #isUnanswered = false;
  #detectedAtMs: number | undefined;
  /** How far the journal is on the way to a plan that knows of the cut. */
  #awaited: "news" | "solve" | "plan" | number = "news";
  #isOver = false;

  constructor(start: StoryStart) {
    this.#start = start;
    this.#pending.push({
      atMs: start.cutAtMs,
      line: (_, lessBps) => {
        this.#lostAtFirstBps = lessBps;
        const what = this.#isNothing(lessBps)
          ? "nothing was on it"
          : `${rateText(lessBps)} of ${rateText(start.deliveredBps)} (${percentText(lessBps / start.deliveredBps)}) is lost until the switches at its ends notice`;
        return `Cable ${this.name} is cut: ${what}.`;
      },
    });
  }

  /** The smallest id of its links. */
  get name(): string {
    return this.#start.linkIds[0] ?? "";
  }

  /** What is known, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** A plan that knows of the cut carries the traffic. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** In order of time. */
  sampled(sample: StorySample): void {
    if (this.#samples.length < samplesMax) this.#samples.push(sample);
    this.#resolve();
  }

  /** Both ends of the cable believe what is true. */
  detected(atMs: number): void {
    if (this.#detectedAtMs !== undefined) return;
    this.#detectedAtMs = atMs;
    this.#wait({
      atMs,
      line: (less, lessBps) => {
        const how = lessBps < this.#lostAtFirstBps && !this.#isNothing(this.#lostAtFirstBps) ? "send around it" : "know of it";
        return `  after ${this.#msText(atMs)} the switches at its ends ${how}: ${less}.`;
      },
    });
  }

  /** Nobody answers for the controller. */
  unanswered(): void {
    if (this.#isUnanswered || this.#isOver) return;
    this.#isUnanswered = true;
    this.#lines.push("  No controller answers: the switches go on by themselves.");
  }

  /** In the order of the journal. What stands before the news of this cut is about something else. */
  heard({ kind, atMs: writtenAtMs, data }: JournalEntry): void {
    if (this.#isOver) return;
    // Two processes' clocks differ by some milliseconds; what the controller does follows what the switches noticed.
    const atMs = Math.max(writtenAtMs, this.#detectedAtMs ?? this.#start.cutAtMs);
    if (this.#awaited === "news") {
      if (kind === "link-down" && this.#start.linkIds.some((id) => id === data["linkId"])) this.#awaited = "solve";
    } else if (kind === "scenario-programmed") {
      const { scenarioId, ingresses } = data;
      this.#wait({
        atMs,
        line: (less) =>
          `  after ${this.#msText(atMs)} ${String(ingresses)} ingresses use the split prepared for ${String(scenarioId)}: ${less}.`,
      });
    } else {
      this.#towardPlan({ kind, atMs, data });
    }
  }

  /** Only what is solved for after the news of the cut counts: a plan that was on its way does not know of it. */
  #towardPlan({ kind, atMs, data }: Omit<JournalEntry, "sequence">): void {
    const awaited = this.#awaited;
    if (awaited === "solve") {
      if (kind === "solve-started") this.#awaited = "plan";
    } else if (awaited === "plan") {
      if (kind === "plan-persisted") this.#awaited = Number(data["epoch"]);
    } else if (typeof awaited === "number" && kind === "plan-applied" && Number(data["epoch"]) >= awaited) {
      const { seconds, movedSeconds } = data;
      // What comes after the last move only clears away.
      const clearingMs = typeof seconds === "number" && typeof movedSeconds === "number" ? (seconds - movedSeconds) * 1000 : 0;
      const movedMs = Math.max(atMs - clearingMs, this.#start.cutAtMs);
      this.#wait({
        atMs: movedMs,
        isLast: true,
        line: (less) => `  after ${this.#msText(movedMs)} plan ${String(data["epoch"])} carries the traffic: ${less}.`,
      });
    }
  }

  #wait(pending: Pending): void {
    this.#pending.push(pending);
    this.#resolve();
  }

  #resolve(): void {
    const still: Pending[] = [];
    for (const pending of this.#pending) {
      const sample = this.#samples.find(({ atMs }) => atMs >= pending.atMs);
      if (sample === undefined) {
        still.push(pending);
        continue;
      }
      const lessBps = this.#start.deliveredBps - sample.deliveredBps;
      const less = this.#isNothing(lessBps)
        ? "all arrives"
        : `${rateText(lessBps)} (${percentText(lessBps / this.#start.deliveredBps)}) less arrives than before`;
      this.#lines.push(pending.line(less, lessBps));
      if (pending.isLast === true) this.#isOver = true;
    }
    this.#pending = still;
  }

  #isNothing(lessBps: number): boolean {
    return lessBps <= roundingShare * this.#start.deliveredBps;
  }

  #msText(atMs: number): string {
    return `${Math.max(0, Math.round(atMs - this.#start.cutAtMs))} ms`;
  }
}
