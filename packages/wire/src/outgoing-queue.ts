/**
 * What waits to be written to one peer. grpc-js accepts writes without bound, so each stream has a queue of its own that
 * is bounded in messages and in time, keeps only the newest of messages that supersede each other, and gives up a peer that
 * does not drain: a slow peer costs a bounded amount of memory and never slows another.
 */

/** Where the queue writes: a gRPC call. */
export interface Outlet<M> {
  /** Hands the message to the transport, which calls back when flow control has let it go. */
  write(message: M, taken: () => void): void;
}

/** Messages that are with the transport at once, per stream: enough to keep it busy, few enough to coalesce behind. */
const inFlightMax = 16;

export interface OutgoingQueueOptions<M> {
  readonly outlet: Outlet<M>;
  /** Messages that may wait, over all kinds. */
  readonly messagesMax: number;
  /** How long a peer may take nothing while there is something for it, ms. */
  readonly stallMsMax: number;
  /** Messages with one key supersede each other; undefined never does. */
  readonly coalesceKey: (message: M) => string | undefined;
  /** Called at most once; the queue is closed by then and takes nothing more. */
  readonly onStuck: (reason: string) => void;
}

export interface OutgoingQueue<M> {
  /** Writes now or later, in order. After `close` it does nothing. */
  send(message: M): void;
  /** How many messages wait behind those that are with the transport. */
  readonly waiting: number;
  /** Resolves when the transport has let everything go, or the queue is closed: before that, the end of a stream would lose messages. */
  drained(): Promise<void>;
  close(): void;
}

/** O(1) per message. */
export function createOutgoingQueue<M>(options: OutgoingQueueOptions<M>): OutgoingQueue<M> {
  const { outlet, messagesMax, stallMsMax, coalesceKey, onStuck } = options;
  /** In order of sending; a message that supersedes another takes over its place. */
  const waiting = new Map<string | symbol, M>();
  let inFlight = 0;
  let closed = false;
  let stall: NodeJS.Timeout | undefined;
  let listeners: (() => void)[] = [];

  function tellDrained(): void {
    const told = listeners;
    listeners = [];
    for (const listener of told) listener();
  }

  function close(): void {
    closed = true;
    waiting.clear();
    clearTimeout(stall);
    tellDrained();
  }

  function giveUp(reason: string): void {
    if (closed) return;
    close();
    onStuck(reason);
  }

  function write(message: M): void {
    inFlight += 1;
    if (inFlight === 1) {
      stall = setTimeout(() => giveUp(`the peer took nothing for ${stallMsMax / 1_000} s`), stallMsMax);
      stall.unref();
    }
    outlet.write(message, taken);
  }

  function taken(): void {
    inFlight -= 1;
    if (closed) return;
    if (inFlight === 0) clearTimeout(stall);
    else stall?.refresh();
    const [next] = waiting;
    if (next === undefined) {
      if (inFlight === 0) tellDrained();
      return;
    }
    waiting.delete(next[0]);
    write(next[1]);
  }

  return {
    send(message) {
      if (closed) return;
      if (inFlight < inFlightMax) {
        write(message);
        return;
      }
      waiting.set(coalesceKey(message) ?? Symbol("message"), message);
      if (waiting.size > messagesMax) giveUp(`more than ${messagesMax} messages wait for the peer`);
    },
    get waiting() {
      return waiting.size;
    },
    async drained() {
      if (inFlight > 0 && !closed) await new Promise<void>((resolve) => listeners.push(resolve));
    },
    close,
  };
}
