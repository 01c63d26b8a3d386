import { describe } from 'vitest'
import { tellStories } from './stories.ts'

describe('on the embedded ZooKeeper', () => tellStories(() => undefined))
