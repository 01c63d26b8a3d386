/**
 * Reading what stands in a znode. Anybody may write there, so a reader answers with a value that says what is wrong
 * and never throws.
 */

/** Content that is not what Kafka keeps at that path. */
export interface MalformedZnode {
  /** What is wrong, for a log line. */
  readonly malformed: string
}

export type Decoded<T> = T | MalformedZnode

export const isMalformed = (value: unknown): value is MalformedZnode =>
  typeof value === 'object' && value !== null && 'malformed' in value

class NotTheForm extends Error {}

/** Says what is wrong from anywhere inside a {@link decoding}. */
export function wrong(reason: string): never {
  throw new NotTheForm(reason)
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export const utf8 = (text: string): Uint8Array => encoder.encode(text)

export const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value))

/** A reader from one that may call {@link wrong}. */
export const decoding =
  <T>(read: (text: string) => T) =>
  (bytes: Uint8Array | null): Decoded<T> => {
    try {
      return read(decoder.decode(bytes ?? new Uint8Array()))
    } catch (error) {
      if (error instanceof NotTheForm) return { malformed: error.message }
      if (error instanceof SyntaxError) return { malformed: `not JSON: ${error.message}` }
      if (error instanceof TypeError) return { malformed: 'not UTF-8' }
      throw error
    }
  }

/** A JSON object with readers that name the key they miss. */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>

  private constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields
  }

  static of(value: unknown, what = 'the content'): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      wrong(`${what} is not a JSON object`)
    return new Fields(value as Record<string, unknown>)
  }

  static parse(text: string): Fields {
    return Fields.of(JSON.parse(text) as unknown)
  }

  has(key: string): boolean {
    return this.#fields[key] !== undefined && this.#fields[key] !== null
  }

  get keys(): readonly string[] {
    return Object.keys(this.#fields)
  }

  int(key: string): number {
    const value = this.#fields[key]
    return Number.isSafeInteger(value) ? (value as number) : wrong(`"${key}" is not an integer`)
  }

  /** A number that Kafka writes as text; a plain number is read too. */
  intText(key: string): number {
    const value = this.#fields[key]
    return typeof value === 'string' && /^-?\d+$/.test(value) && Number.isSafeInteger(+value)
      ? Number(value)
      : this.int(key)
  }

  text(key: string): string {
    const value = this.#fields[key]
    return typeof value === 'string' ? value : wrong(`"${key}" is not a text`)
  }

  ints(key: string): number[] {
    const values = this.list(key)
    return values.every(value => Number.isSafeInteger(value))
      ? (values as number[])
      : wrong(`"${key}" is not a list of integers`)
  }

  texts(key: string): string[] {
    const values = this.list(key)
    return values.every(value => typeof value === 'string')
      ? (values as string[])
      : wrong(`"${key}" is not a list of texts`)
  }

  list(key: string): unknown[] {
    const value = this.#fields[key]
    return Array.isArray(value) ? value : wrong(`"${key}" is not a list`)
  }

  objects(key: string): Fields[] {
    return this.list(key).map(value => Fields.of(value, `an entry of "${key}"`))
  }

  object(key: string): Fields {
    return Fields.of(this.#fields[key], `"${key}"`)
  }

  /** Every value a text, as in `config` and `listener_security_protocol_map`. */
  textByKey(key: string): Record<string, string> {
    const fields = this.object(key)
    return Object.fromEntries(fields.keys.map(name => [name, fields.text(name)]))
  }
}
