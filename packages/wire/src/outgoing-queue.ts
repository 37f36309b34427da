/**
 * What waits to be written to one peer. grpc-js accepts writes without bound, so each stream has a queue of its own that
 * is bounded in messages and in time, keeps only the newest of messages that supersede each other, and gives up a peer that
 * does not drain: a slow peer costs a bounded amount of memory and never slows another.
 */

/** Where the queue writes: a gRPC call. */
export interface Outlet<M> {
  /** Accepts the message; false says to wait for `drained` before the next one. */
  write(message: M): boolean;
}

export interface OutgoingQueueOptions<M> {
  readonly outlet: Outlet<M>;
  /** Messages that may wait, over all kinds. */
  readonly messagesMax: number;
  /** How long messages may wait for a peer that takes nothing, ms. */
  readonly stallMsMax: number;
  /** Messages with one key supersede each other; undefined never does. */
  readonly coalesceKey: (message: M) => string | undefined;
  /** Called at most once; the queue is closed by then and takes nothing more. */
  readonly onStuck: (reason: string) => void;
}

export interface OutgoingQueue<M> {
  /** Writes now or later, in order. After `close` it does nothing. */
  send(message: M): void;
  /** The outlet can take more. */
  drained(): void;
  /** How many messages wait. */
  readonly waiting: number;
  close(): void;
}

/** O(1) per message. */
export function createOutgoingQueue<M>(options: OutgoingQueueOptions<M>): OutgoingQueue<M> {
  const { outlet, messagesMax, stallMsMax, coalesceKey, onStuck } = options;
  /** In order of sending; a message that supersedes another takes over its place. */
  const waiting = new Map<string | symbol, M>();
  let blocked = false;
  let closed = false;
  let stall: NodeJS.Timeout | undefined;

  function close(): void {
    closed = true;
    waiting.clear();
    clearTimeout(stall);
  }

  function giveUp(reason: string): void {
    if (closed) return;
    close();
    onStuck(reason);
  }

  function write(message: M): void {
    if (outlet.write(message)) return;
    blocked = true;
    clearTimeout(stall);
    stall = setTimeout(() => giveUp(`the peer took nothing for ${stallMsMax / 1_000} s`), stallMsMax);
    stall.unref();
  }

  return {
    send(message) {
      if (closed) return;
      if (!blocked) {
        write(message);
        return;
      }
      waiting.set(coalesceKey(message) ?? Symbol("message"), message);
      if (waiting.size > messagesMax) giveUp(`more than ${messagesMax} messages wait for the peer`);
    },
    drained() {
      if (closed) return;
      blocked = false;
      clearTimeout(stall);
      for (const [key, message] of waiting) {
        if (blocked || closed) return;
        waiting.delete(key);
        write(message);
      }
    },
    get waiting() {
      return waiting.size;
    },
    close,
  };
}
