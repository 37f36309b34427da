/** For tests: a client of server-sent events that reads as browsers do, stops in the middle of anything, and comes back. */
import { request, type IncomingMessage } from "node:http";

export interface ReceivedEvent {
  readonly sequence: number;
  readonly at: string;
  readonly kind: string;
  readonly data: unknown;
}

export interface EventClient {
  readonly response: IncomingMessage;
  readonly events: readonly ReceivedEvent[];
  /** What it says when it comes back. */
  lastEventId(): string;
  retryMs(): number | undefined;
  /** Resolves when so many events are there, or no more will come. */
  has(count: number): Promise<void>;
  /** Resolves when it is over, with whether the server ended it in good order. */
  readonly ended: Promise<boolean>;
  cut(): void;
}

/** Reads blocks as they become whole (WHATWG HTML, section 9.2.6). */
class EventReader {
  readonly events: ReceivedEvent[] = [];
  lastEventId = "";
  retryMs: number | undefined;
  #pending = "";
  readonly #decoder = new TextDecoder();

  take(bytes: Buffer): void {
    this.#pending += this.#decoder.decode(bytes, { stream: true });
    const blocks = this.#pending.split("\n\n");
    this.#pending = blocks.pop() ?? "";
    for (const block of blocks) this.#dispatch(block);
  }

  #dispatch(block: string): void {
    let data = "";
    for (const line of block.split("\n")) {
      if (line.startsWith(":")) continue;
      const colon = line.indexOf(": ");
      const [field, value] = [line.slice(0, colon), line.slice(colon + 2)];
      if (field === "id") this.lastEventId = value;
      else if (field === "data") data += value;
      else if (field === "retry") this.retryMs = Number(value);
      else throw new Error(`a line of no known field: ${line}`);
    }
    if (data === "") return;
    const event = JSON.parse(data) as ReceivedEvent;
    if (String(event.sequence) !== this.lastEventId) throw new Error(`event ${event.sequence} has the id ${this.lastEventId}`);
    this.events.push(event);
  }
}

export interface WatchOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Hangs up after that many bytes of the body, and has seen no more of them. */
  readonly bytesMax?: number;
  /** Reads nothing. */
  readonly isStalled?: boolean;
}

export function watchEvents(
  url: string,
  { headers = {}, bytesMax = Infinity, isStalled = false }: WatchOptions = {},
): Promise<EventClient> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers: { accept: "text/event-stream", ...headers }, agent: false });
    asked.once("error", reject);
    asked.once("response", (response) => {
      asked.off("error", reject).on("error", () => undefined);
      const reader = new EventReader();
      const waiting = new Set<() => void>();
      let left = bytesMax;
      let isOver = false;
      response.on("error", () => undefined);
      const ended = new Promise<boolean>((settle) => {
        response.once("close", () => {
          isOver = true;
          settle(response.complete);
          for (const look of waiting) look();
        });
      });
      if (isStalled) response.pause();
      else {
        response.on("data", (chunk: Buffer) => {
          reader.take(chunk.subarray(0, left));
          left -= chunk.length;
          if (left <= 0) asked.destroy();
          for (const look of waiting) look();
        });
      }
      resolve({
        response,
        events: reader.events,
        lastEventId: () => reader.lastEventId,
        retryMs: () => reader.retryMs,
        has: (count) =>
          new Promise((settle) => {
            const look = (): void => {
              if (reader.events.length < count && !isOver) return;
              waiting.delete(look);
              settle();
            };
            waiting.add(look);
            look();
          }),
        ended,
        cut: () => void asked.destroy(),
      });
    });
    asked.end();
  });
}
