import { prefixRange, type LinkId } from "@sluice/model";
import { bucketOf } from "@sluice/rules";
import { contractLinks, describeDatapath, type SwitchUnderTest } from "./datapath-contract.js";
import { memoryDatapath, type MemoryDatapath } from "./memory-datapath.js";
import type { TestPacket } from "./testing/packet.js";

/** The memory datapath forwards nothing by itself; packets are looked up in its tables as its users do. */
describeDatapath("in memory", { open: () => Promise.resolve(openSwitch()), runs: 200 });

function openSwitch(): SwitchUnderTest {
  const datapath = memoryDatapath({ links: contractLinks.map((linkId) => ({ linkId, up: true })) });
  return {
    links: contractLinks,
    datapath,
    reopen: () => Promise.resolve(datapath),
    setLink: (linkId, up) => Promise.resolve(datapath.setLink(linkId, up)),
    send: (packets) => Promise.resolve(packets.flatMap((packet) => forward(datapath, packet))),
    close: () => Promise.resolve(),
  };
}

function forward(datapath: MemoryDatapath, packet: TestPacket): Awaited<ReturnType<SwitchUnderTest["send"]>> {
  const { table } = datapath;
  const leave = (output: LinkId, failoverId: number | undefined, labels: readonly number[], mplsTc: number | undefined) => {
    const bucket = failoverId === undefined ? { output } : datapath.liveBucket(failoverId);
    if (bucket === undefined) return [];
    const pushed = "pushLabel" in bucket && bucket.pushLabel !== undefined ? [bucket.pushLabel] : [];
    return [{ by: bucket.output, frame: { labels: [...pushed, ...labels], mplsTc } }];
  };
  if (packet.kind === "labelled") {
    const [top = -1, ...below] = packet.labels;
    const action = table.lookupLabel(top)?.action;
    switch (action?.kind) {
      case "output":
        return leave(action.link, action.failoverId, packet.labels, packet.mplsTc);
      case "pop-output":
        return leave(action.link, undefined, below, packet.mplsTc);
      case "pop-deliver":
        return [{ by: "site", frame: { labels: below, mplsTc: undefined } }];
      default:
        return [];
    }
  }
  const range = prefixRange(`${packet.dstAddress}/32`);
  const hit = range === undefined ? undefined : table.lookupIngress({ dstAddress: range.first, dscp: packet.dscp });
  const bucket =
    hit && bucketOf(hit.group, { srcAddress: 1, dstAddress: range?.first ?? 0, protocol: 17, srcPort: packet.srcPort, dstPort: 9 });
  return bucket === undefined ? [] : leave(bucket.output, bucket.failoverId, [bucket.pushLabel], bucket.mplsTc);
}
