/**
 * The marginal utility of fair shares within a window that begins at share `low`: (low / s)^alpha, where 1 is the price at `low`.
 */

/** A power of two: `priceOfShare` is five squarings. Larger is fairer and slower: demands at prices 1 and 2 differ by 2.2 % in share. */
const alpha = 32;
/** The price at which settled demands give way, and the most that rising ones pay. */
export const giveWay = 4;
/** d ln(price) / d ln(share). */
export const priceElasticity = -alpha;

export function priceOfShare(share: number, low: number): number {
  let power = (low / share) ** 2;
  power *= power;
  power *= power;
  power *= power;
  return power * power;
}

export function shareOfPrice(price: number, low: number): number {
  return low * price ** (-1 / alpha);
}
