"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of one run; `quick` ones only show that everything works."""

    repeats: int
    run_tasks: int
    peer_tasks: int
    add_tasks: int
    latency_samples: int
    stored_tasks: int
    searched_tasks: int
    chain_tasks: int
    dependent_tasks: int
    waiting_tasks: int
    stopped_nodes: int
    wanted_nodes: int
    resized_nodes: int
    idle_nodes: int
    idle_seconds: int
    small_blobs: int
    sdk_blobs: int
    stream_mebibytes: int
    listed_blobs: int
    listed_blocks: int
    stored_blobs: int


FULL = Scale(
    repeats=3,
    run_tasks=10_000,
    peer_tasks=3_000,
    add_tasks=20_000,
    latency_samples=200,
    stored_tasks=100_000,
    searched_tasks=1_000_000,
    chain_tasks=1_000,
    dependent_tasks=100_000,
    waiting_tasks=1_000_000,
    stopped_nodes=100,
    wanted_nodes=10_000,
    resized_nodes=50,
    idle_nodes=2_000,
    idle_seconds=60,
    small_blobs=2_000,
    sdk_blobs=500,
    stream_mebibytes=256,
    listed_blobs=20_000,
    listed_blocks=50_000,
    stored_blobs=25_000,
)
QUICK = Scale(
    repeats=1,
    run_tasks=1_000,
    peer_tasks=200,
    add_tasks=2_000,
    latency_samples=30,
    stored_tasks=5_000,
    searched_tasks=20_000,
    chain_tasks=100,
    dependent_tasks=2_000,
    waiting_tasks=20_000,
    stopped_nodes=5,
    wanted_nodes=200,
    resized_nodes=5,
    idle_nodes=100,
    idle_seconds=10,
    small_blobs=200,
    sdk_blobs=100,
    stream_mebibytes=32,
    listed_blobs=600,
    listed_blocks=1_000,
    stored_blobs=800,
)
