/** A store in memory, a small topology and uploads on them, for tests. */
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { assert, ok, parseTopology, type Result, type Term, type Topology } from "@sluice/model";
import { memoryStore, type ForecastBatch, type Store } from "@sluice/store";
import { rowsOfBody, type BodyFormat } from "../body.js";
import { forecastUploads, type ForecastUpload, type ForecastUploads, type UploadParts } from "../upload.js";

export const nodeNames = ["a", "b", "c", "Zürich", "x,y", 'say "hi"', "=1+1"] as const;

export interface TestRow {
  readonly windowStart: string;
  readonly windowSeconds: number;
  readonly src: string;
  readonly dst: string;
  readonly class: string;
  readonly rateBps: number;
  readonly quantile: string;
}

export function topologyOf(names: readonly string[]): Topology {
  const parsed = parseTopology({ name: "t", nodes: names.map((id) => ({ id })), links: [] });
  assert(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

export interface UploadBench {
  readonly store: Store;
  readonly term: Term;
  readonly uploads: ForecastUploads;
  readonly settled: ForecastBatch[];
  /** Sends one body whole. */
  send(upload: Partial<ForecastUpload>, text: string | Uint8Array, how?: Partial<BodyFormat>): Promise<Result<ForecastBatch>>;
}

export function uploadBench(more: Partial<UploadParts> = {}, topology = topologyOf(nodeNames)): UploadBench {
  const store = memoryStore();
  void store.acquireTerm("a test");
  const settled: ForecastBatch[] = [];
  const uploads = forecastUploads({
    store,
    term: 1,
    view: () => ({ topology }),
    nowMs: () => Date.parse("2026-03-01T00:00:00Z"),
    judge: (windows) => Promise.resolve(ok(windows.map(() => ({ state: "ready" as const, reasons: [] })))),
    onSettled: (batch) => void settled.push(batch),
    ...more,
  });
  return {
    store,
    term: 1,
    uploads,
    settled,
    send: (upload, text, how = {}) =>
      uploads.receive(
        { batchId: "b", ...upload },
        rowsOfBody(Readable.from([Buffer.from(text)]), { format: "csv", isGzipped: false, ...how }),
      ),
  };
}

export const csvHeader = "windowStart,windowSeconds,src,dst,class,rateBps,quantile";

export function csvLine(row: TestRow): string {
  const field = (text: string): string => {
    const safe = text.startsWith("=") ? `'${text}` : text;
    return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const { windowStart, windowSeconds, src, dst, rateBps, quantile } = row;
  return [windowStart, windowSeconds, field(src), field(dst), row.class, rateBps, quantile].join(",");
}

export function csvOf(rows: readonly TestRow[]): string {
  return [csvHeader, ...rows.map(csvLine)].map((line) => `${line}\n`).join("");
}

export function ndjsonOf(rows: readonly TestRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** A body in these pieces; `breaks` ends it as a connection that is lost. */
export function bodyOf(bytes: Uint8Array, cuts: readonly number[], { breaks = false }: { readonly breaks?: boolean } = {}): Readable {
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  async function* pieces() {
    for (const [i, from] of places.slice(0, -1).entries()) {
      yield bytes.slice(from, places[i + 1]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (breaks) throw new Error("aborted");
  }
  return Readable.from(pieces(), { objectMode: false });
}

export function gzipped(text: string): Uint8Array {
  return gzipSync(text);
}

/** All that a batch holds, to compare. */
export async function contentOf(store: Store, batchId = "b"): Promise<unknown> {
  const always = { from: "1970-01-01T00:00:00.000Z", to: "9999-12-31T00:00:00.000Z", limit: 1_000 };
  const batch = valueOf(await store.getForecast(batchId));
  const windows = valueOf(await store.listForecastWindows({ ...always, batchId }));
  const demands = [];
  for (const window of windows) demands.push(valueOf(await store.getForecastWindow(batchId, window)));
  return { contentHash: batch.contentHash, state: batch.state, rows: batch.rows, line: batch.line, windows, demands };
}

export function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.faults.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}
