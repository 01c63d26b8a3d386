/** A bug to be planted: in a file, a piece of its source is replaced while it is loaded. No shipped build knows of it. */
export interface PlantedBug {
  readonly name: string
  readonly what: string
  readonly edits: readonly {
    readonly file: string
    /** Must stand in the file exactly once. */
    readonly find: string
    readonly replace: string
  }[]
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'truncate-to-high-watermark',
    what: 'a follower cuts its log at its high watermark, not where the leader epochs part (KIP-101)',
    edits: [
      {
        file: 'actors/broker/partition.ts',
        find: `around.fetchers.follow(this, leader, leaderEpoch, highWatermark),`,
        replace: `{
          if (log.logEndOffset > highWatermark) {
            log.truncateTo(highWatermark)
            this.#root.send({ type: 'log.truncated', logStartOffset: log.logStartOffset, logEndOffset: log.logEndOffset })
          }
          around.fetchers.follow(this, leader, leaderEpoch, highWatermark)
        },`,
      },
    ],
  },
  {
    name: 'elect-outside-isr',
    what: 'the controller elects any live replica when the leader dies',
    edits: [
      {
        file: 'src/controller/election.ts',
        find: `const survivor = uncleanAllowed ? replicas.find(id => online.includes(id)) : undefined`,
        replace: `const survivor = uncleanAllowed || true ? replicas.find(id => online.includes(id)) : undefined`,
      },
    ],
  },
  {
    name: 'no-controller-fence',
    what: 'a controller writes without checking the version of /controller_epoch',
    edits: [
      {
        file: 'actors/broker/controller-znodes.ts',
        find: `{ op: 'check', path: ControllerEpochZNode.path, version: epochZkVersion },`,
        replace: `{ op: 'check', path: ControllerEpochZNode.path, version: -1 },`,
      },
    ],
  },
  {
    name: 'acknowledge-early',
    what: 'acks=all is answered before the ISR has the record',
    edits: [
      {
        file: 'machines/broker/partition-replica.ts',
        find: `if (context.highWatermark < requiredOffset) return null`,
        replace: `if (context.logEndOffset < requiredOffset) return null`,
      },
    ],
  },
  {
    name: 'proposed-isr-counts-alone',
    what: 'while a shrink of the ISR is proposed, who is to be dropped is not waited for (KIP-497)',
    edits: [
      {
        file: 'machines/broker/partition-replica.ts',
        find: `const isMember = c.isr.includes(id) || c.proposedIsr?.includes(id) === true`,
        replace: `const isMember = (c.proposedIsr ?? c.isr).includes(id)`,
      },
    ],
  },
  {
    name: 'lost-session-not-fenced',
    what: 'a leader drops laggards from the ISR without the controller, so that one whose session is lost commits alone',
    edits: [
      {
        file: 'machines/broker/partition-replica.ts',
        find: `      const laggards = lagging(context, event.atMs)
      const proposedIsr = context.isr.filter(id => !laggards.includes(id))
      return { proposedIsr, proposal: context.proposal + 1 }`,
        replace: `      const laggards = lagging(context, event.atMs)
      const proposedIsr = context.isr.filter(id => !laggards.includes(id))
      const alone = { isr: proposedIsr, proposedIsr, proposal: context.proposal + 1 }
      return committing(context, alone, event.atMs)`,
      },
    ],
  },
  {
    name: 'quorum-of-any',
    what: 'the high watermark is what any follower has, in the ISR or not',
    edits: [
      {
        file: 'machines/broker/partition-replica.ts',
        find: `  return Math.max(c.highWatermark, offset)
}`,
        replace: `  const reached = Math.max(-1, ...Object.values(c.followers).map(one => one.logEndOffset))
  return Math.max(c.highWatermark, reached > offset ? Math.min(reached, c.logEndOffset) : offset)
}`,
      },
    ],
  },
  {
    name: 'no-leader-epoch-fence',
    what: 'fetches of another leader epoch are served and counted (KIP-320)',
    edits: [
      {
        file: 'machines/broker/partition-replica.ts',
        find: `    (fetch.leaderEpoch !== noLeaderEpoch && fetch.leaderEpoch !== c.leaderEpoch) ||
    follower === undefined ||`,
        replace: `    follower === undefined ||`,
      },
      {
        file: 'machines/broker/partition-replica.ts',
        find: `if (currentLeaderEpoch !== noLeaderEpoch && currentLeaderEpoch !== context.leaderEpoch)`,
        replace: `if (false as boolean)`,
      },
      {
        file: 'machines/broker/partition-replica.ts',
        find: `  snapshot.context.leaderEpoch === leaderEpoch && roleOf(snapshot) === 'follower'`,
        replace: `  roleOf(snapshot) === 'follower' || leaderEpoch === -7`,
      },
    ],
  },
  {
    name: 'stale-orders-obeyed',
    what: 'a broker obeys LeaderAndIsr of an older leader epoch and of a deposed controller',
    edits: [
      {
        file: 'src/broker/metadata-cache.ts',
        find: `if (controllerEpoch < this.#controllerEpoch) return false`,
        replace: ``,
      },
      {
        file: 'machines/broker/partition-replica.ts',
        find: `event.leaderEpoch <= context.leaderEpoch || event.partitionEpoch < context.partitionEpoch`,
        replace: `event.leaderEpoch === context.leaderEpoch`,
      },
      {
        file: 'machines/broker/partition-replica.ts',
        find: `leaderEpoch > context.leaderEpoch ? errors.NONE : errors.STALE_CONTROLLER_EPOCH`,
        replace: `leaderEpoch !== context.leaderEpoch ? errors.NONE : errors.STALE_CONTROLLER_EPOCH`,
      },
    ],
  },
  {
    name: 'join-isr-early',
    what: 'a follower joins the ISR at the high watermark of an older epoch (KAFKA-7128)',
    edits: [
      {
        file: 'machines/broker/partition-replica.ts',
        find: `        logEndOffset >= context.highWatermark &&
        logEndOffset >= context.leaderEpochStart`,
        replace: `        logEndOffset >= context.highWatermark`,
      },
    ],
  },
  {
    name: 'watches-forgotten',
    what: 'a ZooKeeper client does not set its watches again on a new connection',
    edits: [
      {
        file: 'actors/zookeeper/client.ts',
        find: `      if (lasting === 0) line?.sayRequest(specialXids.setWatches, 'setWatches', body)
      else line?.sayRequest(specialXids.setWatches, 'setWatches2', body)`,
        replace: `      void [lasting, body]`,
      },
    ],
  },
  {
    name: 'ephemerals-stay',
    what: 'the znodes of a session outlive it, and its broker takes them for its own when it comes back',
    edits: [
      {
        file: 'src/zookeeper/data-tree.ts',
        find: `        for (const path of txn.ephemerals) this.#delete(entry.zxid, path, changes)
        assert(!this.#ephemerals.has(entry.session), \`ephemerals of \${entry.session} left behind\`)`,
        replace: `        for (const path of txn.ephemerals)
          if (!path.startsWith('/brokers/ids')) this.#delete(entry.zxid, path, changes)
        this.#ephemerals.delete(entry.session)`,
      },
    ],
  },
  {
    name: 'producer-epoch-forgotten',
    what: 'a log takes batches of a producer epoch that is over',
    edits: [
      {
        file: 'src/log/producer-state.ts',
        find: `if (producerEpoch < entry.producerEpoch)`,
        replace: `if (false as boolean)`,
      },
    ],
  },
  {
    name: 'duplicates-appended',
    what: 'a log does not recognize a batch it has',
    edits: [
      {
        file: 'src/log/producer-state.ts',
        find: `      if (duplicate !== undefined) return duplicate`,
        replace: ``,
      },
      {
        file: 'src/log/producer-state.ts',
        find: `if (expected !== null && batch.baseSequence !== expected)`,
        replace: `if (expected !== null && batch.baseSequence > expected)`,
      },
    ],
  },
  {
    name: 'renumber-at-once',
    what: 'a producer numbers the batches behind one that is given up anew at once, though they may have been written',
    edits: [
      {
        file: 'machines/client/partition-sender.ts',
        find: `isUnresolved: context.isIdempotent }`,
        replace: `hasGap: context.isIdempotent }`,
      },
    ],
  },
  {
    name: 'two-owners',
    what: 'the assignors give one partition to two members',
    edits: [
      {
        file: 'src/group/assignors/range.ts',
        find: `        assigned.get(memberId)?.push(...partitions.slice(at, at + count))`,
        replace: `        assigned.get(memberId)?.push(...partitions.slice(Math.max(0, at - 1), at + count))`,
      },
    ],
  },
  {
    name: 'commit-unreplicated',
    what: 'commits of a group are answered before the offsets partition has replicated them',
    edits: [
      {
        file: 'actors/broker/group-offsets.ts',
        find: `offsetsPartitions.append(group.partition, records, -1)`,
        replace: `offsetsPartitions.append(group.partition, records, 0)`,
      },
    ],
  },
  {
    name: 'bounced-broker-unnoticed',
    what: 'the controller does not notice that a broker came back under another czxid',
    edits: [
      {
        file: 'src/controller/cluster-view.ts',
        find: `bounced: known.filter(broker => broker.brokerEpoch > before(broker).brokerEpoch),`,
        replace: `bounced: known.filter(broker => broker.brokerEpoch < before(broker).brokerEpoch),`,
      },
    ],
  },
]
