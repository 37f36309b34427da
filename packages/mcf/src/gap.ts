/** |bound - value| / the larger of the two; 0 where both are 0. The judge has its own. */
export function gapBetween(value: number, bound: number): number {
  const size = Math.max(Math.abs(value), Math.abs(bound));
  return size === 0 ? 0 : Math.abs(bound - value) / size;
}
