import { describe, expect, it } from "vitest";
import { assert, fault, ok, refuse, type Result } from "@sluice/model";
import { leadershipConfigDefault, reliedOnMs } from "./config.js";
import type { LeadershipEffect } from "./effect.js";
import type { LeadershipEvent } from "./event.js";
import type { LeaseOutcomeRecord } from "./lease-record.js";
import { createLeadership, leaderKnown, leadingTerm, stepLeadership, type LeadershipState } from "./machine.js";
import { leadershipView } from "./view.js";

const config = { ...leadershipConfigDefault, holder: "me/1", restAddress: "http://me:8080", grpcAddress: "me:50051", seed: 7 };
const away: Result<never> = refuse(fault("unavailable", "The database is away."));
const stale: Result<never> = refuse(fault("stale-term", "Term 3 was followed by 4."));

/** Untimed events at times, and all effects but wakes. */
class Script {
  state: LeadershipState = createLeadership(config);
  nowMs = 0;

  at(
    nowMs: number,
    event: LeadershipEvent extends infer E ? (E extends unknown ? Omit<E, "nowMs"> : never) : never,
  ): readonly LeadershipEffect[] {
    this.nowMs = nowMs;
    const { state, effects } = stepLeadership(this.state, { ...event, nowMs } as LeadershipEvent);
    this.state = state;
    return effects.filter(({ kind }) => kind !== "wake");
  }

  /** Of the newest request. */
  get requestId(): number {
    return this.state.requestLast;
  }

  lead(nowMs: number, term = 3): void {
    this.at(nowMs, { kind: "tick" });
    const result: Result<LeaseOutcomeRecord> = ok({ kind: "acquired", term });
    this.at(nowMs, { kind: "acquired", requestId: this.requestId, result });
    assert(this.term === term, "it leads");
  }

  get term(): number | undefined {
    return leadingTerm(this.state, this.nowMs);
  }
}

function kinds(effects: readonly LeadershipEffect[]): readonly string[] {
  return effects.map(({ kind }) => kind);
}

