/**
 * Writes the README's table of profiles from the configuration: `node docs/profiles.ts`. A test holds the README to it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brokerConfigKeys, type ConfigKey, type ConfigValue } from '../src/broker/config.ts'

const path = join(import.meta.dirname, '../README.md')

/** Long defaults as people count them. */
const print = (value: ConfigValue): string =>
  typeof value === 'number' && value >= 1024 * 1024 && value % (1024 * 1024) === 0
    ? `${value / (1024 * 1024)} MiB`
    : String(value)

const fastValue = ({ fast }: ConfigKey): string =>
  typeof fast === 'function'
    ? fast(1) === 1 && fast(9) === 3
      ? 'min(3, brokers)'
      : 'by the number of brokers'
    : print(fast ?? null)

/** The keys whose value in `fast` is not Kafka's. */
export function profilesTable(): string {
  const rows = Object.entries<ConfigKey>(brokerConfigKeys)
    .filter(([, key]) => key.fast !== undefined)
    .map(([name, key]) => `| \`${name}\` | ${print(key.default)} | ${fastValue(key)} |`)
  return [
    '| | `kafka` | `fast` |',
    '| --- | --- | --- |',
    "| ZooKeeper's `tickTime` | 2000 | 100 |",
    "| ZooKeeper's `maxSessionTimeout` | 40000 | 60000 |",
    ...rows,
  ].join('\n')
}

/** The README with its table written anew. */
export function withProfiles(readme: string): string {
  return readme.replace(
    /<!-- profiles -->[\s\S]*<!-- \/profiles -->/,
    `<!-- profiles -->\n${profilesTable()}\n<!-- /profiles -->`,
  )
}

if (import.meta.main) writeFileSync(path, withProfiles(readFileSync(path, 'utf8')))
