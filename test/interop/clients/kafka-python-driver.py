"""kafka-python, which is Python to the bottom, as a process of its own."""
import kafka
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from driver_loop import bootstrap_servers, serve, tell

base = {"bootstrap_servers": bootstrap_servers.split(","), "retry_backoff_ms": 100}


class Driver:
    consumer = None
    writer = None

    def version(self):
        return kafka.__version__

    def createTopic(self, topic, partitions):
        admin = kafka.KafkaAdminClient(**base)
        admin.create_topics([NewTopic(topic, partitions, 3)])
        admin.close()

    def produce(self, topic, partition, codec, values):
        producer = kafka.KafkaProducer(
            **base, acks="all", retries=100, linger_ms=20, compression_type=None if codec == "none" else codec
        )
        sent = [producer.send(topic, value.encode(), partition=partition) for value in values]
        for future in sent:
            future.get(60)
        producer.close()

    def write(self, topic, **numbers):
        if self.writer is None:
            self.writer = kafka.KafkaProducer(
                **base, acks="all", retries=1000, max_in_flight_requests_per_connection=1, batch_size=100
            )
        values = range(numbers["from"], numbers["to"])
        for future in [self.writer.send(topic, str(i).encode(), partition=0) for i in values]:
            future.get(60)

    def join(self, groupId, topic, sessionTimeoutMs=3000):
        self.assigned = None
        self.consumer = kafka.KafkaConsumer(
            topic,
            **base,
            group_id=groupId,
            session_timeout_ms=sessionTimeoutMs,
            heartbeat_interval_ms=200,
            max_poll_interval_ms=10000,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=100,
        )

    def poll(self):
        if self.consumer is None:
            return
        for records in self.consumer.poll(timeout_ms=20).values():
            for record in records:
                tell(
                    {
                        "event": "record",
                        "partition": record.partition,
                        "offset": record.offset,
                        "value": record.value.decode(),
                    }
                )
        assigned = sorted(at.partition for at in self.consumer.assignment())
        if assigned != self.assigned:
            self.assigned = assigned
            tell({"event": "assigned", "partitions": assigned})

    def commit(self):
        self.consumer.commit()

    def leave(self):
        self.consumer.close(autocommit=False)
        self.consumer = None

    def admin(self, topic, groupId):
        admin = kafka.KafkaAdminClient(**base)
        described = admin.describe_cluster()
        answers = {
            "brokers": sorted(broker["node_id"] for broker in described["brokers"]),
            "controller": described["controller_id"],
        }
        admin.create_partitions({topic: NewPartitions(4)})
        answers["partitions"] = len(admin.describe_topics([topic])[0]["partitions"])
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "123456"})])
        (configs,) = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        answers["retentionMs"] = {entry[0]: entry[1] for entry in configs.resources[0][4]}["retention.ms"]
        answers["listsGroup"] = groupId in [name for name, _ in admin.list_consumer_groups()]
        answers["groupState"] = admin.describe_consumer_groups([groupId])[0].state
        at = kafka.TopicPartition(topic, 0)
        consumer = kafka.KafkaConsumer(**base, group_id=groupId, enable_auto_commit=False)
        consumer.assign([at])
        consumer.commit({at: kafka.OffsetAndMetadata(3, "")})
        answers["committed"] = admin.list_consumer_group_offsets(groupId)[at].offset
        answers["end"] = consumer.end_offsets([at])[at]
        consumer.close(autocommit=False)
        admin.delete_consumer_groups([groupId])
        answers["groupIsLeft"] = groupId in [name for name, _ in admin.list_consumer_groups()]
        admin.delete_topics([topic])
        answers["topicIsLeft"] = topic in admin.list_topics()
        admin.close()
        return answers


driver = Driver()
serve(driver, driver.poll)
