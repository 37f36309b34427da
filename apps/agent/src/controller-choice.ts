/**
 * Which of several controllers an agent asks next. One that does not lead says who does, and is believed at once; otherwise they are asked
 * in turn, after the machine's patience. Any of them may be wrong, late, or gone, so being sent around is bounded.
 */

/** Controllers that may send an agent on, one after the other, before it has patience again. */
const sentOnMax = 3;
/** While nobody leads, somebody will soon: no longer than this between two questions, ms. */
const electionDelayMsMax = 2_000;

export interface ControllerChoice {
  /** `host:port` of the controller to ask next. */
  readonly address: string;
  /** How long to wait before that: `patienceMs`, or less where there is reason to. */
  delayMs(patienceMs: number): number;
  /** It leads. */
  welcomed(): void;
  /** The stream ended, or did not come about; with `not-leader`, where the leader is said to be; `left`: by the agent, for one that fell silent. */
  ended(why: { readonly notLeader: boolean; readonly leader?: string | undefined; readonly left?: boolean }): void;
}

/**
 * `controllers`: one or more `host:port`, separated by commas. `anywhere`: also to a leader that is none of them; not for an agent that would go there
 * without asking for a certificate.
 */
export function chooseController(controllers: string, { anywhere }: { readonly anywhere: boolean }): ControllerChoice {
  const listed = controllers.split(",");
  let turn = 0;
  let address = listed[0] ?? "";
  let sentOn = 0;
  let hasLed = false;
  let delay: "none" | "election" | "patience" = "patience";

  return {
    get address() {
      return address;
    },
    delayMs: (patienceMs) => (delay === "none" ? 0 : delay === "election" ? Math.min(patienceMs, electionDelayMsMax) : patienceMs),
    welcomed() {
      hasLed = true;
      sentOn = 0;
      delay = "patience";
    },
    ended({ notLeader, leader, left = false }) {
      delay = notLeader ? "election" : "patience";
      const isKnown = leader !== undefined && (anywhere || listed.includes(leader));
      if (isKnown && leader !== address && sentOn < sentOnMax) {
        sentOn += 1;
        delay = "none";
        address = leader;
      } else {
        sentOn = 0;
        // Who led when the stream broke most likely leads still.
        if (!hasLed || notLeader || left) {
          turn = (turn + 1) % listed.length;
          address = listed[turn] ?? address;
        }
      }
      hasLed = false;
    },
  };
}
