/**
 * Reads a client's stream one message at a time, so that the transport's flow control holds the client back. (`for await`
 * would destroy the whole call at its end, answers included.)
 */
import type { ServerReadableStream } from "@grpc/grpc-js";

export type Read<Message> =
  | { readonly kind: "message"; readonly message: Message }
  /** The client half-closed: there will be no more. */
  | { readonly kind: "ended" }
  /** The client went away, its deadline passed, or the call was ended from here. */
  | { readonly kind: "cancelled" }
  /** Nothing came for too long. */
  | { readonly kind: "paused" };

export interface Reader<Message> {
  /** One call at a time. */
  next(): Promise<Read<Message>>;
}

type Call<Message> = Pick<ServerReadableStream<Message, unknown>, "on" | "pause" | "resume" | "cancelled" | "destroyed">;

export function createReader<Message>(call: Call<Message>, pauseMsMax = Infinity): Reader<Message> {
  const waiting: Message[] = [];
  let ended = false;
  let gone = false;
  let wake: (() => void) | undefined;

  call.pause();
  call.on("data", (message: Message) => {
    waiting.push(message);
    call.pause();
    wake?.();
  });
  call.on("end", () => {
    // A reset can look like an end for a moment: the call knows that it was cancelled one turn later.
    setImmediate(() => {
      ended = true;
      wake?.();
    });
  });
  for (const event of ["cancelled", "close"]) {
    call.on(event, () => {
      gone = true;
      wake?.();
    });
  }

  return {
    async next() {
      if (waiting.length === 0 && !ended && !gone) await arrival();
      if (call.cancelled) return { kind: "cancelled" };
      const message = waiting.shift();
      if (message !== undefined) return { kind: "message", message };
      return ended ? { kind: "ended" } : gone ? { kind: "cancelled" } : { kind: "paused" };
    },
  };

  function arrival(): Promise<void> {
    return new Promise((resolve) => {
      const timer = Number.isFinite(pauseMsMax) ? setTimeout(resolve, pauseMsMax) : undefined;
      wake = () => {
        clearTimeout(timer);
        wake = undefined;
        resolve();
      };
      call.resume();
    });
  }
}
