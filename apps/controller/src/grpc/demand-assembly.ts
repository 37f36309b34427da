/** Puts a demand matrix together from the parts that a stream carries. Pointers count demands over all parts. */
import {
  fault,
  flowGroupId,
  ok,
  pointerOf,
  refuse,
  type Demand,
  type DemandMatrix,
  type Fault,
  type Faults,
  type Result,
} from "@sluice/model";
import { demandMatrixOf, demandsFromWire, type v1 } from "@sluice/wire";

export interface DemandAssembly {
  readonly demands: readonly Demand[];
  /** Adds a part; once one was refused, all later ones are. */
  add(part: readonly v1.demand.Demand[]): Result<void>;
  /** The whole matrix: sorted, one demand per flow group. */
  finish(name: string, at: readonly PropertyKey[]): Result<DemandMatrix>;
  /**
   * Faults of the matrix with pointers into the request: the matrix is sorted, the request need not be. `at` is where the
   * matrix stands in the request.
   */
  faultsInRequest(faults: Faults, matrix: DemandMatrix, at: readonly PropertyKey[]): Faults;
}

export function createDemandAssembly(demandsMax: number, at: readonly PropertyKey[]): DemandAssembly {
  const demands: Demand[] = [];
  let refused: Faults | undefined;
  return {
    demands,
    add(part) {
      if (refused !== undefined) return { ok: false, faults: refused };
      if (demands.length + part.length > demandsMax) {
        const message = `There are more than ${demandsMax} demands.`;
        refused = refuse(fault("too-many", message, { pointer: pointerOf(at) })).faults;
      } else {
        const admitted = demandsFromWire(part, at, { firstIndex: demands.length });
        if (admitted.ok) for (const demand of admitted.value) demands.push(demand);
        else refused = admitted.faults;
      }
      return refused === undefined ? ok(undefined) : { ok: false, faults: refused };
    },
    finish: (name, below) => (refused === undefined ? demandMatrixOf(name, demands, below) : { ok: false, faults: refused }),
    faultsInRequest(faults, matrix, below) {
      let indexOf: Map<string, number> | undefined;
      const moved = (one: Fault): Fault => {
        const match = /^\/demands\/(\d+)(.*)$/.exec(one.pointer ?? "");
        const sorted = matrix.demands[Number(match?.[1] ?? -1)];
        if (match === null || sorted === undefined) return one;
        indexOf ??= new Map(demands.map((demand, i) => [flowGroupId(demand), i]));
        const index = indexOf.get(flowGroupId(sorted));
        return { ...one, pointer: `${pointerOf([...below, "demands", index ?? 0])}${match[2]}` };
      };
      return [moved(faults[0]), ...faults.slice(1).map(moved)];
    },
  };
}
