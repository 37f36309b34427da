/** The controller's journal, read over REST as it grows: `GET /v1/events`. */
import { fault, ok, refuse, type Result } from "@sluice/model";
import { z } from "zod";

/** Entries of one reading. */
const pageEntries = 1_000;
/** Time for one reading, ms. */
const readMsMax = 2_000;

export interface JournalEntry {
  readonly sequence: number;
  /** Of the wall clock. */
  readonly atMs: number;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const pageSchema = z.object({
  items: z.array(z.object({ sequence: z.number(), at: z.iso.datetime(), kind: z.string(), data: z.record(z.string(), z.unknown()) })),
  nextAfter: z.number(),
});

export class JournalReader {
  #after = 0;

  /** What was written since the last reading, oldest first. Faults: `unavailable` where nobody answers, `malformed` where something else does. */
  async read(rest: string): Promise<Result<readonly JournalEntry[]>> {
    const entries: JournalEntry[] = [];
    for (;;) {
      const page = await this.#page(`${rest}/v1/events?after=${this.#after}&limit=${pageEntries}`);
      if (!page.ok) return page;
      for (const { at, ...each } of page.value.items) entries.push({ ...each, atMs: Date.parse(at) });
      this.#after = page.value.nextAfter;
      if (page.value.items.length < pageEntries) return ok(entries);
    }
  }

  async #page(url: string): Promise<Result<z.output<typeof pageSchema>>> {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(readMsMax) });
      const page = pageSchema.safeParse(await response.json());
      return response.ok && page.success
        ? ok(page.data)
        : refuse(fault("malformed", `${url} answered ${response.status} with something that is no journal.`));
    } catch (error) {
      const reason = error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error);
      return refuse(fault("unavailable", `${url} could not be read: ${reason}.`));
    }
  }
}
