/** Every bound of the house, with its reason. */

/** The longest answer a client reads: Kafka's default `fetch.max.bytes` (50 MiB) is soft, and one batch may exceed it. */
export const clientFrameBytesMax = 128 * 1024 * 1024

/** How long a closing broker waits for ZooKeeper's goodbye, ms: who stops a cluster waits a second, not a session timeout. */
export const closingMsMax = 1000

/** How long a client that is being closed may take to read its last answers, ms. */
export const connectionClosingMsMax = 1000

/**
 * Requests of one connection under way at once. Clients have 5 (Java) in flight; many more would let one connection hold as many
 * long answers in memory. What comes beyond waits in the socket.
 */
export const requestsInFlightMax = 32

/** Faults of one cluster that have not been removed: each request is held against all of them. */
export const faultsMax = 1000

/** Connections to one broker: below the usual bound on a process's open files. */
export const connectionsMax = 10_000

/** Partitions of one topic: their replicas stand in one znode, which ZooKeeper bounds at 1 MiB; KRaft has the same number. */
export const partitionsPerTopicMax = 10_000

/**
 * Answers that a client has not read yet, in bytes, above which none of its requests is started: it bounds what a client that asks
 * and does not read can make a broker hold. Not below what a socket takes at once, or nobody would say when there is room again.
 */
export const outboundBytesMax = 1024 * 1024

/** Requests to the controller that wait for one: many more than partitions change at once; beyond, no controller will come back in time. */
export const controllerRequestsMax = 10_000

/** Pause before the controller is looked for again, ms (`retry.backoff.ms` of Kafka's clients). */
export const controllerRetryMs = 100

/** Producers that wait for a block of ids; beyond, they are told to come again. */
export const producerIdWaitersMax = 10_000

/** How long a producer waits for its id while there is no controller, ms: below what clients wait for an answer. */
export const producerIdWaitMs = 5000

/** Notes of changed configurations are removed at this age, ms: whoever was away for longer reads everything anew (`ZkNodeChangeNotificationListener`). */
export const changeNotificationAgeMsMax = 15 * 60 * 1000

/** The longest answer a broker reads from another: `replica.fetch.response.max.bytes` is soft, and one batch may exceed it. */
export const peerFrameBytesMax = 128 * 1024 * 1024

/** Fetches of one follower at one source: the one that waits there, and the one that brings it newcomers. */
export const replicaFetchesUnderWayMax = 2

/** A fetch session not used for so long, ms, gives way to any other; a younger one only to a worthier (KIP-227). */
export const fetchSessionIdleMsMin = 120_000

/** What one compressed batch may unpack to, in bytes: 256 times the default `max.message.bytes`; more is a bomb. */
export const decompressedBytesMax = 256 * 1024 * 1024

/** Znodes that the controller reads or writes at once; more would only wait in its client's queue, which has a bound of its own. */
export const controllerZnodesAtOnce = 500

/** Pause before an order is sent again to a broker that did not take it, ms (RequestSendThread). */
export const orderRetryMs = 100

/**
 * Orders that wait for one broker. One that leaves so many is stuck, and its session will tell soon; if it recovers before, telling it
 * everything anew is cheaper than what it missed.
 */
export const ordersWaitingMax = 1000

/** Groups that one broker coordinates: some 400 MB at 4 KB for a chart. Founding one costs a client nothing. */
export const groupsMax = 100_000

/** Member ids of one group that were given out and not come back with: as many as the largest groups have members. */
export const pendingMembersMax = 10_000

/**
 * Members' sessions end at multiples of this, ms: a heartbeat then moves its member between a few buckets instead of arming a timer.
 * Small beside the shortest session timeout (500 ms in the `fast` profile).
 */
export const memberSessionIntervalMs = 50

// ─── ZooKeeper ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A connection to ZooKeeper that asks for no session is dropped after this, ms (NIOServerCnxnFactory.sessionlessCnxnTimeout). */
export const sessionlessMsMax = 10_000

/** Requests of one connection to ZooKeeper carried out and not answered yet, e.g. while the log is flushed (`globalOutstandingLimit`). */
export const zookeeperOutstandingMax = 1000

/**
 * What one client of ZooKeeper has not read, in bytes, above which it is cut off. Its own requests stop long before (`outboundBytesMax`),
 * but watches fire whether it reads or not.
 */
export const zookeeperUnreadBytesMax = 64 * 1024 * 1024

/** Watches of one connection, a persistent one counted twice: some 20 MB. A controller of Kafka has one or two for each topic. */
export const zookeeperWatchesMax = 100_000

/** Containers and TTL nodes reaped in one round, so that a round stays short (ContainerManager's maxPerMinute). */
export const reapedZnodesMax = 10_000

/** The longest answer a client reads from ZooKeeper: longer than the longest request, for a list of very many children. */
export const zookeeperAnswerBytesMax = 64 * 1024 * 1024

/** Requests of one ZooKeeper client under way at once: what a server carries out before it stops reading. */
export const zookeeperInFlightMax = 1000

/** Requests of one ZooKeeper client that wait for a place or for a connection; more are refused (THROTTLEDOP). */
export const zookeeperWaitingMax = 10_000

/** Bytes of paths in one setWatches, well below a server's `jute.maxbuffer` (ClientCnxn.SET_WATCHES_MAX_LENGTH). */
export const setWatchesBytesMax = 128 * 1024

/** Keys that one round of compaction compares (Kafka: as many as fit in 128 MiB, about five million): some 100 bytes of memory each, with … */
export const compactionKeysMax = 500_000

/** … the keys themselves, in bytes. What is beyond either waits for the next round. */
export const compactionKeyBytesMax = 64 * 1024 * 1024
