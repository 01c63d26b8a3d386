/** Lines of a trace that are kept, with the story up to their beginning, and the way to any of them. */
import type { Line } from './line.ts'
import { copyOf, emptyStory, type Story, tell } from './story.ts'

/** Between two stories that are kept for going back: seeking reads at most so many lines. */
const keyframeEvery = 1000

export class Recording {
  readonly #linesMax: number
  #lines: Line[] = []
  #base: Story
  /** After each thousandth line, by how many lines that is. */
  #keyframes: Story[] = []
  #end: Story

  /** @param linesMax more are forgotten, oldest first and a thousand at a time */
  constructor(base: Story = emptyStory(), linesMax = 100_000) {
    this.#base = base
    this.#end = copyOf(base)
    this.#linesMax = linesMax
  }

  get lines(): readonly Line[] {
    return this.#lines
  }

  /** The story before the first line that is kept. */
  get base(): Story {
    return this.#base
  }

  /** The story after the last line; it grows with it. */
  get end(): Story {
    return this.#end
  }

  add(line: Line): void {
    if (line.seq <= this.#end.seq) return
    this.#lines.push(line)
    tell(this.#end, line)
    if (this.#lines.length % keyframeEvery === 0) this.#keyframes.push(copyOf(this.#end))
    if (this.#lines.length >= this.#linesMax + keyframeEvery) {
      this.#base = this.#keyframes.shift() as Story
      this.#lines = this.#lines.slice(keyframeEvery)
    }
  }

  /** Where a line stands among those that are kept, or the next after it does. */
  indexOf(seq: number): number {
    let [low, high] = [0, this.#lines.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#lines[middle] as Line).seq < seq) low = middle + 1
      else high = middle
    }
    return low
  }

  line(seq: number): Line | undefined {
    const found = this.#lines[this.indexOf(seq)]
    return found?.seq === seq ? found : undefined
  }

  /** The story up to and with a line; a copy. */
  at(seq: number): Story {
    let count = this.indexOf(seq)
    if (this.#lines[count]?.seq === seq) count++
    const frames = Math.floor(count / keyframeEvery)
    const story = copyOf(frames === 0 ? this.#base : (this.#keyframes[frames - 1] as Story))
    for (let at = frames * keyframeEvery; at < count; at++) tell(story, this.#lines[at] as Line)
    return story
  }
}
