"""The reserve of the disk: believed for a moment while it is far, asked for each piece when it is near."""

from processors.landing.room import Room

GB = 10**9


class Disk:
    def __init__(self, free: int) -> None:
        self.free, self.asked, self.now = free, 0, 0.0

    def free_bytes(self) -> int:
        self.asked += 1
        return self.free

    def room(self, reserve: int = GB) -> Room:
        return Room(self.free_bytes, reserve, lambda: self.now)


def test_the_reserve_is_left_untouched() -> None:
    disk = Disk(GB + 100)
    room = disk.room()
    assert room.take(100)
    disk.free -= 100
    assert not room.take(1)
    disk.free += 1
    assert room.take(1)


def test_a_disk_with_much_room_is_asked_once_in_a_while() -> None:
    disk = Disk(3 * GB)
    room = disk.room()
    assert all(room.take(1000) for _ in range(1000))
    assert disk.asked == 1
    disk.now, disk.free = 0.1, 0
    assert not room.take(1000)
    assert disk.asked == 2


def test_what_is_taken_counts_though_the_disk_is_not_asked() -> None:
    disk = Disk(2 * GB)
    room = disk.room()
    while disk.asked < 2:
        assert room.take(10**7)
        disk.free -= 10**7
    assert GB < disk.free < GB + 10**8
    while room.take(10**7):
        disk.free -= 10**7
    assert GB <= disk.free < GB + 10**7
