import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseController } from "./controller-choice.js";

const broken = { notLeader: false };

describe("the choice of a controller", () => {
  it("asks those of the list in turn, with patience", () => {
    const choice = chooseController("a:1,b:2,c:3", { anywhere: true });
    const asked: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      asked.push(choice.address);
      choice.ended(broken);
      expect(choice.delayMs(5_000)).toBe(5_000);
    }
    expect(asked).toEqual(["a:1", "b:2", "c:3", "a:1", "b:2"]);
  });

  it("goes to the leader at once, wherever that is, and back to the list when it is not there", () => {
    const choice = chooseController("a:1,b:2", { anywhere: true });
    choice.ended({ notLeader: true, leader: "z:9" });
    expect([choice.address, choice.delayMs(5_000)]).toEqual(["z:9", 0]);
    choice.ended(broken);
    expect([choice.address, choice.delayMs(5_000)]).toEqual(["b:2", 5_000]);
  });

  it("goes nowhere but to those of the list where it would not ask for a certificate", () => {
    const choice = chooseController("a:1,b:2", { anywhere: false });
    choice.ended({ notLeader: true, leader: "z:9" });
    expect([choice.address, choice.delayMs(200)]).toEqual(["b:2", 200]);
    choice.ended({ notLeader: true, leader: "a:1" });
    expect([choice.address, choice.delayMs(200)]).toEqual(["a:1", 0]);
  });

  it("tries the one that led once more before others", () => {
    const choice = chooseController("a:1,b:2", { anywhere: true });
    choice.welcomed();
    choice.ended(broken);
    expect(choice.address).toBe("a:1");
    choice.ended(broken);
    expect(choice.address).toBe("b:2");
    choice.welcomed();
    choice.ended({ notLeader: true });
    expect([choice.address, choice.delayMs(5_000)]).toEqual(["a:1", 2_000]);
    // One that is silent may have been stopped, and somebody else leads.
    choice.welcomed();
    choice.ended({ notLeader: false, left: true });
    expect(choice.address).toBe("b:2");
  });

  it("waits a little where nobody leads yet, and no longer than the machine would", () => {
    const choice = chooseController("a:1", { anywhere: true });
    choice.ended({ notLeader: true });
    expect([choice.delayMs(5_000), choice.delayMs(200)]).toEqual([2_000, 200]);
    // Who sends to itself says nothing.
    choice.ended({ notLeader: true, leader: "a:1" });
    expect(choice.delayMs(200)).toBe(200);
  });

  it("is not sent around for ever, whoever sends it where", () => {
    const leader = fc.constantFrom("a:1", "b:2", "x:3", "y:4");
    fc.assert(
      fc.property(fc.array(leader, { minLength: 8, maxLength: 40 }), (leaders) => {
        const choice = chooseController("a:1,b:2", { anywhere: true });
        let atOnce = 0;
        for (const each of leaders) {
          choice.ended({ notLeader: true, leader: each });
          atOnce = choice.delayMs(1_000) === 0 ? atOnce + 1 : 0;
          expect(atOnce).toBeLessThanOrEqual(3);
        }
      }),
    );
  });
});
