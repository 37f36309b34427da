/**
 * The dense kernels of the interior point, for 128-bit SIMD: the Schur complement over the links that can congest, its Cholesky
 * factors and triangular solves. src/interior-point/dense-reference.ts states the same in plain TypeScript.
 *
 * The matrix is row-major with an even number of doubles a row and begins at a multiple of 16 bytes; vectors that meet it do, too.
 */

/** A pivot this much smaller than the diagonal was before elimination is rounding: its row is taken out of the system. */
const pivotMin: f64 = 1e-14;
const pivotOut: f64 = 1e128;
/** Columns a panel of the factorization. */
const panel: i32 = 48;

const zero2 = f64x2.splat(0.0);

// @ts-ignore: decorator
@inline
function sumOver(weights: usize, mask: u32): f64 {
  let sum: f64 = 0;
  while (mask !== 0) {
    sum += load<f64>(weights + (<usize>ctz(mask) << 3));
    mask &= mask - 1;
  }
  return sum;
}

/**
 * Adds the demands begin .. end to the matrix F, with F + F' the Schur complement over rows and chains.
 * `scratch` has room for 24 bytes per run of terms of a demand, and 17 doubles before that.
 */
export function form(
  begin: i32,
  end: i32,
  slotStart: usize,
  termStart: usize,
  terms: usize,
  weights: usize,
  slacks: usize,
  matrix: usize,
  stride: i32,
  skip: f64,
  scratch: usize,
): void {
  const rowBytes = <usize>stride << 3;
  const small = scratch + 136;
  for (let k = begin; k < end; k++) {
    const from = load<i32>(slotStart + (<usize>k << 2));
    const width = load<i32>(slotStart + (<usize>k << 2), 4) - from;
    // The heaviest of the demand's paths and of the slack (path number `width`): what is left without it says how much there is to add.
    let heaviest: i32 = width;
    let most = load<f64>(slacks + (<usize>k << 3));
    store<f64>(scratch + (<usize>width << 3), most);
    for (let j: i32 = 0; j < width; j++) {
      const w = load<f64>(weights + (<usize>(from + j) << 3));
      store<f64>(scratch + (<usize>j << 3), w);
      if (w > most) {
        most = w;
        heaviest = j;
      }
    }
    let rest: f64 = 0;
    for (let j: i32 = 0; j <= width; j++) if (j !== heaviest) rest += load<f64>(scratch + (<usize>j << 3));
    if (rest <= skip) continue;
    const inverse = 1.0 / (rest + most);
    const every: u32 = (<u32>2 << width) - 1;
    let at = terms + (<usize>load<i32>(termStart + (<usize>k << 2)) << 1);
    const runs = <i32>load<u16>(at);
    at += 2;
    const rows = at + (<usize>runs << 2);
    let rowsA = rows;
    for (let a: i32 = 0; a < runs; a++) {
      let mask = <u32>load<u16>(at + (<usize>a << 2));
      const flipped = ((mask >> heaviest) & 1) !== 0;
      if (flipped) mask ^= every;
      const recordA = small + <usize>a * 24;
      const weightA = sumOver(scratch, mask);
      store<u32>(recordA, mask);
      store<f64>(recordA, weightA, 8);
      store<f64>(recordA, flipped ? -1.0 : 1.0, 16);
      const countA = <usize>load<u16>(at + (<usize>a << 2), 2);
      let rowsB = rows;
      for (let b: i32 = 0; b < a; b++) {
        const recordB = small + <usize>b * 24;
        const countB = <usize>load<u16>(at + (<usize>b << 2), 2);
        const common = mask & load<u32>(recordB);
        let g = -weightA * load<f64>(recordB, 8) * inverse;
        if (common !== 0) g += sumOver(scratch, common);
        if (abs(g) > skip) {
          g *= load<f64>(recordA, 16) * load<f64>(recordB, 16);
          for (let i: usize = 0; i < countA; i++) {
            const row = matrix + <usize>load<u16>(rowsA + (i << 1)) * rowBytes;
            for (let j: usize = 0; j < countB; j++) {
              const entry = row + (<usize>load<u16>(rowsB + (j << 1)) << 3);
              store<f64>(entry, load<f64>(entry) + g);
            }
          }
        }
        rowsB += countB << 1;
      }
      const g = weightA - weightA * weightA * inverse;
      if (g > skip) {
        for (let i: usize = 0; i < countA; i++) {
          const r = <usize>load<u16>(rowsA + (i << 1));
          const row = matrix + r * rowBytes;
          for (let j: usize = 0; j < i; j++) {
            const entry = row + (<usize>load<u16>(rowsA + (j << 1)) << 3);
            store<f64>(entry, load<f64>(entry) + g);
          }
          const entry = row + (r << 3);
          store<f64>(entry, load<f64>(entry) + 0.5 * g);
        }
      }
      rowsA += countA << 1;
    }
  }
}

