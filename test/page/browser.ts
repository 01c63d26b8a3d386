/** Debian's Chromium on the page, with everything it asks for and complains of written down. */
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { expect } from 'vitest'

const executablePath = '/usr/bin/chromium'

export const hasChromium = existsSync(executablePath)
if (!hasChromium) console.warn('Tests of the page are skipped: apt-get install chromium')

export interface Visit {
  readonly page: Page
  /** Errors of scripts, and what the browser refused. */
  readonly complaints: readonly string[]
  /** Every address that was asked for. */
  readonly asked: readonly string[]
}

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox'] })

/** Opens the page at a hash such as `#/map`; resolves when its first view stands. */
export async function visit(
  browser: Browser,
  url: string,
  hash = '#/map',
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options })
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  const asked: string[] = []
  page.on('pageerror', error => void complaints.push(String(error)))
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('request', request => void asked.push(request.url()))
  await page.goto(`${url}/${hash}`)
  await page.locator('main h1').waitFor()
  return { page, complaints, asked }
}

/** Goes to another view of a page that is open. */
export async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate(next => {
    location.hash = next
  }, hash)
}

/** Nothing failed, and nothing was asked of another host. */
export function expectQuiet({ complaints, asked }: Visit, url: string): void {
  expect(complaints).toEqual([])
  expect(
    asked.filter(address => !address.startsWith(`${url}/`) && !/^data:/.test(address)),
  ).toEqual([])
}
