import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createOutgoingQueue, type OutgoingQueue } from "./index.js";

interface Message {
  readonly key?: string;
  readonly value: number;
}

/** What the queue may hand to the transport before it waits. */
const inFlight = 16;

/** A peer that takes nothing until told how much. */
function peer(messagesMax = 8) {
  const written: Message[] = [];
  const stuck: string[] = [];
  const untaken: (() => void)[] = [];
  const queue: OutgoingQueue<Message> = createOutgoingQueue<Message>({
    outlet: {
      write(message, taken) {
        written.push(message);
        untaken.push(taken);
      },
    },
    messagesMax,
    stallMsMax: 1_000,
    coalesceKey: ({ key }) => key,
    onStuck: (reason) => stuck.push(reason),
  });
  const take = (count: number) => {
    for (let i = 0; i < count; i += 1) untaken.shift()?.();
  };
  const fill = () => {
    for (let i = 0; i < inFlight; i += 1) queue.send({ value: -1 });
    written.length = 0;
  };
  return { queue, written, stuck, take, fill };
}

describe("outgoing queue", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("writes in order and writes nothing twice, whatever the peer's pace", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant("send" as const), fc.integer({ min: 1, max: 3 })), { maxLength: 100 }), (acts) => {
        const { queue, written, take } = peer(1_000);
        let sent = 0;
        let taken = 0;
        for (const act of acts) {
          if (act === "send") queue.send({ value: sent++ });
          else {
            taken += Math.min(act, written.length - taken);
            take(act);
          }
          expect(written.length - taken).toBeLessThanOrEqual(inFlight);
        }
        take(1_000);
        expect(written.map(({ value }) => value)).toEqual(Array.from({ length: sent }, (_, i) => i));
      }),
    );
  });

  it("keeps the newest of messages that supersede each other, in the place of the first", () => {
    const { queue, written, take, fill } = peer();
    fill();
    queue.send({ value: 0 });
    queue.send({ key: "counters", value: 1 });
    queue.send({ value: 2 });
    queue.send({ key: "counters", value: 3 });
    expect(queue.waiting).toBe(3);
    take(inFlight);
    expect(written.map(({ value }) => value)).toEqual([0, 3, 2]);
  });

  it("gives up a peer for whom too many messages wait, once, and then holds nothing", () => {
    const { queue, written, stuck, fill } = peer(3);
    fill();
    for (let value = 0; value < 20; value += 1) queue.send({ value });
    expect(stuck).toEqual(["more than 3 messages wait for the peer"]);
    expect({ waiting: queue.waiting, written }).toEqual({ waiting: 0, written: [] });
  });

  it("gives up a peer that takes nothing for too long, and not one that is slow or has nothing to take", () => {
    const { queue, stuck, take } = peer();
    vi.advanceTimersByTime(10_000);
    queue.send({ value: 0 });
    queue.send({ value: 1 });
    vi.advanceTimersByTime(999);
    take(1);
    vi.advanceTimersByTime(999);
    expect(stuck).toEqual([]);
    take(1);
    vi.advanceTimersByTime(10_000);
    expect(stuck).toEqual([]);
    queue.send({ value: 2 });
    vi.advanceTimersByTime(1_000);
    expect(stuck).toEqual(["the peer took nothing for 1 s"]);
  });

  it("says nothing after it was closed", () => {
    const { queue, written, stuck, take, fill } = peer();
    fill();
    queue.send({ value: 1 });
    queue.close();
    take(inFlight);
    queue.send({ value: 2 });
    vi.advanceTimersByTime(10_000);
    expect({ stuck, written }).toEqual({ stuck: [], written: [] });
  });
});
