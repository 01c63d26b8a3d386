import { currentLibrdkafka } from './clients-under-test.ts'
import { clientSuite } from './suite.ts'

clientSuite(currentLibrdkafka)
