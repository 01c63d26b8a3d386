/**
 * The house rules that keep the floors apart, as a test. Think about the layering before you change this table.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')

const files = (folder: string): string[] =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .map(name => join(folder, name))
        .filter(name => /\.(tsx?|js)$/.test(name) && statSync(join(root, name)).isFile())
        .sort()
    : []

const source = (file: string): string => readFileSync(join(root, file), 'utf8')

/** Comments and the contents of strings do not count as code. */
const code = (file: string): string =>
  source(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:'"`])\/\/.*$/gm, '$1')

/** What a file imports: packages by name, own files by their path from the root. */
const imports = (file: string): string[] =>
  [...code(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)]
    .map(match => match[1] as string)
    .map(name => (name.startsWith('.') ? relative(root, resolve(root, dirname(file), name)) : name))

const any = (...patterns: RegExp[]) => new RegExp(patterns.map(p => p.source).join('|'))
/** Well-kept packages that are pure JavaScript may be imported where they are used. */
const pure = /^@noble\/hashes/

/** Who may import what: the first row that fits a file decides. */
const floors: readonly { folder: RegExp; may: RegExp }[] = [
  {
    folder: /^src\/platform\//,
    may: any(/^node:/, /^src\/(platform\/|ports|ids|timeline|assert)/),
  },
  { folder: /^src\//, may: any(/^src\/(?!platform\/)/, pure) },
  {
    folder: /^machines\//,
    may: any(
      /^xstate$/,
      /^machines\//,
      /^src\/(assert|ids|limits|error)\.ts$/,
      /^src\/(zookeeper|controller|group|broker)\//,
    ),
  },
  // Node's streams are what kafkajs takes for a socket.
  {
    folder: /^actors\/harness\/kafkajs-socket\.ts$/,
    may: any(/^node:stream$/, /^actors\//, /^src\/(?!platform\/)/),
  },
  {
    folder: /^actors\/harness\/(vitest|matchers)\.ts$/,
    may: any(/^vitest$/, /^actors\//, /^src\/(?!platform\/)/),
  },
  { folder: /^actors\/node\.ts$/, may: any(/^xstate$/, /^rxjs/, /^(actors|machines|src)\//) },
  {
    folder: /^actors\/(memory\.ts|harness\/)/,
    may: any(/^xstate$/, /^rxjs/, /^(actors|machines)\//, /^src\/(?!platform\/node)/),
  },
  {
    folder: /^actors\//,
    may: any(/^xstate$/, /^rxjs/, /^(actors|machines)\//, /^src\/(?!platform\/)/),
  },
  // What is told of a trace: the same for the server and the page.
  { folder: /^story\//, may: /^story\// },
  {
    folder: /^control\//,
    may: any(/^control\//, /^story\//, /^actors\//, /^machines\/index\.ts$/, /^node:/, /^rxjs/),
  },
  // The page talks to the HTTP API alone.
  {
    folder: /^page\/src\//,
    may: any(
      /^page\/src\//,
      /^story\//,
      /^preact(\/hooks)?$/,
      /^@preact\/signals$/,
      /^samsa:charts$/,
    ),
  },
  {
    folder: /^page\//,
    may: any(/^page\/[^/]+$/, /^cli\/(machines|chart-arrows)\.ts$/, /^node:/, /^vite$/, /^xstate$/),
  },
  {
    folder: /^cli\//,
    may: any(
      /^cli\//,
      /^xstate$/,
      /^control\//,
      /^actors\//,
      /^machines\/index\.ts$/,
      /^node:/,
      /^commander$/,
      /^rxjs/,
    ),
  },
]

const house = ['src', 'machines', 'actors', 'story', 'control', 'cli', 'page'].flatMap(files)

test('every import keeps to its floor', () => {
  const wrong = house.flatMap(file => {
    const floor = floors.find(({ folder }) => folder.test(file))
    return imports(file)
      .filter(name => !floor?.may.test(name))
      .map(name => `${file} imports ${name}`)
  })
  expect(wrong).toEqual([])
})

test('what browsers are given stands without Node, down to the last import', () => {
  const reached = new Set<string>()
  const reach = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    if (existsSync(join(root, file))) imports(file).forEach(reach)
  }
  reach('actors/memory.ts')
  expect([...reached].filter(name => name.startsWith('node:'))).toEqual([])
})

test('rooms of the ground floor import downwards only', () => {
  const order = [
    'assert',
    'ids',
    'limits',
    'error',
    'ports',
    'timeline',
    'expiry-queue',
    'binary',
    'protocol',
    'records',
    'log',
  ]
  const rank = (file: string): number =>
    order.findIndex(room => new RegExp(`^src/${room}(/|\\.ts)`).test(file))
  const wrong = files('src')
    .filter(file => rank(file) >= 0)
    .flatMap(file =>
      imports(file)
        .filter(name => name.startsWith('src/') && (rank(name) < 0 || rank(name) > rank(file)))
        .map(name => `${file} imports ${name}`),
    )
  expect(wrong).toEqual([])
})

const banned: readonly { call: RegExp; in: RegExp; why: string }[] = [
  {
    call: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|(^|[^.\w])(setTimeout|setInterval|setImmediate)\(/,
    in: /^(src\/(?!platform\/|ports)|machines\/|actors\/)/,
    why: 'one clock: the platform has it (rule 13)',
  },
  {
    call: /\bMath\.random\b|\brandomUUID\b|\bgetRandomValues\b/,
    in: /^(src\/(?!platform\/)|machines\/|actors\/)/,
    why: 'chance comes from the platform (rule 13)',
  },
  {
    call: /\bBuffer\b|\bprocess\.(env|nextTick|exit|on|std)/,
    in: /^(src\/(?!platform\/)|machines\/|actors\/)/,
    why: 'the same code runs in a browser',
  },
  {
    call: /\bnew (Subject|BehaviorSubject|ReplaySubject)\b/,
    in: /./,
    why: 'subjects are Channels (rule 12)',
  },
  {
    call: /\basync\b|\bawait\b|\bPromise\b|\bqueueMicrotask\b/,
    in: /^(src\/(?!platform\/|ports)|machines\/|actors\/(broker|zookeeper|client)\/)/,
    why: 'no promises below the door, or a virtual clock does not own every turn',
  },
  {
    call: /\bnew Map\b|\bnew Set\b|\d+n\b/,
    in: /^machines\/.*\.ts$/,
    why: 'context is a plain value (rule 8)',
  },
  {
    call: /\bas unknown as\b|: any\s*($|[;,)=|\]>])|\bas any\b/,
    in: /./,
    why: 'types tell the truth, or say why they cannot',
  },
  {
    call: /\bconsole\./,
    in: /^(src|machines|actors|story|control)\//,
    why: 'what happened is in the trace',
  },
]

test('no banned call stands where it must not', () => {
  const wrong = house.flatMap(file => {
    const reasons = source(file).split('\n')
    return code(file)
      .split('\n')
      .flatMap(line => {
        const rule = banned.find(ban => ban.in.test(file) && ban.call.test(line))
        if (rule === undefined) return []
        const at = reasons.findIndex(original => original.includes(line.trim()))
        // A cast may stand with its reason on it or on the line above.
        const reason = /\/\/ (reason|biome-ignore)/
        if (reason.test(reasons[at] ?? '') || reason.test(reasons[at - 1] ?? '')) return []
        return [`${file}: ${line.trim()} — ${rule.why}`]
      })
  })
  expect(wrong).toEqual([])
})

test('file names are nouns of the field in kebab-case, and none is a drawer', () => {
  const names = [...house, ...files('test'), ...files('examples')]
  const wrong = names.filter(name => {
    const last = name.split('/').at(-1) as string
    return !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|properties\.test|bench|fuzz|types|config|d))?\.(tsx?|js)$/.test(
      last,
    )
  })
  const drawers = names.filter(name =>
    /(^|[/-])(utils?|helpers?|common|misc|types|manager|shared)(\/|\.ts|-)/.test(name),
  )
  expect([...wrong, ...drawers]).toEqual([])
})

const charts = files('machines').filter(file => file !== 'machines/index.ts')

test('every chart opens with its comment, refuses unknown facts, stands inline and has its test', () => {
  const wrong = charts.flatMap(file => {
    const text = source(file)
    const faults: string[] = []
    if (!/\/\*\*[\s\S]{80,}?\*\//.test(text)) faults.push('no opening comment')
    if ((code(file).match(/\.createMachine\(\{/g) ?? []).length !== 1)
      faults.push('not one inline chart')
    if (!/'\*': (\{ actions: 'refuse' \}|'refuse')/.test(text))
      faults.push('does not refuse unknown facts')
    if (/\binvoke:|\bspawnChild\(|\bspawn\(/.test(code(file))) faults.push('has child charts')
    if (!existsSync(join(root, 'test', file.replace(/\.ts$/, '.test.ts'))))
      faults.push('has no test')
    return faults.map(fault => `${file}: ${fault}`)
  })
  expect(wrong).toEqual([])
})

test('every chart is found by name', () => {
  const index = source('machines/index.ts')
  expect(charts.filter(file => !index.includes(`'./${relative('machines', file)}'`))).toEqual([])
})

test('handlers and tables bear the same numbers, and each handler opens with its card', () => {
  const numbered = (folder: string) =>
    files(folder).filter(file => /\/\d\d-[a-z-]+\.ts$/.test(file))
  const tables = numbered('src/protocol/api').map(file => file.split('/').at(-1))
  const wrong = numbered('actors/broker/api').flatMap(file => [
    ...(tables.includes(file.split('/').at(-1)) ? [] : [`${file} has no table`]),
    ...(/\/\*\*[\s\S]*?v0/.test(source(file))
      ? []
      : [`${file} does not say which versions it serves`]),
  ])
  expect(wrong).toEqual([])
})

test('no file lies about unused', () => {
  const doors = new Set([
    'actors/index.ts',
    'actors/node.ts',
    'actors/memory.ts',
    'actors/harness/index.ts',
    'actors/harness/vitest.ts',
    'machines/index.ts',
    'src/protocol/index.ts',
    'cli/samsa.ts',
    'page/build.ts',
    'page/src/main.tsx',
    'page/src/charts.d.ts',
  ])
  const everything = [
    ...house,
    ...files('test'),
    ...files('bench'),
    ...files('examples'),
    ...files('docs'),
    ...files('bin'),
  ]
  const imported = new Set(everything.flatMap(imports))
  expect(house.filter(file => !doors.has(file) && !imported.has(file))).toEqual([])
})
