import threading

from studio.engines.diffusion.workers import Workers


def test_one_after_the_other_work_in_one_thread_and_together_in_several() -> None:
    workers = Workers()
    seen: list[int] = []
    for _ in range(3):
        assert workers.begin(lambda: seen.append(threading.get_ident())).wait(60)
    assert len(set(seen)) == 1
    gate = threading.Barrier(3)
    both = [workers.begin(lambda: gate.wait(60) and None) for _ in range(2)]
    gate.wait(60)
    assert all(ended.wait(60) for ended in both)


def test_closing_lets_the_threads_end() -> None:
    workers, found = Workers(), list[threading.Thread]()
    assert workers.begin(lambda: found.append(threading.current_thread())).wait(60)
    workers.close()
    found[0].join(60)
    assert not found[0].is_alive()
    assert found[0].daemon, "a picture under way must not hold up the end of the program"
