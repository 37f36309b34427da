import { status } from "@grpc/grpc-js";
import { fault, faultCodes } from "@sluice/model";
import { describe, expect, it } from "vitest";
import { faultsOfError, grpcStatusOf, httpStatusOf, leaderOfError, problemOf, refusalOf } from "./index.js";

describe("status table", () => {
  it.each(faultCodes)("%s has a status on both surfaces, and a stable problem type", (code) => {
    const one = fault(code, "m");
    expect(Object.values(status)).toContain(grpcStatusOf(one));
    expect(grpcStatusOf(one)).not.toBe(status.OK);
    expect(httpStatusOf(one)).toBeGreaterThanOrEqual(400);
    expect(httpStatusOf(one)).toBeLessThan(600);
    const problem = problemOf([one]);
    expect(problem).toMatchObject({ type: `/problems/${code}`, status: httpStatusOf(one), code });
    expect(problem.title).toMatch(/^[A-Z].*\.$/);
  });

  it("calls the client's mistakes 4xx and INVALID_ARGUMENT, and our own 5xx", () => {
    expect(httpStatusOf(fault("internal", ""))).toBe(500);
    for (const code of ["not-finite", "duplicate-id", "missing-field"] as const) {
      expect(grpcStatusOf(fault(code, ""))).toBe(status.INVALID_ARGUMENT);
      expect(Math.floor(httpStatusOf(fault(code, "")) / 100)).toBe(4);
    }
    expect(grpcStatusOf(fault("stale-term", ""))).toBe(status.PERMISSION_DENIED);
  });

  it("never tells a cause", () => {
    const secret = "SELECT * FROM plans at /home/someone/store.ts:12";
    for (const code of ["internal", "store-failed"] as const) {
      const one = fault(code, secret, { data: { secret } });
      const { details, metadata } = refusalOf([one]);
      const told = JSON.stringify([problemOf([one]), details, faultsOfError({ metadata })]);
      expect(told).not.toContain("SELECT");
      expect(told).not.toContain("someone");
    }
  });
});

describe("the address of the leader", () => {
  it("comes with a refusal by one that does not lead, and with no other", () => {
    const data = { restAddress: "http://b:8080", grpcAddress: "b:50051" };
    const refusal = refusalOf([fault("not-leader", "Ask b.", { data })]);
    expect([refusal.code, leaderOfError(refusal)]).toEqual([status.UNAVAILABLE, "b:50051"]);
    expect(problemOf([fault("not-leader", "Ask b.", { data })])).toMatchObject({ status: 421, leader: "http://b:8080" });
    for (const other of [
      fault("unavailable", "m", { data }),
      fault("not-leader", "Nobody leads."),
      fault("not-leader", "m", { data: { grpcAddress: "a b\n" } }),
    ]) {
      expect(leaderOfError(refusalOf([other]))).toBe(undefined);
      expect(problemOf([other])).not.toHaveProperty("leader");
    }
  });
});

describe("status details", () => {
  it("carry code, message and pointer of every fault", () => {
    const faults = [fault("not-finite", "/a: NaN.", { pointer: "/a" }), fault("negative", "/b: ü.", { pointer: "/b" })] as const;
    const { code, details, metadata } = refusalOf(faults);
    expect({ code, details }).toEqual({ code: status.INVALID_ARGUMENT, details: "/a: NaN." });
    expect(faultsOfError({ metadata })).toEqual(faults);
  });

  it("stay within what headers may hold, and keep the first fault", () => {
    const long = "x".repeat(100_000);
    const faults = Array.from({ length: 100 }, (_, i) => fault("not-finite", long, { pointer: `/${i}` }));
    const { metadata, details } = refusalOf([fault("negative", long, { pointer: "/first" }), ...faults]);
    const packed = metadata.get("grpc-status-details-bin")[0];
    expect(packed?.length).toBeLessThan(6_000);
    expect(details.length).toBeLessThanOrEqual(1_024);
    expect(faultsOfError({ metadata })[0]?.pointer).toBe("/first");
  });
});
