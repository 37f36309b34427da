import { gzipSync } from "node:zlib";
import { trafficClasses } from "@sluice/model";
import { forecastErrorsMax, quantiles } from "@sluice/store";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rowsOfBody } from "./body.js";
import { lineLengthMax } from "./lines.js";
import {
  bodyOf,
  contentOf,
  csvHeader,
  csvLine,
  csvOf,
  gzipped,
  ndjsonOf,
  nodeNames,
  uploadBench,
  valueOf,
  type TestRow,
} from "./testing/upload-bench.js";

const someRow: fc.Arbitrary<TestRow> = fc.record({
  windowStart: fc.constantFrom("2026-03-02T00:00:00Z", "2026-03-02T01:00:00.000Z", "2026-03-02T03:00:00+02:00"),
  windowSeconds: fc.constantFrom(300, 3_600),
  src: fc.constantFrom(...nodeNames),
  dst: fc.constantFrom(...nodeNames),
  class: fc.constantFrom(...trafficClasses),
  rateBps: fc.oneof(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER)).map((x) => x + 0),
  quantile: fc.constantFrom(...quantiles),
});

/** One row a key, as a batch has to have. */
const someRows = fc.uniqueArray(
  someRow.filter(({ src, dst }) => src !== dst),
  {
    minLength: 1,
    maxLength: 60,
    selector: ({ windowStart, windowSeconds, src, dst, class: name, quantile }) =>
      JSON.stringify([Date.parse(windowStart), windowSeconds, src, dst, name, quantile]),
  },
);

