/**
 * A clock for tests that must not depend on time and must end all the same: each look at it takes a millisecond, so an engine that
 * keeps asking runs out of time at the same iteration on every machine.
 */
export function tickingClock(): () => number {
  let ms = 0;
  return () => ms++;
}
