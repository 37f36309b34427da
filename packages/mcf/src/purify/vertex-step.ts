/** One step of the walk: from a flow along a direction until something is used up, and the change of basis that this makes. */
import { addBorder, addColumnOf, changeOrigin, leftProduct, removeBorder, replaceColumn, replaceRow } from "./basis-inverse.js";
import { addAlong, crosses, place, type VertexState } from "./vertex-state.js";

/** Rates of change below this (of 1 for what enters) are rounding. */
const rateMin = 1e-8;
/** What may be overrun, as a share of a demand or a capacity, so that among ties the pivot can be chosen for its size. */
const tieShare = 1e-11;

/** What enters: more (`sign` 1) or less (-1) of a column, or room on the tight link of a row of W. */
export type Entering =
  | { readonly kind: "column"; readonly column: number; readonly sign: 1 | -1 }
  | { readonly kind: "room"; readonly row: number };

type Blocker =
  | { readonly kind: "entering" }
  | { readonly kind: "column"; readonly position: number }
  | { readonly kind: "key"; readonly demand: number }
  | { readonly kind: "link"; readonly link: number };

export interface StepSpace {
  /** Per position: W's inverse times the entering column. */
  readonly alpha: Float64Array;
  /** Per position: change of the column there. */
  readonly change: Float64Array;
  /** Per demand: change of its key. The demands that have one are `touched[0 .. touchedCount]`. */
  readonly keyChange: Float64Array;
  readonly isTouched: Uint8Array;
  readonly touched: Int32Array;
  touchedCount: number;
  /** Per link: change of its load. */
  readonly loadChange: Float64Array;
  /** Per row of W. */
  readonly product: Float64Array;
  readonly newRow: Float64Array;
}

export function stepSpace({ problem: { linkCount, demandCount } }: VertexState): StepSpace {
  const links = (): Float64Array => new Float64Array(linkCount + 1);
  return {
    alpha: links(),
    change: links(),
    keyChange: new Float64Array(demandCount),
    isTouched: new Uint8Array(demandCount),
    touched: new Int32Array(demandCount),
    touchedCount: 0,
    loadChange: links(),
    product: links(),
    newRow: links(),
  };
}

/** Makes the step. Returns how far it went, bps; undefined where nothing blocks it, which only rounding can bring about. */
export function takeStep(state: VertexState, space: StepSpace, entering: Entering): number | undefined {
  findDirection(state, space, entering);
  const stop = nearestStop(state, space, entering);
  if (stop === undefined) return undefined;
  move(state, space, entering, stop.length);
  changeBasis(state, space, entering, stop.blocker);
  return stop.length;
}

function findDirection(state: VertexState, space: StepSpace, entering: Entering): void {
  const { problem, inverse, rowOf, keyOf, demandOf, columnAt } = state;
  const { alpha, change, keyChange, isTouched, touched, loadChange } = space;
  alpha.fill(0, 0, inverse.size);
  loadChange.fill(0);
  space.touchedCount = 0;
  const changeKey = (demand: number, amount: number): void => {
    if (isTouched[demand] === 0) {
      isTouched[demand] = 1;
      touched[space.touchedCount++] = demand;
      keyChange[demand] = 0;
    }
    keyChange[demand] = (keyChange[demand] as number) + amount;
  };
  const addWithinRows = (column: number, scale: number): void => {
    if (column >= problem.pathCount) return;
    for (let k = problem.linkStart[column] as number; k < (problem.linkStart[column + 1] as number); k++) {
      const row = rowOf[problem.pathLinks[k] as number] as number;
      if (row >= 0) addColumnOf(inverse, row, scale, alpha);
    }
  };
  let sign = 1;
  if (entering.kind === "room") addColumnOf(inverse, entering.row, 1, alpha);
  else {
    const { column } = entering;
    sign = entering.sign;
    const demand = demandOf[column] as number;
    addWithinRows(column, 1);
    addWithinRows(keyOf[demand] as number, -1);
    changeKey(demand, -sign);
    addAlong(problem, column, sign, loadChange);
  }
  for (let j = 0; j < inverse.size; j++) {
    const a = alpha[j] as number;
    if (Math.abs(a) < rateMin) {
      alpha[j] = 0;
      change[j] = 0;
      continue;
    }
    change[j] = -sign * a;
    const column = columnAt[j] as number;
    addAlong(problem, column, -sign * a, loadChange);
    changeKey(demandOf[column] as number, sign * a);
  }
  for (let i = 0; i < space.touchedCount; i++) {
    const demand = touched[i] as number;
    isTouched[demand] = 0;
    addAlong(problem, keyOf[demand] as number, keyChange[demand] as number, loadChange);
  }
}