describe("an upload", () => {
  it("gives one and the same batch in whatever order, format and pieces its rows come", async () => {
    await fc.assert(
      fc.asyncProperty(
        someRows,
        fc.infiniteStream(fc.nat()),
        fc.record({
          isNdjson: fc.boolean(),
          isGzipped: fc.boolean(),
          isCrlf: fc.boolean(),
          bom: fc.boolean(),
          chunkRows: fc.integer({ min: 1, max: 70 }),
        }),
        async (rows, numbers, { isNdjson, isGzipped, isCrlf, bom, chunkRows }) => {
          const plain = uploadBench();
          valueOf(await plain.send({}, csvOf(rows)));

          const order = rows.map((row) => ({ row, key: next(numbers) })).sort((a, b) => a.key - b.key);
          const shuffled = order.map(({ row }) => row);
          const lines = isNdjson ? ndjsonOf(shuffled) : csvOf(shuffled);
          const text = `${bom ? "\ufeff" : ""}${isCrlf ? lines.replaceAll("\n", "\r\n") : lines}`;
          const bytes = isGzipped ? gzipped(text) : Buffer.from(text);
          const cuts = Array.from({ length: next(numbers) % 8 }, () => next(numbers) % (bytes.length + 1));
          const other = uploadBench({ limits: { chunkRows } });
          const format = isNdjson ? ("ndjson" as const) : ("csv" as const);
          const batch = valueOf(await other.uploads.receive({ batchId: "b" }, rowsOfBody(bodyOf(bytes, cuts), { format, isGzipped })));
          expect(batch).toMatchObject({ state: "ready", rows: rows.length, errorCount: 0 });

          const [a, b] = [await contentOf(plain.store), await contentOf(other.store)];
          expect({ ...(b as object), line: 0 }).toEqual({ ...(a as object), line: 0 });
          // Sent again, in its first form: accepted, and nothing is changed.
          const before = await contentOf(other.store);
          expect(valueOf(await other.send({}, csvOf(rows)))).toEqual(batch);
          expect(await contentOf(other.store)).toEqual(before);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("gives the same batch after any interruptions and resumptions as in one piece, errors included", async () => {
    const bad = fc.constantFrom("nonsense", "2026-03-02T00:00:00Z,300,a,b,gold,1,p50", "2026-03-02T00:00:00Z,300,a,zz,bulk,1,p50");
    const lines = fc.tuple(someRows, fc.array(bad, { maxLength: 2 })).map(([rows, wrong]) => [...rows.map(csvLine), ...wrong]);
    await fc.assert(
      fc.asyncProperty(lines, fc.infiniteStream(fc.nat()), fc.integer({ min: 1, max: 20 }), async (all, numbers, chunkRows) => {
        const whole = uploadBench({ limits: { chunkRows } });
        const expected = await whole.send({}, `${[csvHeader, ...all].join("\n")}\n`);

        const broken = uploadBench({ limits: { chunkRows } });
        let rows = 0;
        for (let attempt = 0; attempt < 6; attempt += 1) {
          const text = Buffer.from(`${[csvHeader, ...all.slice(rows)].join("\n")}\n`);
          const to = csvHeader.length + 1 + (next(numbers) % (text.length - csvHeader.length));
          const cut = bodyOf(text.subarray(0, to), [next(numbers) % (to + 1)], { breaks: true });
          const upload = { batchId: "b", ...(attempt === 0 ? {} : { resumeAt: rows }) };
          const interrupted = await broken.uploads.receive(upload, rowsOfBody(cut, { format: "csv", isGzipped: false }));
          expect(interrupted.ok ? [] : interrupted.faults[0].code).toBe("cancelled");
          const state = valueOf(await broken.store.getForecast("b"));
          expect(state.state).toBe("receiving");
          expect(state.rows).toBeGreaterThanOrEqual(rows);
          rows = state.rows;
        }
        const resumed = await broken.send({ resumeAt: rows }, `${[csvHeader, ...all.slice(rows)].join("\n")}\n`);
        expect(resumed).toEqual(expected);
        expect(await contentOf(broken.store)).toEqual(await contentOf(whole.store));
        expect(valueOf(await broken.store.getForecast("b")).errors).toEqual(valueOf(await whole.store.getForecast("b")).errors);
      }),
      { numRuns: 60 },
    );
  });

  it("goes on in as many requests as its client likes, each with a header of its own", async () => {
    const bench = uploadBench();
    const rows = [1, 2, 3, 4].map((i) => ({ ...row, windowSeconds: 300 * i }));
    const first = valueOf(await bench.send({ more: true }, csvOf(rows.slice(0, 2))));
    expect(first).toMatchObject({ state: "receiving", rows: 2, line: 3 });
    const second = valueOf(await bench.send({ more: true, resumeAt: 2 }, ndjsonOf(rows.slice(2, 3)), { format: "ndjson" }));
    expect(second).toMatchObject({ state: "receiving", rows: 3, line: 4 });
    const last = valueOf(await bench.send({ resumeAt: 3, rows: 4 }, csvOf(rows.slice(3))));
    expect(last).toMatchObject({ state: "ready", rows: 4, line: 5, windows: 4 });
    const whole = uploadBench();
    expect(valueOf(await whole.send({}, csvOf(rows)))).toMatchObject({ contentHash: last.contentHash, line: 5 });
  });

  it("goes on nowhere but behind what is durable", async () => {
    const bench = uploadBench();
    expect(codesOf(await bench.send({ resumeAt: 0 }, csvOf([row])))).toEqual(["not-found"]);
    valueOf(await bench.send({ more: true }, csvOf([row])));
    const wrong = await bench.send({ resumeAt: 2 }, csvOf([row]));
    expect(wrong.ok ? undefined : wrong.faults[0]).toMatchObject({ code: "out-of-range", pointer: "/query/row", data: { rows: 1 } });
    valueOf(await bench.send({ resumeAt: 1 }, csvOf([{ ...row, quantile: "p99" }])));
    expect(codesOf(await bench.send({ resumeAt: 2 }, csvOf([row])))).toEqual(["not-allowed"]);
  });

  it("finds a duplicate of a row that came before an interruption", async () => {
    const bench = uploadBench();
    valueOf(await bench.send({ more: true }, csvOf([row])));
    const refused = await bench.send({ resumeAt: 1 }, csvOf([row]));
    expect(refused.ok ? undefined : refused.faults[0]).toMatchObject({ code: "duplicate-id", pointer: "/line/3" });
  });

  it("is not completed with another number of rows than was said", async () => {
    const bench = uploadBench();
    const short = await bench.send({ rows: 2 }, csvOf([row]));
    expect(short.ok ? undefined : short.faults[0]).toMatchObject({ code: "out-of-range", pointer: "/query/rows" });
    expect(valueOf(await bench.store.getForecast("b"))).toMatchObject({ state: "receiving", rows: 1 });
  });

  it("refuses another content under the id of a batch, and leaves that as it was", async () => {
    const bench = uploadBench();
    valueOf(await bench.send({}, csvOf([row])));
    const before = await contentOf(bench.store);
    for (const other of [
      { ...row, rateBps: 6 },
      { ...row, quantile: "p90" },
      { ...row, dst: "c" },
    ]) {
      expect(codesOf(await bench.send({}, csvOf([other])))).toEqual(["duplicate-id"]);
    }
    expect(codesOf(await bench.send({}, `${csvOf([row])}nonsense\n`))).toEqual(["out-of-range"]);
    expect(await contentOf(bench.store)).toEqual(before);
  });

  it("takes one upload of a batch at a time, and two at all", async () => {
    const bench = uploadBench();
    const slow = (batchId: string) =>
      bench.uploads.receive(
        { batchId },
        rowsOfBody(bodyOf(Buffer.from(csvOf([row])), [1, 2, 3, 4, 5, 6, 7, 8]), { format: "csv", isGzipped: false }),
      );
    const [first, same, second, third] = await Promise.all([slow("a"), slow("a"), slow("b"), slow("c")]);
    expect([first, same, second, third].map(codesOf)).toEqual([[], ["in-flight"], [], ["unavailable"]]);
  });

  it("needs a topology", async () => {
    const bench = uploadBench({ view: () => ({}) });
    expect(codesOf(await bench.send({}, csvOf([row])))).toEqual(["not-ready"]);
  });
});

describe("rows that are wrong", () => {
  const good = csvLine({
    windowStart: "2026-03-02T00:00:00Z",
    windowSeconds: 300,
    src: "a",
    dst: "b",
    class: "bulk",
    rateBps: 5,
    quantile: "",
  });
  const cases: readonly (readonly [string, string, string, string])[] = [
    ["too few fields", "a,b", "out-of-range", "/line/3"],
    ["too many", `${good},x`, "out-of-range", "/line/3"],
    ["a time without zone", good.replace("00Z", "00"), "malformed", "/line/3/windowStart"],
    ["a day that there is not", good.replace("03-02", "02-30"), "malformed", "/line/3/windowStart"],
    ["no time", good.replace("2026-03-02T00:00:00Z", ""), "missing-field", "/line/3/windowStart"],
    ["a time before 1970", good.replace("2026", "1969"), "out-of-range", "/line/3/windowStart"],
    ["half a second", good.replace(",300,", ",0.5,"), "wrong-type", "/line/3/windowSeconds"],
    ["a window of nothing", good.replace(",300,", ",0,"), "out-of-range", "/line/3/windowSeconds"],
    ["a window of two years", good.replace(",300,", ",63072000,"), "out-of-range", "/line/3/windowSeconds"],
    ["an unknown node", good.replace(",b,", ",zz,"), "dangling-reference", "/line/3/dst"],
    ["no node", good.replace(",a,", ",,"), "missing-field", "/line/3/src"],
    ["__proto__", good.replace(",a,", ",__proto__,"), "malformed", "/line/3/src"],
    ["a loop", good.replace(",b,", ",a,"), "self-loop", "/line/3/dst"],
    ["an unknown class", good.replace("bulk", "gold"), "not-allowed", "/line/3/class"],
    ["a rate below 0", good.replace(",5,", ",-5,"), "negative", "/line/3/rateBps"],
    ["a rate in hex", good.replace(",5,", ",0x10,"), "wrong-type", "/line/3/rateBps"],
    ["a rate beyond all measure", good.replace(",5,", ",1e300,"), "out-of-range", "/line/3/rateBps"],
    ["no rate", good.replace(",5,", ",,"), "missing-field", "/line/3/rateBps"],
    ["an unknown quantile", `${good}p42`, "not-allowed", "/line/3/quantile"],
    ["an open quote", good.replace(",a,", ',"a,'), "malformed", "/line/3"],
    ["text behind a quote", good.replace(",a,", ',"a"x,'), "malformed", "/line/3"],
    ["a quote within a field", good.replace(",a,", ',a"b,'), "malformed", "/line/3"],
    ["the same row again", good.replace(",5,", ",6,"), "duplicate-id", "/line/3"],
    ["a line of 10 MB", "x".repeat(10_000_000), "too-large", "/line/3"],
    ["a field of 10 MB in quotes", good.replace(",a,", `,"${"a".repeat(10_000_000)}",`), "too-large", "/line/3"],
    ["a line that is just too long", "x".repeat(lineLengthMax + 1), "too-large", "/line/3"],
    ["NUL", "\0\0", "out-of-range", "/line/3"],
  ];
  it.each(cases)("%s refuse the whole batch, and are told by line and field", async (_name, line, code, pointer) => {
    for (const end of ["\n", "\r\n", ""]) {
      const bench = uploadBench();
      const refused = await bench.send({}, `${csvHeader}\n${good}\n${line}${end}`);
      expect(refused.ok ? [] : refused.faults).toContainEqual(expect.objectContaining({ code, pointer }));
      const batch = valueOf(await bench.store.getForecast("b"));
      expect(batch).toMatchObject({ state: "refused", rows: 2, windows: 0 });
      expect(batch.errors).toEqual(refused.ok ? [] : refused.faults);
      expect(bench.settled.map(({ state }) => state)).toEqual(["refused"]);
    }
  });

  it("are gathered, the first thousand of them, and counted", async () => {
    const bench = uploadBench({ limits: { chunkRows: 100 } });
    const wrong = Array.from({ length: 1_500 }, () => good.replace(",b,", ",zz,"));
    const refused = await bench.send({}, [csvHeader, good, ...wrong, ""].join("\n"));
    expect(refused.ok ? 0 : refused.faults.length).toBe(forecastErrorsMax);
    const batch = valueOf(await bench.store.getForecast("b"));
    expect(batch).toMatchObject({ state: "refused", rows: 1_501, errorCount: 1_500 });
    expect(batch.errors).toHaveLength(forecastErrorsMax);
    expect(batch.errors.at(-1)?.pointer).toBe(`/line/${forecastErrorsMax + 2}/dst`);
  });

  it("can be sent again, corrected, under the same id", async () => {
    const bench = uploadBench();
    expect(codesOf(await bench.send({}, `${csvHeader}\nnonsense\n`))).toEqual(["out-of-range"]);
    expect(valueOf(await bench.send({}, `${csvHeader}\n${good}\n`))).toMatchObject({ state: "ready", rows: 1, errorCount: 0, errors: [] });
  });

  it("of NDJSON are told the same way", async () => {
    const object = { ...row, rateBps: 5 };
    const table: readonly (readonly [string, string, string])[] = [
      ["{", "malformed", "/line/1"],
      ["[1]", "wrong-type", "/line/1"],
      ["null", "wrong-type", "/line/1"],
      [JSON.stringify({ ...object, rateBps: "5" }), "wrong-type", "/line/1/rateBps"],
      [JSON.stringify({ ...object, rateBps: null }), "wrong-type", "/line/1/rateBps"],
      [JSON.stringify({ ...object, rateBps: undefined }), "missing-field", "/line/1/rateBps"],
      [JSON.stringify({ ...object, windowStart: 5 }), "wrong-type", "/line/1/windowStart"],
      [JSON.stringify({ ...object, extra: 1 }), "unknown-field", "/line/1/extra"],
      [`{"__proto__":{"src":"a"},"constructor":1,"rateBps":5}`, "unknown-field", "/line/1/constructor"],
      [JSON.stringify(object).replace('"rateBps":5', '"rateBps":-1'), "negative", "/line/1/rateBps"],
      [`"${"x".repeat(10_000_000)}"`, "too-large", "/line/1"],
    ];
    for (const [line, code, pointer] of table) {
      const bench = uploadBench();
      const refused = await bench.send({}, line, { format: "ndjson" });
      expect(refused.ok ? [] : refused.faults).toContainEqual(expect.objectContaining({ code, pointer }));
    }
  });
});

describe("bodies that are wrong", () => {
  it("without rows refuse the batch", async () => {
    const bench = uploadBench();
    for (const text of ["", csvHeader, `${csvHeader}\n\n\n`, "\ufeff"]) {
      expect(codesOf(await bench.send({}, text))).toEqual(["missing-field"]);
      expect(valueOf(await bench.store.getForecast("b")).state).toBe("refused");
    }
  });

  it("with a wrong header are told by column", async () => {
    const table: readonly (readonly [string, string, string])[] = [
      [csvHeader.replace("src", "source"), "unknown-field", "/line/1/source"],
      [csvHeader.replace("src,", ""), "missing-field", "/line/1/src"],
      [csvHeader.replace("src,", "src,src,"), "duplicate-id", "/line/1/src"],
      ['"windowStart', "malformed", "/line/1"],
      ["x".repeat(20_000), "malformed", "/line/1"],
    ];
    for (const [text, code, pointer] of table) {
      const bench = uploadBench();
      const refused = await bench.send({}, `${text}\n1,2\n`);
      expect(refused.ok ? undefined : refused.faults[0]).toMatchObject({ code, pointer });
    }
  });

  it("that are no whole gzip can go on behind what came through", async () => {
    const bench = uploadBench({ limits: { chunkRows: 1 } });
    const text = csvOf(Array.from({ length: 3_000 }, (_, i) => ({ ...row, windowSeconds: i + 1, rateBps: Math.sin(i) ** 2 * 1e9 })));
    const bytes = gzipped(text);
    expect(codesOf(await bench.send({}, bytes.subarray(0, bytes.length / 2), { isGzipped: true }))).toEqual(["malformed"]);
    const { rows, state } = valueOf(await bench.store.getForecast("b"));
    expect(state).toBe("receiving");
    expect(rows).toBeGreaterThan(0);
    const rest = [csvHeader, ...text.split("\n").slice(rows + 1)].join("\n");
    const done = valueOf(await bench.send({ resumeAt: rows }, gzipped(rest), { isGzipped: true }));
    const whole = uploadBench();
    expect(done.contentHash).toBe(valueOf(await whole.send({}, text)).contentHash);
    expect(codesOf(await whole.send({ batchId: "x" }, text, { isGzipped: true }))).toEqual(["malformed"]);
  });

  it("that unpack to far more than they are stop at a limit", async () => {
    const bench = uploadBench();
    const limits = { isGzipped: true, unpackedBytesMax: 2 << 20, linesMax: 100_000 };
    const bomb = (fill: number, bytes: number) => Buffer.concat([gzipped(`${csvHeader}\n`), gzipSync(Buffer.alloc(bytes, fill))]);
    // Zeros in one line, and empty lines: each is some kilobytes on the way.
    expect(codesOf(await bench.send({}, bomb(0, 8 << 20), limits))).toEqual(["too-large"]);
    expect(codesOf(await bench.send({}, bomb(10, 200_000), limits))).toEqual(["too-many"]);
    expect(valueOf(await bench.store.getForecast("b")).state).toBe("refused");
  });

  it("with too many rows are refused whole", async () => {
    const bench = uploadBench({ limits: { rowsMax: 3, chunkRows: 2 } });
    const rows = [1, 2, 3, 4].map((i) => ({ ...row, windowSeconds: i }));
    expect(codesOf(await bench.send({}, csvOf(rows)))).toEqual(["too-many"]);
    expect(valueOf(await bench.store.getForecast("b"))).toMatchObject({ state: "refused", rows: 3, chunks: 0, errorCount: 1 });
    expect(valueOf(await bench.send({}, csvOf(rows.slice(1))))).toMatchObject({ state: "ready", rows: 3 });
  });
});

const row: TestRow = {
  windowStart: "2026-03-02T00:00:00Z",
  windowSeconds: 300,
  src: "a",
  dst: "b",
  class: "bulk",
  rateBps: 5,
  quantile: "p50",
};

function next(numbers: Iterator<number>): number {
  return numbers.next().value as number;
}

function codesOf(
  result: { readonly ok: true } | { readonly ok: false; readonly faults: readonly { readonly code: string }[] },
): readonly string[] {
  return result.ok ? [] : result.faults.map(({ code }) => code);
}
