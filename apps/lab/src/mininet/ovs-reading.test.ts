import { describe, expect, it } from "vitest";
import { bucketCounts, ingressesOf, labelCounts, weightsOf } from "./ovs-reading.js";

/** As ovs-ofctl 3.1 prints them. */
const groups = `OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):
 group_id=4292870858,type=ff,bucket=bucket_id:0,watch_port:"s1-p2",actions=output:"s1-p2"
 group_id=16,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:55,actions=push_mpls:0x8847,set_field:747->mpls_label,set_field:5->mpls_tc,group:4292870858,bucket=bucket_id:1,actions=push_mpls:0x8847,output:3
`;
const stats = `OFPST_GROUP reply (OF1.5) (xid=0x6):
 group_id=16,duration=88.145s,ref_count=1,packet_count=12,byte_count=700,bucket0:packet_count=9,byte_count=600,bucket1:packet_count=3,byte_count=100
`;
const flows = `OFPST_FLOW reply (OF1.5) (xid=0x6):
 cookie=0x511ce001, duration=92.061s, table=0, n_packets=38043, n_bytes=2358666, idle_age=34, priority=65535,mpls actions=goto_table:1
 cookie=0x511ce001, duration=88.116s, table=0, n_packets=4, n_bytes=0, idle_age=88, priority=1024,ip,nw_dst=10.0.1.0/24,nw_tos=72 actions=meter:2,group:2
 cookie=0x511ce001, duration=88.116s, table=0, n_packets=4, n_bytes=0, idle_age=88, priority=1032,ip,nw_dst=10.0.2.1,nw_tos=184 actions=meter:3,group:5
 cookie=0x511ce001, duration=88.116s, table=0, n_packets=7, n_bytes=0, idle_age=88, priority=0 actions=drop
 cookie=0x511ce001, duration=88.116s, table=1, n_packets=11, n_bytes=0, idle_age=88, priority=1000,mpls,mpls_label=20 actions=dec_mpls_ttl,output:1
 cookie=0x511ce001, duration=88.116s, table=1, n_packets=2, n_bytes=0, idle_age=88, priority=0 actions=drop
`;

describe("what ovs-ofctl prints", () => {
  it("is read: weights, buckets, ingresses, labels, and what no entry wanted", () => {
    expect([...weightsOf(groups)]).toEqual([[16, [55, 1]]]);
    expect([...bucketCounts(stats)]).toEqual([[16, [9, 3]]]);
    expect(ingressesOf(flows)).toEqual([
      { prefix: "10.0.1.0/24", dscp: 18, groupId: 2 },
      { prefix: "10.0.2.1/32", dscp: 46, groupId: 5 },
    ]);
    const { byLabel, unwanted } = labelCounts(flows);
    expect([[...byLabel], unwanted]).toEqual([[[20, 11]], 9]);
  });
});
