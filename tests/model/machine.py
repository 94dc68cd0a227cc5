#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine of as many processors as one likes, simulated: what its pushes come to with 1 to 8 lanes.

Each processor has a thread that pushes without a pause. A push is a part that it does alone and a
claim in a lane, whose line is one processor's at a time: who comes from another one has to wait for
the line, and for its way. A lane that is full is left for the next one, as core/push.c has it, and
one writer drains the lanes in turn, a quota from each. Times are whole picoseconds, and nothing is
random: the same costs give the same figures. The costs are measured, on two processors; what comes
out is no measurement (docs/scaling.md).

usage: machine.py                prints the table of docs/scaling.md
"""
import heapq

LANES_MAX = 8
QUOTA_RECORDS = 64


class Costs:
    """Of one kind of record, in nanoseconds; bytes in the ring."""

    def __init__(self, push, claim, contended_claim, writer, record_bytes):
        self.alone = round((push - claim) * 1000)
        self.claim = round(claim * 1000)
        self.contended = round(contended_claim * 1000)
        self.writer = round(writer * 1000)
        self.record_bytes = record_bytes


def measured(alone, contended, writer, record_bytes, claim=8):
    """From rates in million a second: of one thread with a ring of its own, of two in one ring."""
    return Costs(1000 / alone, claim, 1000 / contended, 1000 / writer, record_bytes)


# docs/scaling.md says where each is from.
S0 = measured(alone=30.4, contended=8.1, writer=2.8, record_bytes=104)
S = measured(alone=9.4, contended=6.2, writer=2.8, record_bytes=464)


def lane_bytes(signal_bytes, lanes, lane):
    """As core/lane.c: the first has half, the second twice as much as each behind it."""
    if lanes == 1:
        return signal_bytes
    if lane == 0:
        return signal_bytes // 2
    return signal_bytes // lanes if lane == 1 else signal_bytes // lanes // 2


class Lane:
    def __init__(self, room):
        self.room = room  # records
        self.tail = self.head = 0
        self.free_at = 0  # when the line of its claims is nobody's
        self.owner = None


class Machine:
    def __init__(self, processors, lanes, costs, signal_bytes=4 << 20, has_writer=True):
        self.costs = costs
        self.lanes = [
            Lane(lane_bytes(signal_bytes, lanes, lane) // costs.record_bytes) for lane in range(lanes)
        ]
        self.now = 0
        self.accepted = self.dropped = self.written = 0
        self.of_processor = [0] * processors  # records that it brought in
        self.of_lane = [0] * lanes  # records that the writer took
        self.dropped_with_room = 0
        self.turn = 0
        # All begin at once; of equal times the lowest number is first.
        self.events = [(0, processor) for processor in range(processors)]
        if has_writer:
            self.events.append((0, processors))
        self.writer = processors
        heapq.heapify(self.events)

    def reach(self, lane, processor, at):
        """The line of a lane, from when a processor asks for it until it has claimed. @return then"""
        start = max(at, lane.free_at)
        costs = self.costs
        lane.free_at = start + (costs.claim if lane.owner in (None, processor) else costs.contended)
        lane.owner = processor
        return lane.free_at

    def push(self, processor, at):
        count = len(self.lanes)
        for n in range(count):
            lane = self.lanes[(processor + n) % count]
            at = self.reach(lane, processor, at)
            if lane.tail - lane.head < lane.room:
                lane.tail += 1
                self.accepted += 1
                self.of_processor[processor] += 1
                return at + self.costs.alone
        self.dropped += 1
        self.dropped_with_room += any(lane.tail - lane.head < lane.room for lane in self.lanes)
        return at + self.costs.alone

    def drain(self, at):
        """A quota of the next lane that has something."""
        for _ in self.lanes:
            number = self.turn
            self.turn = (self.turn + 1) % len(self.lanes)
            lane = self.lanes[number]
            taken = min(lane.tail - lane.head, QUOTA_RECORDS)
            if taken > 0:
                # The space is free when the records are written.
                return at + taken * self.costs.writer, number, taken
        return at + self.costs.writer, 0, 0

    def run(self, until):
        """Time in nanoseconds."""
        pending = (0, 0)
        while self.events[0][0] < until * 1000:
            self.now, who = heapq.heappop(self.events)
            if who != self.writer:
                heapq.heappush(self.events, (self.push(who, self.now), who))
                continue
            number, taken = pending
            self.lanes[number].head += taken
            self.of_lane[number] += taken
            self.written += taken
            at, number, taken = self.drain(self.now)
            pending = (number, taken)
            heapq.heappush(self.events, (at, who))
        return self

    def in_rings(self):
        return sum(lane.tail - lane.head for lane in self.lanes)

    def rate(self, count):
        """Million a second, until the last claim."""
        return count * 1e6 / max(lane.free_at for lane in self.lanes)


BURST_NS = 100_000  # shorter than any ring of the table takes to be full
PROCESSORS = (1, 2, 8, 32, 128)
LANES = (1, 2, 4, 8)


def burst(processors, lanes, costs):
    """Pushes into rings that are never full: the producers' side alone."""
    machine = Machine(processors, lanes, costs, signal_bytes=1 << 30, has_writer=False)
    return machine.run(BURST_NS)


def table():
    rows = ["| processors that push | " + " | ".join(f"{name}, {lanes} lane{'s' * (lanes > 1)}"
                                                      for name in ("S0", "S") for lanes in LANES) + " |"]
    rows.append("|" + "---|" * (1 + 2 * len(LANES)))
    for processors in PROCESSORS:
        cells = [
            f"{machine.rate(machine.accepted):.0f}"
            for costs in (S0, S)
            for machine in (burst(processors, lanes, costs) for lanes in LANES)
        ]
        rows.append(f"| {processors} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
