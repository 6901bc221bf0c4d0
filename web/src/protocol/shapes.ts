// Small strict readers and writers between parsed JSON and messages, put together by `wire.ts`.
import { fromBase64url, toBase64url } from "../base64url.ts";
import { NAME_CHARACTERS_MAX, WHOLE_MAX } from "./limits.ts";

/** A value that the wire does not allow; says which field, never what was in it. */
export class WrongValue extends Error {}

/** How one kind of value is read from parsed JSON and written back. */
export interface Shape<T> {
  readonly read: (value: unknown) => T;
  readonly write: (value: T) => unknown;
}

/** A shape that may be absent; a value that says nothing new (`isDefault`) is left out when it is written. */
export interface Optional<T> extends Shape<T> {
  readonly isDefault: (value: T) => boolean;
}

type OptionalKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T];

/** One shape a field, in the order of the wire; the compiler checks that none is missing and each fits. */
export type Fields<T> = {
  readonly [K in Exclude<keyof T, "t">]-?: K extends OptionalKeys<T> ? Optional<Exclude<T[K], undefined>> : Shape<T[K]>;
};

type Json = Record<string, unknown>;

function asIs<T>(value: T): unknown {
  return value;
}

export function optional<T>(shape: Shape<T>, isDefault: (value: T) => boolean = () => false): Optional<T> {
  return { ...shape, isDefault };
}

export function whole(top: number = WHOLE_MAX, least = 0): Shape<number> {
  return {
    read(value) {
      if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > top) {
        throw new WrongValue("is not a whole number in range");
      }
      return value + 0; // -0 becomes 0
    },
    write: asIs,
  };
}

const LONE_SURROGATE = /\p{Surrogate}/u;

export function text(charactersMax: number = NAME_CHARACTERS_MAX): Shape<string> {
  return {
    read(value) {
      const fits =
        typeof value === "string" &&
        // Counted in code points, as in Python; a code point takes at most two units.
        (value.length <= charactersMax || (value.length <= 2 * charactersMax && [...value].length <= charactersMax)) &&
        !LONE_SURROGATE.test(value);
      if (!fits) throw new WrongValue("is not a text, or too long");
      return value;
    },
    // What UTF-8 cannot say goes out as U+FFFD rather than not at all.
    write: (value) => (LONE_SURROGATE.test(value) ? value.replace(/\p{Surrogate}/gu, "\ufffd") : value),
  };
}

export function hex(digits: number): Shape<string> {
  const pattern = new RegExp(`^[0-9a-f]{${digits}}$`);
  return {
    read(value) {
      if (typeof value !== "string" || value.length !== digits || !pattern.test(value)) {
        throw new WrongValue(`is not ${digits} hexadecimal digits`);
      }
      return value;
    },
    write: asIs,
  };
}

export const boolean: Shape<boolean> = {
  read(value) {
    if (typeof value !== "boolean") throw new WrongValue("is not true or false");
    return value;
  },
  write: asIs,
};

export function word<W extends string>(words: readonly W[]): Shape<W> {
  const table = new Map<unknown, W>(words.map((each) => [each, each]));
  return {
    read(value) {
      const found = table.get(value);
      if (found === undefined) throw new WrongValue("is not one of the known words");
      return found;
    },
    write: asIs,
  };
}

/** A byte string of exactly `length` bytes. */
export function octets(length: number): Shape<Uint8Array> {
  const characters = Math.ceil((length * 4) / 3);
  return base64url((size) => size === characters, `is not ${length} bytes in base64url`);
}

/** A byte string of 1 to `most` bytes. */
export function octetsUpTo(most: number): Shape<Uint8Array> {
  const characters = Math.ceil((most * 4) / 3);
  return base64url(
    (size) => size > 0 && size <= characters && size % 4 !== 1,
    `is not 1 to ${most} bytes in base64url`,
  );
}

function base64url(fits: (characters: number) => boolean, otherwise: string): Shape<Uint8Array> {
  return {
    read(value) {
      const bytes = typeof value === "string" && fits(value.length) ? fromBase64url(value) : null;
      if (bytes === null) throw new WrongValue(otherwise);
      return bytes;
    },
    write: toBase64url,
  };
}

export function list<T>(shape: Shape<T>, most: number = WHOLE_MAX, least = 0): Shape<readonly T[]> {
  return {
    read(value) {
      if (!Array.isArray(value) || value.length < least || value.length > most) {
        throw new WrongValue("is not a list, or of another length");
      }
      return value.map((element: unknown) => shape.read(element));
    },
    write: (value) => value.map((element) => shape.write(element)),
  };
}

export function pair<T>(shape: Shape<T>): Shape<readonly [T, T]> {
  return {
    read(value) {
      if (!Array.isArray(value) || value.length !== 2) throw new WrongValue("is not a list of 2");
      return [shape.read(value[0]), shape.read(value[1])];
    },
    write: (value) => value.map((element) => shape.write(element)),
  };
}

/** An object with these fields; others are ignored when read. */
export function object<T extends object>(fields: Fields<T>): Shape<T> {
  // The table holds each field's own shape; beyond `Fields` the compiler cannot follow which value goes with which.
  const table = Object.entries(fields) as [string, Optional<unknown> | Shape<unknown>][];
  return {
    read(value) {
      const json = asObject(value);
      const result: Json = {};
      for (const [name, shape] of table) {
        if (!Object.hasOwn(json, name)) {
          if ("isDefault" in shape) continue;
          throw new WrongValue(`${name} is missing`);
        }
        try {
          result[name] = shape.read(json[name]);
        } catch (error) {
          if (error instanceof WrongValue) throw new WrongValue(`${name} ${error.message}`);
          throw error;
        }
      }
      return result as T;
    },
    write(value) {
      const json: Json = {};
      for (const [name, shape] of table) {
        const found = (value as Json)[name];
        // One message has one spelling: what is absent or says nothing new is left out.
        if (found === undefined || ("isDefault" in shape && shape.isDefault(found))) continue;
        json[name] = shape.write(found);
      }
      return json;
    },
  };
}

/** The members of a union by their `t`; the compiler checks that none is missing. */
export type Members<U extends { readonly t: string }> = {
  readonly [K in U["t"]]: Shape<Omit<Extract<U, { readonly t: K }>, "t">>;
};

/** An object whose `t` says which member of the union it is. */
export function tagged<U extends { readonly t: string }>(members: Members<U>): Shape<U> {
  const table = new Map(Object.entries(members) as [string, Shape<object>][]);
  return {
    read(value) {
      const json = asObject(value);
      const tag = Object.hasOwn(json, "t") ? json["t"] : undefined;
      const shape = typeof tag === "string" ? table.get(tag) : undefined;
      if (shape === undefined) throw new WrongValue("unknown t");
      try {
        return { t: tag, ...shape.read(json) } as unknown as U;
      } catch (error) {
        if (error instanceof WrongValue) throw new WrongValue(`${String(tag)}.${error.message}`);
        throw error;
      }
    },
    write(value) {
      const shape = table.get(value.t);
      if (shape === undefined) throw new TypeError(`the wire knows no ${value.t}`);
      return { t: value.t, ...(shape.write(value) as object) };
    },
  };
}

function asObject(value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new WrongValue("not an object");
  return value as Json;
}
