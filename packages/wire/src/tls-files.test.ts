import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeAuthority, writeCertificate } from "@sluice/certs";
import { assert } from "@sluice/model";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { hostOf, isLoopbackHost } from "./tls-channel.js";
import { openTlsSource, readTlsFiles, type TlsFiles } from "./tls-files.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-tls-files-"));
afterAll(() => rmSync(folder, { recursive: true }));
const day = 86_400_000;
const nowMs = Date.now();

let tests = 0;
let directory = "";
const file = (name: string): string => join(directory, name);
let files: Required<TlsFiles>;

async function renew(name = "a", days = 30): Promise<void> {
  const validity = { nowMs, days };
  await writeAuthority(directory, { nowMs, days: 365 }, "keep");
  await writeCertificate(directory, name, { identity: { kind: "agent", name }, hosts: [] }, validity, "replace");
}

beforeEach(async () => {
  tests += 1;
  directory = join(folder, String(tests));
  files = { cert: file("a.crt"), key: file("a.key"), ca: file("ca.crt") };
  await renew();
});

describe("files of certificates", () => {
  it("are read with what their owner should know", async () => {
    const read = await readTlsFiles(files, nowMs);
    assert(read.ok, JSON.stringify(read));
    expect(read.value).toMatchObject({ subjectAltName: "URI:spiffe://sluice/agent/a", warnings: [] });
    expect(Math.abs(read.value.notAfterMs - nowMs - 30 * day)).toBeLessThan(1_000);
    const warnings = async (atMs: number) => {
      const again = await readTlsFiles(files, atMs);
      return again.ok ? again.value.warnings : [];
    };
    expect(await warnings(nowMs + 25 * day)).toEqual([expect.stringMatching(/expires soon, at /)]);
    expect(await warnings(nowMs + 31 * day)).toEqual([expect.stringMatching(/expired at .*: the other side refuses it/)]);
    expect(await warnings(nowMs - day)).toEqual([expect.stringMatching(/is not valid before /)]);
    chmodSync(files.key, 0o644);
    expect(await warnings(nowMs)).toEqual([expect.stringMatching(/can be read by others on this machine/)]);
  });

  it("are refused where they are not what they should be, by name", async () => {
    await renew("b");
    writeFileSync(file("odd"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    writeFileSync(file("large"), Buffer.alloc(2 ** 20 + 1, "a"));
    const cases: readonly (readonly [Partial<TlsFiles>, string])[] = [
      [{ cert: file("nowhere") }, "unavailable"],
      [{ key: file("nowhere") }, "unavailable"],
      [{ ca: directory }, "unavailable"],
      [{ key: file("b.key") }, "not-allowed"],
      [{ cert: file("odd") }, "malformed"],
      [{ ca: file("odd") }, "malformed"],
      [{ key: file("a.crt") }, "malformed"],
      [{ cert: file("a.key") }, "malformed"],
      [{ cert: file("large") }, "too-large"],
    ];
    for (const [other, code] of cases) {
      const [name = ""] = Object.values(other);
      const read = await readTlsFiles({ ...files, ...other }, nowMs);
      expect([other, read]).toMatchObject([other, { ok: false, faults: [{ code, message: expect.stringContaining(name) as string }] }]);
    }
  });
});

describe("a source", () => {
  async function opened() {
    const warnings: string[] = [];
    const source = await openTlsSource(files, { onWarning: (message) => warnings.push(message), nowMs: () => nowMs });
    assert(source.ok, JSON.stringify(source));
    const seen: string[] = [];
    const end = source.value.onChange(({ digest }) => seen.push(digest));
    return { source: source.value, warnings, seen, end };
  }

  it("tells of new files once, and of nothing where they are the same", async () => {
    const { source, seen, end, warnings } = await opened();
    const first = source.current();
    await source.reload();
    expect([seen, source.current()]).toEqual([[], first]);
    await renew();
    await Promise.all([source.reload(), source.reload(), source.reload()]);
    expect(seen).toEqual([source.current().digest]);
    expect(source.current().digest).not.toBe(first.digest);
    end();
    await renew();
    await source.reload();
    expect([seen.length, warnings]).toEqual([1, []]);
    source.close();
  });

  it("keeps what it has while files are half written, complains once, and goes on by itself", async () => {
    const warnings: string[] = [];
    const source = await openTlsSource(files, { onWarning: (message) => warnings.push(message), nowMs: () => nowMs, reloadMs: 10 });
    assert(source.ok, JSON.stringify(source));
    const first = source.value.current();
    rmSync(files.key);
    await expect.poll(() => warnings.length).toBe(1);
    for (let i = 0; i < 5; i += 1) expect((await source.value.reload()).ok).toBe(false);
    expect([warnings.length, source.value.current()]).toEqual([1, first]);
    await renew();
    await expect.poll(() => source.value.current().digest).not.toBe(first.digest);
    source.value.close();
  });

  it("does not open on files that cannot be used", async () => {
    rmSync(files.ca);
    expect(await openTlsSource(files, { onWarning: () => undefined })).toMatchObject({ ok: false, faults: [{ code: "unavailable" }] });
  });
});

describe("addresses", () => {
  it.each([
    ["127.0.0.1:1", "127.0.0.1", true],
    ["localhost:50051", "localhost", true],
    ["[::1]:50051", "::1", true],
    ["10.0.0.1:50051", "10.0.0.1", false],
    ["localhost.example:1", "localhost.example", false],
    ["127.0.0.1.example:1", "127.0.0.1.example", false],
    ["[::]:1", "::", false],
    ["0.0.0.0:1", "0.0.0.0", false],
  ])("%s", (address, host, isLocal) => {
    expect([hostOf(address), isLoopbackHost(hostOf(address))]).toEqual([host, isLocal]);
  });
});
