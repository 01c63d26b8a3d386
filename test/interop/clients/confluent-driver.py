"""confluent-kafka for Python, which is librdkafka, as a process of its own."""
import confluent_kafka as ck
from confluent_kafka import admin as ck_admin
from driver_loop import bootstrap_servers, serve, tell

base = {"bootstrap.servers": bootstrap_servers}


def produce_all(producer, topic, partition, values):
    failures = []

    def delivered(error, _):
        if error is not None:
            failures.append(str(error))

    for value in values:
        while True:
            try:
                producer.produce(topic, value=value, partition=partition, on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(60) > 0:
        failures.append("not all were acknowledged in 60 s")
    if failures:
        raise RuntimeError("; ".join(failures[:3]))


class Driver:
    consumer = None
    writer = None

    def version(self):
        version = ck.version()
        own = version if isinstance(version, str) else version[0]
        return f"{own}, librdkafka {ck.libversion()[0]}"

    def createTopic(self, topic, partitions):
        admin = ck_admin.AdminClient(base)
        new = ck_admin.NewTopic(topic, num_partitions=partitions, replication_factor=3)
        admin.create_topics([new])[topic].result(30)

    def produce(self, topic, partition, codec, values):
        producer = ck.Producer({**base, "acks": "all", "compression.type": codec, "linger.ms": 20})
        produce_all(producer, topic, partition, values)

    def write(self, topic, **numbers):
        if self.writer is None:
            self.writer = ck.Producer({**base, "enable.idempotence": True, "linger.ms": 1, "batch.num.messages": 10})
        produce_all(self.writer, topic, 0, [str(i) for i in range(numbers["from"], numbers["to"])])

    def join(self, groupId, topic, instanceId=None, cooperative=False, sessionTimeoutMs=3000):
        config = {
            **base,
            "group.id": groupId,
            "session.timeout.ms": sessionTimeoutMs,
            "heartbeat.interval.ms": 200,
            "fetch.wait.max.ms": 100,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "check.crcs": True,
        }
        if instanceId is not None:
            config["group.instance.id"] = instanceId
        if cooperative:
            config["partition.assignment.strategy"] = "cooperative-sticky"
        self.cooperative = cooperative
        self.assigned = set()
        self.consumer = ck.Consumer(config)
        self.consumer.subscribe([topic], on_assign=self.on_assign, on_revoke=self.on_revoke)

    def on_assign(self, consumer, partitions):
        if self.cooperative:
            consumer.incremental_assign(partitions)
        else:
            self.assigned = set()
        self.assigned |= {at.partition for at in partitions}
        tell({"event": "assigned", "partitions": sorted(self.assigned)})

    def on_revoke(self, consumer, partitions):
        self.assigned -= {at.partition for at in partitions}
        if self.cooperative:
            consumer.incremental_unassign(partitions)
            tell({"event": "assigned", "partitions": sorted(self.assigned)})

    def poll(self):
        if self.consumer is None:
            return
        for message in self.consumer.consume(num_messages=100, timeout=0.02):
            if message.error() is None:
                tell(
                    {
                        "event": "record",
                        "partition": message.partition(),
                        "offset": message.offset(),
                        "value": message.value().decode(),
                    }
                )

    def commit(self):
        self.consumer.commit(asynchronous=False)

    def leave(self):
        self.consumer.close()
        self.consumer = None

    def admin(self, topic, groupId):
        admin = ck_admin.AdminClient(base)
        listed = admin.list_topics(topic, timeout=30)
        answers = {"brokers": sorted(listed.brokers), "controller": listed.controller_id}
        admin.create_partitions([ck_admin.NewPartitions(topic, 4)])[topic].result(30)
        answers["partitions"] = len(admin.list_topics(topic, timeout=30).topics[topic].partitions)
        resource = ck_admin.ConfigResource(ck_admin.RESOURCE_TOPIC, topic, set_config={"retention.ms": "123456"})
        admin.alter_configs([resource])[resource].result(30)
        resource = ck_admin.ConfigResource(ck_admin.RESOURCE_TOPIC, topic)
        configs = admin.describe_configs([resource])[resource].result(30)
        answers["retentionMs"] = configs["retention.ms"].value
        groups = {group.id: group for group in admin.list_groups(timeout=30)}
        answers["listsGroup"] = groupId in groups
        answers["groupState"] = groups[groupId].state if groupId in groups else ""
        at = ck.TopicPartition(topic, 0, 3)
        consumer = ck.Consumer({**base, "group.id": groupId})
        consumer.commit(offsets=[at], asynchronous=False)
        answers["committed"] = consumer.committed([at], timeout=30)[0].offset
        if hasattr(admin, "delete_records"):
            admin.delete_records([ck.TopicPartition(topic, 0, 2)])
            for future in admin.delete_records([ck.TopicPartition(topic, 0, 2)]).values():
                future.result(30)
            answers["beginning"] = consumer.get_watermark_offsets(at, timeout=30)[0]
        answers["end"] = consumer.get_watermark_offsets(at, timeout=30)[1]
        consumer.close()
        if hasattr(admin, "delete_consumer_groups"):
            admin.delete_consumer_groups([groupId])[groupId].result(30)
            answers["groupIsLeft"] = groupId in [group.id for group in admin.list_groups(timeout=30)]
        admin.delete_topics([topic])[topic].result(30)
        answers["topicIsLeft"] = topic in admin.list_topics(timeout=30).topics
        return answers


driver = Driver()
serve(driver, driver.poll)
