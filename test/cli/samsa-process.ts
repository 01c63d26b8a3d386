/** The command in a process of its own, as a user runs it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { eventually } from '../interop/eventually.ts'

const samsa = join(import.meta.dirname, '../../bin/samsa.js')
const running = new Set<ChildProcess>()

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface SamsaProcess {
  readonly child: ChildProcess
  /** The first line on stdout; rejects where it ends without one. */
  readonly firstLine: Promise<string>
  readonly ended: Promise<Ended>
  /** What it has said on stderr so far. */
  readonly err: string
  /** What the expression catches, once stderr has it. */
  errMatch(expression: RegExp): Promise<string>
  /** Resolves when it is gone. */
  end(signal: NodeJS.Signals): Promise<Ended>
}

/** `samsa` with these arguments. */
export function startSamsa(...args: string[]): SamsaProcess {
  const child = spawn(process.execPath, [samsa, ...args])
  running.add(child)
  let out = ''
  let err = ''
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', chunk => {
      out += chunk
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')))
    })
    child.on('close', (code, signal) =>
      reject(new Error(`ended (${signal ?? code}) without a line: ${args.join(' ')}\n${err}`)),
    )
  })
  firstLine.catch(() => {})
  child.stderr.on('data', chunk => {
    err += chunk
  })
  const ended = new Promise<Ended>(resolve => {
    child.on('close', code => {
      running.delete(child)
      resolve({ code, out, err })
    })
  })
  return {
    child,
    firstLine,
    ended,
    get err() {
      return err
    },
    async errMatch(expression) {
      await eventually(
        () => expression.test(err),
        () => `${expression} in: ${err}`,
      )
      return expression.exec(err)?.[1] ?? ''
    },
    end(signal) {
      child.kill(signal)
      return ended
    },
  }
}

export const runSamsa = (...args: string[]): Promise<Ended> => startSamsa(...args).ended

/** What `--json` said. */
export const readyLine = async <T>({ firstLine }: SamsaProcess): Promise<T> =>
  JSON.parse(await firstLine) as T

/** Ends all that still run, for `afterEach`. */
export async function killSamsas(): Promise<void> {
  const ends = [...running].map(child => new Promise(resolve => child.once('close', resolve)))
  for (const child of running) child.kill('SIGKILL')
  await Promise.all(ends)
}
