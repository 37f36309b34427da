/**
 * Answers that are kept while what they are made from stays as it is: pages of the journal, which is only appended to, and of lists that change
 * with a plan. So a page that many ask for is read, put together and written as JSON once.
 */
import { ok, type Result } from "@sluice/model";

export type State = readonly (number | undefined)[];

export interface KeptBodies {
  /**
   * The body of this key, made where it is not kept, or was made from another state. `state`: all that it depends on (`identityOf`; NaN for what cannot be told); who asks
   * for the same at the same time waits for the same. Faults are those of `make`, and are not kept.
   */
  get<T extends object>(key: string, state: State, make: () => Promise<Result<Made<T>>> | Result<Made<T>>): Promise<Result<T>>;
}

export interface Made<T> {
  /** Nobody changes it any more. */
  readonly body: T;
  /** It stays as it is whatever the state becomes. */
  readonly isFinal?: boolean;
}

export interface KeptBodiesLimits {
  readonly countMax: number;
  /** Characters of JSON, all together. */
  readonly textMax: number;
  /** After this a body that is not final is made anew even where the state seems the same, ms. */
  readonly ageMsMax: number;
  /** Of a clock that never runs backwards. */
  readonly nowMs: () => number;
}

export const keptBodiesDefault: KeptBodiesLimits = { countMax: 256, textMax: 8 << 20, ageMsMax: Infinity, nowMs: () => performance.now() };

/** JSON of bodies that are kept, for as long as they live. */
const texts = new WeakMap<object, string>();

/** JSON of an answer; known already where it is kept. */
export function answerText(body: unknown): string {
  return (typeof body === "object" && body !== null ? texts.get(body) : undefined) ?? JSON.stringify(body);
}

const identities = new WeakMap<object, number>();
let identityLast = 0;

/** Another number for each object: it stands for the object in a state, and keeps nothing alive. */
export function identityOf(object: object): number {
  const known = identities.get(object);
  if (known !== undefined) return known;
  identityLast += 1;
  identities.set(object, identityLast);
  return identityLast;
}

interface Kept {
  readonly body: object;
  readonly state: State;
  readonly isFinal: boolean;
  readonly madeMs: number;
  readonly length: number;
}

interface Making {
  readonly state: State;
  readonly result: Promise<Result<object>>;
}

export function keptBodies(limits: Partial<KeptBodiesLimits> = {}): KeptBodies {
  const { countMax, textMax, ageMsMax, nowMs } = { ...keptBodiesDefault, ...limits };
  /** Those asked for last go last. */
  const kept = new Map<string, Kept>();
  const underWay = new Map<string, Making>();
  let textLength = 0;

  function drop(key: string): void {
    textLength -= kept.get(key)?.length ?? 0;
    kept.delete(key);
  }

  function keep(key: string, state: State, { body, isFinal = false }: Made<object>, madeMs: number): void {
    drop(key);
    const text = JSON.stringify(body);
    if (text.length > textMax) return;
    texts.set(body, text);
    kept.set(key, { body, state, isFinal, madeMs, length: text.length });
    textLength += text.length;
    for (const oldest of kept.keys()) {
      if (kept.size <= countMax && textLength <= textMax) break;
      drop(oldest);
    }
  }

  async function made(
    key: string,
    state: State,
    make: () => Promise<Result<Made<object>>> | Result<Made<object>>,
  ): Promise<Result<object>> {
    // What it is made from is not older than this.
    const madeMs = nowMs();
    const result = await make();
    if (!result.ok) return result;
    keep(key, state, result.value, madeMs);
    return ok(result.value.body);
  }

  return {
    async get<T extends object>(key: string, state: State, make: () => Promise<Result<Made<T>>> | Result<Made<T>>) {
      const known = kept.get(key);
      if (known !== undefined && (known.isFinal || (isSame(known.state, state) && nowMs() - known.madeMs <= ageMsMax))) {
        kept.delete(key);
        kept.set(key, known);
        return ok(known.body as T);
      }
      const other = underWay.get(key);
      if (other !== undefined && isSame(other.state, state)) return other.result as Promise<Result<T>>;
      const making: Making = { state, result: made(key, state, make) };
      underWay.set(key, making);
      try {
        return (await making.result) as Result<T>;
      } finally {
        if (underWay.get(key) === making) underWay.delete(key);
      }
    },
  };
}

function isSame(a: State, b: State): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}
