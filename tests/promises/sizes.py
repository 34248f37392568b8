"""How large each promise test is: C in every run of the tests, R (marker ``soak``) as promised.

One table for all. A test's name is the key, and the values are its keyword arguments.
"""

from __future__ import annotations

from typing import Any, NamedTuple

KIB = 1024
MIB = 1024 * KIB


class Sizes(NamedTuple):
    """Both sizes of a test."""

    C: dict[str, Any]
    R: dict[str, Any]


def same(**values: Any) -> Sizes:
    """A test that is as large in every run as it ever is."""
    return Sizes(values, values)


_FLOOD = Sizes(
    {"messages": 64_000, "size": 1000, "pending": 1000, "most_rss": 128 * MIB},
    {"messages": 2_000_000, "size": 1000, "pending": 65_536, "most_rss": 128 * MIB},
)

SIZES: dict[str, Sizes] = {
    # Streams
    "test_p1_kills": Sizes({"kills": 2, "publishers": 8}, {"kills": 10, "publishers": 8}),
    "test_p1_kills_and_stops": Sizes(
        {"kills": 0, "stops": 1, "publishers": 8}, {"kills": 100, "stops": 20, "publishers": 8}
    ),
    "test_p2_cuts": Sizes({"cuts": 20, "in_flight": 10}, {"cuts": 200, "in_flight": 10}),
    "test_p3_short_deadline": Sizes(
        {"kills": 1, "publishers": 8, "timeout": 1.0}, {"kills": 10, "publishers": 8, "timeout": 1.0}
    ),
    # Delivery
    "test_p4_loss_is_reported": Sizes({"kills": 4, "rate": 2000}, {"kills": 30, "rate": 2000}),
    "test_p4_replay_loses_nothing": Sizes({"kills": 4, "rate": 2000}, {"kills": 30, "rate": 2000}),
    "test_p5_buffer_edge": same(buffers=(0, 1000, 8 * MIB)),
    "test_p5_cut_in_a_frame": Sizes({"cuts": 10}, {"cuts": 300}),
    "test_p6_one_outcome": Sizes({"requests": 3000, "reconnects": 3}, {"requests": 100_000, "reconnects": 10}),
    "test_p7_nothing_misdelivered": Sizes({"runs": 15, "steps": 40}, {"runs": 200, "steps": 100}),
    "test_p8_subscriptions_come_back": Sizes(
        {"plain": 80, "grouped": 10, "limited": 10, "kills": 3},
        {"plain": 800, "grouped": 100, "limited": 100, "kills": 20},
    ),
    "test_p8_what_is_left_of_a_limit": same(reconnects=3),
    "test_p9_no_inversion": Sizes({"messages": 20_000, "reconnects": 4}, {"messages": 500_000, "reconnects": 10}),
    "test_p12_put_and_get_through_kills": Sizes(
        {"size": 16 * MIB, "kills": 1, "most_growth": 64 * MIB},
        {"size": 1024 * MIB, "kills": 10, "most_growth": 64 * MIB},
    ),
    "test_p12_cancelled_and_two_writers": Sizes({"size": 2 * MIB, "cancels": 4}, {"size": 64 * MIB, "cancels": 10}),
    "test_p12_the_client_is_killed": Sizes({"size": 4 * MIB, "kills": 1}, {"size": 256 * MIB, "kills": 5}),
    "test_p13_every_end": Sizes({"runs": 300}, {"runs": 5000}),
    "test_p13_drain_under_load": Sizes({"messages": 5000}, {"messages": 200_000}),
    "test_p14_failing_handler": same(messages=10_000),
    # Bounds and what the caller gives
    "test_p16_edges": same(),
    "test_p17_flood_drop_new": _FLOOD,
    "test_p17_flood_drop_old": _FLOOD,
    "test_p17_flood_pause": Sizes(
        {"messages": 960, "size": 1000, "pending": 100, "most_rss": 128 * MIB},
        {"messages": 64_000, "size": 1000, "pending": 10_000, "most_rss": 128 * MIB},
    ),
    "test_p17_flood_error": _FLOOD,
    "test_p18_back_pressure": Sizes(
        {"offered": 64 * MIB, "size": 1000, "most_growth": 32 * MIB},
        {"offered": 1024 * MIB, "size": 1000, "most_growth": 32 * MIB},
    ),
    "test_p18_hard_cap": same(size=100_000),
    "test_p19_one_command": Sizes({"tries": 4000}, {"tries": 1_000_000}),
    "test_p20_cost": same(most_ns=100),
    # TLS, secrets and logins
    "test_p21_nothing_in_clear": same(occasions=("first", "reconnect", "second", "announced")),
    "test_p22_glued_to_info": same(),
    "test_p23_bad_certificates": same(),
    "test_p23_good_certificates": same(),
    "test_p24_stalled_handshake": Sizes({"timeout": 0.3}, {"timeout": 2.0}),
    "test_p25_no_secret_shows": Sizes({"least": (10, 80), "shares": 2}, {"least": (20, 80), "shares": 1}),
    "test_p26_files": same(most_seconds=1.0),
    "test_p27_seeds_are_wiped": same(logins=5),
    "test_p28_refusals": same(lasts=2.0),
    "test_p28_fresh_credentials": same(lasts=2.0),
    "test_p29_denied": same(others=20),
    # WebSocket
    "test_p30_hostile_websockets": Sizes({"rounds": 1}, {"rounds": 20}),
    "test_p30_wss_names": same(),
    # Time and network
    "test_p31_half_open": Sizes({"interval": 0.15, "outstanding": (1, 2)}, {"interval": 1.0, "outstanding": (1, 2, 3)}),
    "test_p31_idle_link": Sizes({"interval": 0.05, "intervals": 16}, {"interval": 1.0, "intervals": 60}),
    "test_p32_stopped_process": Sizes({"interval": 0.1, "stopped": 1.0}, {"interval": 2.0, "stopped": 20.0}),
    "test_p32_the_clock_jumps": same(jump=86_400.0),
    "test_p33_all_addresses": same(timeout=2.0),
    "test_p34_no_herd": Sizes(
        {"clients": 60, "down": 0.6, "most_share": 0.7}, {"clients": 200, "down": 3.0, "most_share": 0.3}
    ),
    "test_p35_lame_duck": Sizes({"times": 1, "in_flight": 20}, {"times": 10, "in_flight": 50}),
    "test_p35_distant_servers": same(latency=0.02, in_flight=30),
    # Nothing left behind
    "test_p36_reconnects": Sizes({"rounds": 40}, {"rounds": 10_000}),
    "test_p36_requests": Sizes({"rounds": 3000}, {"rounds": 1_000_000}),
    "test_p36_subscriptions": Sizes({"rounds": 3000}, {"rounds": 100_000}),
    "test_p37_a_closed_client_goes": same(),
    "test_p37_importing_is_clean": same(),
    # JetStream: receiving
    "test_p10_receivers_resume": Sizes({"kills": 2, "messages": 400}, {"kills": 50, "messages": 2000}),
    "test_p10_a_leader_dies": Sizes({"kills": 1, "messages": 200}, {"kills": 10, "messages": 2000}),
    "test_p10_watchers_miss_nothing": Sizes(
        {"keys": 2000, "kills": 2, "watchers": 10}, {"keys": 10_000, "kills": 5, "watchers": 50}
    ),
    "test_p11_in_order_through_faults": Sizes({"messages": 20_000, "faults": 8}, {"messages": 200_000, "faults": 20}),
    # Buckets
    "test_p38_no_lost_update": Sizes({"rounds": 1000}, {"rounds": 10_000}),
    "test_p39_one_holder": Sizes({"holders": 6, "kills": 1, "ttl": 1.0}, {"holders": 20, "kills": 10, "ttl": 2.0}),
}
