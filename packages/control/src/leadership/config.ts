/** What the leadership's machine is told at its start, and every limit it keeps. Times are of the process's own clock. */
export interface LeadershipConfig {
  /** Of this process in this life, and of no other. */
  readonly holder: string;
  /** Where it is reached when it leads. */
  readonly restAddress: string;
  readonly grpcAddress: string;
  /** How long a lease lasts by the database's clock, ms. */
  readonly leaseMs: number;
  /** How far the rate of this process's clock, or of the database's, may be from that of true time. */
  readonly clockRateErrorMax: number;
  /** Between two renewals, ms; an answer may be outstanding. */
  readonly renewEveryMs: number;
  /** After a renewal that failed, ms. */
  readonly renewRetryMs: number;
  /** Renewals whose answers may be outstanding. */
  readonly renewalsMax: number;
  /** An answer that has not come by then is taken for lost, ms. */
  readonly answerMaxMs: number;
  /** A candidate asks again after a time between these, drawn by its seed, ms. */
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
  /** How long a holder that handed over leaves the lease to others, ms. */
  readonly standAsideMs: number;
  /** Of the jitter. */
  readonly seed: number;
}

type LeadershipTimes = Omit<LeadershipConfig, "holder" | "restAddress" | "grpcAddress" | "seed">;

/** What goes with a lease of so many ms. */
export function leadershipTimesOf(leaseMs: number): LeadershipTimes {
  return {
    leaseMs,
    // Quartz is a thousand times better; a virtual machine that is moved while it runs is not.
    clockRateErrorMax: 0.02,
    renewEveryMs: leaseMs / 5,
    renewRetryMs: leaseMs / 20,
    renewalsMax: 4,
    answerMaxMs: leaseMs / 2,
    // Whoever follows knows of a hand-over within this.
    pollMinMs: 300,
    pollMaxMs: 700,
    standAsideMs: 5_000,
  };
}

export const leadershipConfigDefault: LeadershipTimes = leadershipTimesOf(5_000);

/**
 * For how long a holder may rely on a lease, ms by its own clock from before it was asked for: its clock may be as slow, and the database's as fast,
 * as the bound allows.
 */
export function reliedOnMs({ leaseMs, clockRateErrorMax }: Pick<LeadershipConfig, "leaseMs" | "clockRateErrorMax">): number {
  return (leaseMs * (1 - clockRateErrorMax)) / (1 + clockRateErrorMax);
}
