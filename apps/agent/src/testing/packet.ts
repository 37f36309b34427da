/** Ethernet frames for conformance tests: built and taken apart in the fewest words. */
import { prefixRange } from "@sluice/model";

export interface SitePacket {
  readonly kind: "site";
  readonly dstAddress: string;
  readonly dscp: number;
  /** Tells flows apart. */
  readonly srcPort: number;
}

export interface LabelledPacket {
  readonly kind: "labelled";
  /** The top first. */
  readonly labels: readonly number[];
  readonly mplsTc: number;
}

export type TestPacket = SitePacket | LabelledPacket;

const etherIpv4 = 0x0800;
const etherMpls = 0x8847;
const addresses = Buffer.from("020000000002020000000001", "hex");

/** A UDP packet of 64 bytes, under labels where there are some. */
export function frameOf(packet: TestPacket): Buffer {
  const inner = packet.kind === "site" ? udp(packet) : udp({ kind: "site", dstAddress: "10.0.0.1", dscp: 0, srcPort: 1 });
  const labels = packet.kind === "site" ? [] : packet.labels;
  const shim = Buffer.alloc(4 * labels.length);
  labels.forEach((label, i) => {
    const tc = packet.kind === "labelled" ? packet.mplsTc : 0;
    shim.writeUInt32BE(((label << 12) | (tc << 9) | (i === labels.length - 1 ? 1 << 8 : 0) | 64) >>> 0, 4 * i);
  });
  const type = Buffer.alloc(2);
  type.writeUInt16BE(labels.length === 0 ? etherIpv4 : etherMpls);
  return Buffer.concat([addresses, type, shim, inner]);
}

function udp({ dstAddress, dscp, srcPort }: SitePacket): Buffer {
  const length = 50;
  const ip = Buffer.alloc(20);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt8(dscp << 2, 1);
  ip.writeUInt16BE(length, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(17, 9);
  ip.writeUInt32BE(addressOf("10.99.0.1"), 12);
  ip.writeUInt32BE(addressOf(dstAddress), 16);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += ip.readUInt16BE(i);
  sum = (sum & 0xffff) + (sum >>> 16);
  ip.writeUInt16BE(~((sum & 0xffff) + (sum >>> 16)) & 0xffff, 10);
  const datagram = Buffer.alloc(length - 20);
  datagram.writeUInt16BE(srcPort, 0);
  datagram.writeUInt16BE(9, 2);
  datagram.writeUInt16BE(length - 20, 4);
  return Buffer.concat([ip, datagram]);
}

function addressOf(text: string): number {
  const range = prefixRange(`${text}/32`);
  if (range === undefined) throw new RangeError(`${text} is no address`);
  return range.first;
}

const ipProtocolUdp = 17;
/** Destination port of BFD's control packets (RFC 5881 section 4). */
const bfdPort = 3784;

export function isBfd(frame: Buffer): boolean {
  return (
    frame.length > 38 && frame.readUInt16BE(12) === etherIpv4 && frame.readUInt8(23) === ipProtocolUdp && frame.readUInt16BE(36) === bfdPort
  );
}

export interface SeenFrame {
  readonly labels: readonly number[];
  /** Of the top label; undefined without one. */
  readonly mplsTc: number | undefined;
}

export function seenFrame(frame: Buffer): SeenFrame {
  const labels: number[] = [];
  let mplsTc: number | undefined;
  if (frame.readUInt16BE(12) !== etherMpls) return { labels, mplsTc };
  for (let at = 14; ; at += 4) {
    const entry = frame.readUInt32BE(at);
    labels.push(entry >>> 12);
    mplsTc ??= (entry >>> 9) & 7;
    if ((entry & 0x100) !== 0) return { labels, mplsTc };
  }
}

/** The frames in a pcap file of little-endian records, as Open vSwitch writes them. */
export function framesOfPcap(file: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 24; at + 16 <= file.length;) {
    const length = file.readUInt32LE(at + 8);
    if (at + 16 + length > file.length) break;
    frames.push(file.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return frames;
}
