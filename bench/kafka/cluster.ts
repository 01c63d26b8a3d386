/** Three brokers and ZooKeeper in a process of their own; says where they listen, and, when asked, what memory the process holds. */
import { startCluster } from '../../actors/node.ts'

const cluster = await startCluster({
  overrides: { 'offsets.topic.num.partitions': 1, 'auto.create.topics.enable': false },
})
process.on('message', () => process.send?.({ residentBytes: process.memoryUsage().rss }))
process.on('disconnect', () => process.exit())
process.send?.({
  ports: cluster.bootstrapServers.split(',').map(address => Number(address.split(':')[1])),
})
