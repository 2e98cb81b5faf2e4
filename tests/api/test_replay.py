"""The store of used tokens when several processes open it (CH-SEC-13)."""

from __future__ import annotations

import sqlite3
import threading
import time

import pytest

from cds.api.replay import ReplayStore


@pytest.mark.row("CH-SEC-13")
def test_ch_sec_13_a_new_file_that_another_process_is_making_is_waited_for(tmp_path):
    other = sqlite3.connect(tmp_path / "tokens.sqlite3", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    other.execute("CREATE TABLE something (else_ TEXT)")

    def finish() -> None:
        time.sleep(0.8)
        other.execute("COMMIT")
        other.close()

    making = threading.Thread(target=finish)
    making.start()
    store = ReplayStore(tmp_path)
    making.join()
    assert [store.first_use("issuer", "token", 2e9, 1e9) for _ in range(2)] == [True, False]
    store.close()


@pytest.mark.row("CH-SEC-13")
def test_ch_sec_13_stores_opened_at_once_know_each_others_tokens(tmp_path):
    """Threads stand in for processes: each has a connection of its own to the same new file."""
    began = threading.Barrier(8)
    accepted: list[bool] = []

    def use() -> None:
        began.wait()
        store = ReplayStore(tmp_path)
        accepted.append(store.first_use("issuer", "token", 2e9, 1e9))
        store.close()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(accepted) == [False] * 7 + [True]
