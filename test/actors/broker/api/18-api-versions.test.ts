import { beforeEach, expect, test } from 'vitest'
import { apiVersions } from '../../../../actors/broker/api/18-api-versions.ts'
import { errors } from '../../../../src/error.ts'
import { ApiVersions } from '../../../../src/protocol/index.ts'
import { Ensemble } from '../../zookeeper/ensemble.ts'
import { LoneBroker } from '../lone-broker.ts'

let broker: LoneBroker

beforeEach(async () => {
  const ensemble = new Ensemble()
  await ensemble.start()
  broker = new LoneBroker(ensemble)
  broker.learn()
})

const advertised = [{ apiKey: 0, minVersion: 0, maxVersion: 11 }]

test('ApiVersions tells what is served, in every version', async () => {
  for (let version = 0; version <= 4; version++)
    expect(
      await broker.ask(
        ApiVersions,
        apiVersions(() => advertised),
        version,
        version < 3 ? {} : { clientSoftwareName: 'a-client', clientSoftwareVersion: '1.0.0' },
      ),
    ).toMatchObject({ errorCode: 0, apiKeys: advertised })
})

test('a client must call itself by a name', async () => {
  for (const clientSoftwareName of ['', '-client', 'a client', 'client.'])
    expect(
      await broker.ask(
        ApiVersions,
        apiVersions(() => advertised),
        3,
        { clientSoftwareName, clientSoftwareVersion: '1' },
      ),
    ).toMatchObject({ errorCode: errors.INVALID_REQUEST, apiKeys: [] })
})