/** The first to be used up; of those that are at about the same time, the one that changes fastest (Harris 1973). */
function nearestStop(
  state: VertexState,
  space: StepSpace,
  entering: Entering,
): { readonly blocker: Blocker; readonly length: number } | undefined {
  let limit = Infinity;
  visitStops(state, space, entering, (left, speed, tolerance) => {
    limit = Math.min(limit, (Math.max(0, left) + tolerance) / speed);
  });
  if (limit === Infinity) return undefined;
  let fastest = 0;
  let length = 0;
  let blocker: Blocker | undefined;
  visitStops(state, space, entering, (left, speed, _, kind, at) => {
    if (Math.max(0, left) > limit * speed || speed <= fastest) return;
    fastest = speed;
    length = Math.max(0, left) / speed;
    blocker = blockerOf(kind, at);
  });
  return blocker === undefined ? undefined : { blocker, length };
}

type Visit = (left: number, speed: number, tolerance: number, kind: Blocker["kind"], at: number) => void;

function blockerOf(kind: Blocker["kind"], at: number): Blocker {
  switch (kind) {
    case "entering":
      return { kind };
    case "column":
      return { kind, position: at };
    case "key":
      return { kind, demand: at };
    case "link":
      return { kind, link: at };
  }
}

/** All that falls along the direction: what is left of it, how fast it falls, and its tolerance. */
function visitStops(
  state: VertexState,
  { change, keyChange, touched, touchedCount, loadChange }: StepSpace,
  entering: Entering,
  visit: Visit,
) {
  const { problem, rate, inverse, columnAt, keyOf, demandOf, totalBps, roomBps, rowOf } = state;
  const toleranceOf = (column: number): number => tieShare * (totalBps[demandOf[column] as number] as number);
  for (let j = 0; j < inverse.size; j++) {
    const speed = -(change[j] as number);
    const column = columnAt[j] as number;
    if (speed > rateMin) visit(rate[column] as number, speed, toleranceOf(column), "column", j);
  }
  for (let i = 0; i < touchedCount; i++) {
    const demand = touched[i] as number;
    const speed = -(keyChange[demand] as number);
    const key = keyOf[demand] as number;
    if (speed > rateMin) visit(rate[key] as number, speed, toleranceOf(key), "key", demand);
  }
  for (let e = 0; e < problem.linkCount; e++) {
    const speed = loadChange[e] as number;
    if (speed > rateMin && (rowOf[e] as number) < 0) {
      visit(roomBps[e] as number, speed, tieShare * (problem.capacityBps[e] as number), "link", e);
    }
  }
  if (entering.kind === "column" && entering.sign < 0) {
    visit(rate[entering.column] as number, 1, toleranceOf(entering.column), "entering", 0);
  }
}

function move(state: VertexState, space: StepSpace, entering: Entering, length: number): void {
  const { rate, inverse, columnAt, keyOf, roomBps, problem } = state;
  if (length === 0) return;
  const add = (column: number, amount: number): void => {
    rate[column] = Math.max(0, (rate[column] as number) + amount);
  };
  if (entering.kind === "column") add(entering.column, entering.sign * length);
  else {
    const link = state.linkAt[entering.row] as number;
    roomBps[link] = (roomBps[link] as number) + length;
  }
  for (let j = 0; j < inverse.size; j++) if (space.change[j] !== 0) add(columnAt[j] as number, (space.change[j] as number) * length);
  for (let i = 0; i < space.touchedCount; i++) {
    const demand = space.touched[i] as number;
    add(keyOf[demand] as number, (space.keyChange[demand] as number) * length);
  }
  for (let e = 0; e < problem.linkCount; e++) {
    if ((state.rowOf[e] as number) < 0) roomBps[e] = Math.max(0, (roomBps[e] as number) - (space.loadChange[e] as number) * length);
  }
}

