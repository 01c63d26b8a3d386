import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type Api,
  apis,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from '../../src/protocol/index.ts'

/**
 * Goal: we read the frames of real clients and brokers as they were meant, and write the same
 * bytes.
 *
 * The files beside this one hold frames captured on the wire between kafkajs, @platformatic/kafka,
 * kcat (librdkafka), the Java client and two brokers of Kafka 3.9.1 in ZooKeeper mode; the few APIs
 * that none of these used come from Kafka's own serializer. A paragraph is a title, the frame in
 * hex without its length, and after `=` what it says.
 */

interface Golden {
  readonly title: string
  readonly direction: 'request' | 'response'
  readonly version: number
  readonly frame: Uint8Array
  readonly says: unknown
}

function parse(text: string): Golden[] {
  return text
    .trim()
    .split('\n\n')
    .slice(1)
    .map(paragraph => {
      const [title = '', ...lines] = paragraph.split('\n')
      const [, direction, version] = /^(request|response) v(\d+) from /.exec(title) ?? []
      const equals = lines.findIndex(line => line.startsWith('='))
      const joined = (some: string[]) => some.map(line => line.slice(2)).join('')
      return {
        title,
        direction: direction as Golden['direction'],
        version: Number(version),
        frame: Uint8Array.from(Buffer.from(joined(lines.slice(0, equals)), 'hex')),
        says: JSON.parse(joined(lines.slice(equals))),
      }
    })
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A value as the files show it. */
const shown = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, one) => (one instanceof Uint8Array ? `0x${hex(one)}` : one)))

const byKey = new Map<number, Api>(Object.values(apis).map(api => [api.key, api]))

for (const name of readdirSync(import.meta.dirname).filter(file => file.endsWith('.txt'))) {
  const api = byKey.get(Number(name.slice(0, 2))) as Api

  describe(api.name, () => {
    const frames = parse(readFileSync(join(import.meta.dirname, name), 'utf8'))

    test.each(frames)('$title', ({ direction, version, frame, says }) => {
      if (direction === 'request') {
        const { header, body } = decodeRequest(frame)
        expect(header).toMatchObject({ apiKey: api.key, apiVersion: version })
        const { correlationId, clientId } = header
        expect(shown({ correlationId, clientId, body })).toEqual(says)
        const chunks = encodeRequest(api, version, header, body)
        expect(hex(Buffer.concat(chunks).subarray(4))).toBe(hex(frame))
      } else {
        const { correlationId, body } = decodeResponse(api, version, frame)
        expect(shown({ correlationId, body })).toEqual(says)
        const chunks = encodeResponse(api, version, correlationId, body)
        expect(hex(Buffer.concat(chunks).subarray(4))).toBe(hex(frame))
      }
    })
  })
}
