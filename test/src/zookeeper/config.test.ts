import { expect, test } from 'vitest'
import {
  parseZooKeeperConfig,
  profileOfZooKeeper,
  zookeeperConfig,
} from '../../../src/zookeeper/config.ts'

test('settings are read as zoo.cfg has them', () => {
  expect(
    parseZooKeeperConfig({
      tickTime: '500',
      forceSync: 'false',
      superDigest: 'super:xyz',
      '4lw.commands.whitelist': 'ruok, stat',
    }),
  ).toEqual({
    tickTime: 500,
    forceSync: false,
    superDigest: 'super:xyz',
    '4lw.commands.whitelist': ['ruok', 'stat'],
  })
  expect(parseZooKeeperConfig({ '4lw.commands.whitelist': '*' })).toEqual({
    '4lw.commands.whitelist': '*',
  })
  expect(() => parseZooKeeperConfig({ tickTme: '1' })).toThrow('Unknown configuration tickTme')
  expect(() => parseZooKeeperConfig({ tickTime: '-1' })).toThrow('expected a whole number')
  expect(() => parseZooKeeperConfig({ skipACL: 'yes' })).toThrow('expected true or false')
})

test('who listens beyond this machine has the defaults of ZooKeeper itself', () => {
  expect(zookeeperConfig(profileOfZooKeeper('kafka', '127.0.0.1'))).toEqual(zookeeperConfig({}))
  expect(profileOfZooKeeper('fast', 'localhost')).toMatchObject({ tickTime: 100 })
  expect(profileOfZooKeeper('kafka', '0.0.0.0')).toMatchObject({
    maxClientCnxns: 60,
    '4lw.commands.whitelist': ['srvr'],
  })
})