function changeBasis(state: VertexState, space: StepSpace, entering: Entering, blocker: Blocker): void {
  switch (blocker.kind) {
    case "entering":
      if (entering.kind === "column") leave(state, entering.column);
      return;
    case "column":
      return entering.kind === "column"
        ? takePosition(state, space, entering.column, blocker.position)
        : release(state, entering.row, blocker.position);
    case "key":
      return leaveKey(state, space, entering, blocker.demand);
    case "link":
      return tighten(state, space, entering, blocker.link);
  }
}

function leave(state: VertexState, column: number): void {
  state.placeOf[column] = place.nonbasic;
  state.rate[column] = 0;
}

function takePosition(state: VertexState, { alpha }: StepSpace, column: number, position: number): void {
  leave(state, state.columnAt[position] as number);
  replaceColumn(state.inverse, position, alpha);
  state.columnAt[position] = column;
  state.placeOf[column] = position;
}

/** The link of a row is tight no more, and the column at a position carries nothing. */
function release(state: VertexState, row: number, position: number): void {
  const { inverse, columnAt, placeOf, linkAt, rowOf } = state;
  leave(state, columnAt[position] as number);
  rowOf[linkAt[row] as number] = -1;
  removeBorder(inverse, row, position);
  const last = inverse.size;
  if (row !== last) {
    linkAt[row] = linkAt[last] as number;
    rowOf[linkAt[row]] = row;
  }
  if (position !== last) {
    columnAt[position] = columnAt[last] as number;
    placeOf[columnAt[position]] = position;
  }
}

/** A key that carries nothing gives its part to another column of its demand that is in the basis, or to the one that enters. */
function leaveKey(state: VertexState, space: StepSpace, entering: Entering, demand: number): void {
  const { inverse, columnAt, demandOf, keyOf, placeOf, rate } = state;
  const siblings: number[] = [];
  let heir = -1;
  for (let j = 0; j < inverse.size; j++) {
    if (demandOf[columnAt[j] as number] !== demand) continue;
    siblings.push(j);
    if (heir < 0 || (rate[columnAt[j] as number] as number) > (rate[columnAt[heir] as number] as number)) heir = j;
  }
  const key = keyOf[demand] as number;
  if (heir < 0) {
    leave(state, key);
    if (entering.kind !== "column") return;
    keyOf[demand] = entering.column;
    placeOf[entering.column] = place.key;
    return;
  }
  const { alpha } = space;
  const enters = entering.kind === "column" && demandOf[entering.column] === demand ? 1 : 0;
  alpha[heir] = enters - siblings.reduce((sum, j) => sum + (alpha[j] as number), 0);
  changeOrigin(
    inverse,
    heir,
    siblings.filter((j) => j !== heir),
  );
  const successor = columnAt[heir] as number;
  keyOf[demand] = successor;
  placeOf[successor] = place.key;
  columnAt[heir] = key;
  placeOf[key] = heir;
  if (entering.kind === "column") takePosition(state, space, entering.column, heir);
  else release(state, entering.row, heir);
}

/** A link is full: it gets a row, with what enters as its column, or in place of the row that has room again. */
function tighten(state: VertexState, space: StepSpace, entering: Entering, link: number): void {
  const { problem, inverse, columnAt, keyOf, demandOf, rowOf, linkAt, placeOf, roomBps } = state;
  const { alpha, product, newRow, loadChange } = space;
  for (let j = 0; j < inverse.size; j++) {
    const column = columnAt[j] as number;
    newRow[j] = Number(crosses(problem, column, link)) - Number(crosses(problem, keyOf[demandOf[column] as number] as number, link));
  }
  leftProduct(inverse, newRow, product);
  roomBps[link] = 0;
  if (entering.kind === "room") {
    replaceRow(inverse, entering.row, product);
    rowOf[linkAt[entering.row] as number] = -1;
    linkAt[entering.row] = link;
    rowOf[link] = entering.row;
    return;
  }
  const at = inverse.size;
  addBorder(inverse, { alpha, product, pivot: entering.sign * (loadChange[link] as number) });
  rowOf[link] = at;
  linkAt[at] = link;
  columnAt[at] = entering.column;
  placeOf[entering.column] = at;
}
