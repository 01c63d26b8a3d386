import { clientsUnderTest } from './clients-under-test.ts'
import { clientSuite } from './suite.ts'

clientSuite(clientsUnderTest['confluent-kafka'])
