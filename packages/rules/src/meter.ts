/** What an OpenFlow 1.3 meter can hold, and how rates and bursts are brought to it. */

/** Meters count in whole kb/s (OFPMF_KBPS, OpenFlow 1.3.5 section A.3.4.5): a rule's rate is a multiple of this, and never 0. */
export const meterRateUnitBps = 1000;
/** The rate field has 32 bits: 4.29 Tb/s. */
export const meterRateBpsMax = (2 ** 32 - 1) * meterRateUnitBps;

/** A bucket holds what the meter lets in during this time, seconds: the round trip of a long path, so that TCP can fill its rate. */
const burstSeconds = 0.1;
/** Never less than ten full Ethernet frames, or the first packets of a slow flow group would find no tokens. */
const burstBitsMin = 120_000;

/** The largest rate that a meter can hold and that is not above `rateBps`; 0 where there is none: such a flow group gets no rule. */
export function meterRateBps(rateBps: number): number {
  return Math.floor(rateBps / meterRateUnitBps) * meterRateUnitBps;
}

/** Depth of the token bucket in bits, whole kb: a tenth of a second at the meter's rate, at least ten frames. */
export function burstBitsOf(rateBps: number): number {
  return Math.max(burstBitsMin, Math.ceil((rateBps * burstSeconds) / 1000) * 1000);
}