describe("the leadership", () => {
  it("asks at once, and leads from the answer for as long as the lease can be relied on from the asking", () => {
    const script = new Script();
    expect(script.at(1_000, { kind: "tick" })).toEqual([
      {
        kind: "acquire",
        requestId: 1,
        request: { holder: "me/1", restAddress: "http://me:8080", grpcAddress: "me:50051", durationMs: 5_000 },
      },
    ]);
    expect(script.at(1_400, { kind: "acquired", requestId: 1, result: ok({ kind: "acquired", term: 9 }) })).toEqual([
      { kind: "lead", term: 9 },
    ]);
    const until = 1_000 + reliedOnMs(config);
    expect(until).toBeLessThan(1_000 + config.leaseMs);
    expect(leadingTerm(script.state, until - 0.001)).toBe(9);
    expect(leadingTerm(script.state, until)).toBe(undefined);
    expect(leadershipView(script.state, 1_400)).toMatchObject({ role: "leader", term: 9, leaderships: 1, leader: { holder: "me/1" } });
  });

  it("renews, and each answer counts from when its renewal was sent", () => {
    const script = new Script();
    script.lead(0);
    expect(script.at(1_000, { kind: "tick" })).toEqual([{ kind: "renew", requestId: 2, term: 3, durationMs: 5_000 }]);
    expect(script.at(2_000, { kind: "tick" })).toEqual([{ kind: "renew", requestId: 3, term: 3, durationMs: 5_000 }]);
    script.at(2_100, { kind: "renewed", requestId: 3, result: ok(undefined) });
    script.at(2_400, { kind: "renewed", requestId: 2, result: ok(undefined) });
    expect(leadingTerm(script.state, 2_000 + reliedOnMs(config) - 1)).toBe(3);
    expect(leadingTerm(script.state, 2_000 + reliedOnMs(config))).toBe(undefined);
  });

  it("goes on through failures and lost answers, and steps down before the lease ends", () => {
    const script = new Script();
    script.lead(0);
    expect(kinds(script.at(1_000, { kind: "tick" }))).toEqual(["renew"]);
    script.at(1_010, { kind: "renewed", requestId: script.requestId, result: away });
    expect(kinds(script.at(1_259, { kind: "tick" }))).toEqual([]);
    expect(kinds(script.at(1_260, { kind: "tick" }))).toEqual(["renew"]);
    for (let now = 1_300; now < reliedOnMs(config); now += 100)
      expect(script.at(now, { kind: "tick" }).filter(({ kind }) => kind !== "renew")).toEqual([]);
    expect(script.term).toBe(3);
    expect(script.at(reliedOnMs(config), { kind: "tick" })).toEqual([
      { kind: "step-down", term: 3, cause: "lease-over", reason: "The lease could not be renewed in time." },
    ]);
    expect(leadershipView(script.state, script.nowMs).role).toBe("stepping-down");
    expect(script.at(4_900, { kind: "tick" })).toEqual([]);
    expect(script.at(5_000, { kind: "quiet", term: 3 })).toEqual([]);
    expect(kinds(script.at(5_800, { kind: "tick" }))).toEqual(["acquire"]);
  });

  it("stopped for a while, does not believe to lead when it goes on, whatever it hears first", () => {
    for (const first of ["tick", "hand-over", "stop"] as const) {
      const script = new Script();
      script.lead(0);
      expect(leadingTerm(script.state, 60_000)).toBe(undefined);
      expect(kinds(script.at(60_000, { kind: first }))).toEqual(["step-down"]);
      expect(script.term).toBe(undefined);
    }
  });

  it("steps down at once when the store or an agent says that there is a newer term", () => {
    const script = new Script();
    script.lead(0);
    expect(script.at(10, { kind: "deposed", term: 2, reason: "old news" })).toEqual([]);
    expect(kinds(script.at(20, { kind: "deposed", term: 3, reason: "news" }))).toEqual(["step-down"]);
    const other = new Script();
    other.lead(0);
    other.at(1_000, { kind: "tick" });
    expect(other.at(1_010, { kind: "renewed", requestId: other.requestId, result: stale })).toMatchObject([
      { kind: "step-down", cause: "deposed" },
    ]);
  });

  it("gives the lease back when it hands over, and leaves it to others for a while", () => {
    const script = new Script();
    script.lead(0);
    expect(script.at(100, { kind: "hand-over" })).toMatchObject([{ kind: "step-down", cause: "hand-over" }]);
    expect(script.term).toBe(undefined);
    expect(script.at(200, { kind: "quiet", term: 3 })).toEqual([{ kind: "release", requestId: 2, term: 3 }]);
    expect(script.at(300, { kind: "released", requestId: 2, result: ok(undefined) })).toEqual([{ kind: "read", requestId: 3 }]);
    script.at(310, { kind: "found", requestId: 3, result: ok({ term: 3, holder: "me/1", remainingMs: 0 }) });
    const reads: string[] = [];
    for (let now = 400; now < 100 + config.standAsideMs; now += 100) {
      const asked = script.at(now, { kind: "tick" });
      reads.push(...kinds(asked));
      if (asked.length > 0)
        script.at(now, { kind: "found", requestId: script.requestId, result: ok({ term: 3, holder: "me/1", remainingMs: 0 }) });
    }
    expect(new Set(reads)).toEqual(new Set(["read"]));
    expect(kinds(script.at(6_000, { kind: "tick" }))).toEqual(["acquire"]);
  });

  it("gives the lease back before the process ends, and ends without one at once", () => {
    const script = new Script();
    script.lead(0);
    expect(script.at(100, { kind: "stop" })).toMatchObject([{ kind: "step-down", cause: "stop" }]);
    expect(kinds(script.at(200, { kind: "quiet", term: 3 }))).toEqual(["release"]);
    expect(kinds(script.at(300, { kind: "released", requestId: script.requestId, result: ok(undefined) }))).toEqual(["end"]);
    expect(script.at(9_000, { kind: "tick" })).toEqual([]);

    const silent = new Script();
    silent.lead(0);
    silent.at(100, { kind: "stop" });
    silent.at(200, { kind: "quiet", term: 3 });
    expect(kinds(silent.at(200 + config.answerMaxMs, { kind: "tick" }))).toEqual(["end"]);

    const follower = new Script();
    follower.at(0, { kind: "tick" });
    expect(follower.at(10, { kind: "stop" })).toEqual([]);
    // It may have been given the lease while it was told to stop.
    expect(kinds(follower.at(20, { kind: "acquired", requestId: 1, result: ok({ kind: "acquired", term: 4 }) }))).toEqual(["release"]);
    expect(kinds(follower.at(30, { kind: "released", requestId: 2, result: ok(undefined) }))).toEqual(["end"]);
  });

  it("gives back a lease whose answer came too late, or was lost", () => {
    const late = new Script();
    late.at(0, { kind: "tick" });
    expect(kinds(late.at(config.answerMaxMs, { kind: "tick" }))).toEqual([]);
    expect(kinds(late.at(config.answerMaxMs + 1, { kind: "tick" }))).toEqual(["acquire"]);
    expect(late.at(config.answerMaxMs + 2, { kind: "acquired", requestId: 1, result: ok({ kind: "acquired", term: 4 }) })).toEqual([]);
    const held = { term: 4, holder: "me/1", remainingMs: 2_000 };
    const answer = { kind: "acquired" as const, requestId: 2, result: ok({ kind: "held" as const, lease: held }) };
    expect(late.at(config.answerMaxMs + 3, answer)).toEqual([{ kind: "release", requestId: 3, term: 4 }]);
    expect(kinds(late.at(config.answerMaxMs + 4, { kind: "released", requestId: 3, result: ok(undefined) }))).toEqual(["acquire"]);
  });

  it("follows: knows who leads for as long as that lease lasts, and asks again between the bounds, right at its end", () => {
    const script = new Script();
    script.at(0, { kind: "tick" });
    const lease = { term: 5, holder: "you/1", restAddress: "http://you:8080", grpcAddress: "you:50051", remainingMs: 4_000 };
    script.at(10, { kind: "acquired", requestId: 1, result: ok({ kind: "held", lease }) });
    expect(leaderKnown(script.state, 4_009)).toEqual(lease);
    expect(leaderKnown(script.state, 4_010)).toBe(undefined);
    expect(leadershipView(script.state, 1_010)).toMatchObject({
      role: "follower",
      term: 5,
      leader: { holder: "you/1" },
      remainingMs: 3_000,
    });
    expect(kinds(script.at(10 + config.pollMinMs - 1, { kind: "tick" }))).toEqual([]);
    expect(kinds(script.at(10 + config.pollMaxMs, { kind: "tick" }))).toEqual(["acquire"]);
    script.at(800, { kind: "acquired", requestId: script.requestId, result: ok({ kind: "held", lease: { ...lease, remainingMs: 50 } }) });
    expect(kinds(script.at(849, { kind: "tick" }))).toEqual([]);
    expect(kinds(script.at(850 + config.pollMinMs / 2, { kind: "tick" }))).toEqual(["acquire"]);
    script.at(1_000, { kind: "acquired", requestId: script.requestId, result: away });
    expect(kinds(script.at(1_000 + config.pollMaxMs, { kind: "tick" }))).toEqual(["acquire"]);
  });

  it("changes no state that it was given, and draws the same jitter from the same seed", () => {
    const run = () => {
      const script = new Script();
      script.at(0, { kind: "tick" });
      const frozen = Object.freeze({ ...script.state });
      script.state = frozen;
      const wakes: number[] = [];
      for (let i = 0; i < 20; i += 1) {
        const { state, effects } = stepLeadership(script.state, {
          kind: "acquired",
          requestId: script.requestId,
          result: away,
          nowMs: i * 1_000,
        });
        wakes.push(...effects.flatMap((effect) => (effect.kind === "wake" ? [effect.atMs] : [])));
        script.state = Object.freeze(stepLeadership(state, { kind: "tick", nowMs: (i + 1) * 1_000 }).state);
      }
      return wakes;
    };
    expect(run()).toEqual(run());
    expect(new Set(run().map((at) => at % 1_000)).size).toBeGreaterThan(10);
  });
});
