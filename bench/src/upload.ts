/** Forecast rows uploaded per second into a real controller process with its embedded database, and the memory that the process takes. */
import { once } from "node:events";
import { request } from "node:http";
import { createGzip } from "node:zlib";
import { planSettingsDefault, trafficClasses } from "@sluice/model";
import { loadNetwork } from "./network.js";
import { cpuSecondsOf, residentMbOf } from "./process-figures.js";
import type { BenchReport } from "./report.js";
import { startNetwork } from "./running-network.js";
import { spreadOf, type Spread } from "./sample.js";

const header = "windowStart,windowSeconds,src,dst,class,rateBps,quantile\n";
const quantiles = ["p50", "p90"] as const;
/** Rows written to the socket at once. */
const rowsPerPiece = 500;
const memoryPollMs = 20;

interface Run {
  readonly seconds: number;
  /** Of the controller process, which the embedded database is a thread of, over the upload. */
  readonly cpuSeconds: number;
  readonly rssBeforeMb: number;
  readonly rssPeakMb: number;
}

/** Each run has a batch of its own, into one controller. */
export async function benchUpload(
  rowCounts: readonly number[],
  { runs, gzip }: { readonly runs: number; readonly gzip: boolean },
): Promise<BenchReport> {
  const { name, topology, demands } = loadNetwork("germany50");
  const network = await startNetwork(topology, { ...planSettingsDefault, deadlineSeconds: 60 }, { cycleSeconds: 1 });
  const nodeIds = topology.nodes.map(({ id }) => id);
  try {
    await network.measure(demands);
    await network.next("plan-applied", 0);
    const figures: { readonly rows: number; readonly runs: readonly Run[] }[] = [];
    for (const rows of rowCounts) {
      const done: Run[] = [];
      for (let run = 0; run < runs; run += 1) done.push(await upload(network, { rows, gzip, nodeIds, batchId: `bench-${rows}-${run}` }));
      figures.push({ rows, runs: done });
    }
    return {
      bench: "upload",
      head: ["rows", "seconds", "rows/s", "CPU s", "RSS before MB", "RSS peak MB"],
      rows: figures.map(({ rows, runs: each }) => {
        const of = (pick: (run: Run) => number): Spread => spreadOf(each.map(pick));
        const text = ({ median, min, max }: Spread, digits = 1): string =>
          `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;
        return [
          rows.toLocaleString("en"),
          text(of(({ seconds }) => seconds)),
          (rows / of(({ seconds }) => seconds).median).toFixed(0),
          text(of(({ cpuSeconds }) => cpuSeconds)),
          text(
            of(({ rssBeforeMb }) => rssBeforeMb),
            0,
          ),
          text(
            of(({ rssPeakMb }) => rssPeakMb),
            0,
          ),
        ];
      }),
      legend: [
        `CSV${gzip ? ", gzipped" : ""} by POST /v1/forecasts into a running controller of ${name}; seconds until the batch is ready and durable; median (least-most) of ${runs} runs`,
        "CPU and RSS are those of the controller process: REST, the machine, and the embedded database, which is a thread of it. Solver processes are others.",
      ],
      numbers: figures,
    };
  } finally {
    await network.stop();
  }
}

interface Upload {
  readonly rows: number;
  readonly gzip: boolean;
  readonly nodeIds: readonly string[];
  readonly batchId: string;
}

async function upload(
  { rest, pid }: { readonly rest: string; readonly pid: number },
  { rows, gzip, nodeIds, batchId }: Upload,
): Promise<Run> {
  const rssBeforeMb = residentMbOf(pid);
  let rssPeakMb = rssBeforeMb;
  const poll = setInterval(() => {
    rssPeakMb = Math.max(rssPeakMb, residentMbOf(pid));
  }, memoryPollMs);
  const cpuBefore = cpuSecondsOf(pid);
  const started = performance.now();
  const call = request(`${rest}/v1/forecasts?batchId=${batchId}`, {
    method: "POST",
    headers: { "content-type": "text/csv", ...(gzip ? { "content-encoding": "gzip" } : {}) },
  });
  const answered = once(call, "response") as Promise<[AsyncIterable<Buffer> & { statusCode?: number }]>;
  const sink = gzip ? createGzip({ level: 1 }) : call;
  if (sink !== call) sink.pipe(call);
  for (const piece of piecesOf(rows, nodeIds)) if (!sink.write(piece)) await once(sink, "drain");
  sink.end();
  const [response] = await answered;
  let body = "";
  for await (const part of response) body += part.toString("utf8");
  const seconds = (performance.now() - started) / 1_000;
  clearInterval(poll);
  const { state, rows: taken } = JSON.parse(body) as { readonly state?: string; readonly rows?: number };
  // What is far from the measured demand is quarantined, which costs the same.
  if (response.statusCode !== 200 || taken !== rows) throw new Error(`the upload of ${batchId} ended ${state ?? body}`);
  return { seconds, cpuSeconds: cpuSecondsOf(pid) - cpuBefore, rssBeforeMb, rssPeakMb };
}

/** All pairs, classes and two quantiles of one five-minute window after the other, with rates that do not compress. */
function* piecesOf(rows: number, nodeIds: readonly string[]): Generator<string> {
  let piece = header;
  let pending = 0;
  let seed = 1;
  let made = 0;
  for (let window = 0; made < rows; window += 1) {
    const windowStart = new Date(Date.UTC(2026, 2, 1) + window * 300_000).toISOString();
    for (const quantile of quantiles) {
      for (const src of nodeIds) {
        for (const dst of nodeIds) {
          if (src === dst) continue;
          for (const trafficClass of trafficClasses) {
            if (made >= rows) break;
            seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
            piece += `${windowStart},300,${src},${dst},${trafficClass},${(seed / 4.3).toFixed(3)},${quantile}\n`;
            made += 1;
            pending += 1;
            if (pending < rowsPerPiece) continue;
            yield piece;
            [piece, pending] = ["", 0];
          }
        }
      }
    }
  }
  yield piece;
}
