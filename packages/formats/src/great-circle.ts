/** Latency from geography, where a file gives none. */

/** Mean radius of the Earth, km (IUGG). */
const earthRadiusKm = 6371.0088;
/** Light in glass: two thirds of its speed in vacuum, km per ms. */
export const fiberKmPerMs = (299_792.458 / 1000) * (2 / 3);

export interface Coordinates {
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
}

/** Length of the great circle between two places, km (haversine formula). */
export function greatCircleKm(a: Coordinates, b: Coordinates): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const sinHalfLatitude = Math.sin(radians(b.latitudeDeg - a.latitudeDeg) / 2);
  const sinHalfLongitude = Math.sin(radians(b.longitudeDeg - a.longitudeDeg) / 2);
  const h = sinHalfLatitude ** 2 + Math.cos(radians(a.latitudeDeg)) * Math.cos(radians(b.latitudeDeg)) * sinHalfLongitude ** 2;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** One way through a fibre of this length, ms, to the microsecond. */
export function fiberLatencyMs(lengthKm: number): number {
  return Math.round((lengthKm / fiberKmPerMs) * 1000) / 1000;
}
