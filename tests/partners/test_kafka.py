#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""otlpipe send to a real Kafka broker, and a real Collector that reads it.

--count N: records of each signal where everybody is killed; --kills N: how often. 1000000 and 200 take
some minutes.
"""
import crowd
import partners
from partners import check, equal, wait_for

KAFKA = "kafka://127.0.0.1:9092"


def arrived(collector, sums):
    """Everything is in the Collector's files; returns how many records stand there again."""
    wait_for(lambda: collector.held().has_all(sums), "the Collector has read all topics")
    collector.stop()
    return collector.held().equals(sums)


def what_is_sent_as_the_readme_says_is_in_the_topics_once_and_a_collector_reads_it(pipe):
    broker = partners.Broker(pipe).start()
    sums = partners.written(pipe, 20000)
    sender = partners.readme_sender(pipe, "kafka://")
    wait_for(lambda: broker.has_topics() and broker.held().has_all(sums), "all is in the topics")
    sender.stop()
    held = broker.held()
    equal(held.equals(sums), 0, "records that are in the topics twice")
    for signal_name, topic in held.topics.items():
        equal(topic["partitions"], 3, f"partitions of {signal_name}")
        check(0 < topic["bytes_max"] <= 1048588, f"the largest message: {topic}")
    collector = partners.Collector(pipe, "collector-kafka.yaml").start()
    equal(arrived(collector, sums), 0, "records that the Collector has twice")
    # Nothing is left to send, and nothing goes again.
    pipe.tool("send", "--to", KAFKA, pipe.output)
    equal(broker.held().equals(sums), 0, "records that are there twice after another run")
    broker.stop()


def producers_writer_sender_broker_and_collector_killed_at_random_lose_nothing(pipe):
    broker = partners.Broker(pipe).start()
    collector = partners.Collector(pipe, "collector-kafka.yaml").start()
    behind = {
        "broker": (broker.kill, lambda: broker.start(ready=False)),
        "collector": (collector.kill, lambda: collector.start(ready=False)),
    }
    all_of_them = crowd.Crowd(pipe, KAFKA, behind)
    count = pipe.options["count"]
    all_of_them.push(count, max(count // 15, 5000), pipe.options["kills"])
    sums = all_of_them.finish()
    held = broker.held()
    twice = held.equals(sums)
    again = arrived(collector, sums)
    print(f"# killed: {all_of_them.kills}; arrived: {held.unique}, twice in the topics: {twice}, "
          f"said: {all_of_them.reported}, twice in the Collectors' files: {again}")  # fmt: skip
    check(twice <= all_of_them.twice_max(), f"{twice} are there twice, {all_of_them.twice_max()} may be")
    # A Collector that is killed reads again what it had not marked as read.
    check(again >= twice, f"{again} in the Collectors' files, {twice} in the topics")
    broker.stop()


if __name__ == "__main__":
    partners.run(
        [
            what_is_sent_as_the_readme_says_is_in_the_topics_once_and_a_collector_reads_it,
            producers_writer_sender_broker_and_collector_killed_at_random_lose_nothing,
        ],
        count=50000,
        kills=10,
    )
