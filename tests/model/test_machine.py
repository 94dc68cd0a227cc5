#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The simulated machine (machine.py): nothing is lost in it or counted twice, it does what two
processors were measured to do, and what docs/scaling.md says is what it says now."""
import os
import unittest

from machine import LANES, PROCESSORS, S, S0, Machine, burst, lane_bytes, table

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "scaling.md")
LONG_NS = 1_500_000


def overloaded(processors, lanes, costs=S, signal_bytes=256 << 10):
    return Machine(processors, lanes, costs, signal_bytes=signal_bytes).run(LONG_NS)


class MachineTest(unittest.TestCase):
    def test_all_that_was_accepted_is_written_or_still_in_a_lane(self):
        for processors in PROCESSORS:
            for lanes in LANES:
                machine = overloaded(processors, lanes)
                self.assertEqual(machine.accepted, machine.written + machine.in_rings())
                self.assertEqual(machine.accepted, sum(machine.of_processor))
                self.assertEqual(machine.written, sum(machine.of_lane))
                for lane in machine.lanes:
                    self.assertTrue(0 <= lane.head <= lane.tail <= lane.head + lane.room)

    def test_a_push_is_dropped_only_when_all_lanes_are_full(self):
        for processors in PROCESSORS:
            for lanes in LANES:
                machine = overloaded(processors, lanes)
                self.assertGreater(machine.dropped, 0)
                self.assertEqual(machine.dropped_with_room, 0)

    def test_one_busy_processor_fills_all_lanes(self):
        for lanes in LANES:
            machine = Machine(1, lanes, S, signal_bytes=256 << 10, has_writer=False).run(LONG_NS)
            self.assertEqual(machine.in_rings(), sum(lane.room for lane in machine.lanes))
            self.assertGreater(machine.dropped, 0)

    def test_no_lane_is_starved_by_the_writer(self):
        for processors in (8, 32, 128):
            for lanes in LANES[1:]:
                machine = overloaded(processors, lanes, signal_bytes=1 << 20)
                # Each is always full, so each has the same part but for the turn under way.
                self.assertLessEqual(max(machine.of_lane) - min(machine.of_lane), 2 * 64)

    def test_the_writer_takes_what_it_costs_and_no_more(self):
        machine = overloaded(32, 8)
        self.assertAlmostEqual(machine.written * S.writer / machine.now, 1, delta=0.05)

    def test_one_and_two_processors_do_what_was_measured(self):
        self.assertAlmostEqual(burst(1, 1, S0).rate(burst(1, 1, S0).accepted), 30.4, delta=0.3)
        for lanes, measured in ((1, 8.1), (2, 60.8)):
            machine = burst(2, lanes, S0)
            self.assertAlmostEqual(machine.rate(machine.accepted), measured, delta=0.02 * measured)
        machine = burst(2, 2, S)
        self.assertAlmostEqual(machine.rate(machine.accepted), 18.8, delta=0.4)

    def test_a_lane_for_each_processor_costs_what_one_alone_does(self):
        for lanes in LANES:
            one, many = burst(1, 1, S), burst(lanes, lanes, S)
            self.assertEqual(many.accepted, lanes * one.accepted)

    def test_more_lanes_never_bring_less(self):
        for costs in (S0, S):
            for processors in PROCESSORS:
                accepted = [burst(processors, lanes, costs).accepted for lanes in LANES]
                self.assertEqual(accepted, sorted(accepted))

    def test_a_lane_takes_claims_one_after_the_other_however_many_want_to(self):
        for processors in (8, 32, 128):
            machine = burst(processors, 1, S0)
            self.assertLessEqual(machine.rate(machine.accepted), 1.02 * 1e6 / S0.contended)

    def test_the_lanes_of_a_signal_have_its_memory(self):
        for lanes in LANES:
            sizes = [lane_bytes(4 << 20, lanes, lane) for lane in range(lanes)]
            self.assertEqual(sum(sizes), 4 << 20)
            self.assertEqual(sizes, sorted(sizes, reverse=True))

    def test_the_page_has_what_comes_out(self):
        with open(PAGE, encoding="utf-8") as text:
            self.assertIn(table(), text.read())


if __name__ == "__main__":
    unittest.main()