/**
 * The lower triangle of E'(F + F')E + diag(diagonal), in place of the first n rows. Chain c stands for rows
 * chains[2 c] .. chains[2 c] + chains[2 c + 1] and is row and column n + c of F.
 */
export function fold(matrix: usize, n: i32, stride: i32, chains: usize, chainCount: i32, diagonal: usize): void {
  const rowBytes = <usize>stride << 3;
  for (let c: i32 = 0; c < chainCount; c++) {
    const first = load<i32>(chains + (<usize>c << 3));
    const last = first + load<i32>(chains + (<usize>c << 3), 4);
    const from = matrix + <usize>(n + c) * rowBytes;
    for (let r = first; r < last; r++) {
      const to = matrix + <usize>r * rowBytes;
      for (let j: usize = 0; j < rowBytes; j += 16) v128.store(to + j, f64x2.add(v128.load(to + j), v128.load(from + j)));
    }
  }
  for (let i: i32 = 0; i < n; i++) {
    const row = matrix + <usize>i * rowBytes;
    for (let c: i32 = 0; c < chainCount; c++) {
      const v = load<f64>(row + (<usize>(n + c) << 3));
      const first = row + (<usize>load<i32>(chains + (<usize>c << 3)) << 3);
      const last = first + (<usize>load<i32>(chains + (<usize>c << 3), 4) << 3);
      for (let entry = first; entry < last; entry += 8) store<f64>(entry, load<f64>(entry) + v);
    }
  }
  for (let i: i32 = 0; i < n; i++) {
    const row = matrix + <usize>i * rowBytes;
    let across = matrix + (<usize>i << 3);
    for (let j: i32 = 0; j < i; j++, across += rowBytes) {
      const entry = row + (<usize>j << 3);
      store<f64>(entry, load<f64>(entry) + load<f64>(across));
    }
    const entry = row + (<usize>i << 3);
    store<f64>(entry, 2.0 * load<f64>(entry) + load<f64>(diagonal + (<usize>i << 3)));
  }
}

/** Adds weight vector vector' to the lower triangle. */
export function addOuter(matrix: usize, n: i32, stride: i32, vector: usize, weight: f64): void {
  const rowBytes = <usize>stride << 3;
  for (let i: i32 = 0; i < n; i++) {
    const row = matrix + <usize>i * rowBytes;
    const factor2 = f64x2.splat(weight * load<f64>(vector + (<usize>i << 3)));
    // Up to one entry past the diagonal, which nothing reads.
    const end = <usize>((i + 2) & ~1) << 3;
    for (let p: usize = 0; p < end; p += 16) v128.store(row + p, f64x2.add(v128.load(row + p), f64x2.mul(factor2, v128.load(vector + p))));
  }
}

function dot(a: usize, b: usize, count: i32): f64 {
  let s0 = zero2;
  let s1 = zero2;
  const whole = <usize>(count & ~3) << 3;
  let i: usize = 0;
  for (; i < whole; i += 32) {
    s0 = f64x2.add(s0, f64x2.mul(v128.load(a + i), v128.load(b + i)));
    s1 = f64x2.add(s1, f64x2.mul(v128.load(a + i, 16), v128.load(b + i, 16)));
  }
  s0 = f64x2.add(s0, s1);
  let sum = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  const end = <usize>count << 3;
  for (; i < end; i += 8) sum += load<f64>(a + i) * load<f64>(b + i);
  return sum;
}

// @ts-ignore: decorator
@inline
function subtract(entry: usize, sum: v128): void {
  store<f64>(entry, load<f64>(entry) - (f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)));
}

