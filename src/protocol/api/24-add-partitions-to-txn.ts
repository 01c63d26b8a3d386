import {
  api,
  array,
  at,
  bool,
  ignorable,
  int16,
  int32,
  int64,
  type RequestOf,
  type ResponseOf,
  string,
} from '../schema.ts'

const topic = { name: string, partitions: array(int32) }

const partitionResult = { partitionIndex: int32, partitionErrorCode: int16 }

const topicResult = { name: string, resultsByPartition: array(partitionResult) }

/**
 * AddPartitionsToTxn (key 24). A transaction takes in partitions (KIP-98). Up to v3 for clients;
 * from v4 on brokers ask for many transactions at once, also only to verify (KIP-890).
 *
 * v2: PRODUCER_FENCED (KIP-588) · v3: flexible · v5: TRANSACTION_ABORTABLE (KIP-890)
 */
export const AddPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: '0-5',
  flexible: 3,
  request: {
    transactions: at(
      '4+',
      array({
        transactionalId: string,
        producerId: int64,
        producerEpoch: int16,
        verifyOnly: at('4+', bool),
        topics: array(topic),
      }),
    ),
    v3AndBelowTransactionalId: at('0-3', string),
    v3AndBelowProducerId: at('0-3', int64),
    v3AndBelowProducerEpoch: at('0-3', int16),
    v3AndBelowTopics: at('0-3', array(topic)),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: ignorable('4+', int16),
    resultsByTransaction: at(
      '4+',
      array({ transactionalId: string, topicResults: array(topicResult) }),
    ),
    resultsByTopicV3AndBelow: at('0-3', array(topicResult)),
  },
})

export type AddPartitionsToTxnRequest = RequestOf<typeof AddPartitionsToTxn>
export type AddPartitionsToTxnResponse = ResponseOf<typeof AddPartitionsToTxn>
