/** Measured history as rows of text, page by page: however much is asked for, a few matrices are in memory. */
import type { Fault, Faults } from "@sluice/model";
import { historyIntervalSeconds, type ForecastStore, type MeasuredDemands } from "@sluice/store";
import type { RowFormat } from "./body.js";
import { csvField } from "./csv-rows.js";

/** Matrices that are read at once. */
const matricesPerPage = 8;

export const historyHeader = "windowStart,windowSeconds,src,dst,class,rateBps\n";

/** Ends a stream whose first bytes have gone out already: the client sees that it is cut off. */
export class HistoryFailed extends Error {
  override readonly name = "HistoryFailed";
  readonly first: Fault;
  constructor(readonly faults: Faults) {
    super(faults[0].message);
    this.first = faults[0];
  }
}

/** Intervals that begin in [from, to), oldest first. Throws `HistoryFailed`. */
export async function* historyText(
  store: Pick<ForecastStore, "listDemandHistory">,
  { from, to, format }: { readonly from: string; readonly to: string; readonly format: RowFormat },
): AsyncGenerator<string> {
  if (format === "csv") yield historyHeader;
  for (let at = from; ;) {
    const page = await store.listDemandHistory({ from: at, to, limit: matricesPerPage });
    if (!page.ok) throw new HistoryFailed(page.faults);
    for (const entry of page.value) yield rowsOf(entry, format);
    const last = page.value.at(-1);
    if (last === undefined || page.value.length < matricesPerPage) return;
    at = new Date(Date.parse(last.windowStart) + 1).toISOString();
  }
}

function rowsOf({ windowStart, flowGroups, ratesBps }: MeasuredDemands, format: RowFormat): string {
  const start = windowStart.replace(".000Z", "Z");
  const rows = flowGroups.map(({ src, dst, trafficClass }, i) => {
    const rateBps = ratesBps[i] ?? 0;
    return format === "csv"
      ? `${start},${historyIntervalSeconds},${csvField(src)},${csvField(dst)},${trafficClass},${rateBps}\n`
      : `${JSON.stringify({ windowStart: start, windowSeconds: historyIntervalSeconds, src, dst, class: trafficClass, rateBps })}\n`;
  });
  return rows.join("");
}