/** Entries [i, i + 4) x [j, j + 2) less the products of rows i.. and j.. over their first `count` columns; `count` is even. */
function tile(ri: usize, rj: usize, rowBytes: usize, i: usize, j: usize, count: i32): void {
  const r1 = ri + rowBytes;
  const r2 = r1 + rowBytes;
  const r3 = r2 + rowBytes;
  const c1 = rj + rowBytes;
  let s00 = zero2;
  let s01 = zero2;
  let s10 = zero2;
  let s11 = zero2;
  let s20 = zero2;
  let s21 = zero2;
  let s30 = zero2;
  let s31 = zero2;
  const end = <usize>count << 3;
  for (let p: usize = 0; p < end; p += 16) {
    const b0 = v128.load(rj + p);
    const b1 = v128.load(c1 + p);
    let a = v128.load(ri + p);
    s00 = f64x2.add(s00, f64x2.mul(a, b0));
    s01 = f64x2.add(s01, f64x2.mul(a, b1));
    a = v128.load(r1 + p);
    s10 = f64x2.add(s10, f64x2.mul(a, b0));
    s11 = f64x2.add(s11, f64x2.mul(a, b1));
    a = v128.load(r2 + p);
    s20 = f64x2.add(s20, f64x2.mul(a, b0));
    s21 = f64x2.add(s21, f64x2.mul(a, b1));
    a = v128.load(r3 + p);
    s30 = f64x2.add(s30, f64x2.mul(a, b0));
    s31 = f64x2.add(s31, f64x2.mul(a, b1));
  }
  const at = j << 3;
  subtract(ri + at, s00);
  subtract(ri + at + 8, s01);
  subtract(r1 + at, s10);
  subtract(r1 + at + 8, s11);
  subtract(r2 + at, s20);
  subtract(r2 + at + 8, s21);
  subtract(r3 + at, s30);
  subtract(r3 + at + 8, s31);
}

/**
 * Cholesky factors of the lower triangle, in place, panel by panel, left-looking. `diagonal` is overwritten by the
 * diagonal as it was. Rows whose pivot is rounding get a pivot so large that their unknown comes out as 0.
 */
export function factor(matrix: usize, n: i32, stride: i32, diagonal: usize): void {
  const rowBytes = <usize>stride << 3;
  for (let i: i32 = 0; i < n; i++) {
    store<f64>(diagonal + (<usize>i << 3), load<f64>(matrix + <usize>i * rowBytes + (<usize>i << 3)));
  }
  for (let begin: i32 = 0; begin < n; begin += panel) {
    const end = min(begin + panel, n);
    for (let i = begin; i < n; i += 4) {
      const ri = matrix + <usize>i * rowBytes;
      for (let j = begin; j < end && j <= i + 3; j += 2) {
        const rj = matrix + <usize>j * rowBytes;
        if (i + 4 <= n && j + 2 <= end) {
          tile(ri, rj, rowBytes, i, j, begin);
          continue;
        }
        for (let a = i; a < min(i + 4, n); a++) {
          for (let b = j; b < min(j + 2, end) && b <= a; b++) {
            const ra = matrix + <usize>a * rowBytes;
            const entry = ra + (<usize>b << 3);
            store<f64>(entry, load<f64>(entry) - dot(ra, matrix + <usize>b * rowBytes, begin));
          }
        }
      }
    }
    const panelAt = <usize>begin << 3;
    for (let j = begin; j < end; j++) {
      const rj = matrix + <usize>j * rowBytes;
      const at = <usize>j << 3;
      const d = load<f64>(rj + at) - dot(rj + panelAt, rj + panelAt, j - begin);
      const pivot = d > pivotMin * load<f64>(diagonal + at) ? sqrt(d) : pivotOut;
      store<f64>(rj + at, pivot);
      const inverse = 1.0 / pivot;
      for (let i = j + 1; i < n; i++) {
        const ri = matrix + <usize>i * rowBytes;
        store<f64>(ri + at, (load<f64>(ri + at) - dot(ri + panelAt, rj + panelAt, j - begin)) * inverse);
      }
    }
  }
}

/** Solves with the factors, in place of the right-hand side. */
export function solve(matrix: usize, n: i32, stride: i32, rhs: usize): void {
  const rowBytes = <usize>stride << 3;
  for (let i: i32 = 0; i < n; i++) {
    const row = matrix + <usize>i * rowBytes;
    const at = <usize>i << 3;
    store<f64>(rhs + at, (load<f64>(rhs + at) - dot(row, rhs, i)) / load<f64>(row + at));
  }
  for (let i: i32 = n - 1; i >= 0; i--) {
    const row = matrix + <usize>i * rowBytes;
    const at = <usize>i << 3;
    const v = load<f64>(rhs + at) / load<f64>(row + at);
    store<f64>(rhs + at, v);
    const v2 = f64x2.splat(v);
    const whole = <usize>(i & ~1) << 3;
    for (let p: usize = 0; p < whole; p += 16) v128.store(rhs + p, f64x2.sub(v128.load(rhs + p), f64x2.mul(v128.load(row + p), v2)));
    if ((i & 1) === 1) store<f64>(rhs + whole, load<f64>(rhs + whole) - load<f64>(row + whole) * v);
  }
}
