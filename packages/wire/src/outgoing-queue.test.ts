import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createOutgoingQueue, type OutgoingQueue } from "./index.js";

interface Message {
  readonly key?: string;
  readonly value: number;
}

/** A peer that takes `room` messages and then none until told. */
function peer(room: number, messagesMax = 8) {
  const written: Message[] = [];
  const stuck: string[] = [];
  let left = room;
  const queue: OutgoingQueue<Message> = createOutgoingQueue<Message>({
    outlet: {
      write(message) {
        written.push(message);
        left -= 1;
        return left > 0;
      },
    },
    messagesMax,
    stallMsMax: 1_000,
    coalesceKey: ({ key }) => key,
    onStuck: (reason) => stuck.push(reason),
  });
  const drain = (more: number) => {
    left = more;
    queue.drained();
  };
  return { queue, written, stuck, drain };
}

describe("outgoing queue", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("writes in order and writes nothing twice, whatever the peer's pace", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant("send" as const), fc.integer({ min: 1, max: 3 })), { maxLength: 60 }), (acts) => {
        const { queue, written, drain } = peer(1, 100);
        let sent = 0;
        for (const act of acts) {
          if (act === "send") queue.send({ value: sent++ });
          else drain(act);
        }
        drain(1_000);
        expect(written.map(({ value }) => value)).toEqual(Array.from({ length: sent }, (_, i) => i));
      }),
    );
  });

  it("keeps the newest of messages that supersede each other, in the place of the first", () => {
    const { queue, written, drain } = peer(1);
    queue.send({ value: 0 });
    queue.send({ key: "counters", value: 1 });
    queue.send({ value: 2 });
    queue.send({ key: "counters", value: 3 });
    expect(queue.waiting).toBe(2);
    drain(10);
    expect(written.map(({ value }) => value)).toEqual([0, 3, 2]);
  });

  it("gives up a peer for whom too many messages wait, once, and then holds nothing", () => {
    const { queue, written, stuck } = peer(1, 3);
    for (let value = 0; value < 20; value += 1) queue.send({ value });
    expect(stuck).toEqual(["more than 3 messages wait for the peer"]);
    expect({ waiting: queue.waiting, written: written.length }).toEqual({ waiting: 0, written: 1 });
  });

  it("gives up a peer that takes nothing for too long, and not one that is slow", () => {
    const { queue, stuck, drain } = peer(1);
    queue.send({ value: 0 });
    vi.advanceTimersByTime(999);
    drain(1);
    queue.send({ value: 1 });
    vi.advanceTimersByTime(999);
    expect(stuck).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(stuck).toEqual(["the peer took nothing for 1 s"]);
  });

  it("says nothing after it was closed", () => {
    const { queue, written, stuck } = peer(1);
    queue.send({ value: 0 });
    queue.send({ value: 1 });
    queue.close();
    queue.drained();
    queue.send({ value: 2 });
    vi.advanceTimersByTime(10_000);
    expect({ stuck, written }).toEqual({ stuck: [], written: [{ value: 0 }] });
  });
});
