/**
 * Any program as  maximize c'v  subject to  a_i'v <= b_i, v >= 0,  for solvers that know nothing else: bounds are shifted to
 * zero, columns bounded only above are mirrored, free columns split in two, fixed ones folded into the rows, rows with
 * two sides become two constraints. Everything is scaled: each constraint by its largest coefficient, the costs
 * by their largest and the right-hand sides by their geometric mean, so that absolute precisions mean something.
 */
import type { LinearProgram } from "./program.js";

export interface Constraint {
  readonly terms: readonly { readonly variable: number; readonly coefficient: number }[];
  readonly limit: number;
}

export interface StandardForm {
  readonly variableCount: number;
  readonly cost: readonly number[];
  readonly constraints: readonly Constraint[];
  /** The program's columns from the variables' values. */
  primalOf(values: readonly number[]): Float64Array;
  /** The program's row duals, in its own sense, from the constraints' multipliers (each >= 0). */
  dualOf(multipliers: readonly number[]): Float64Array;
}

/** Column j is `shift + sum of sign x variable`: no variable where it is fixed, two where it is free. */
interface Substitution {
  readonly shift: number;
  readonly parts: readonly { readonly variable: number; readonly sign: 1 | -1 }[];
}

/** A constraint and how to get back from it: `row` -1 for the upper bound of a column. */
interface Side extends Constraint {
  readonly row: number;
  readonly sign: 1 | -1;
  readonly scale: number;
}

export function standardForm(program: LinearProgram): StandardForm {
  const direction = program.sense === "maximize" ? 1 : -1;
  const substitutions = substitute(program);
  const variableCount = substitutions.reduce((count, { parts }) => count + parts.length, 0);
  const cost = Array.from({ length: variableCount }, () => 0);
  substitutions.forEach(({ parts }, j) => {
    for (const { variable, sign } of parts) cost[variable] = sign * direction * (program.cost[j] ?? 0);
  });
  const costScale = largest(cost);
  const sides = [...rowSides(program, substitutions), ...boundSides(program, substitutions)].map(equilibrate);
  const limitScale = middle(sides.map(({ limit }) => limit));

  return {
    variableCount,
    cost: cost.map((coefficient) => coefficient / costScale),
    constraints: sides.map(({ terms, limit }) => ({ terms, limit: limit / limitScale })),
    primalOf: (values) =>
      Float64Array.from(substitutions, ({ shift, parts }) =>
        parts.reduce((sum, { variable, sign }) => sum + sign * limitScale * (values[variable] ?? 0), shift),
      ),
    dualOf: (multipliers) => {
      const dual = new Float64Array(program.rowCount);
      sides.forEach(({ row, sign, scale }, i) => {
        if (row >= 0) dual[row] = (dual[row] ?? 0) + (direction * sign * costScale * (multipliers[i] ?? 0)) / scale;
      });
      return dual;
    },
  };
}

function substitute({ columnCount, columnLower, columnUpper }: LinearProgram): readonly Substitution[] {
  let next = 0;
  return Array.from({ length: columnCount }, (_, j): Substitution => {
    const lower = columnLower[j] ?? 0;
    const upper = columnUpper[j] ?? 0;
    if (lower === upper) return { shift: lower, parts: [] };
    if (Number.isFinite(lower)) return { shift: lower, parts: [{ variable: next++, sign: 1 }] };
    if (Number.isFinite(upper)) return { shift: upper, parts: [{ variable: next++, sign: -1 }] };
    return {
      shift: 0,
      parts: [
        { variable: next++, sign: 1 },
        { variable: next++, sign: -1 },
      ],
    };
  });
}

function rowSides(program: LinearProgram, substitutions: readonly Substitution[]): readonly Side[] {
  const terms: { variable: number; coefficient: number }[][] = Array.from({ length: program.rowCount }, () => []);
  const constant = new Float64Array(program.rowCount);
  substitutions.forEach(({ shift, parts }, j) => {
    for (let k = program.columnStart[j] ?? 0; k < (program.columnStart[j + 1] ?? 0); k++) {
      const i = program.rowIndex[k] ?? 0;
      const value = program.value[k] ?? 0;
      constant[i] = (constant[i] ?? 0) + value * shift;
      for (const { variable, sign } of parts) terms[i]?.push({ variable, coefficient: sign * value });
    }
  });
  return terms.flatMap((row, i): readonly Side[] => {
    const lower = (program.rowLower[i] ?? 0) - (constant[i] ?? 0);
    const upper = (program.rowUpper[i] ?? 0) - (constant[i] ?? 0);
    const negated = row.map(({ variable, coefficient }) => ({ variable, coefficient: -coefficient }));
    return [
      ...(upper < Infinity ? [{ row: i, sign: 1 as const, scale: 1, terms: row, limit: upper }] : []),
      ...(lower > -Infinity ? [{ row: i, sign: -1 as const, scale: 1, terms: negated, limit: -lower }] : []),
    ];
  });
}

function boundSides({ columnLower, columnUpper }: LinearProgram, substitutions: readonly Substitution[]): readonly Side[] {
  return substitutions.flatMap(({ parts }, j): readonly Side[] => {
    const [part] = parts;
    const width = (columnUpper[j] ?? 0) - (columnLower[j] ?? 0);
    if (part === undefined || !Number.isFinite(width)) return [];
    return [{ row: -1, sign: 1, scale: 1, terms: [{ variable: part.variable, coefficient: 1 }], limit: width }];
  });
}

function equilibrate(side: Side): Side {
  const scale = largest(side.terms.map(({ coefficient }) => coefficient));
  return {
    ...side,
    scale,
    terms: side.terms.map(({ variable, coefficient }) => ({ variable, coefficient: coefficient / scale })),
    limit: side.limit / scale,
  };
}

/** The largest magnitude, or 1 where all are zero: a divisor. */
function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
}

/** The geometric mean of the magnitudes that are not zero, or 1 where all are: one huge bound must not turn the others into dust. */
function middle(values: readonly number[]): number {
  const logs = values.filter((value) => value !== 0).map((value) => Math.log2(Math.abs(value)));
  return logs.length === 0 ? 1 : 2 ** Math.round(logs.reduce((sum, log) => sum + log, 0) / logs.length);
}
